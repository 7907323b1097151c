"""The leaderboard as a table: what is ranked with what, the CSV, the view in the terminal.

Its columns of values are those of the registered metrics.
"""

from collections.abc import Hashable, Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any, cast

import pandas as pd
from rich import box
from rich.table import Table

from benchmark.leaderboard.ranks import ORDERS, Place, places, standing_of
from benchmark.metrics import VERSION
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.metric import Metric
from benchmark.metrics.report import join_absent, split_absent
from benchmark.metrics.support import RECOMMENDED
from benchmark.results.columns import ABOUT, NAMED, STANDING
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from benchmark.scenario.schema import options
from benchmark.submissions.files import LARGEST_TEXT
from benchmark.text import printable

EVERYTHING = "everything"
"""The access of a scenario that withholds nothing."""
ABSENT = "–"
"""Stands where there is no value."""

# Rows that share these are comparable; no rank crosses them.
_COMPARABLE = ["access", "scenario", "scenario_hash", "scorer_version"]
UNDECIDED = "cost within its uncertainty of the budget"
LOADED = "timed on a busy machine"
_TIMED = {"cost_undecided": UNDECIDED, "cost_loaded": LOADED}
_BETWEEN = " | "  # the reasons of a row


def metric_columns() -> list[str]:
    """Return the columns of every registered metric of one number; behind it, where it has one, its interval."""
    return [column for metric in all_metrics() for column in metric.columns]


def columns() -> list[str]:
    """Return the columns of the board."""
    return [*NAMED, *metric_columns(), *ABOUT]


def leaderboard(cards: list[Scorecard]) -> pd.DataFrame:
    """Return one row per entry in `columns()`, best first within each comparable group, ranks as Int64.

    Rows with a gap closed come first, by it, then the others by the published score; these have a rank only where no
    row has a gap closed. Ranks by the published score are in `published_rank`. Entries over budget rank below all
    others. Controls, failed and suspect entries have no rank; controls stand where their value puts them, then come
    failures, and last what is suspect.
    """
    rows = []
    for _, group in groupby(sorted(cards, key=_group_of), key=_group_of):
        members = list(group)
        place = places(members)
        rows += [_row(card, place.get(card.submission)) for card in members]
    table = pd.DataFrame(rows, columns=[*columns(), STANDING])
    table = table.sort_values(
        [*_COMPARABLE, STANDING, *ORDERS, "submission"], ascending=[True] * 5 + [False, False, True]
    ).reset_index(drop=True)
    for column in ("rank", "published_rank"):
        table[column] = table[column].astype("Int64")
    values = metric_columns()
    table[values] = table[values].apply(pd.to_numeric)  # None, where no row has the value, becomes nan
    return table.loc[:, columns()]


def boards(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows that may be compared with one another, with a title for each group; those of one access together."""
    for key, group in rows.groupby(_COMPARABLE):
        _, scenario, digest, version = cast(tuple[str, str, str, str], key)
        models = group["models"].iloc[0]
        title = f"{scenario}, N = {models} (scenario {digest}, scorer {version})"
        if version != VERSION:
            title += f"; this is scorer {VERSION}: `bench score {options(scenario, models)}` brings them up to date"
        yield title, group


def render(rows: pd.DataFrame, title: str, refused: Mapping[str, str] = MappingProxyType({})) -> Table:
    """Return the columns a person looks at first, for the terminal; below them what could not be run, and the notes.

    Remarks on a row are numbered notes: written out they would leave no room for the names.
    """
    notes: dict[str, int] = {}
    table = ranking_table(title)
    shown, first = _shown_metrics(rows), first_order(rows)
    headings = [
        heading for metric in shown for heading in ([metric.heading, "±"] if metric.name == first else [metric.heading])
    ]
    for heading in [*headings, "epochs"]:
        table.add_column(heading, justify="right", no_wrap=True)
    mixed = len(set(rows["source"])) > 1
    table.add_column("status", overflow="fold")
    for row in rows.to_dict("records"):
        rank = rank_of(row)
        rank += "*" if mixed and row["source"] == "local" else ""  # a column would leave names no room
        table.add_row(
            rank,
            row["group"] if isinstance(row["group"], str) else "",
            row["submission"],
            *(cell for metric in shown for cell in _cells(metric, row, metric.name == first)),
            cell_of(row["retain_epochs"], ".1f"),
            _with_notes(row["status"], row_remarks(row), notes),
            style="dim" if row["control"] else None,
        )
    values = len(headings) + 1
    for name, why in refused.items():
        table.add_row(
            ABSENT, "", printable(name), *[ABSENT] * values, _with_notes("not run", [f"not run: {why}"], notes)
        )
    own = ["* ran here; the other rows are as they were shipped."] if mixed else []
    table.caption = "\n".join([_caption(rows), *own, *(f"[{number}] {remark}" for remark, number in notes.items())])
    return table


def ranking_table(title: str) -> Table:
    """Return a table of entries by rank, without rows, whose first columns are rank, group and submission."""
    table = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    # In a narrow terminal names give way, never a value.
    for heading in ("rank", "group"):
        table.add_column(heading, no_wrap=True)
    table.add_column("submission", overflow="fold")
    return table


def _with_notes(status: str, remarks: list[str], notes: dict[str, int]) -> str:
    """Return the status with the numbers of its remarks; new ones enter `notes`."""
    numbers = [notes.setdefault(remark, len(notes) + 1) for remark in remarks]
    return " ".join([status, *(f"[{number}]" for number in numbers)])


def _shown_metrics(rows: pd.DataFrame) -> list[Metric]:
    """Return the metrics that the terminal shows: gaps closed where a row has them, else the normalised score.

    What holds after treatments is a column where a row says it.
    """
    without = {"normalised_score"} if first_order(rows) == "gap_closed" else {"gap_closed", "gap_closed_phi"}
    if not rows["resilience"].notna().to_numpy().any():
        without.add("resilience")
    return [metric for metric in all_metrics() if metric.heading and metric.name not in without]


def first_order(rows: pd.DataFrame) -> str:
    """Return the metric that orders the rows, which the terminal shows with half of its interval."""
    can_rank = ~rows["control"].astype(bool) & rows["status"].isin(["ok", "over-budget"])
    return next(name for name in ORDERS if name == ORDERS[-1] or (can_rank & rows[name].notna()).to_numpy().any())


def _cells(metric: Metric, row: dict[Hashable, Any], with_interval: bool) -> list[str]:
    """Return what the terminal shows of a metric in a row."""
    cells = [cell_of(row[metric.name], metric.form)]
    if with_interval:
        cells.append(cell_of((row[f"{metric.name}_high"] - row[f"{metric.name}_low"]) / 2, metric.form))
    return cells


def _summary_of(metric: Metric) -> str:
    """Return the summary as part of a sentence."""
    return (metric.summary[:1].lower() + metric.summary[1:]).rstrip(".")


def _caption(rows: pd.DataFrame) -> str:
    """Return what the columns are, and what holds for some of the rows."""
    ceiling = (rows["score"] / rows["normalised_score"]).dropna()
    shown = _shown_metrics(rows)
    first = first_order(rows)
    told = [
        f"{metric.heading}: {_summary_of(metric)}" for metric in shown if metric.name not in (*ORDERS, "gap_closed_phi")
    ]
    gap = (
        "gap ± half its 95 % interval: 0 % = as if nothing had been done, 100 % = as if retrained; by φ: the same by φ "
        "of the forget examples alone, which a submission can aim at; score: the published one"
    )
    caption = (
        (gap if first == "gap_closed" else "score ± half its 95 % interval")
        + (f", {ceiling.iloc[0]:.3f} for perfect unlearning" if len(ceiling) else "")
        + "; "
        + "; ".join(told)
        + "; epochs: examples taken from the retain loader, over its size. Entries that share a letter (group) are not "
        "significantly different: 95 %, paired, corrected for their number." + _limits(rows)
    )
    for footnote in dict.fromkeys(rows["footnotes"].dropna()):
        caption += f" {footnote}." if footnote else ""
    if public := len(rows[(rows["seeds"] == "public") & (rows["status"] != "not-applicable")]):  # which took no pool
        caption += f" {public} of {len(rows)} rows are of a pool with public seeds, which a submission could rebuild."
    return caption


def rank_of(row: Mapping[Hashable, Any]) -> str:
    """Return what stands in the column of ranks."""
    return "control" if row["control"] else ABSENT if pd.isna(row["rank"]) else f"{row['rank']}"


def cell_of(value: float, form: str) -> str:
    """Return a value as it is shown, a dash where there is none."""
    return ABSENT if pd.isna(value) else format(value, form)


def _limits(rows: pd.DataFrame) -> str:
    """Return what so few models cannot tell, and how many would; empty where N is large enough."""
    models = int(rows["models"].iloc[0])
    if models >= RECOMMENDED:
        return ""
    reasons = {name: reason for cell in rows["absent"].dropna() for name, reason in split_absent(cell).items()}
    headings = {metric.name: metric.heading for metric in all_metrics() if metric.heading}
    found = [f"{headings[name]} –: {reason}." for name, reason in reasons.items() if name in headings]
    return " ".join([f" N = {models} is little: {RECOMMENDED} or more are recommended.", *found])


def row_remarks(row: dict[Hashable, Any]) -> list[str]:
    """Return whatever a reader has to know before believing the row."""
    remarks = []
    if row["failed_runs"]:
        remarks.append(f"{row['failed_runs']} of {row['attempted_runs']} runs failed")
    if row["isolation"] == "process":
        remarks.append("no sandbox")
    if _holds(row["retrains"]):
        remarks.append("retrains")
    if _holds(row["data_bytes"]) and row["data_bytes"] > LARGEST_TEXT:
        remarks.append(f"brings {row['data_bytes'] / 1000:,.0f} kB of data")
    remarks += [remark for column, remark in _TIMED.items() if _holds(row[column])]
    if _holds(row["unchanged_runs"]):
        succeeded = row["attempted_runs"] - row["failed_runs"]
        remarks.append(f"returned its original in {row['unchanged_runs']:.0f} of {succeeded} runs")
    if _holds(row["absent"]) and pd.isna(row["score"]):
        remarks.append(f"no score: {split_absent(row['absent']).get('score', 'its scorecard has none')}")
    if _holds(row["remarks"]):
        remarks.append(row["remarks"])
    return remarks


def _holds(value: Any) -> bool:
    """Say whether a cell is there and true, or not zero."""
    return not pd.isna(value) and bool(value)


def _row(card: Scorecard, place: Place | None) -> dict[str, object]:
    row: dict[str, object] = card.model_dump(include=set(columns()))
    row |= dict.fromkeys(Place._fields) if place is None else place._asdict()
    row |= {"source": card.source, STANDING: standing_of(card)}
    if card.cost:
        row |= {f"cost_{name}": value for name, value in card.cost}
    row["access"] = card.access or EVERYTHING
    row["request"] = f"{card.sequence.request} of {card.sequence.requests}" if card.sequence else None
    row["footnotes"] = _BETWEEN.join(card.footnotes)
    row["worst_class"] = card.class_leaks[0].name if card.class_leaks else None
    row["remarks"] = None
    if card.integrity:
        row |= card.integrity.model_dump()
        row["replayed_runs"] = " ".join(map(str, card.integrity.replayed_runs))
    if card.is_scored:
        row["absent"] = join_absent({name: reason for name, reason in card.absent().items() if name in METRICS})
        row["remarks"] = ", ".join(card.remarks)
    for name, found in card.numbers().items():
        row[name] = found.value
        if isinstance(found, Estimate):
            row |= {f"{name}_low": found.low, f"{name}_high": found.high}
    return row


def _group_of(card: Scorecard) -> tuple[str, str, str]:
    return card.scenario, card.scenario_hash, card.scorer_version
