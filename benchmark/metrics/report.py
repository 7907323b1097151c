"""Results of `benchmark.score` and `benchmark.compare`: frozen, they print as tables and show in notebooks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.metric import GROUPS, Group
from benchmark.metrics.support import RECOMMENDED
from benchmark.results.values import Estimate, Value

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.table import Table

    from benchmark.leaderboard.comparison import Row

_BETWEEN = " | "  # reasons in a cell
_ALL = "all "

_WIDTH = 120  # characters of what stands below a table


@dataclass(frozen=True, repr=False, eq=False)
class Score:
    """All that the registered metrics, shipped and installed, say of two populations of φ, and of doing nothing.

    `print(score)` shows tables and how to read them, a notebook draws them, `to_frame()` has the values per example.
    """

    models: tuple[int, int]
    """Unlearned models, retrained models."""
    examples: int
    """Forget examples."""
    delta: float
    metrics: Mapping[str, Value | Estimate]
    """Numbers by the name of the metric, those with a 95 % interval as estimates."""
    per_example: Mapping[str, NDArray]
    """Arrays `[examples]` by the name of the metric."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why a metric has no value, by its name; by `gap_closed_…` why there is no gap to close."""
    doing_nothing: "Score | None" = None
    """The same of the original models, as if they were the unlearned ones."""
    gap_closed: Mapping[str, Value | Estimate] = field(default_factory=dict)
    """0 = as if nothing had been done, 1 = as if retrained, negative = worse than doing nothing."""

    def to_frame(self) -> "DataFrame":
        """Return the values per example as a pandas DataFrame; those of doing nothing end in `_doing_nothing`."""
        import pandas as pd

        columns = dict(self.per_example)
        if self.doing_nothing:
            columns |= {f"{name}_doing_nothing": each for name, each in self.doing_nothing.per_example.items()}
        return pd.DataFrame(columns).rename_axis("example")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers, texts, lists and dictionaries, ready for JSON."""
        return {
            "models": dict(zip(("unlearned", "retrained"), self.models, strict=True)),
            "examples": self.examples,
            "delta": self.delta,
            "metrics": {name: each.model_dump() for name, each in self.metrics.items()},
            "gap_closed": {name: each.model_dump() for name, each in self.gap_closed.items()},
            "absent": dict(self.absent),
            "per_example": {name: each.tolist() for name, each in self.per_example.items()},
            "doing_nothing": self.doing_nothing and self.doing_nothing.to_dict(),
        }

    def __repr__(self) -> str:
        shown = ((name, self.metrics.get(name)) for name in ("forgetting_quality", "detectable"))
        values = (f"{name}={each.value:.4f}" for name, each in shown if each)
        return f"Score({', '.join([*values, f'models={self.models}', f'examples={self.examples}'])})"

    def __str__(self) -> str:
        """Return a table, the metrics that have a value per example, how to read both, and what is absent."""
        numbers, arrays = self._numbers(), self._arrays()
        table = _align([self._headings(), *([name, *self._cells(name)] for name in numbers)])
        headed = [table[0]]
        rows = zip(numbers, table[1:], strict=True)
        for group, members in groupby(rows, key=lambda row: _group(row[0])):
            headed += ["", group, *(line for _, line in members)]
        per_example = [fill(f"Per forget example, in `per_example` and `to_frame()`: {', '.join(arrays)}.", _WIDTH)]
        reading = ["How to read them:", *(line for name in (*numbers, *arrays) for line in _entry(name))]
        return "\n".join([self._title(), "", *headed, "", *per_example, "", *reading, "", *self._notes()]).rstrip()

    def _repr_html_(self) -> str:
        beside = ["per forget example", *[""] * (len(self._headings()) - 2)]
        rows = [(name, self._cells(name)) for name in self._numbers()]
        rows += [(name, beside) for name in self._arrays()]
        html = [[f"<code>{name}</code>", *map(escape, cells), *map(escape, _about(name))] for name, cells in rows]
        headings = [*self._headings(), "what it is", "unit, direction", "how to read it"]
        return _html(self._title(), headings, html, self._notes())

    def _title(self) -> str:
        unlearned, retrained = self.models
        return f"{unlearned} unlearned and {retrained} retrained models, {self.examples} examples, δ = {self.delta:g}"

    def _headings(self) -> list[str]:
        return ["metric", "unlearned", *(["doing nothing", "gap closed"] if self.doing_nothing else [])]

    def _numbers(self) -> list[str]:
        """Return the names of the metrics that have a number in any column, in the order of tables."""
        return _in_order({*self.metrics, *(self.doing_nothing.metrics if self.doing_nothing else ())})

    def _arrays(self) -> list[str]:
        return _in_order({*self.per_example, *(self.doing_nothing.per_example if self.doing_nothing else ())})

    def _cells(self, name: str) -> list[str]:
        """Return the cells of a metric's row, behind its name."""
        form = METRICS[name].form if name in METRICS else ".4f"
        cells = [_show(self.metrics.get(name), form)]
        if self.doing_nothing:
            cells += [_show(self.doing_nothing.metrics.get(name), form), _show(self.gap_closed.get(name), ".4f")]
        return cells

    def _notes(self) -> list[str]:
        notes = [fill(sentence, _WIDTH) for sentence in say_absent(self.absent)]
        if min(self.models) < RECOMMENDED:
            notes.insert(0, f"N = {min(self.models)} is little: {RECOMMENDED} or more are recommended.")
        return notes


def say_absent(absent: Mapping[str, str]) -> list[str]:
    """Return a sentence per reason with the metrics that have no value for it; a whole group by its heading."""
    found = []
    for reason, names in _by_reason(absent).items():
        group = _group_of(names)
        named = f'all of "{GROUPS[group]}"' if group else ", ".join(names)
        found.append(f"No value for {named}: {reason}.")
    return found


def join_absent(absent: Mapping[str, str]) -> str:
    """Return the same for a cell of a table: "a, b: why | all language: why"; "all" comes with the name of a group."""
    return _BETWEEN.join(
        f"{_ALL}{group}: {reason}" if (group := _group_of(names)) else f"{', '.join(names)}: {reason}"
        for reason, names in _by_reason(absent).items()
    )


def split_absent(cell: str) -> dict[str, str]:
    """Return the reasons by metric out of what `join_absent` returned."""
    found = {}
    for part in cell.split(_BETWEEN) if cell else ():
        named, _, reason = part.partition(": ")
        names = _names_in(named.removeprefix(_ALL)) if named.startswith(_ALL) else named.split(", ")
        found |= dict.fromkeys(names, reason)
    return found


def _by_reason(absent: Mapping[str, str]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for name, reason in absent.items():
        named.setdefault(reason, []).append(name)
    return named


def _group_of(names: Sequence[str]) -> Group | None:
    """Return the group whose metrics these are, all of them; None where they are none's."""
    if len(names) < 2 or names[0] not in METRICS:
        return None
    group = METRICS[names[0]].group
    return group if set(names) == set(_names_in(group)) else None


def _names_in(group: str) -> list[str]:
    return [metric.name for metric in all_metrics() if metric.group == group]


def _in_order(names: set[str]) -> list[str]:
    """Return names in the order of tables; those of metrics that are no longer installed come last."""
    registered = [metric.name for metric in all_metrics()]
    return [*(name for name in registered if name in names), *sorted(names.difference(registered))]


def _group(name: str) -> str:
    return GROUPS[METRICS[name].group if name in METRICS else "other"]


class _About(NamedTuple):
    """Summary of a metric, its unit and which way is better, how to read a value."""

    summary: str
    facts: str
    good: str


def _about(name: str) -> _About:
    if name not in METRICS:
        return _About("Brought by a package that is not installed.", "", "")
    metric = METRICS[name]
    return _About(metric.summary, ", ".join(filter(None, (metric.unit, metric.better))), metric.good)


def _entry(name: str) -> list[str]:
    """Return the lines below a table that say what a metric is and how to read it."""
    about = _about(name)
    facts = f" ({about.facts})" if about.facts else ""
    lines = fill(f"{name}{facts}: {about.summary}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
    good = fill(about.good, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [lines, *([good] if good else [])]


def _show(value: Value | Estimate | None, form: str) -> str:
    if value is None:
        return "–"
    ends = f" [{value.low:{form}}, {value.high:{form}}]" if isinstance(value, Estimate) else ""
    return f"{value.value:{form}}{ends}"


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """Two entries side by side; `print(comparison)` shows what `bench compare` does."""

    first: str
    second: str
    scenario: str
    """The scenario's name and hash."""
    rows: "Sequence[Row]"
    """Metric, and three estimates with a 95 % interval: of the first entry, of the second, of the difference."""
    verdict: str

    def to_frame(self) -> "DataFrame":
        """Return a pandas DataFrame indexed by metric, with value, low and high per entry and of the difference."""
        import pandas as pd

        parts = {"first": 1, "second": 2, "difference": 3}
        ends = ("value", "low", "high")
        columns = {
            (part, end): [getattr(row[at], end) for row in self.rows] for part, at in parts.items() for end in ends
        }
        return pd.DataFrame(columns, index=pd.Index([row[0] for row in self.rows], name="metric"))

    def table(self) -> "Table":
        """Return the rows as a table for the terminal."""
        from benchmark.cli.terminal import table

        return table(self.rows, self._headings())

    def __repr__(self) -> str:
        return f"Comparison({self.first!r}, {self.second!r}, scenario={self.scenario!r})"

    def __str__(self) -> str:
        from benchmark.cli.terminal import as_text

        return as_text(self.table(), self.verdict)

    def _repr_html_(self) -> str:
        rows = ([escape(str(cell)) for cell in row] for row in self.rows)
        return _html(self.scenario, map(escape, self._headings()), rows, [self.verdict])

    def _headings(self) -> list[str]:
        return ["metric", self.first, self.second, "difference"]


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _html(caption: str, headings: Iterable[str], rows: Iterable[Sequence[str]], notes: Iterable[str]) -> str:
    """Return a table and notes below it; cells are HTML, caption and notes are text."""
    head = _html_row("th", headings)
    body = "".join(_html_row("td", row) for row in rows)
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<table><caption>{escape(caption)}</caption>{head}{body}</table>{below}"


def _html_row(cell: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{cell}>{each}</{cell}>' for each in cells)}</tr>"
