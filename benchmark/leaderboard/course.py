"""The course of an entry over several requests: its scorecards after each of them."""

from collections.abc import Iterable, Sequence

from benchmark.leaderboard.sentences import percents
from benchmark.results.scorecard import Scorecard


def course_of(card: Scorecard, cards: Iterable[Scorecard]) -> list[Scorecard]:
    """Return an entry's cards after each request up to the one that `card` is of, first to last.

    Empty where there is one request, or a card of an earlier one is missing or of other runs.
    """
    own = card.sequence
    if own is None or not card.is_scored:
        return []
    alike = [each for each in cards if each.is_scored and _run(each) == _run(card)]
    found = {each.sequence.request: each for each in alike if each.sequence}
    requests = range(1, own.request + 1)
    return [found[request] for request in requests] if set(requests) <= found.keys() else []


def _run(card: Scorecard) -> tuple[object, ...]:
    last = card.sequence.last if card.sequence else ""
    return card.submission, card.submission_hash, card.scorer_version, card.models, last


def describe_course(course: Sequence[Scorecard]) -> str:
    """Say how much of the gap an entry closes after each request; "" where there is nothing to say."""
    found = [(card.sequence.request, gap) for card in course if card.sequence and (gap := card.estimate("gap_closed"))]
    if len(found) < 2:
        return ""
    said = ", ".join("{} % ({} %) after request {}".format(*percents(gap), request) for request, gap in found)
    return f"Of the gap it closes {said}."
