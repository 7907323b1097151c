"""An entry in a few sentences: what it is, what it closes and scores, what it costs, and whom it is better than."""

from collections.abc import Sequence

from benchmark.leaderboard.course import course_of, describe_course
from benchmark.leaderboard.position import Position
from benchmark.leaderboard.sentences import describe_gap, percents
from benchmark.leaderboard.table import UNDECIDED, leaderboard, row_remarks
from benchmark.metrics.support import RECOMMENDED
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from benchmark.text import printable, sentence

Sentences = dict[str, str]
"""A sentence or a few by the word that heads them, in the order in which they are read."""

_LONGEST = 300  # characters of a title
_VALUES = {"published": "with the values in its file", "tuned": "with the values that `bench tune` found"}
_NOTHING = {1: "significantly better than doing nothing", 0: "not significantly different from doing nothing"} | {
    -1: "significantly worse than doing nothing"
}


def summarise_entry(card: Scorecard, position: Position, budget: float, cards: Sequence[Scorecard] = ()) -> Sentences:
    """Return what a person is told first of an entry; `budget`: of a run, as a share of retraining.

    `cards`: of all boards, among which those after earlier requests are.
    """
    found = {"entry": describe_entry(card)}
    if card.is_scored:
        found["forgetting"] = describe_forgetting(card)
        if course := describe_course(course_of(card, cards)):
            found["requests"] = course
        found["score"] = describe_score(card)
        found["cost"] = describe_cost(card, budget)
    found["standing"] = describe_position(card, position)
    if notes := notes_on(card):
        found["notes"] = " ".join(notes)
    return found


def describe_entry(card: Scorecard) -> str:
    """Return title, values, scenario, N, which of several requests it is after, and the size of the forget set."""
    control = "a control, " if card.control else ""
    examples = f", {card.examples} forget examples" if card.examples else ""
    title = printable(card.title, _LONGEST).rstrip(". ")
    place = f", after request {card.sequence.request} of {card.sequence.requests}" if card.sequence else ""
    return f"{title}; {control}{_VALUES[card.values]}, on {card.scenario}, N = {card.models}{place}{examples}."


def describe_forgetting(card: Scorecard) -> str:
    """Return the share of the gap that an entry closes: by all signals, by φ alone, and after the worst treatment.

    Or why none is known.
    """
    gap, alone = card.estimate("gap_closed"), card.estimate("gap_closed_phi")
    if gap is None:
        return f"No gap closed: {card.why_absent('gap_closed')}."
    by_phi = "; by φ alone {} % ({} %)".format(*percents(alone)) if alone and alone != gap else ""
    worst = card.estimate("resilience")
    treated = "; after the worst treatment {} % ({} %)".format(*percents(worst)) if worst else ""
    return f"{describe_gap(gap)[:1].upper()}{describe_gap(gap)[1:]}{by_phi}{treated}."


def describe_score(card: Scorecard) -> str:
    """Return the published score with its interval and its share of what perfect unlearning gets."""
    score, share = card.estimate("score"), card.estimate("normalised_score")
    if score is None:
        return f"No published score: {card.why_absent('score')}."
    of_perfect = ", {} % of what perfect unlearning gets ({} %)".format(*percents(share)) if share else ""
    return f"{score.value:.4f} ({score.low:.4f}–{score.high:.4f}), the published score{of_perfect}."


def describe_cost(card: Scorecard, budget: float) -> str:
    """Return what a run costs, with its interval, against the budget."""
    share = card.value("retraining_share")
    if share is None:
        return f"Not known: {card.why_absent('retraining_share')}."
    if card.cost:
        interval = Estimate(value=share, low=card.cost.share_low, high=card.cost.share_high)
        paid = "A run costs {} % of a retraining ({} %)".format(*percents(interval))
    else:
        paid = f"A run costs {100 * share:.0f} % of a retraining"
    return f"{paid}, {_against_budget(card, share, budget)}."


def _against_budget(card: Scorecard, share: float, budget: float) -> str:
    if card.control:
        return "and a control has no budget"
    if card.cost and card.cost.undecided:
        return f"which timing cannot tell from the budget of {100 * budget:.0f} %, and so counts as within it"
    over = card.status == "over-budget" or (card.cost.share_low if card.cost else share) > budget
    return f"{'over' if over else 'within'} the budget of {100 * budget:.0f} %"


def describe_position(card: Scorecard, position: Position) -> str:
    """Return rank and group, and how many entries an entry is significantly better and worse than."""
    nothing = [] if position.against_nothing is None else [_NOTHING[position.against_nothing]]
    if position.rank is None:
        why = "it is a control" if card.control else f"its status is {card.status}"
        if card.is_scored and not card.control and card.status in ("ok", "over-budget"):
            why = f"it has no gap closed: {card.absent().get('gap_closed', 'its evidence is of an older form')}"
        return f"{'; '.join([f'No rank: {why}', *nothing])}."
    said = f"{'; '.join([f'Rank {position.rank} of {position.ranked}, group {position.group}', *nothing])}."
    others = len(position.better_than) + len(position.worse_than) + len(position.like)
    if not others:
        return said
    where = "over" if card.status == "over-budget" else "within"
    return (
        f"{said} Of {others} other entr{'y' if others == 1 else 'ies'} {where} the budget it is significantly better "
        f"than {len(position.better_than)} and worse than {len(position.worse_than)}; from {len(position.like)} it is "
        "not significantly different."
    )


def notes_on(card: Scorecard) -> Sequence[str]:
    """Return what a reader has to know before believing an entry, a sentence each; none where all is well."""
    (row,) = leaderboard([card]).to_dict("records")
    status = "" if card.status == "ok" else f"Status {card.status}: "
    few = f"N = {card.models} is little: {RECOMMENDED} or more are recommended" if card.models < RECOMMENDED else ""
    public = "its pool has public seeds, which a submission could rebuild"
    seeds = public if card.is_scored and card.seeds == "public" else ""
    is_said = card.status in ("ok", "over-budget") and not card.failed_runs  # with the cost
    reason = "" if is_said else f"{status}{card.reason}".removesuffix(": ")
    said = [reason, *(each for each in row_remarks(row) if each != UNDECIDED), *card.footnotes, few, seeds]
    return [f"{_capital(sentence(each)).rstrip('.')}." for each in dict.fromkeys(said) if each]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
