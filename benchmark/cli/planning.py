"""`bench plan`: the cost of a scenario's pool and of a number of entries, before any of it is made."""

from typing import Annotated

import typer

from benchmark.cli.options import (
    DataOption,
    DeviceOption,
    JobsOption,
    JsonOption,
    ModelsOption,
    SandboxOption,
    ScenarioOption,
)
from benchmark.cli.shared import open_session, out, print_json, read_scenario, try_without_choice

EntriesOption = Annotated[int, typer.Option("--entries", min=1, help="Entries that will be run.")]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Processes of all machines, a core or a GPU each; by default --jobs."),
]
MeasuredOption = Annotated[
    str, typer.Option("--submission", help="The submission whose runs are measured and taken for everybody's.")
]


def plan(
    entries: EntriesOption = 1,
    workers: WorkersOption = None,
    scenario: ScenarioOption = "digits",
    submission: MeasuredOption = "finetune",
    models: ModelsOption = None,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    require_sandbox: SandboxOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what a board will take: models, runs, hours, disk, memory, and the time until it is done.

    Measures a few steps of training and a few runs of a submission on this machine, and keeps nothing of it.
    """
    from benchmark.cli.terminal import listing
    from benchmark.device import choose_device
    from benchmark.planning.measuring import measure_costs
    from benchmark.planning.plan import Plan
    from benchmark.planning.rows import plan_rows
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace

    chosen = read_scenario(scenario, models)
    session = open_session(Workspace.find(), jobs, choose_device(device, chosen))
    settle_isolation(required=require_sandbox, warn=session.warn)
    chosen = try_without_choice(session, chosen)
    planned = Plan(chosen, measure_costs(session, chosen, submission), entries, workers or session.jobs)
    if as_json:
        print_json(planned.to_json())
    else:
        out.print(listing(plan_rows(planned, submission, session.device, session.jobs)))
