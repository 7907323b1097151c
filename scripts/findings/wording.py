"""Words around numbers: shares, differences and lists, each as the page writes it."""

from collections.abc import Sequence

from benchmark.leaderboard.sentences import percents
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate

ABSENT = "–"


def say_share(found: Estimate) -> str:
    """Return "25 % (23–27 %)"."""
    return "{} % ({} %)".format(*percents(found))


def say_points(difference: Estimate) -> str:
    """Return a difference of shares: "+2.1 points (1.0–3.2)"."""
    value, ends = percents(difference, least=1)
    sign = "" if value.startswith("−") or not float(value) else "+"
    return f"{sign}{value} points ({ends})"


def say_number(found: Estimate, digits: int = 2) -> str:
    """Return "0.42 (0.30 to 0.54)", with minus signs."""
    value, low, high = (f"{end:.{digits}f}".replace("-", "−") for end in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def join(names: Sequence[str], most: int = 6) -> str:
    """Return names as code, "none" where there are none; of many the first, and how many more."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{shown}{more}" or "none"


def cell(card: Scorecard, name: str, form: str, *, interval: bool = False, factor: float = 1) -> str:
    """Return a metric for a table, with its interval in brackets if wanted; a dash where it does not exist."""
    value, estimate = card.value(name), card.estimate(name)
    if value is None:
        return ABSENT
    shown = f"{factor * value:{form}}"
    if estimate and interval:
        shown += f" [{factor * estimate.low:{form}}, {factor * estimate.high:{form}}]"
    return shown.replace("-", "−")
