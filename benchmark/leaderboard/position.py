"""Positions of entries on a board: rank, group, and which other entries one differs from significantly."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.leaderboard.ranks import (
    ORDERS,
    at_level,
    corrected_level,
    order_of,
    paired_difference,
    places,
    ranked_together,
    sign_of,
)
from benchmark.results.scorecard import Scorecard


@dataclass(frozen=True)
class Position:
    """An entry among those that its board ranks together with it: the same status, ordered by the same metric."""

    rank: int | None
    """None for what is not ranked: controls, failures and suspects."""
    ranked: int
    """Entries of the board that have a rank."""
    group: str
    published_rank: int | None
    better_than: tuple[str, ...]
    """Entries that it is significantly better than: paired, 95 %, corrected for the number of entries."""
    worse_than: tuple[str, ...]
    like: tuple[str, ...]
    """Entries of which neither holds."""
    against_nothing: int | None
    """1 where it is significantly better than doing nothing, −1 where worse, 0 where neither; None: not known."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return asdict(self)


def comparable_cards(card: Scorecard, cards: Iterable[Scorecard]) -> list[Scorecard]:
    """Return the cards of the same board: one scenario, one version of the scorer."""
    place = card.label, card.scorer_version
    return [each for each in cards if (each.label, each.scorer_version) == place]


def position_of(card: Scorecard, comparable: Sequence[Scorecard]) -> Position:
    """Return where an entry stands among the cards of its board, which it is one of."""
    found = places(list(comparable))
    place = found.get(card.submission)
    signs = _signs(card, comparable) if place else {}
    better, worse, like = (tuple(name for name, sign in signs.items() if sign == of) for of in (1, -1, 0))
    return Position(
        rank=place.rank if place else None,
        ranked=len(found),
        group=place.group if place else "",
        published_rank=place.published_rank if place else None,
        better_than=better,
        worse_than=worse,
        like=like,
        against_nothing=_against_nothing(card, comparable),
    )


def _signs(card: Scorecard, comparable: Sequence[Scorecard]) -> dict[str, int]:
    """Return for every entry ranked together with this one on which side of 0 their difference lies."""
    order = order_of(card)
    assert order is not None  # or it would have no place
    together = ranked_together(comparable, card.status, order)
    level = corrected_level(len(together))
    found = {name: paired_difference(order, card, other, level) for name, other in together.items()}
    return {name: sign_of(each) if each else 0 for name, each in found.items() if name != card.submission}


def _against_nothing(card: Scorecard, comparable: Sequence[Scorecard]) -> int | None:
    """Return on which side of doing nothing an entry's gap closed lies.

    Doing nothing has a gap closed of exactly 0, so that an entry's interval is that of the difference; it is taken at
    95 % for all entries of the board together.
    """
    gap = ORDERS[0]
    if card.control or not card.estimate(gap):
        return None
    ranked = (len(ranked_together(comparable, status, gap)) for status in ("ok", "over-budget"))
    return sign_of(at_level(card, gap, 1 - 0.05 / max(1, sum(ranked))))
