"""`bench tune`: the search for hyper-parameters."""

from typing import TYPE_CHECKING

from benchmark.cli.options import (
    AllTunableOption,
    ClusterOption,
    DataOption,
    DeviceOption,
    EngineOption,
    JobsOption,
    OptionalName,
    SandboxOption,
    ScenarioOption,
    TrialsOption,
)
from benchmark.cli.shared import choose_forget_set, on_cluster, open_session, out, read_scenario, show_progress
from benchmark.errors import BadUsage, BenchError, FailedEntry

if TYPE_CHECKING:
    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session
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
    engine: EngineOption = "local",
    cluster: ClusterOption = None,
) -> None:
    """Search for a submission's hyper-parameters, on other models and another forget set than it is judged by.

    Interrupt it whenever you like: the same command goes on where it stopped, and finds the same values. The exit
    status is 0 only when values were found.
    """
    from benchmark.cli.terminal import listing
    from benchmark.device import choose_device
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace
    from benchmark.tuning import summary_rows, trial_rows

    workspace, chosen = Workspace.find(), read_scenario(scenario)
    if (name is None) != everything:
        raise BadUsage("name one submission, as in `bench tune NAME`, or take all with --all")
    session = open_session(workspace, jobs, choose_device(device, chosen))
    chosen = choose_forget_set(session, chosen, device)
    settle_isolation(required=require_sandbox, warn=session.warn)
    with on_cluster(session, engine, cluster, chosen, device, require_sandbox=require_sandbox) as there:
        records, refused = ([_tune(there, chosen, name, trials)], []) if name else tune_all(there, chosen, trials)
    if records:
        out.print(listing(trial_rows(records[0]) if name else summary_rows(records)))
    without = refused + without_values(records)
    warn_of_old_rows(session, chosen, without)
    if without:
        raise FailedEntry(f"no values were found for {', '.join(without)}; run them with the values in their files")
    out.print(f"next: bench run {name or 'NAME'}+tuned --scenario {scenario}")


def tune_all(session: "Session", scenario: "Scenario", trials: int) -> "tuple[list[Tuning], list[str]]":
    """Tune all that can be; return the records, and the submissions that could not be tuned, after a note of why."""
    from benchmark.faults import note_fault
    from benchmark.tuning import tunable_in_turn, tune_elsewhere

    if session.cluster:
        return tune_elsewhere(session, session.cluster, scenario, trials)
    records, refused = [], []
    for each in tunable_in_turn(scenario, session.workspace):
        try:
            records.append(_tune(session, scenario, each, trials))
        except BenchError as error:
            refused.append(each)
            session.warn(str(error))
        except Exception as error:
            refused.append(each)
            note_fault(error, f"tuning {each}", session.workspace.log(scenario.label, f"{each}+tuned"))
    return records, refused


def _tune(session: "Session", scenario: "Scenario", submission: str, trials: int) -> "Tuning":
    from benchmark.tuning import tune as search

    with show_progress(session) as shown:
        return search(shown, scenario, submission, trials)


def without_values(records: "list[Tuning]") -> list[str]:
    """Return the submissions for which no set of values was found within the budget."""
    return [record.submission for record in records if record.hyperparameters is None]


def warn_of_old_rows(session: "Session", scenario: "Scenario", names: list[str]) -> None:
    """Say which of these submissions, which have no values now, have a row of values from an earlier search."""
    from benchmark.results.board_file import has_card

    for each in names:
        if has_card(session.workspace.results, scenario.label, f"{each}+tuned"):
            session.warn(
                f"the row {each}+tuned is of values that an earlier search found; type `bench remove {each}+tuned`"
            )
