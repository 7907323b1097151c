"""The terminal table of `bench study --planted`: sizes by metric and N, and how to read them."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmark.study.leaks import LEAKS
from benchmark.study.planted_plot import seeing


def headings() -> tuple[str, ...]:
    """Return the headings of the table."""
    return ("metric", "N", *(leak.name for leak in LEAKS), "null", "false", "by")


def cells(rows: pd.DataFrame) -> list[list[str]]:
    """Return a row per metric and N, of the metrics that detect any leak; a dash where no planted size is detected."""
    names = seeing(rows)
    return [_cells(row) for row in rows.to_dict(orient="records") if row["metric"] in names]


def blind(rows: pd.DataFrame) -> list[str]:
    """Return the metrics that detect no leak at any N."""
    return [name for name in dict.fromkeys(rows["metric"]) if name not in seeing(rows)]


def legend(rows: pd.DataFrame) -> list[str]:
    """Return lines that say what the leaks are and what stands in the columns."""
    pools = rows["pools"].min() if len(rows) else 0
    return [
        f"Sizes of leaks that are detected with 80 % power, by {pools} simulated pools; – where no planted size is:",
        *(f"  {leak.name}: {leak.summary} ({leak.sizes[0]:g} to {leak.sizes[-1]:g})" for leak in LEAKS),
        "null: the mean value without a leak; false: how often one is reported then, – if it is 5 % by construction.",
        "by: an interval beyond the null value, a test at 5 %, or the 95 % quantile of pools without a leak.",
    ]


def _cells(row: Mapping[Hashable, Any]) -> list[str]:
    sizes = [_number(row[leak.name], ".2f") for leak in LEAKS]
    null = _number(row["null"], ".3g"), _number(row["false_reports"], ".0%")
    return [row["metric"], str(row["models"]), *sizes, *null, row["rule"]]


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if np.isfinite(value) else "–"
