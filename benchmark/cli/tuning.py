"""`bench tune`: the search for hyper-parameters."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmark.cli.options import (
    AllTunableOption,
    DataOption,
    DeviceOption,
    JobsOption,
    OptionalName,
    SandboxOption,
    ScenarioOption,
    TrialsOption,
)
from benchmark.cli.shared import choose_forget_set, err, open_session, out, read_scenario, show_progress
from benchmark.errors import BadUsage, BenchError, FailedEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmark.scenario.schema import Scenario
    from benchmark.storage.workspace import Workspace
    from benchmark.tuning import Tuning


def tune(
    name: OptionalName = None,
    everything: AllTunableOption = False,
    scenario: ScenarioOption = "digits",
    trials: TrialsOption = 20,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    require_sandbox: SandboxOption = False,
) -> None:
    """Search for a submission's hyper-parameters, on other models and another forget set than it is judged by.

    Interrupt it whenever you like: the same command goes on where it stopped, and finds the same values. The exit
    status is 0 only when values were found.
    """
    from benchmark.cli.terminal import listing
    from benchmark.device import choose_device
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace
    from benchmark.tuning import summary_rows, trial_rows, tunable_in_turn
    from benchmark.tuning import tune as search

    workspace, chosen = Workspace.find(), read_scenario(scenario)
    if (name is None) != everything:
        raise BadUsage("name one submission, as in `bench tune NAME`, or take all with --all")
    session = open_session(workspace, jobs, choose_device(device, chosen))
    chosen = choose_forget_set(session, chosen, device)
    settle_isolation(required=require_sandbox, warn=session.warn)

    def tune_one(submission: str) -> "Tuning":
        with show_progress(session) as shown:
            return search(shown, chosen, submission, trials)

    if name:
        records, refused = [tune_one(name)], []
    else:
        records, refused = _tune_in_turn(tunable_in_turn(chosen, workspace), tune_one, chosen, workspace)
    if records:
        out.print(listing(trial_rows(records[0]) if name else summary_rows(records)))
    _raise_without_values(
        refused + [each.submission for each in records if each.hyperparameters is None], chosen, workspace
    )
    out.print(f"next: bench run {name or 'NAME'} --scenario {scenario}")


def _tune_in_turn(
    names: "Iterable[str]", tune_one: "Callable[[str], Tuning]", scenario: "Scenario", workspace: "Workspace"
) -> "tuple[list[Tuning], list[str]]":
    """Return the records, and the submissions that could not be tuned, each with a note of why."""
    from benchmark.cli.terminal import warn
    from benchmark.faults import note_fault

    records, refused = [], []
    for each in names:
        try:
            records.append(tune_one(each))
        except BenchError as error:
            refused.append(each)
            warn(err)(str(error))
        except Exception as error:
            refused.append(each)
            note_fault(error, f"tuning {each}", workspace.log(scenario.label, f"{each}+tuned"))
    return records, refused


def _raise_without_values(names: list[str], scenario: "Scenario", workspace: "Workspace") -> None:
    """Raise FailedEntry for submissions without values, after a note about rows of values from earlier searches."""
    from benchmark.cli.terminal import warn
    from benchmark.results.board_file import has_card

    for each in names:
        if has_card(workspace.results, scenario.label, f"{each}+tuned"):
            warn(err)(
                f"the row {each}+tuned is of values that an earlier search found; type `bench remove {each}+tuned`"
            )
    if names:
        raise FailedEntry(f"no values were found for {', '.join(names)}; run with --published")
