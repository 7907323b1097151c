"""Rows of `bench list`: the submissions, scenarios and pools of a workspace; and the kinds of every seam."""

from collections.abc import Callable
from typing import Any

from benchmark.errors import BenchError, note
from benchmark.registry import Registry
from benchmark.scenario.schema import load_scenario, scenario_names
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission, submission_names, tuned_scenarios, unsuitable_names
from benchmark.text import printable

Rows = list[dict[str, object]]


def submissions(workspace: Workspace) -> Rows:
    """Name, title, source and hash of every folder in submissions/, and the scenarios it has been tuned for."""
    names = sorted([*submission_names(workspace), *unsuitable_names(workspace)])
    return [_submission(name, workspace) for name in names]


def _submission(name: str, workspace: Workspace) -> dict[str, object]:
    """Return a submission's row; a folder that is no submission has what is wrong with it as its title."""
    row: dict[str, object] = dict.fromkeys(("submission", "title", "reference", "hash", "tuned"), "")
    try:
        found = find_submission(name, workspace)
        tuned = ", ".join(tuned_scenarios(found.folder))
    except BenchError as error:
        return {**row, "submission": printable(name), "title": str(error)}
    return {"submission": name, "title": found.title, "reference": found.reference, "hash": found.hash, "tuned": tuned}


def scenarios(workspace: Workspace) -> Rows:
    """Name, N, hash and description of every scenario that ships."""
    loaded = [load_scenario(name) for name in scenario_names()]
    return [
        {"scenario": s.name, "models": s.protocol.models, "hash": s.hash, "description": s.description} for s in loaded
    ]


def pools(workspace: Workspace) -> Rows:
    """Return every reference pool on the disk, with its finished blocks and size."""
    rows: Rows = []
    for manifest in sorted(workspace.pools.glob("*/manifest.json")):
        folder = manifest.parent
        size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
        blocks = len(BlockStore(folder, {}).finished())
        rows.append({"pool": folder.name, "finished_blocks": blocks, "megabytes": round(size / 1e6, 1)})
    return rows


def boards(workspace: Workspace) -> Rows:
    """Return every board: its rows, shipped and made here, and the entries whose evidence lies here."""
    from benchmark.results.board_file import read_cards

    shipped, own = ([card.label for card in read_cards(each, note)] for each in (workspace.shipped, workspace.results))
    return [
        {
            "board": label,
            "shipped": shipped.count(label),
            "own": 0 if workspace.publishes else own.count(label),
            "with_evidence": len(list((workspace.evidence / label).glob("*/runs.json"))),
            "bundle": "yes" if (workspace.shipped / "evidence" / f"{label}.zip").exists() else "",
        }
        for label in sorted({*shipped, *own})
    ]


def metrics(workspace: Workspace) -> Rows:
    """Every metric, shipped or brought by an installed package: what it says and which way is better."""
    from benchmark.metrics.kinds import METRICS, all_metrics

    return [
        {
            "metric": metric.name,
            "unit": metric.unit,
            "better": metric.direction,
            "summary": metric.summary,
            "good": metric.good,
            "from": METRICS.origin(metric.name),
        }
        for metric in all_metrics()
    ]


def treatments(workspace: Workspace) -> Rows:
    """Return every treatment of nets after unlearning, shipped or brought by an installed package."""
    from benchmark.treatments import TREATMENTS

    return [
        {"treatment": each.name, "description": each.summary, "from": TREATMENTS.origin(each.name)}
        for each in TREATMENTS.unique()
    ]


def sources(workspace: Workspace) -> Rows:
    """Return every kind of source a scenario can name, shipped or brought by an installed package."""
    from benchmark.data.sources import SOURCES

    return _kinds(SOURCES)


def forget_sets(workspace: Workspace) -> Rows:
    """Return every kind of forget set a scenario can name, shipped or brought by an installed package."""
    from benchmark.data.forget import FORGET_SETS

    return _kinds(FORGET_SETS)


def manipulations(workspace: Workspace) -> Rows:
    """Return every kind of manipulation a scenario can name, shipped or brought by an installed package."""
    from benchmark.data.manipulations import MANIPULATIONS

    return _kinds(MANIPULATIONS)


def accesses(workspace: Workspace) -> Rows:
    """Return every kind of access a scenario can name, shipped or brought by an installed package."""
    from benchmark.data.accesses import ACCESSES

    return _kinds(ACCESSES)


def networks(workspace: Workspace) -> Rows:
    """Return every kind of network a scenario can name, shipped or brought by an installed package."""
    from benchmark.models.networks import NETWORKS

    return _kinds(NETWORKS)


def tasks(workspace: Workspace) -> Rows:
    """Return every kind of task a scenario can name, shipped or brought by an installed package."""
    from benchmark.tasks import TASKS

    return _kinds(TASKS)


def _kinds(registry: Registry[Any]) -> Rows:
    """Return the kinds of sections, with their own keys and the first line of their docstrings."""
    return [
        {
            registry.seam: name,
            "keys": ", ".join(key for key in kind.model_fields if key not in ("name", "kind", "source")),
            "description": (kind.__doc__ or "").strip().split("\n")[0],
            "from": registry.origin(name),
        }
        for name, kind in sorted(registry.items())
    ]


LISTINGS: dict[str, Callable[[Workspace], Rows]] = {
    "submissions": submissions,
    "scenarios": scenarios,
    "pools": pools,
    "boards": boards,
    "metrics": metrics,
    "treatments": treatments,
    "sources": sources,
    "forget-sets": forget_sets,
    "manipulations": manipulations,
    "accesses": accesses,
    "networks": networks,
    "tasks": tasks,
}
