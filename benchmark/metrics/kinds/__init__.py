"""The metrics, one file each or a few that belong together, and their registry."""

from benchmark.metrics.metric import GROUPS, Metric, names_of
from benchmark.registry import Registry

METRICS: Registry[Metric] = Registry("metric", "benchmark.metrics.kinds", names_of)


def all_metrics() -> list[Metric]:
    """Return every metric, shipped or installed, in the order of tables: by group, within it as they were added."""
    order = list(GROUPS)
    return sorted(METRICS.values(), key=lambda metric: order.index(metric.group))
