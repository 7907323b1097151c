"""Summary over scenarios: which entries close most of the gap, on all boards together.

An entry counts on a board only with what it shows there. Over budget, suspect, failed, not for the task or without a
row, it never reaches any share of the gap on that board, as a submission that does not reach the target on a workload
of AlgoPerf (Dahl et al. 2023, "Benchmarking Neural Network Training Algorithms", 2306.07179). Its performance profile
(Dolan & Moré 2002, Math. Program. 91) is the share of the boards on which it closes at least x of the gap; the area
under it from 0 to 1 is the mean of the gaps closed, cut to 0 and 1. docs/scoring.md says how ranks are averaged.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmark.leaderboard.groups import letters
from benchmark.leaderboard.mean_ranks import Gaps, mean_ranks
from benchmark.metrics.samples import Floats
from benchmark.results.scorecard import TUNED, Scorecard
from benchmark.results.values import Estimate

FEWEST_BOARDS = 2
_NO_ROW = "no row"


class Board(NamedTuple):
    """The newest rows of a scenario, by entry; the controls apart."""

    scenario: str
    label: str
    entries: Mapping[str, Scorecard]
    controls: Mapping[str, Scorecard]

    @property
    def ranked(self) -> set[str]:
        """The entries that the board ranks by gap closed, within the budget."""
        return {name for name, card in self.entries.items() if card.status == "ok" and card.estimate("gap_closed")}

    @property
    def methods(self) -> set[str]:
        """The submissions, with values of either kind, that are for the scenario's task."""
        applicable = (name for name, card in self.entries.items() if card.status != "not-applicable")
        return {name.removesuffix(TUNED) for name in applicable}

    def gap_of(self, entry: str) -> Estimate | None:
        """Return the gap that an entry closes here; None where it counts as never reaching any share."""
        card = self.entries.get(entry)
        return card.estimate("gap_closed") if card and card.status == "ok" else None


class Summary(NamedTuple):
    """Several boards together."""

    boards: tuple[Board, ...]
    left_out: tuple[str, ...]
    """Scenarios whose boards lack rows of most entries."""
    rows: pd.DataFrame
    """One row per entry, the smallest mean rank first; its columns are in docs/records.md."""

    @property
    def entries(self) -> list[str]:
        """The entries in the order of their mean ranks."""
        return self.rows["submission"].tolist()

    def share_reaching(self, entry: str, shares: Floats) -> Floats:
        """Return the entry's performance profile: on which share of the boards it closes at least each of `shares`."""
        found = [board.gap_of(entry) for board in self.boards]
        gaps = np.array([-np.inf if gap is None else gap.value for gap in found])
        return (gaps[:, None] >= shares).mean(axis=0)


def summarise(cards: Sequence[Scorecard]) -> Summary | str:
    """Return the summary of the entries that two boards or more rank by gap closed, or a sentence why there is none.

    An entry that has no row on half of the boards or more is left out: where it has none it would count as failed.
    """
    boards, left_out = _whole_boards(_boards(cards))
    ranked = Counter(name for board in boards for name in board.ranked)
    rows = Counter(name for board in boards for name in board.entries)
    entries = sorted(name for name, count in ranked.items() if count >= FEWEST_BOARDS and 2 * rows[name] > len(boards))
    if len(boards) < FEWEST_BOARDS or not entries:
        names = ", ".join(board.scenario for board in boards) or "none"
        return (
            f"A summary over scenarios takes {FEWEST_BOARDS} boards that rank the same entries by gap closed; "
            f"boards by gap closed: {names}."
        )
    return Summary(boards, left_out, _rows(boards, entries))


def _boards(cards: Sequence[Scorecard]) -> list[Board]:
    """Return the boards that rank entries by gap closed, one per scenario's name: that of the most models.

    Where something is withheld from submissions, or asked for in several requests, the question is another, and no mean
    goes over both.
    """
    cards = [card for card in cards if not card.access and not card.sequence and not card.own_training]
    chosen: dict[str, tuple[int, int, Board]] = {}
    for label in sorted({card.label for card in cards if card.is_scored}):
        own = [card for card in cards if card.label == label]
        newest = max((card.scorer_version for card in own if card.is_scored), key=int)
        current = [card for card in own if card.scorer_version == newest or not card.is_scored]
        entries, controls = ({card.submission: card for card in current if card.control == is_one} for is_one in (0, 1))
        board = Board(own[0].scenario, label, entries, controls)
        size = own[0].models, len(entries)
        if board.ranked and size > chosen.get(board.scenario, (0, 0))[:2]:
            chosen[board.scenario] = (*size, board)
    return [board for _, _, board in chosen.values()]


def _whole_boards(boards: Sequence[Board]) -> tuple[tuple[Board, ...], tuple[str, ...]]:
    """Return the boards with rows of at least half of the methods of several boards, and the scenarios of the others.

    On the others most methods would count as failures that nobody has tried there. Methods of one board alone, such as
    those for another task, say nothing of what has been tried elsewhere.
    """
    times = Counter(name for board in boards for name in board.methods)
    several = {name for name, count in times.items() if count >= FEWEST_BOARDS}
    is_whole = [2 * len(board.methods & several) >= len(several) for board in boards]
    left_out = [board.scenario for board, whole in zip(boards, is_whole, strict=True) if not whole]
    return tuple(board for board, whole in zip(boards, is_whole, strict=True) if whole), tuple(left_out)


def _rows(boards: Sequence[Board], entries: list[str]) -> pd.DataFrame:
    ranks = mean_ranks([_gaps(board, entries) for board in boards])
    order = sorted(range(len(entries)), key=lambda k: (ranks.values[k], entries[k]))
    ordered = [entries[k] for k in order]
    different = [frozenset((entries[a], entries[b])) for a, b in np.argwhere(ranks.better)]
    groups = letters(ordered, different)
    ranked = Counter(name for board in boards for name in board.ranked)
    rows = []
    for place, k in enumerate(order, 1):
        area = _performance_area([board.gap_of(entries[k]) for board in boards])
        rows.append(
            {
                "rank": place,
                "group": groups[entries[k]],
                "submission": entries[k],
                "boards": len(boards),
                "ranked": ranked[entries[k]],
                "mean_rank": ranks.values[k],
                "mean_rank_low": ranks.low[k],
                "mean_rank_high": ranks.high[k],
                "performance_area": area.value,
                "performance_area_low": area.low,
                "performance_area_high": area.high,
                **{column: cell for board in boards for column, cell in _cells(board, entries[k]).items()},
            }
        )
    return pd.DataFrame(rows)


def _gaps(board: Board, entries: Sequence[str]) -> Gaps:
    """Return the gaps closed of these entries on a board, and their replicates where all have as many."""
    found = [board.gap_of(name) for name in entries]
    known = [
        board.entries[name].replicates.get("gap_closed", []) if gap else []
        for name, gap in zip(entries, found, strict=True)
    ]
    groups = max(2, *map(len, known))
    values = [np.nan if gap is None else gap.value for gap in found]
    rows = [own if len(own) == groups else [np.nan] * groups for own in known]
    return Gaps(np.array(values), np.array(rows, dtype=np.float64).T)


def _performance_area(gaps: Sequence[Estimate | None]) -> Estimate:
    """Return the area under a performance profile from 0 to 1, with a 95 % interval from those of the boards.

    Boards are independent, so the distances of the ends add up as standard errors do (Zou & Donner 2008, Stat. Med.
    27); they hold where a gap lies beyond 0 or 1, and there no jackknife of the area would.
    """
    cut = np.array([[0.0] * 3 if gap is None else np.clip([gap.value, gap.low, gap.high], 0, 1) for gap in gaps])
    value, low, high = cut.T
    down, up = (float(np.linalg.norm(end - value)) / len(gaps) for end in (low, high))
    mean = float(value.mean())
    return Estimate(value=mean, low=mean - down, high=mean + up)


def _cells(board: Board, entry: str) -> dict[str, object]:
    """Return an entry's status, gap closed and cost on a board, counted or not."""
    card = board.entries.get(entry)
    return {
        f"status_{board.label}": card.status if card else _NO_ROW,
        f"gap_closed_{board.label}": card.value("gap_closed") if card else None,
        f"retraining_share_{board.label}": card.value("retraining_share") if card else None,
    }
