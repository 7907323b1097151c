"""Sentences about what holds after unlearning: after treatments, after further requests, with less access, exactly."""

from collections import Counter
from collections.abc import Mapping, Sequence

from benchmark.leaderboard.course import course_of
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from findings.boards import Board, value_of
from findings.wording import join, say_share

TREATED, REQUESTS, EXACT = "digits-hard", "digits-requests", "digits-exact"
ACCESSES = {
    "digits-no-retain": "no retained examples",
    "digits-forget-only": "the forget set alone",
    "digits-unlabelled": "no labels",
    "digits-look-alikes": "look-alikes in the place of the forget set",
}
"""Scenarios with less access, and what submissions are given there."""
AFTER = "gap_after_"
_SOME = 0.001  # of the gap: less is nothing, however certain
_ENOUGH = 0.05  # of the gap by φ, to have something that can be lost


def say_holding(boards: Mapping[str, Board], cards: Sequence[Scorecard]) -> list[str]:
    """Return the sentences that the boards can tell, in order; `cards`: of all boards."""
    found = []
    if (board := boards.get(TREATED)) and _treated(board):
        of_treated = (say_resilience, say_relearning, say_unrelated, say_worst, say_rounding, say_inputs, say_inside)
        found += [say(board) for say in (say_null, *of_treated)]
    if REQUESTS in boards:
        found.append(say_requests(boards[REQUESTS], cards))
    if EXACT in boards:
        found.append(say_exact(boards[EXACT]))
    if restricted := [boards[name] for name in ACCESSES if name in boards]:
        found.append(say_access(restricted))
    return found


def say_null(board: Board) -> str:
    """Say whether retraining closes everything after every treatment, as it has to."""
    card = board.scored.get("retrain")
    if card is None:
        return f"On `{board.name}` nobody has retrained."
    found = _after(card)
    hit = [name for name, each in found.items() if each.low <= 1 <= each.high]
    apart = join([name for name in found if name not in hit])
    return (
        f"On `{board.name}` (N = {board.models}) `retrain` closes 100 % of the gap, within its interval, after "
        f"{len(hit)} of {len(found)} treatments (outside: {apart}), and {_share(card, 'resilience')} after the worst."
    )


def say_resilience(board: Board) -> str:
    """Say which entries that close some of the gap keep it after the worst treatment."""
    entries = _closing(board)
    kept = [card for card in entries if not _less(card.estimate("resilience"), _half(card))]
    lost = [card for card in entries if (least := card.estimate("resilience")) and least.high < _ENOUGH]
    return (
        f"Of {len(entries)} entries that close more than 5 % of the gap by φ, {_count(kept, 'keep')} half of it or "
        f"more after the worst treatment: {_names(kept)}; {_count(lost, 'keep')} less than 5 %, and so hide what they "
        f"have not removed: {_names(lost)}."
    )


def say_relearning(board: Board) -> str:
    """Say which entries keep their gap when a tenth of the forget set is shown again."""
    entries, name = _closing(board), f"{AFTER}relearned_forget"
    kept = [card for card in entries if not _less(card.estimate(name), card.estimate("gap_closed_phi"))]
    falls = [card for card in entries if _less(card.estimate(name), _half(card))]
    return (
        f"Shown a tenth of the forget set again, {len(kept)} of these {len(entries)} close no less than before "
        f"(intervals not apart): {_names(kept)}; {_count(falls, 'fall')} clearly below half: {_names(falls)}."
    )


def say_unrelated(board: Board) -> str:
    """Say what comes back with no forget example shown at all."""
    entries = _closing(board)
    found = {}
    for what in ("relearned_retain", "relearned_unrelated", "relearned_mislabelled"):
        below = [card for card in entries if _less(card.estimate(AFTER + what), card.estimate("gap_closed_phi"))]
        found[what] = len(below)
    return (
        f"It takes no true forget example: {found['relearned_retain']} of {len(entries)} close clearly less after an "
        f"epoch on retained examples, {found['relearned_unrelated']} after one on inputs that show nothing, "
        f"{found['relearned_mislabelled']} after steps on forget examples with wrong labels."
    )


def say_worst(board: Board) -> str:
    """Say which treatment is the worst how often."""
    worst = Counter(min(found, key=lambda name: found[name].value) for found in map(_after, _closing(board)) if found)
    counts = ", ".join(f"`{name}` for {count}" for name, count in worst.most_common())
    return f"The worst treatment of these entries is {counts or 'not known'}."


def say_rounding(board: Board) -> str:
    """Say what rounding and pruning bring back."""
    entries = _closing(board)
    parts = []
    for what, words in (("rounded_8", "8 bits"), ("rounded_4", "4 bits"), ("pruned", "without the smallest 30 %")):
        below = [card for card in entries if _less(card.estimate(AFTER + what), card.estimate("gap_closed_phi"))]
        parts.append(f"{len(below)} ({words})")
    return f"Of weights that are rounded or pruned {', '.join(parts)} of {len(entries)} entries close clearly less."


def say_inputs(board: Board) -> str:
    """Say whether forgetting is of the very inputs."""
    entries = _closing(board)
    parts = []
    for what in ("shifted", "rotated", "noisy"):
        name = f"{AFTER}inputs_{what}"
        below = [card for card in entries if _less(card.estimate(name), card.estimate("gap_closed_phi"))]
        parts.append(f"{len(below)} when they are {what}")
    return (
        f"At other inputs {', '.join(parts)} of {len(entries)} entries close clearly less than at the forget examples."
    )


def say_inside(board: Board) -> str:
    """Say what entries close inside the nets."""
    metric = "representation_gap_closed"
    known = board.having(metric)
    more = [card for card in known if _estimate(card, metric).low > 0]
    worse = [card for card in known if _estimate(card, metric).high < 0]
    also = [card for card in _closing(board) if card in worse]
    best = f"most by `{known[0].submission}`, {_share(known[0], metric)}" if known else "by none"
    return (
        f"In the penultimate layer {len(more)} of {len(known)} entries come nearer to retrained nets than doing "
        f"nothing, {best}; {_count(worse, 'move')} away from them, of those above {_names(also)}."
    )


def say_requests(board: Board, cards: Sequence[Scorecard]) -> str:
    """Say how entries stand after the first and after the last of several requests."""
    best = next(iter(board.within), None)
    if best is None:
        return f"On `{board.name}` no entry is within the budget."
    first, last = (card.estimate("gap_closed") for card in (lambda own: (own[0], own[-1]))(course_of(best, cards)))
    course = f"{say_share(first)} after the first request and {say_share(last)}" if first and last else "nothing known"
    return f"On `{board.name}` the best within the budget, `{best.submission}`, closes {course} after the last."


def say_exact(board: Board) -> str:
    """Say what the submissions that train themselves cost, and whether they are exact."""
    own = [card for card in board.scored.values() if card.own_training]

    def say(card: Scorecard) -> str:
        return (
            f"`{card.submission}` ({value_of(card, 'detectable'):.0%} of {card.examples} examples detectable, "
            f"{_share(card, 'request_share')} of its training for a request of one example, "
            f"{_share(card, 'own_training_ratio')} of the recipe's accuracy)"
        )

    said = ", ".join(say(card) for card in sorted(own, key=lambda card: card.submission)) or "none has been run"
    return f"Trained for it, on `{board.name}` (N = {board.models}): {said}."


def say_access(boards: Sequence[Board]) -> str:
    """Say how many entries close clearly more than nothing where they are given less, and the best of them."""

    def say(board: Board) -> str:
        known = [card for card in board.entries if card.estimate("gap_closed")]
        above = [card for card in known if _estimate(card, "gap_closed").low > _SOME]
        best = max(above, key=lambda card: _estimate(card, "gap_closed").value, default=None)
        most = f" (the most `{best.submission}`, {_share(best, 'gap_closed')})" if best else ""
        return f"{len(above)} of {len(known)}{most} on `{board.name}` (N = {board.models}), {ACCESSES[board.name]}"

    said = "; ".join(say(board) for board in boards)
    return (
        f"Where submissions are given less, so many entries close clearly more of the gap than doing nothing: {said}."
    )


def _treated(board: Board) -> list[Scorecard]:
    return [card for card in board.entries if card.estimate("resilience")]


def _closing(board: Board) -> list[Scorecard]:
    """Return the treated entries that close enough of the gap by φ, the most first."""
    treated = _treated(board)
    return [card for card in board.having("gap_closed_phi", treated) if _estimate(card, "gap_closed_phi").low > _ENOUGH]


def _after(card: Scorecard) -> dict[str, Estimate]:
    """Return the gap closed after every treatment, by its name."""
    names = (name for name in card.metrics if name.startswith(AFTER))
    return {name.removeprefix(AFTER): found for name in names if (found := card.estimate(name))}


def _estimate(card: Scorecard, metric: str) -> Estimate:
    found = card.estimate(metric)
    assert found is not None
    return found


def _half(card: Scorecard) -> Estimate:
    phi = _estimate(card, "gap_closed_phi")
    return Estimate(value=phi.value / 2, low=phi.low / 2, high=phi.high / 2)


def _less(found: Estimate | None, other: Estimate | None) -> bool:
    """Tell whether one interval lies below another."""
    return found is not None and other is not None and found.high < other.low


def _share(card: Scorecard, metric: str) -> str:
    found = card.estimate(metric)
    return say_share(found) if found else "–"


def _count(cards: Sequence[Scorecard], verb: str) -> str:
    """Return "1 keeps" or "2 keep"."""
    return f"{len(cards)} {verb}{'s' if len(cards) == 1 else ''}"


def _names(cards: Sequence[Scorecard]) -> str:
    return join([card.submission for card in cards])
