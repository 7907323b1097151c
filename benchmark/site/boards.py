"""Boards as the site shows them: the comparable entries of a scenario in board order, with what is known of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pandas import DataFrame

from benchmark.leaderboard.groups import split_letters
from benchmark.leaderboard.ranks import ORDERS, board_order
from benchmark.results.scorecard import TUNED, Scorecard
from benchmark.scenario.schema import Scenario
from benchmark.site.forget_examples import ForgetExamples

Row = Mapping[str, Any]
"""A row of the leaderboard by column; None where it has no value."""


@dataclass(frozen=True, eq=False)
class Board:
    """The entries of a scenario in board order, and their rows; those without metrics come last.

    `scenario`: None where its file is not known, such as that of a user's own scenario. `examples`: what it forgets,
    None where its data is not here. `replicates`: by entry, those of its leak per example, where its evidence is here.
    """

    cards: Mapping[str, Scorecard]
    rows: Mapping[str, Row]
    scenario: Scenario | None
    examples: ForgetExamples | None = None
    replicates: Mapping[str, list[list[float]]] = field(default_factory=dict)

    @cached_property
    def first(self) -> Scorecard:
        """Any card with metrics, which says what all have in common."""
        return next(card for card in self.cards.values() if card.is_scored)

    @property
    def label(self) -> str:
        return self.first.label

    @property
    def access(self) -> str:
        """The kind of access that submissions have; "" where it is to everything."""
        return self.first.access

    @property
    def order(self) -> str:
        """The metric that orders the board."""
        return board_order(self.cards.values())

    @property
    def per_example(self) -> str:
        """The metric per forget example that says how well each was forgotten: `example_leak`, or ε on old boards."""
        return "example_leak" if any(card.per_example("example_leak") for card in self.cards.values()) else "epsilon"

    @property
    def budget(self) -> float | None:
        """The share of retraining that a run may cost, where the scenario is known."""
        return self.scenario.protocol.budget if self.scenario else None

    @property
    def has_public_seeds(self) -> bool:
        """Tell whether some entry ran on a pool that a submission could rebuild."""
        return any(card.seeds == "public" and card.status != "not-applicable" for card in self.cards.values())

    @cached_property
    def ranked_cards(self) -> list[Scorecard]:
        """The entries with a rank and within the budget, best first."""
        return [card for name, card in self.cards.items() if self.is_ranked(name)]

    def is_ranked(self, entry: str) -> bool:
        """Tell whether an entry has a rank and is within the budget."""
        return self.cards[entry].status == "ok" and bool(self.rows[entry]["rank"])

    @cached_property
    def best_over_budget(self) -> Scorecard | None:
        """The best entry over the budget, where its value is above that of every one within it."""
        over = [card for card in self.cards.values() if card.status == "over-budget" and card.estimate(self.order)]
        best = max(over, key=lambda card: card.value(self.order) or 0.0, default=None)
        leader = self.ranked_cards[0] if self.ranked_cards else None
        is_better = best and (leader is None or (best.value(self.order) or 0.0) > (leader.value(self.order) or 0.0))
        return best if is_better else None

    @property
    def nothing(self) -> Scorecard | None:
        """The control that does nothing, where it has metrics here."""
        found = self.cards.get("identity")
        return found if found and found.is_scored else None

    @cached_property
    def groups(self) -> dict[str, set[str]]:
        """The letters of every entry's significance groups."""
        return {name: set(split_letters(row["group"] or "")) for name, row in self.rows.items()}

    def inseparable_from(self, entry: str) -> list[str]:
        """Return the ranked entries that share a significance group with one."""
        others = (card.submission for card in self.ranked_cards if card.submission != entry)
        return [name for name in others if not self.groups[entry].isdisjoint(self.groups[name])]

    def rank_range(self, entry: str) -> tuple[int, int] | None:
        """Return the best and the worst rank that an entry's significance group allows; None without a rank."""
        if not (rank := self.rows[entry]["rank"]):
            return None
        own, status = self.groups[entry], self.cards[entry].status
        ranks = {name: row["rank"] for name, row in self.rows.items() if row["rank"]}
        ranks = {name: each for name, each in ranks.items() if self.cards[name].status == status}
        apart = [each for name, each in ranks.items() if own.isdisjoint(self.groups[name]) and each != rank]
        first, last = min(ranks.values()), max(ranks.values())
        return first + sum(each < rank for each in apart), last - sum(each > rank for each in apart)

    def sibling_of(self, entry: str) -> str | None:
        """Return the entry of the same submission with the other values, tuned or published."""
        other = entry.removesuffix(TUNED) if entry.endswith(TUNED) else entry + TUNED
        return other if other in self.cards else None


def site_boards(
    cards: Sequence[Scorecard], rows: DataFrame, scenario_of: Callable[[Scorecard], Scenario | None] = lambda _: None
) -> list[Board]:
    """Return every board of the newest scorer version that has a card with metrics: those by gap closed first.

    Then they go by access and label.
    `rows`: the leaderboard of these cards. `scenario_of`: returns a card's scenario, None where it is not known.
    """
    records: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows.astype(object).where(rows.notna(), None).to_dict("records"):
        records.setdefault((f"{row['scenario']}-{row['scenario_hash']}", row["scorer_version"]), {})[
            row["submission"]
        ] = {str(name): value for name, value in row.items()}
    labels = sorted({card.label for card in cards if card.is_scored})
    groups = ([card for card in cards if card.label == label] for label in labels)
    boards = [_board(group, records, scenario_of(group[0])) for group in groups]
    return sorted(boards, key=lambda board: (ORDERS.index(board.order), board.access))


def _board(
    cards: Sequence[Scorecard], records: Mapping[tuple[str, str], Mapping[str, Row]], scenario: Scenario | None
) -> Board:
    newest = max((card.scorer_version for card in cards if card.is_scored), key=int)
    current = {card.submission: card for card in cards if card.scorer_version == newest or not card.is_scored}
    known = {card.submission: records[card.label, card.scorer_version][card.submission] for card in current.values()}
    place = {name: k for k, name in enumerate(records[cards[0].label, newest])}
    ordered = sorted(current, key=lambda name: (place.get(name, len(place)), name))
    return Board(
        {name: current[name] for name in ordered},
        {name: known[name] for name in ordered},
        scenario,
    )
