"""Claims of the methods' papers, held against the boards: one paired difference each."""

from typing import NamedTuple

from benchmark.leaderboard.ranks import paired_difference, sign_of
from benchmark.results.values import Estimate
from findings.boards import Board
from findings.wording import say_points


class Claim(NamedTuple):
    """A claim that one method is better than another, what it says, and where its authors make it."""

    method: str
    rival: str
    text: str
    source: str
    no_worse: bool = False
    """Whether the method is claimed to be no worse than the rival, rather than better."""


CLAIMS = (
    # By the mean distance to retrained nets of forget, retain and test accuracy and of a classifier MIA; CIFAR-10,
    # random examples. Random labels are among the table's seven rivals; their row was not consulted. Both use SGD in
    # the authors' code, while `random_label` uses Adam, the setting of amnesiac unlearning.
    Claim(
        "salun",
        "random_label",
        "SalUn: holding the less salient half of the weights brings random labels nearer to retraining",
        "arXiv 2310.12508, abstract, and table 1 by its caption in the authors' post",
    ),
    # By the same mean: 1.15 against 2.26 percentage points. These two were read in the slides, not in the paper.
    Claim(
        "salun",
        "l1_sparse",
        "SalUn comes nearer to retraining than ℓ1-sparse",
        "arXiv 2310.12508, table 1, as cited in github.com/albert-no/slides, privacy/unlearning",
    ),
    # By forget accuracy and a classifier MIA. Fine-tuning lasts ten epochs at a rate of 0.01 in the authors' code: the
    # starting kit's, five at 0.1, is nearer to that than the sample entry's, one at 0.001.
    Claim(
        "l1_sparse",
        "finetune_starting_kit",
        "ℓ1-sparse: a penalty on the weights makes fine-tuning forget more, and more as retraining does",
        "arXiv 2304.04934, abstract, and the authors' post on it",
    ),
    # By the error on forget examples, the higher the better: the task is to remove biases, not to match retraining. The
    # caption says so of a bad teacher, and that fine-tuning and CF-k do poorly.
    Claim(
        "scrub",
        "bad_teacher",
        "SCRUB forgets, where distilling a bad teacher fails to",
        "arXiv 2302.09880, caption of fig. 1, as cited in liner.com/review/towards-unbounded-machine-unlearning",
    ),
    # By MIAs. For privacy the paper rewinds SCRUB; it claims to be among the best throughout, not to beat each rival.
    # Its tables of NegGrad+ were not consulted.
    Claim(
        "scrub_r",
        "neggrad_plus",
        "SCRUB+R, the variant for privacy, is among the best throughout, so not behind NegGrad+",
        "arXiv 2302.09880, abstract",
        no_worse=True,
    ),
    # By forget and retain accuracy and a classifier MIA. In the authors' code for random examples a bad teacher, random
    # labels ("amnesiac"), UNSIR and fine-tuning are the methods that train. Its tables were not consulted.
    Claim(
        "ssd",
        "bad_teacher",
        "SSD: dampening weights without training keeps up with methods that train",
        "arXiv 2308.07707, abstract",
        no_worse=True,
    ),
    # By AUS and a classifier MIA; whole classes and random examples. The abstract claims the state of the art; the
    # rivals in the authors' code are fine-tuning, random labels and gradient ascent. Its tables were not consulted.
    Claim(
        "duck",
        "finetune_starting_kit",
        "DUCK: moving features to the centroids of other classes is ahead of earlier methods, fine-tuning among them",
        "arXiv 2312.02052, abstract; the rival after its code",
    ),
    # By accuracies and a classifier MIA, of whole classes. Methods that relabel train on the forget set alone there, as
    # DELETE does: so does Boundary Shrink, while `random_label` trains on retain examples too.
    Claim(
        "delete",
        "boundary_shrink",
        "DELETE: keeping what the original says of other classes beats new labels, where whole classes are forgotten",
        "arXiv 2503.23751, abstract; the rival after its code",
    ),
    # By forget quality and utility of language models.
    Claim(
        "npo",
        "gradient_ascent",
        "NPO: a bounded loss trades forgetting for utility better than gradient ascent, in language models",
        "arXiv 2404.05868, section 5",
    ),
    # By the divergence from a retrained classifier, logistic on random features. `npo` has a retain term: it is the
    # paper's NPO+RT, whose counterpart GA+RT is gradient ascent with one, which `neggrad_plus` is too.
    Claim(
        "npo",
        "neggrad_plus",
        "NPO with a retain term comes nearer to retraining than gradient ascent with one",
        "arXiv 2404.05868, section 4",
    ),
)
"""What the papers say, on measures and data of their own. Sentences and rivals were checked against abstracts, the
authors' code and posts; of NPO's paper against its text."""


def say_claims(boards: list[Board]) -> list[str]:
    """Return a line per claim, with its difference of gaps closed on every board."""
    if not boards:
        return ["None of these boards is here yet."]
    return [f"{_say_claim(claim)} {' '.join(_say_on(claim, board) for board in boards)}" for claim in CLAIMS]


def _say_claim(claim: Claim) -> str:
    return f"- {claim.text} ({claim.source}): `{claim.method}` against `{claim.rival}`."


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
    if claim.no_worse:
        return ("not refuted", "holds, and more", "does not hold")[sign]
    return ("not decided", "holds", "the opposite holds")[sign]


def difference_on(claim: Claim, board: Board, metric: str) -> Estimate | None:
    """Return the paired difference of the published values, at 95 % for all claims of a board; None without one."""
    one, other = (board.scored[name] for name in claim[:2])
    return paired_difference(metric, one, other, 1 - 0.05 / len(CLAIMS))


def _has_gap(board: Board, name: str) -> bool:
    return name in board.scored and board.scored[name].estimate("gap_closed") is not None
