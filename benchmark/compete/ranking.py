"""Places of teams: on the public scenario, on the hidden ones, and on fresh seeds, from the scorecards of each.

A team stands for its entry that is best on the public board when intake ends. On several scenarios it is ranked by the
mean of the gaps closed, and shares a group's letter with teams that it is not significantly different from.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import hypot
from typing import NamedTuple

from benchmark.compete.competition import Competition, Course
from benchmark.compete.receipts import Accepted
from benchmark.leaderboard.groups import letters, letters_used
from benchmark.leaderboard.ranks import ORDERS, corrected_level, paired_difference, sign_of, standing_of
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from benchmark.scenario.schema import Scenario

_RANKED = (0, 1)  # standings: within the budget, and over it

Cards = Mapping[str, Sequence[Scorecard]]
"""By team, the scorecard of its entry on every scenario."""


class Result(NamedTuple):
    """Result of an entry on all scenarios of a stage; the smaller, the better."""

    standing: int
    order: int
    """That of the metric in ORDERS."""
    negative: float
    """Minus its mean."""


def result_of(cards: Sequence[Scorecard]) -> Result | None:
    """Return what cards on different scenarios add up to; None where one has no rank or no value."""
    standing = max(map(standing_of, cards), default=-1)
    name = next((name for name in ORDERS if cards and all(card.estimate(name) for card in cards)), None)
    if standing not in _RANKED or name is None:
        return None
    return Result(standing, ORDERS.index(name), -mean_of(cards, name).value)


def mean_of(cards: Sequence[Scorecard], name: str) -> Estimate:
    """Return the mean of a metric that all cards have, with its interval: their models are independent."""
    return mean_estimate([found for card in cards if (found := card.estimate(name))])


def mean_estimate(found: Sequence[Estimate]) -> Estimate:
    """Return the mean of independent estimates with its interval."""
    value = sum(each.value for each in found) / len(found)
    below = hypot(*(each.value - each.low for each in found)) / len(found)
    above = hypot(*(each.high - each.value for each in found)) / len(found)
    return Estimate(value=value, low=value - below, high=value + above)


def places_of(results: Mapping[str, Result | None]) -> dict[str, int]:
    """Return every team's place, 1 for the best; equal results share one, and what has none has no place."""
    ranked = sorted(result for result in results.values() if result is not None)
    return {team: ranked.index(result) + 1 for team, result in results.items() if result is not None}


def groups_of(cards: Cards) -> dict[str, str]:
    """Return the letters of significance groups by team; teams over the budget have letters of their own."""
    results = {team: result for team, own in cards.items() if (result := result_of(own))}
    found: dict[str, str] = {}
    for kind in sorted({result[:2] for result in results.values()}):
        teams = sorted((team for team in results if results[team][:2] == kind), key=lambda team: results[team])
        name, level = ORDERS[kind[1]], corrected_level(len(teams))
        different = [frozenset(pair) for pair in combinations(teams, 2) if _differ(cards, pair, name, level)]
        found |= letters(teams, different, letters_used(found.values()))
    return found


def _differ(cards: Cards, pair: tuple[str, str], name: str, level: float) -> bool:
    """Tell whether the mean of the paired differences on all scenarios is significantly other than 0."""
    both = zip(cards[pair[0]], cards[pair[1]], strict=True)
    differences = [found for a, b in both if (found := paired_difference(name, a, b, level))]
    return len(differences) == len(cards[pair[0]]) and sign_of(mean_estimate(differences)) != 0


class Standings(NamedTuple):
    """Teams' entries and places. A stage that has not come has no places, and a team without a rank has none."""

    entries: Mapping[str, Accepted]
    """By team, the entry that it stands for: its best on the public scenario, its last where none has a rank."""
    public_cards: Cards
    public: Mapping[str, int]
    private_cards: Cards
    private: Mapping[str, int]
    again: Sequence[str]
    """The teams whose entries are run again."""
    fresh: Mapping[str, int]


def standings_of(competition: Competition) -> Standings:
    """Return all teams' standings by the verdicts that there are."""
    course = competition.course
    entries = {team: best_entry(competition, course, team) for team in course.teams}
    public_cards = _cards_on(competition, course, entries, [competition.public])
    public = _places(public_cards)
    finalists = {team: entry for team, entry in entries.items() if team in public} if course.closed else {}
    private_cards = _cards_on(competition, course, finalists, competition.hidden)
    private = _places(private_cards) if len(private_cards) == len(finalists) else {}
    again = [team for team, place in private.items() if place <= competition.settings.run_again]
    fresh_cards = _cards_on(competition, course, {team: entries[team] for team in again}, competition.fresh)
    fresh = _places(fresh_cards) if len(fresh_cards) == len(again) else {}
    return Standings(entries, public_cards, public, private_cards, private, again, fresh)


def final_places(standings: Standings) -> dict[str, int]:
    """Return the places in the end: of those who were run again by that, then of all others as they were.

    Whoever has no rank on the hidden scenarios, or when run again, has no place.
    """
    keys = {team: (1, place) for team, place in standings.private.items() if team not in standings.again}
    keys |= {team: (0, place) for team, place in standings.fresh.items()}
    ranked = sorted(keys.values())
    return {team: ranked.index(key) + 1 for team, key in keys.items()}


def best_entry(competition: Competition, course: Course, team: str) -> Accepted:
    """Return a team's entry with the best result on the public scenario, of equal ones the first."""
    entries = course.entries_of(team)
    cards = _cards_on(competition, course, {str(each.entry): each for each in entries}, [competition.public])
    results = {name: result for name, own in cards.items() if (result := result_of(own))}
    ranked = [each for each in entries if str(each.entry) in results]
    return min(ranked, key=lambda each: results[str(each.entry)], default=entries[-1])


def _cards_on(
    competition: Competition, course: Course, entries: Mapping[str, Accepted], scenarios: Sequence[Scenario]
) -> dict[str, list[Scorecard]]:
    """Return the cards of the entries that have a verdict on every one of the scenarios; none for one without cards."""
    found = {}
    for name, entry in entries.items():
        verdicts = [course.verdicts.get((entry.content, scenario.label)) for scenario in scenarios]
        if known := [verdict for verdict in verdicts if verdict is not None]:
            cards = [card for verdict in known if (card := competition.card(verdict))]
            if len(known) == len(scenarios):
                found[name] = cards if len(cards) == len(scenarios) else []
    return found


def _places(cards: Cards) -> dict[str, int]:
    return places_of({team: result_of(own) for team, own in cards.items()})
