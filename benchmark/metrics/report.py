"""Results of `benchmark.score` and `benchmark.compare`: frozen, they print as tables and show in notebooks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from benchmark.metrics.support import RECOMMENDED

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.table import Table

    from benchmark.leaderboard.comparison import Row


class Estimate(NamedTuple):
    """A number and its 95 % interval; without bounds where none is known."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        value = str(self.value) if isinstance(self.value, int) else f"{self.value:.4f}"
        return value if self.low is None else f"{value} [{self.low:.4f}, {self.high:.4f}]"


METRICS = {
    "forgetting_quality": ("forgetting quality F, published", "0.1 to 0.2, biased"),
    "median_epsilon": ("median ε, published (nats)", "1 to 1.5, biased"),
    "proven_leaks": ("examples with an ε lower bound above 0", "0"),
    "largest_lower_bound": ("largest ε lower bound (nats)", "0"),
    "detectable": ("detectable examples at FDR 5 % (share)", "0"),
    "under_unlearned": ("under-unlearned examples (share)", "0"),
    "over_unlearned": ("over-unlearned examples (share)", "0"),
    "mean_klom": ("mean KLoM (nats)", "above 0, biased"),
    "ulira_accuracy": ("U-LiRA accuracy", "0.5"),
    "ulira_auc": ("U-LiRA AUC", "0.5"),
    "ulira_tpr_at_1": ("U-LiRA TPR at 1 % FPR", "0.01"),
    "ulira_tpr_at_01": ("U-LiRA TPR at 0.1 % FPR", "0.001"),
    "ruli_accuracy": ("RULI accuracy", "0.5"),
    "ruli_auc": ("RULI AUC", "0.5"),
    "ruli_tpr_at_1": ("RULI TPR at 1 % FPR", "0.01"),
    "ruli_tpr_at_01": ("RULI TPR at 0.1 % FPR", "0.001"),
}
"""What a reader sees of each metric: its label, and what a second retrained population would get."""


@dataclass(frozen=True, repr=False, eq=False)
class Score:
    """Everything that the metrics say of two populations of φ, and of doing nothing beside them.

    `print(score)` shows the table, a notebook draws it, `to_frame()` has the values per example.
    """

    models: tuple[int, int]
    """Unlearned models, retrained models."""
    delta: float
    metrics: Mapping[str, Estimate]
    """The numbers that exist, by the names in `METRICS`."""
    per_example: Mapping[str, NDArray]
    """Arrays `[examples]`: epsilon, epsilon_lower_bound, p_value, detectable, effect, klom and two attacks' accuracies.

    `effect` is P(φ of an unlearned model > φ of a retrained one), ties counted half.
    """
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """Why a metric is missing, by its name; `gap_closed_…` for a share of the way that is."""
    doing_nothing: "Score | None" = None
    """The same of the original models, as if they were the unlearned ones."""
    gap_closed: Mapping[str, Estimate] = field(default_factory=dict)
    """0 = as if nothing had been done, 1 = as if retrained, negative = worse than doing nothing."""

    @property
    def examples(self) -> int:
        """The number of forget examples."""
        return len(self.per_example["epsilon"])

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
            "metrics": {name: each._asdict() for name, each in self.metrics.items()},
            "gap_closed": {name: each._asdict() for name, each in self.gap_closed.items()},
            "unsupported": dict(self.unsupported),
            "per_example": {name: each.tolist() for name, each in self.per_example.items()},
            "doing_nothing": self.doing_nothing and self.doing_nothing.to_dict(),
        }

    def __repr__(self) -> str:
        shown = ((name, self.metrics.get(name)) for name in ("forgetting_quality", "detectable"))
        values = (f"{name}={each.value:.4f}" for name, each in shown if each)
        return f"Score({', '.join([*values, f'models={self.models}', f'examples={self.examples}'])})"

    def __str__(self) -> str:
        return "\n".join([self._title(), "", *_align([self._headings(), *self._rows()]), "", *self._notes()]).rstrip()

    def _repr_html_(self) -> str:
        return _html(self._title(), self._headings(), self._rows(), self._notes())

    def _title(self) -> str:
        unlearned, retrained = self.models
        return f"{unlearned} unlearned and {retrained} retrained models, {self.examples} examples, δ = {self.delta:g}"

    def _headings(self) -> list[str]:
        beside = ["doing nothing", "gap closed"] if self.doing_nothing else []
        return ["metric", "unlearned", *beside, "retraining gets"]

    def _rows(self) -> list[list[str]]:
        columns = [self.metrics]
        if self.doing_nothing:
            columns += [self.doing_nothing.metrics, self.gap_closed]
        return [
            [label, *(str(column[name]) if name in column else "–" for column in columns), retraining]
            for name, (label, retraining) in METRICS.items()
        ]

    def _notes(self) -> list[str]:
        named: dict[str, list[str]] = {}
        for name, reason in self.unsupported.items():
            named.setdefault(reason, []).append(name)
        notes = [f"no value for {', '.join(names)}: {reason}." for reason, names in named.items()]
        if min(self.models) < RECOMMENDED:
            notes.insert(0, f"N = {min(self.models)} is little: {RECOMMENDED} or more are recommended.")
        return notes


@dataclass(frozen=True, repr=False, eq=False)
class Comparison:
    """Two entries side by side; `print(comparison)` shows what `bench compare` does."""

    first: str
    second: str
    scenario: str
    """The scenario's name and hash."""
    rows: "Sequence[Row]"
    """Figure, and three estimates with a 95 % interval: of the first entry, of the second, of the difference."""
    verdict: str

    def to_frame(self) -> "DataFrame":
        """Return a pandas DataFrame indexed by figure, with value, low and high per entry and of the difference."""
        import pandas as pd

        parts = {"first": 1, "second": 2, "difference": 3}
        ends = ("value", "low", "high")
        columns = {
            (part, end): [getattr(row[at], end) for row in self.rows] for part, at in parts.items() for end in ends
        }
        return pd.DataFrame(columns, index=pd.Index([row[0] for row in self.rows], name="figure"))

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
        return _html(
            self.scenario, self._headings(), ([str(cell) for cell in row] for row in self.rows), [self.verdict]
        )

    def _headings(self) -> list[str]:
        return ["figure", self.first, self.second, "difference"]


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _html(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str]) -> str:
    head = _html_row("th", headings)
    body = "".join(_html_row("td", row) for row in rows)
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<table><caption>{escape(caption)}</caption>{head}{body}</table>{below}"


def _html_row(cell: str, texts: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{cell}>{escape(text)}</{cell}>' for text in texts)}</tr>"
