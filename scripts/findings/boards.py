"""Boards as the page reads them: the scorecards of one scenario, and what is asked of them."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from benchmark.leaderboard import shipped_scorecards
from benchmark.leaderboard.groups import letters, letters_used
from benchmark.leaderboard.ranks import Place, at_level, corrected_level, order_of, paired_difference, places, sign_of
from benchmark.results.scorecard import TUNED, Scorecard
from benchmark.scenario.schema import Scenario, load_scenario, scenario_names
from benchmark.storage.workspace import Workspace

FIRST = ("digits-cnn-hard", "digits-hard", "fashion-hard", "digits-class", "fashion-class", "digits-patch")
"""The order of boards on the page; others follow by their names."""
CLASSICS = (
    "finetune",
    "finetune_starting_kit",
    "gradient_ascent",
    "random_label",
    "neggrad_plus",
    "cf_k",
    "eu_k",
    "fisher_forgetting",
    "woodfisher",
)
"""Fine-tuning and the methods that papers compare with."""
_FINALIST = re.compile(r"competition, \d+(st|nd|rd|th) place")


@dataclass(frozen=True)
class Board:
    """The scorecards of one scenario by the newest scorer."""

    scenario: Scenario
    cards: tuple[Scorecard, ...]

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def label(self) -> str:
        """The name of the board's files."""
        return self.cards[0].label

    @property
    def models(self) -> int:
        return self.cards[0].models

    @cached_property
    def scored(self) -> dict[str, Scorecard]:
        """All that have metrics, by their names."""
        return {card.submission: card for card in self.cards if card.is_scored}

    @cached_property
    def entries(self) -> list[Scorecard]:
        """The entries that have a place, best first; those over the budget last."""
        return [self.scored[name] for name in self.places]

    @property
    def completed(self) -> list[Scorecard]:
        """The entries that have metrics and are not suspect, with a place or without."""
        return [card for card in self.scored.values() if not card.control and card.status in ("ok", "over-budget")]

    @property
    def within(self) -> list[Scorecard]:
        """Those of them within the budget."""
        return [card for card in self.entries if card.status == "ok"]

    @cached_property
    def places(self) -> dict[str, Place]:
        return dict(sorted(places(list(self.cards)).items(), key=lambda item: item[1].rank))

    @property
    def has_gap(self) -> bool:
        return any(order_of(card) == "gap_closed" for card in self.entries)

    @property
    def order(self) -> str:
        """The metric that orders the board."""
        return "gap_closed" if self.has_gap else "score"

    def having(self, metric: str, cards: Iterable[Scorecard] | None = None) -> list[Scorecard]:
        """Return the entries, or those of `cards`, that have a metric with an interval, the highest first."""
        found = [card for card in (self.entries if cards is None else cards) if card.estimate(metric)]
        return sorted(found, key=lambda card: (-value_of(card, metric), card.submission))


def load_boards(workspace: Workspace) -> dict[str, Board]:
    """Return the shipped boards by their names, in the order of the page."""
    found: dict[str, list[Scorecard]] = {}
    for card in shipped_scorecards(workspace):
        found.setdefault(card.scenario, []).append(card)
    boards = (_board(name, found[name]) for name in _in_order(set(found) & set(scenario_names())))
    return {board.name: board for board in boards if board and board.entries}


def _in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))


def _board(name: str, cards: list[Scorecard]) -> Board | None:
    """Return a board of the scenario as it is now, or as most cards have it where its forget set is not known here."""
    scenario = load_scenario(name)
    known = scenario.hash
    if scenario.forget.asks_models and scenario.forget.choice is None:
        known = Counter(card.scenario_hash for card in cards).most_common(1)[0][0]
    cards = [card for card in cards if card.scenario_hash == known]
    if not cards:
        return None
    newest = max((card.scorer_version for card in cards), key=int)
    return Board(scenario, tuple(card for card in cards if card.scorer_version == newest))


def method_of(card: Scorecard) -> str:
    """Return the name of an entry's submission, without that of its values."""
    return card.submission.removesuffix(TUNED)


def is_finalist(card: Scorecard) -> bool:
    """Tell whether an entry is one of those that the competition placed."""
    return bool(_FINALIST.search(card.reference))


def is_classic(card: Scorecard) -> bool:
    return method_of(card) in CLASSICS


def value_of(card: Scorecard, metric: str) -> float:
    """Return a metric's value. Raises AssertionError where it has none."""
    value = card.value(metric)
    assert value is not None
    return value


def against_nothing(board: Board, metric: str) -> tuple[list[str], list[str]]:
    """Return the entries that close significantly more than doing nothing, and those that close less, best first.

    Doing nothing has a gap closed of exactly 0, without or with any group of models, so that an entry's interval is
    that of the difference. It is taken at 95 % for all entries together.
    """
    entries = board.having(metric)
    level = 1 - 0.05 / max(1, len(entries))
    found = {card.submission: at_level(card, metric, level) for card in entries}
    more, less = ([name for name, each in found.items() if sign_of(each) == sign] for sign in (1, -1))
    return more, less


def count_groups(board: Board, metric: str) -> int | None:
    """Return how many significance groups the entries within the budget fall into; None where cards do not say."""
    entries = {card.submission: card for card in board.having(metric, board.within)}
    level, different = corrected_level(len(entries)), []
    names = list(entries)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            difference = paired_difference(metric, entries[one], entries[other], level)
            if difference is None:
                return None
            if sign_of(difference):
                different.append(frozenset((one, other)))
    return letters_used(letters(names, different).values())
