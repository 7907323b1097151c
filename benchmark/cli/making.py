"""`bench make-board`: whole boards, each from an empty pool to the rows of all entries."""

from collections.abc import Mapping
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
    TrialsOption,
)
from benchmark.cli.pages import refresh_site, show_site
from benchmark.cli.pools import prepare_pool
from benchmark.cli.running import evaluate_all
from benchmark.cli.shared import choose_forget_set, open_session, out, read_scenario, show_board, show_summary
from benchmark.cli.system import complaint
from benchmark.cli.tuning import tune_all, warn_of_old_rows, without_values
from benchmark.errors import BenchError, FailedEntry
from benchmark.text import sentence

if TYPE_CHECKING:
    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session


def make_board(
    names: Annotated[
        list[str], typer.Argument(metavar="SCENARIO", help="Shipped scenarios' names, or paths of .toml files.")
    ],
    models: ModelsOption = None,
    trials: TrialsOption = 20,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    allow_failures: FailuresOption = 0,
    require_sandbox: SandboxOption = False,
    out: OutOption = None,
) -> None:
    """Make whole boards, or go on making them: per scenario prepare the pool, tune all, run all, published and tuned.

    It does what `bench prepare`, `bench tune --all` and `bench run --all` do, and resumes like them. What goes wrong
    with one entry, or one scenario, does not stop the others. The exit status is 0 only when every entry got a row on
    every board; submissions for which tuning met no values within the budget have no second entry.
    """
    from benchmark.leaderboard import draw_boards, rebuild
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace

    session = open_session(Workspace.find(out), jobs)
    chosen = {name: read_scenario(name, models) for name in names}  # before anything is trained
    settle_isolation(required=require_sandbox, warn=session.warn)
    made, missing = {}, list[str]()
    for name in chosen:
        try:
            made[name] = _make_whole(session, read_scenario(name), models, device, trials, allow_failures)
        except BrokenPipeError:  # whoever reads the output has seen enough
            raise
        except Exception as error:
            _say_why_unfinished(session, chosen[name], error)
            missing.append(f"the rest of {name}")
    rows = rebuild(session.workspace, warn=session.warn)
    draw_boards(session.workspace)
    for name, (scenario, refused) in made.items():
        show_board(session.workspace, scenario, rows, refused)
        missing += [f"{entry} on {name}" for entry in refused]
    show_summary(session.workspace)
    refresh_site(session.workspace, rows)
    show_site(session.workspace)
    if missing:
        raise FailedEntry(f"without a row: {', '.join(missing)}; see the notes above, then give the same command again")


def _make_whole(
    session: "Session",
    tuned_for: "Scenario",
    models: int | None,
    device: str | None,
    trials: int,
    allow_failures: int,
) -> "tuple[Scenario, Mapping[str, str]]":
    """Return the scenario and why an entry has no row on its board, by its name.

    Tuning is that of `bench tune`, whatever `models` is: its values are those of the scenario's own N.
    """
    from benchmark.cli.terminal import listing
    from benchmark.device import choose_device
    from benchmark.tuning import summary_rows

    session = replace(session, device=choose_device(device, tuned_for))
    tuned_for = choose_forget_set(session, tuned_for, device)
    scenario = tuned_for if models is None else tuned_for.with_models(models)
    prepare_pool(session, scenario)
    records, untuned = tune_all(session, tuned_for, trials)
    if records:
        out.print(listing(summary_rows(records)))
    warn_of_old_rows(session, scenario, [*untuned, *without_values(records)])
    _, _, refused = evaluate_all(session, scenario, device, allow_failures)
    return scenario, {f"{name}+tuned": "it could not be tuned; the notes above say why" for name in untuned} | refused


def _say_why_unfinished(session: "Session", scenario: "Scenario", error: Exception) -> None:
    """Say why a board is not whole; what nobody can put right is a fault of the harness, with a log."""
    from benchmark.faults import note_fault

    if said := str(error) if isinstance(error, BenchError) else complaint(error):
        session.warn(sentence(f"the board of {scenario.name} is not whole: {said}"))
    else:
        note_fault(error, f"making the board of {scenario.name}", session.workspace.log(scenario.label, "board"))
