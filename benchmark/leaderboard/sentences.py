"""Words for a share and its interval, first of all for the gap that an entry closes."""

from benchmark.results.values import Estimate

_MOST_DIGITS = 3
_NARROW = 0.02  # width of an interval that whole percents would not show


def describe_gap(found: Estimate) -> str:
    """Return what an entry does: "closes 25 % of the gap between doing nothing and retraining (23–27 %)"."""
    return "closes {} % of the gap between doing nothing and retraining ({} %)".format(*percents(found))


def percents(found: Estimate, least: int = 0) -> tuple[str, str]:
    """Return a share and the ends of its interval in percent: "25" and "23–27", or "3.4" and "3.1–3.7".

    `least`: how many digits behind the point there are at least. An interval that excludes 0 has as many as it takes
    for neither end to look like 0.
    """
    digits = max(least, 0 if found.high - found.low > _NARROW else 1)
    excludes = found.low > 0 or found.high < 0
    while excludes and digits < _MOST_DIGITS and any(not float(end.strip("−")) for end in _ends(found, digits)):
        digits += 1
    value, low, high = _ends(found, digits)
    return value, f"{low} to {high}" if low.startswith("−") else f"{low}–{high}"


def _ends(found: Estimate, digits: int) -> tuple[str, str, str]:
    value, low, high = (_percent(end, digits) for end in (found.value, found.low, found.high))
    return value, low, high


def _percent(share: float, digits: int) -> str:
    text = f"{100 * share:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")
