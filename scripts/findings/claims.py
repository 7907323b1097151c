"""Claims of the methods' papers, held against the boards: one paired difference each."""

from typing import NamedTuple

from benchmark.leaderboard.ranks import paired_difference
from benchmark.results.values import Estimate
from findings.boards import Board, sign_of
from findings.wording import say_points


class Claim(NamedTuple):
    """A claim that one method is better than another, and who made it."""

    method: str
    rival: str
    text: str


CLAIMS = (
    Claim("salun", "random_label", "SalUn: masking weights makes random labels come closer to retraining"),
    Claim("l1_sparse", "finetune", "ℓ1-sparse: fine-tuning towards sparsity forgets more than fine-tuning"),
    Claim("scrub", "neggrad_plus", "SCRUB: a disobedient student beats NegGrad+"),
    Claim("ssd", "bad_teacher", "SSD: dampening weights without training keeps up with distillation"),
    Claim("duck", "finetune", "DUCK: moving embeddings to other centroids beats fine-tuning"),
    Claim("delete", "random_label", "DELETE: decoupled distillation beats random labels"),
    Claim("npo", "gradient_ascent", "NPO beats gradient ascent"),
)
"""Sources: the methods' papers, docs/methods.md. SSD claims to be no worse; all others claim to be better."""
_NO_WORSE = ("ssd",)


def say_claims(boards: list[Board]) -> list[str]:
    """Return a line per claim, with its difference of gaps closed on every board."""
    if not boards:
        return ["None of these boards is here yet."]
    return [f"- {claim.text}. " + " ".join(_say_on(claim, board) for board in boards) for claim in CLAIMS]


def _say_on(claim: Claim, board: Board) -> str:
    missing = [name for name in claim[:2] if not _has_gap(board, name)]
    if missing:
        return f"`{board.name}`: no gap closed of {' and '.join(f'`{name}`' for name in missing)}."
    difference = difference_on(claim, board, "gap_closed")
    if difference is None:
        return f"`{board.name}`: the two cannot be paired."
    alone = difference_on(claim, board, "gap_closed_phi")
    by_phi = f"; by φ alone {say_points(alone)}" if alone else ""
    return f"`{board.name}`: {judge(claim, difference)}, {say_points(difference)}{by_phi}."


def judge(claim: Claim, difference: Estimate) -> str:
    """Return what a difference says of a claim."""
    sign = sign_of(difference)
    if claim.method in _NO_WORSE:
        return ("not refuted", "holds, and more", "does not hold")[sign]
    return ("not decided", "holds", "the opposite holds")[sign]


def difference_on(claim: Claim, board: Board, metric: str) -> Estimate | None:
    """Return the paired difference of the published values, at 95 % for all claims of a board; None without one."""
    one, other = (board.scored[name] for name in claim[:2])
    return paired_difference(metric, one, other, 1 - 0.05 / len(CLAIMS))


def _has_gap(board: Board, name: str) -> bool:
    return name in board.scored and board.scored[name].estimate("gap_closed") is not None
