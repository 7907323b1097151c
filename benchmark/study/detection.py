"""Definition of a detection, one per kind of metric.

- *interval*: the metric has a 95 % interval and a known value under the null: the interval lies on its worse side.
- *test*: the metric leaves its null only where a test at 5 % or a 95 % bound lets it: it does.
- *quantile*: any other: the value is worse than in all but 5 % of the study's populations without a leak, which a real
  board does not have. A Monte Carlo test; it takes at least 19 such populations.

Where no direction is better, either side is worse. A metric with a value per example is taken at its worst example.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.metric import Metric
from benchmark.metrics.samples import Floats
from benchmark.results.values import Absent, Estimate, MetricValue, PerExample

LEVEL = 0.05
Rule = Literal["interval", "test", "quantile"]


def rule_of(metric: Metric) -> Rule:
    """Return which definition of detection a metric has."""
    if metric.tested:
        return "test"
    return "interval" if metric.interval and metric.null is not None else "quantile"


def numbers_of(metric: Metric, found: MetricValue) -> tuple[float, float, float]:
    """Return value, low and high of a metric, nan where there is none; of values per example the worst."""
    if isinstance(found, Absent):
        return np.nan, np.nan, np.nan
    if isinstance(found, Estimate):
        return found.value, found.low, found.high
    if isinstance(found, PerExample):
        values = np.array(found.values)
        return float(values[_worse_by(metric, values, metric.null or 0.0).argmax()]), np.nan, np.nan
    return found.value, np.nan, np.nan


def detections(metric: Metric, found: Floats, null: Floats) -> NDArray[np.bool_]:
    """Return which of the values of a metric detect a leak; what does not exist does not.

    `found`: value, low and high, `[..., 3]`; `null`: those of populations without a leak, `[populations, 3]`.
    """
    rule = rule_of(metric)
    if rule == "quantile":
        return _beyond(metric, found[..., 0], null[:, 0])
    ends = found[..., :1] if rule == "test" else found[..., 1:]
    assert metric.null is not None
    sides = {"lower": ends[..., 0] > metric.null, "higher": ends[..., -1] < metric.null}
    return sides["lower"] | sides["higher"] if metric.direction == "none" else sides[metric.direction]


def _beyond(metric: Metric, values: Floats, null: Floats) -> NDArray[np.bool_]:
    known = null[np.isfinite(null)]
    if not known.size:
        return np.zeros(values.shape, dtype=bool)
    centre = float(np.median(known)) if metric.null is None else metric.null
    ranked = np.sort(_worse_by(metric, known, centre))
    as_bad = len(ranked) - np.searchsorted(ranked, _worse_by(metric, values, centre), side="left")
    return np.isfinite(values) & ((1 + as_bad) / (1 + len(ranked)) <= LEVEL)


def _worse_by(metric: Metric, values: Floats, centre: float) -> Floats:
    """Return by how much values are worse than `centre`."""
    return {"lower": values - centre, "higher": centre - values, "none": np.abs(values - centre)}[metric.direction]
