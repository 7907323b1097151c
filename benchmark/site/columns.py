"""Columns of a board's table, each with one sentence that says what it is and how to read it."""

from typing import NamedTuple

from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.metric import GROUPS, Metric
from benchmark.metrics.published_search import CAP
from benchmark.results.values import Estimate, Value
from benchmark.site.numbers import format_interval

_OF_EPSILON = ("median_epsilon",)  # metrics of one number that can be CAP


class Column(NamedTuple):
    """A column that a reader can add to a table."""

    name: str
    heading: str
    sentence: str
    group: str
    form: str = ""
    """The format of its numbers; empty where it holds text."""
    lower: bool = False
    """Whether lower is better, so that it is sorted upwards first."""
    better: str = ""
    """Which way is better, in words; empty where neither is."""


_ABOUT = (
    Column("published_rank", "rank by score", "Rank by the published score instead of the gap closed.", "Runs"),
    Column("retain_epochs", "retain epochs", "Examples taken from the retain loader in a run, over its size.", "Runs"),
    Column("forget_epochs", "forget epochs", "Examples taken from the forget loader in a run, over its size.", "Runs"),
    Column("attempted_runs", "runs", "Runs of the submission, one per pair of models that is compared.", "Runs"),
    Column("failed_runs", "failed runs", "Runs that gave no usable model.", "Runs"),
    Column("isolation", "isolation", "Whether untrusted code ran in the sandbox or in a plain process.", "Runs"),
    Column("seeds", "seeds", "Whether the seeds of the retrained models were secret when the entry ran.", "Runs"),
    Column("data_bytes", "data (bytes)", "Size of the files that a submission brings beside its code.", "Runs"),
    Column("worst_class", "worst class", "The class of the forget set that leaks most.", "Runs"),
    Column("date", "date", "The day on which the entry ran.", "Runs"),
)


def all_columns() -> list[Column]:
    """Return every column that a reader can choose: the metrics by group, then facts about the runs.

    Of what holds after treatments the worst alone: each treatment is on the pages of the entries.
    """
    shown = [each for each in all_metrics() if not each.per_example and (each.group != "treatments" or each.heading)]
    return [*map(metric_column, shown), *_ABOUT]


def metric_column(metric: Metric) -> Column:
    """Return the column of a metric."""
    about = heading_of(metric.name), metric_sentence(metric), GROUPS[metric.group]
    return Column(metric.name, *about, metric.form, metric.direction == "lower", metric.better)


def heading_of(name: str) -> str:
    """Return the words for a metric in headings: its name, spelled out."""
    words = {
        "gap_closed": "gap closed",
        "gap_closed_phi": "gap closed by φ",
        "leak_phi": "leak by φ",
        "retraining_share": "cost",
    }
    text = words.get(name, name.replace("_", " "))
    return text.replace("mia", "MIA").replace("epsilon", "ε").replace("klom", "KLoM")


def metric_sentence(metric: Metric) -> str:
    """Return what a metric is, its unit, which way is better and how to read a value."""
    facts = "; ".join(filter(None, (metric.unit and f"in {metric.unit}", metric.better, metric.good)))
    text = f"{metric.summary} {facts[:1].upper()}{facts[1:]}." if facts else metric.summary
    return text.replace("`", "")


def format_metric(name: str, found: Value | Estimate | None) -> str:
    """Return a metric's value with its interval; ∞ for an ε that no attack of so few models bounds."""
    if found and name in _OF_EPSILON and found.value >= CAP:
        return "∞"
    return format_interval(found, METRICS[name].form if name in METRICS else ".4f")


def sentence_of(name: str) -> str:
    """Return the sentence of a metric by its name; one of a package that is not installed has little to say."""
    return metric_sentence(METRICS[name]) if name in METRICS else "A metric of a package that is not installed."
