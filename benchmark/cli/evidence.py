"""`bench evidence`: the evidence of a board in one file, which scores it anew on a machine without a pool."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import DataOption, ModelsOption, OutOption, ScenarioOption
from benchmark.cli.shared import open_session, out, read_scenario, show_progress, tell_faults

FileArgument = Annotated[
    Path | None, typer.Argument(help="The bundle; by default leaderboard/evidence/<scenario>.zip.")
]


def pack(
    file: FileArgument = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    data_dir: DataOption = None,
    results: OutOption = None,
) -> None:
    """Pack the evidence of all entries that can be scored here, and of the reference models, into one file."""
    from benchmark.bundle.packing import pack_evidence
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(results), read_scenario(scenario, models)
    path = file or workspace.bundle(chosen)
    with show_progress(open_session(workspace)) as session:
        contents = pack_evidence(session, chosen, path)
    out.print(f"packed {len(contents.entries)} entries: {path}", highlight=False, soft_wrap=True)


def unpack(
    file: FileArgument = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    data_dir: DataOption = None,
    results: OutOption = None,
) -> None:
    """Put the evidence in a bundle where `bench score` and `bench study` look for it. Nothing is trained or run."""
    from benchmark.bundle.unpacking import unpack_evidence
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(results), read_scenario(scenario, models)
    with show_progress(open_session(workspace)) as session:
        unpacked = unpack_evidence(session, chosen, file or workspace.bundle(chosen))
    out.print(f"unpacked {len(unpacked)} entries to {workspace.evidence}", highlight=False, soft_wrap=True)


def verify(
    file: FileArgument = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    data_dir: DataOption = None,
) -> None:
    """Say of each member of a bundle that is damaged, missing or surplus what is wrong; status 0 when none is."""
    from benchmark.bundle.unpacking import find_faults
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(), read_scenario(scenario, models)
    path = file or workspace.bundle(chosen)
    faults = find_faults(open_session(workspace), chosen, path)
    tell_faults(faults, path)
