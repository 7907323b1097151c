"""`bench work`: one of many processes, here and on other machines, that make what a workspace lacks together."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import (
    DataOption,
    DeviceOption,
    FailuresOption,
    JobsOption,
    ModelsOption,
    OutOption,
    SandboxOption,
    TreatOption,
)
from benchmark.cli.pools import prepare_pool
from benchmark.cli.running import evaluate_in_turn, warn_of_problem
from benchmark.cli.shared import choose_forget_set, open_session, out, read_scenario, show_progress
from benchmark.errors import BadUsage, FailedEntry

if TYPE_CHECKING:
    from benchmark.results.scorecard import Scorecard
    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session
    from benchmark.storage.workspace import Workspace


def work(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SCENARIO]...", help="By default all whose reference pool was begun here."),
    ] = None,
    models: ModelsOption = None,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    allow_failures: FailuresOption = 0,
    treat: TreatOption = False,
    timing: Annotated[
        bool,
        typer.Option("--timing/--no-timing", help="Take costs, and so finish entries, or leave that to others."),
    ] = True,
    require_sandbox: SandboxOption = False,
    out_folder: OutOption = None,
) -> None:
    """Train and run whatever is missing and nobody else is making, until every entry has its row.

    Start it as often as you like, on all machines that see the same folder: blocks of models and blocks of runs are
    shared out, and what a killed one had begun goes to another.
    """
    from benchmark.leaderboard import rebuild
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace

    workspace = Workspace.find(out_folder)
    session = open_session(workspace, jobs)
    chosen = [read_scenario(name, models) for name in names or _begun(workspace)]
    settle_isolation(required=require_sandbox, warn=session.warn)
    cards, refused = list["Scorecard"](), list[str]()
    for scenario in chosen:
        made, left_out = _work_on(session, scenario, device, allow_failures, treat=treat, times=timing)
        cards, refused = cards + made, refused + left_out
    if timing:
        rebuild(workspace, cards, session.warn)
    if refused:
        raise FailedEntry(f"{len(refused)} entries could not be run: {', '.join(refused)}; see the notes above")


def _begun(workspace: "Workspace") -> list[str]:
    """Return the shipped scenarios that have a reference pool here. Raises BadUsage where none has."""
    from benchmark.scenario.schema import scenario_names

    begun = [name for name in scenario_names() if any(workspace.pools.glob(f"{name}-*/manifest.json"))]
    if not begun:
        raise BadUsage(
            f"no scenario was named, and {workspace.pools} has no pool of a shipped one, expected either; name what to "
            "work on: `bench work digits`"
        )
    return begun


def _work_on(
    session: "Session", named: "Scenario", device: str | None, allow_failures: int, *, treat: bool, times: bool
) -> "tuple[list[Scorecard], list[str]]":
    """Make what is missing on a scenario; return the scorecards made here, and the entries that could not be run."""
    from benchmark.device import choose_device
    from benchmark.pipeline import evaluate, record_fault, shared_entries

    session = replace(session, device=choose_device(device, named))
    scenario = choose_forget_set(session, named, device)
    warn_of_problem(session, scenario)
    prepare_pool(session, scenario)

    def recover(entry: str, error: Exception) -> "Scorecard | None":
        return record_fault(scenario, entry, session.workspace, error)

    with show_progress(session) as shown:

        def evaluate_entry(entry: str) -> "Scorecard":
            card = evaluate(shown, scenario, entry, allow_failures, treat=treat, retry=False)
            out.print(f"{scenario.label}: {card.submission} is {card.status}", highlight=False, soft_wrap=True)
            return card

        entries = shared_entries(shown, scenario, allow_failures, treat=treat, times=times)
        cards, _, refused = evaluate_in_turn(session, entries, evaluate_entry, recover, beside_others=True)
    return cards, [f"{entry} on {scenario.name}" for entry in refused]
