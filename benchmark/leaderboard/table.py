"""The leaderboard as a table: what is ranked with what, the CSV, the view in the terminal."""

from collections.abc import Hashable, Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any, cast

import pandas as pd
from rich import box
from rich.table import Table

from benchmark.leaderboard.comparison import estimates
from benchmark.leaderboard.ranks import ranks
from benchmark.metrics import VERSION
from benchmark.metrics.entry import Attack, Estimate, Figures
from benchmark.metrics.support import RECOMMENDED
from benchmark.results.scorecard import Cost, Scorecard
from benchmark.runs.integrity import Integrity
from benchmark.scenario.schema import options
from benchmark.submissions.files import LARGEST_TEXT
from benchmark.text import printable

_ABOUT = [
    "models",
    "status",
    "reason",
    "attempted_runs",
    "failed_runs",
    "allowed_failures",
    "isolation",
    "seeds",
    "data_bytes",
    *Integrity.model_fields,
    *(f"cost_{name}" for name in Cost.model_fields),
    "control",
    "values",
    "absent",
    "remarks",
    "footnotes",
    "scorer_version",
    "scenario_hash",
    "submission_hash",
    "evidence_hash",
    "date",
    "source",
]


def _figure_columns() -> list[str]:
    """Every figure of one number, in the record's order; behind an estimate its interval."""
    columns: list[str] = []
    for name, field in Figures.model_fields.items():
        if field.annotation in (float, float | None, int | None):
            columns.append(name)
        elif field.annotation in (Estimate, Estimate | None):
            columns += [name, f"{name}_low", f"{name}_high"]
        elif field.annotation is Attack:
            for inner in Attack.model_fields:
                columns += [f"{name}_{inner}", f"{name}_{inner}_low", f"{name}_{inner}_high"]
    return columns


COLUMNS = ["rank", "submission", "scenario", *_figure_columns(), *_ABOUT]

# Rows that share these are comparable; no rank crosses them.
_COMPARABLE = ["scenario", "scenario_hash", "scorer_version"]
_TIMED = {"cost_undecided": "cost within its uncertainty of the budget", "cost_loaded": "timed on a busy machine"}
_BETWEEN = " | "  # the reasons of a row
# What a person sees of the figures that few models cannot tell.
_HEADINGS = {"score_share": "share", "certified_examples": "leaks", "distinguishable": "dist."}
_STANDING = {"ok": 0, "over-budget": 1, "suspect": 3}
_FAILED = 2  # the standing of all others


def leaderboard(cards: list[Scorecard]) -> pd.DataFrame:
    """One row an entry in COLUMNS, best first within each comparable group, ranks as Int64.

    Entries over budget rank below all others. Controls, failed and suspect entries have no rank; controls stand where
    their score puts them, then come failures, and last what is suspect.
    """
    rows = []
    for _, group in groupby(sorted(cards, key=_group_of), key=_group_of):
        members = list(group)
        ranked = ranks(members)
        rows += [_row(card, ranked.get(card.submission)) for card in members]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "standing"])
    table = table.sort_values(
        [*_COMPARABLE, "standing", "score", "submission"], ascending=[True] * 4 + [False, True]
    ).reset_index(drop=True)
    table["rank"] = table["rank"].astype("Int64")
    figures = _figure_columns()
    table[figures] = table[figures].apply(pd.to_numeric)  # None, where no row has the figure, becomes nan
    return table.loc[:, COLUMNS]


def groups(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows that may be compared with one another, with a title for each group."""
    for key, group in rows.groupby(_COMPARABLE):
        scenario, digest, version = cast(tuple[str, str, str], key)
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
    table = Table(
        title=title,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    # In a narrow terminal names give way, never a figure.
    table.add_column("rank", no_wrap=True)
    table.add_column("submission", overflow="fold")
    for heading in ("score", "±", "share", "leaks", "dist.", "cost", "epochs"):
        table.add_column(heading, justify="right", no_wrap=True)
    mixed = len(set(rows["source"])) > 1
    if mixed:
        table.add_column("source", no_wrap=True)
    table.add_column("status", overflow="fold")
    shared = rows["rank"].dropna().duplicated(keep=False)
    for index, row in zip(rows.index, rows.to_dict("records"), strict=True):
        rank = "control" if row["control"] else "–" if pd.isna(row["rank"]) else f"{row['rank']}"
        rank += "=" if shared.get(index, False) else ""
        source = [row["source"]] if mixed else []
        table.add_row(
            rank,
            row["submission"],
            _cell(row["score"], ".4f"),
            _cell((row["score_high"] - row["score_low"]) / 2, ".4f"),
            _cell(row["score_share"], ".2f"),
            _cell(row["certified_examples"], ".0f"),
            _cell(row["distinguishable"], ".0%"),
            _cell(row["retraining_share"], ".0%"),
            _cell(row["retain_epochs"], ".1f"),
            *source,
            _noted(row["status"], _remarks(row), notes),
            style="dim" if row["control"] else None,
        )
    for name, why in refused.items():
        table.add_row("–", printable(name), *["–"] * 7, *[""] * mixed, _noted("not run", [f"not run: {why}"], notes))
    table.caption = "\n".join([_caption(rows), *(f"[{number}] {remark}" for remark, number in notes.items())])
    return table


def _noted(status: str, remarks: list[str], notes: dict[str, int]) -> str:
    """Return the status with the numbers of its remarks; new ones enter `notes`."""
    numbers = [notes.setdefault(remark, len(notes) + 1) for remark in remarks]
    return " ".join([status, *(f"[{number}]" for number in numbers)])


def _caption(rows: pd.DataFrame) -> str:
    """Return what the columns are, and what holds for some of the rows."""
    ceiling = (rows["score"] / rows["score_share"]).dropna()
    caption = (
        "score ± half its 95 % interval; share: of the ceiling"
        + (f" ({ceiling.iloc[0]:.3f}, perfect unlearning)" if len(ceiling) else "")
        + "; leaks: examples certified to leak; dist.: examples still told apart at FDR 5 %; cost: share of "
        "retraining; epochs: examples taken from the retain loader, over its size. Entries that share a rank (=) are "
        "not resolved at 95 %, paired, corrected for their number." + _limits(rows)
    )
    for footnote in dict.fromkeys(rows["footnotes"].dropna()):
        caption += f" {footnote}." if footnote else ""
    if public := len(rows[rows["seeds"] == "public"]):
        caption += f" {public} of {len(rows)} rows are of a pool with public seeds, which a submission could rebuild."
    return caption


def _cell(value: float, form: str) -> str:
    return "–" if pd.isna(value) else format(value, form)


def _limits(rows: pd.DataFrame) -> str:
    """Return what so few models cannot tell, and how many would; empty where N is large enough."""
    models = int(rows["models"].iloc[0])
    if models >= RECOMMENDED:
        return ""
    texts = "".join(f"{text}{_BETWEEN}" for text in rows["absent"].dropna()).split(_BETWEEN)
    reasons = dict(text.split(": ", 1) for text in texts if text)
    found = [f"{heading} –: {reasons[name]}." for name, heading in _HEADINGS.items() if name in reasons]
    return " ".join([f" N = {models} is little: {RECOMMENDED} or more are recommended.", *found])


def _remarks(row: dict[Hashable, Any]) -> list[str]:
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
        remarks.append("no score: " + dict(text.split(": ", 1) for text in row["absent"].split(_BETWEEN))["score"])
    if _holds(row["remarks"]):
        remarks.append(row["remarks"])
    return remarks


def _holds(value: Any) -> bool:
    """Whether a cell is there and true, or not zero."""
    return not pd.isna(value) and bool(value)


def _row(card: Scorecard, rank: int | None) -> dict[str, object]:
    row: dict[str, object] = card.model_dump(include=set(COLUMNS))
    row |= {"rank": rank, "source": card.source, "standing": _STANDING.get(card.status, _FAILED)}
    if card.cost:
        row |= {f"cost_{name}": value for name, value in card.cost}
    row["footnotes"] = _BETWEEN.join(card.footnotes)
    if card.integrity:
        row |= card.integrity.model_dump()
        row["replayed_runs"] = " ".join(map(str, card.integrity.replayed_runs))
    if card.figures:
        row |= {name: value for name, value in card.figures if isinstance(value, float | int)}
        row["absent"] = _BETWEEN.join(f"{name}: {reason}" for name, reason in card.figures.absent.items())
        row["remarks"] = ", ".join(card.figures.remarks)
        for name, estimate in estimates(card.figures).items():
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


def _group_of(card: Scorecard) -> tuple[str, str, str]:
    return card.scenario, card.scenario_hash, card.scorer_version
