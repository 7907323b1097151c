"""Everything that is known of one entry, as tables and lines for the terminal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmark.metrics.kinds import all_metrics
from benchmark.metrics.metric import GROUPS, Metric
from benchmark.metrics.published_search import CAP
from benchmark.metrics.report import say_absent
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate, Value

WIDTH = 80  # columns: what is shown of an entry fits where a terminal is narrow
_WIDE = 130  # columns, from which on every metric says how to read it
_MOST_EXAMPLES = 5
_OF_EXAMPLES = ("example_leak", "epsilon", "epsilon_lower_bound", "effect", "klom")
"""Metrics that say how well an example is forgotten; the first that an entry has orders the examples."""


def metric_tables(card: Scorecard, controls: Sequence[Scorecard], width: int = WIDTH) -> Iterator[RenderableType]:
    """Yield a table per group of metrics: the entry's values with intervals, and beside them those of the controls."""
    numbers = {metric: found for metric in all_metrics() if (found := card.numbers().get(metric.name))}
    others = [each for each in controls if each.submission != card.submission]
    for group, members in groupby(numbers, key=lambda metric: GROUPS[metric.group]):
        yield part(group, _metric_table(list(members), numbers, others, width))
    if missing := say_absent(card.absent()):
        yield Group("", Text("\n".join(missing), "dim"))


def _metric_table(
    metrics: Sequence[Metric], numbers: Mapping[Metric, Value | Estimate], controls: Sequence[Scorecard], width: int
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("metric", overflow="fold", width=28)
    for heading in ("value", "95 %", *(control.submission for control in controls)):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("better")
    if width >= _WIDE:
        table.add_column("how to read it", overflow="fold")
    for metric in metrics:
        cells = [metric.name, *_value(metric, numbers[metric])]
        cells += [_value(metric, control.numbers().get(metric.name))[0] for control in controls]
        reading = [metric.good] if width >= _WIDE else []
        better = metric.better.removesuffix(" is better") or "–"
        table.add_row(*map(Text, [*cells, better, *reading]))
    return table


def _value(metric: Metric, found: Value | Estimate | None) -> tuple[str, str]:
    """Return a value and its interval as they are shown."""
    if found is None:
        return "–", ""
    ends = f"{found.low:{metric.form}}–{found.high:{metric.form}}" if isinstance(found, Estimate) else ""
    return f"{found.value:{metric.form}}", ends.replace("–-", " to -")


def worst_examples(card: Scorecard, most: int = _MOST_EXAMPLES) -> list[dict[str, float]]:
    """Return the forget examples that are forgotten worst: their place in the forget set and metrics, worst first."""
    found = {name: values for name in _OF_EXAMPLES if (values := card.per_example(name))}
    if not found:
        return []
    worst = np.argsort(-np.array(next(iter(found.values())), dtype=np.float64), kind="stable")[:most]
    return [{"example": int(at), **{name: values[at] for name, values in found.items()}} for at in worst]


def example_table(examples: Sequence[Mapping[str, float]]) -> Table:
    """Return the table of the worst forgotten examples."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for heading in examples[0]:
        table.add_column(heading, justify="right", no_wrap=True)
    for example in examples:
        table.add_row(*(_cell(name, value) for name, value in example.items()))
    return table


def _cell(name: str, value: float) -> str:
    if name == "example":
        return f"{value}"
    return "∞" if name == "epsilon" and value >= CAP else f"{value:.3f}"


def say_integrity(card: Scorecard) -> list[str]:
    """Return what was noticed of the returned weights and of what a run took, a sentence each."""
    found = card.integrity
    if found is None:
        return []
    succeeded = card.attempted_runs - card.failed_runs
    fresh = "" if found.fresh_change is None else f", a retrained net's {found.fresh_change:.3g}"
    said = [
        f"{card.attempted_runs} runs, of which {card.failed_runs} failed, in a {card.isolation}.",
        f"Weights: the median relative change is {found.change:.3g}{fresh}; {found.touched:.0%} of them change.",
        f"{found.unchanged_runs} of {succeeded} runs returned their original, {found.repeated_runs} the weights of "
        f"another run, {len(found.replayed_runs)} a model of the pool.",
        f"The same seed gives {'the same' if found.deterministic else 'other'} weights.",
        f"Taken from the loaders, in epochs: retain {found.retain_epochs:.2f}, forget {found.forget_epochs:.2f}, "
        f"validation {found.validation_epochs:.2f}.",
    ]
    return [*said, *([f"The cost was timed on {card.cost.machine}."] if card.cost and card.cost.machine else [])]


def say_values(values: Mapping[str, Any]) -> str:
    """Return hyper-parameters as a line."""
    return ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()) or "none"


def part(title: str, *content: RenderableType) -> Group:
    """Return what stands under a title, after an empty line."""
    return Group("", Text(title, "bold"), *content)
