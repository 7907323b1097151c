"""The first sentence that a person reads of an entry: which share of the gap it closes."""

from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate


def say_gap_closed(card: Scorecard) -> str | None:
    """Return the sentence, None where the entry has no gap closed."""
    found = card.estimate("gap_closed")
    return None if found is None else f"{card.submission} {describe_gap(found)}."


def describe_gap(found: Estimate) -> str:
    """Return what an entry does: "closes 25 % of the gap between doing nothing and retraining (23–27 %)"."""
    value, low, high = (_percent(end) for end in (found.value, found.low, found.high))
    ends = f"{low} to {high}" if found.low < 0 else f"{low}–{high}"
    return f"closes {value} % of the gap between doing nothing and retraining ({ends} %)"


def _percent(share: float) -> str:
    return f"{round(100 * share):d}".replace("-", "−")
