"""`bench tune`: the search for hyper-parameters."""

from typing import Annotated

import typer

from benchmark.cli.options import DataOption, DeviceOption, JobsOption, OptionalName, SandboxOption, ScenarioOption
from benchmark.cli.shared import err, job_count, out, read_scenario
from benchmark.errors import BadUsage, BenchError, FailedEntry


def tune(
    name: OptionalName = None,
    everything: Annotated[bool, typer.Option("--all", help="Every submission that has a SEARCH_SPACE.")] = False,
    scenario: ScenarioOption = "digits",
    trials: Annotated[int, typer.Option("--trials", min=1, help="The same number for every submission.")] = 20,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    require_sandbox: SandboxOption = False,
) -> None:
    """Search for a submission's hyper-parameters, on other models and another forget set than it is judged by.

    Interrupt it whenever you like: the same command goes on where it stopped, and finds the same values. The exit
    status is 0 only when values were found.
    """
    from benchmark.cli.terminal import listing, progress_bars, warn
    from benchmark.device import choose_device
    from benchmark.faults import note_fault
    from benchmark.results.scorecard import card_path
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace
    from benchmark.tuning import summary_rows, trial_rows, tunable_in_turn
    from benchmark.tuning import tune as tuned

    workspace, chosen = Workspace.find(), read_scenario(scenario)
    if (name is None) != everything:
        raise BadUsage("name one submission, as in `bench tune NAME`, or take all with --all")
    where = choose_device(device, chosen)
    settle_isolation(required=require_sandbox, warn=warn(err))
    records, refused = [], []
    for each in [name] if name else tunable_in_turn(chosen, workspace):
        try:
            with progress_bars(err) as progress:
                records.append(tuned(chosen, each, workspace, trials, job_count(jobs), where, progress, warn(err)))
        except BenchError as error:
            if name:
                raise
            refused.append(each)
            warn(err)(str(error))
        except Exception as error:
            if name:
                raise
            refused.append(each)
            note_fault(error, f"tuning {each}", workspace.log(chosen.label, f"{each}+tuned"))
    if records:
        out.print(listing(trial_rows(records[0]) if name else summary_rows(records)))
    if without := refused + [record.submission for record in records if record.hyperparameters is None]:
        for each in without:
            left = card_path(workspace.results, chosen.label, f"{each}+tuned")
            if left.exists():
                warn(err)(f"{left} is of values that an earlier search found; type `bench remove {each}+tuned`")
        raise FailedEntry(f"no values were found for {', '.join(without)}; run with --published")
    out.print(f"next: bench run {name or 'NAME'} --scenario {scenario}")
