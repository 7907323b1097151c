"""Five sentences about language models, from their boards; where one is not there, that is the sentence."""

from collections.abc import Callable, Collection, Mapping
from functools import partial

from scipy.stats import kendalltau

from benchmark.leaderboard.ranks import paired_difference, sign_of
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from findings.boards import Board, method_of, value_of
from findings.sentences import say_better_than_nothing, say_missing, say_of
from findings.wording import say_number, say_points, say_share

PEOPLE = "people"
_ALSO_ON_CLASSES = ("npo", "simnpo")


def five_sentences(boards: Mapping[str, Board], lacking: Mapping[str, int], for_language: Collection[str]) -> list[str]:
    """Return the sentences in the order of the page; one that says so where the board is not there.

    `lacking`: how many methods have no row, by board. `for_language`: the methods that are for no classifier.
    """
    if PEOPLE not in boards:
        return [say_missing(PEOPLE)]
    sayings: tuple[Callable[[Board], str], ...] = (
        say_better_than_nothing,
        partial(say_made_for_language, for_language=for_language),
        say_retain_term,
        say_by_phi,
        say_forget_quality,
    )
    first, *rest = sayings
    return [say_of(boards[PEOPLE], first, lacking), *(say(boards[PEOPLE]) for say in rest)]


def say_made_for_language(board: Board, for_language: Collection[str]) -> str:
    """Say how the best method made for language compares with the best of those made for classifiers.

    NPO and SimNPO, which were made for language and run on classes too, are neither.
    """
    known = board.having("gap_closed")
    language = [card for card in known if method_of(card) in for_language]
    others = [card for card in known if method_of(card) not in (*for_language, *_ALSO_ON_CLASSES)]
    difference = _between(language, others, len(language) * len(others)) if language and others else None
    if difference is None:
        return f"On `{board.name}` methods made for language models cannot be compared with those for classifiers."
    return (
        f"On `{board.name}` the best method made for language models, `{language[0].submission}`, closes "
        f"{_share(language[0])} of the gap, the best made for classifiers, `{others[0].submission}`, "
        f"{_share(others[0])}: {say_points(difference)}."
    )


def say_retain_term(board: Board) -> str:
    """Say what a retain term adds to gradient ascent, and whether a teacher does better than a loss there."""
    scored = board.scored
    ascent, descent, teacher = (scored.get(name) for name in ("gradient_ascent", "grad_diff", "kl_minimisation"))
    if ascent is None or descent is None or teacher is None:
        return f"On `{board.name}` gradient ascent with and without a retain term cannot be compared yet."
    first, second = (_between([one], [other], 2) for one, other in ((descent, ascent), (teacher, descent)))
    if first is None or second is None:
        return f"On `{board.name}` gradient ascent with and without a retain term cannot be compared yet."
    return (
        f"On `{board.name}`, each at its own rate, gradient ascent closes {_share(ascent)} of the gap, with the loss "
        f"on retained facts beside it (`grad_diff`) {_share(descent)}, {say_points(first)}; a teacher in place of that "
        f"loss (`kl_minimisation`) is {_verdict(second)}, by {say_points(second)}."
    )


def say_by_phi(board: Board) -> str:
    """Say who is best by φ of the forget facts alone, and what is left of it at questions with another word in them."""
    found = board.having("gap_closed_phi")
    if not found:
        return f"On `{board.name}` no entry has a gap closed by φ alone."
    best = found[0]
    return (
        f"On `{board.name}` the entry that closes most of the gap by φ of the forget facts alone, `{best.submission}`, "
        f"closes {say_share(_estimate(best, 'gap_closed_phi'))} of it, and {_share(best)} where hidden questions count "
        "too."
    )


def say_forget_quality(board: Board) -> str:
    """Say how TOFU's forget quality and the gap closed agree, and how much the former owes to one model."""
    known = [card for card in board.having("gap_closed") if card.estimate("tofu_forget_quality")]
    if len(known) < 3:
        return f"On `{board.name}` too few entries have TOFU's forget quality to say how it orders them."
    tau, _ = kendalltau(*([value_of(card, name) for card in known] for name in ("gap_closed", "tofu_forget_quality")))
    best = max(known, key=lambda card: value_of(card, "tofu_forget_quality"))
    spread = best.estimate("tofu_forget_quality_spread")
    moves = (
        "" if spread is None else f", whose standard deviation over the retrained model drawn is {say_number(spread)}"
    )
    return (
        f"On `{board.name}` Kendall's τ between TOFU's forget quality and the gap closed is {tau:.2f} over "
        f"{len(known)} entries; forget quality is highest for `{best.submission}`, log₁₀ p = "
        f"{say_number(_estimate(best, 'tofu_forget_quality'), 1)}{moves}."
    )


def _between(first: list[Scorecard], second: list[Scorecard], comparisons: int) -> Estimate | None:
    return paired_difference("gap_closed", first[0], second[0], 1 - 0.05 / comparisons)


def _verdict(difference: Estimate) -> str:
    return ("not significantly different", "significantly better", "significantly worse")[sign_of(difference)]


def _share(card: Scorecard) -> str:
    return say_share(_estimate(card, "gap_closed"))


def _estimate(card: Scorecard, metric: str) -> Estimate:
    found = card.estimate(metric)
    assert found is not None
    return found
