"""Whether harder examples leak more: rank correlations over the forget examples, with stored scores of hardness."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from benchmark.data import load_problem
from benchmark.data.choice import Choice, read_choice
from benchmark.data.forget.hardness import HardnessForget
from benchmark.errors import BenchError
from benchmark.metrics.samples import Floats
from benchmark.results.values import Estimate
from findings.boards import Board

DOING_NOTHING = "identity"


class Correlation(NamedTuple):
    """Rank correlations of hardness with what doing nothing leaves of every forget example."""

    board: str
    by: str
    """The name of the score of hardness."""
    examples: int
    one_end: bool
    """Whether the forget set is one end of that score: the range is restricted."""
    leak: Estimate | None
    """With the leak by all signals; None where all examples leak alike, or none is known."""
    epsilon: Estimate | None
    """With the published ε."""


def correlate_hardness(board: Board, boards: Iterable[Board]) -> Correlation | None:
    """Return how hardness and leaks go together on a board; None where no stored scores are of its examples.

    The scores are those by which its forget set was chosen, or that of another board of the same data, network and
    recipe: then the forget set need not be of one end.
    """
    card = board.scored.get(DOING_NOTHING)
    own = _choice_of(board)
    lenders = [(board, own)] if own else [(each, found) for each in boards if (found := _lent(board, each))]
    if card is None or not lenders:
        return None
    lender, choice = lenders[0]
    scores = _scores_of(board, lender, choice, own is not None)
    if scores is None:
        return None
    found = [
        None if values is None or len(values) != len(scores) else spearman(scores, values)
        for values in (card.per_example("example_leak"), card.per_example("epsilon"))
    ]
    return Correlation(board.name, next(iter(choice.scores)), len(scores), own is not None, *found)


def spearman(one: ArrayLike, other: ArrayLike) -> Estimate | None:
    """Return Spearman's ρ with a 95 % interval; None where a side is constant or there are fewer than five pairs.

    Fisher's z with the variance (1 + ρ²/2)/(n − 3) of Bonett & Wright 2000 (Psychometrika 65(1)).
    """
    ranks = [rankdata(side) for side in (one, other)]
    n = len(ranks[0])
    if n < 5 or any(np.ptp(side) == 0 for side in ranks):
        return None
    rho = float(np.clip(np.corrcoef(*ranks)[0, 1], -1, 1))
    z = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
    reach = 1.959964 * np.sqrt((1 + rho**2 / 2) / (n - 3))
    return Estimate(value=rho, low=float(min(rho, np.tanh(z - reach))), high=float(max(rho, np.tanh(z + reach))))


def _choice_of(board: Board) -> Choice | None:
    """Return what models chose for the board's forget set, with scores of every training example."""
    if not isinstance(board.scenario.forget, HardnessForget):
        return None
    try:
        choice = read_choice(board.scenario)
    except BenchError:
        return None
    return choice if choice and choice.scores else None


def _lent(board: Board, other: Board) -> Choice | None:
    mine, theirs = (
        (each.scenario.data, each.scenario.architecture, each.scenario.recipe, each.scenario.manipulation)
        for each in (board, other)
    )
    return _choice_of(other) if mine == theirs else None


def _scores_of(board: Board, lender: Board, choice: Choice, is_own: bool) -> Floats | None:
    """Return the hardness of the board's forget examples, the higher the harder, in the order of its evidence."""
    forget = lender.scenario.forget
    if not isinstance(forget, HardnessForget) or forget.by not in choice.scores:
        return None
    by, sign = forget.by, -1 if forget.end == "low" else 1
    if is_own:
        return sign * choice.forget_scores[by]
    scores = dict(zip(choice.rows, choice.scores[by], strict=True))
    rows = load_problem(board.scenario).forget.ids.tolist()
    return sign * np.array([scores[row] for row in rows]) if set(rows) <= scores.keys() else None
