"""The first sentence that a person reads of an entry: which share of the gap it closes."""

from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate


def say_gap_closed(card: Scorecard) -> str | None:
    """Return the sentence, None where the entry has no gap closed.

    Where the gap by φ alone is another, it says so: what φ shows of forgetting, other signals may not.
    """
    found, phi = card.estimate("gap_closed"), card.estimate("gap_closed_phi")
    if found is None:
        return None
    alone = "; by φ alone {} % ({} %)".format(*_percents(phi)) if phi and phi != found else ""
    return f"{card.submission} {describe_gap(found)}{alone}."


def describe_gap(found: Estimate) -> str:
    """Return what an entry does: "closes 25 % of the gap between doing nothing and retraining (23–27 %)"."""
    return "closes {} % of the gap between doing nothing and retraining ({} %)".format(*_percents(found))


def _percents(found: Estimate) -> tuple[str, str]:
    """Return a share and the ends of its interval, such as "25" and "23–27"."""
    value, low, high = (_percent(end) for end in (found.value, found.low, found.high))
    return value, f"{low} to {high}" if found.low < 0 else f"{low}–{high}"


def _percent(share: float) -> str:
    return f"{round(100 * share):d}".replace("-", "−")
