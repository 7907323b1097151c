"""`bench prepare` and `bench data check`: what has to be there before a submission runs."""

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import DataOption, DeviceOption, JobsOption, ModelsOption, ScenarioOption
from benchmark.cli.shared import choose_forget_set, job_count, open_session, out, read_scenario, show_progress
from benchmark.errors import BadData

if TYPE_CHECKING:
    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session


def prepare(
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take: models, disk, memory, time.")
    ] = False,
) -> None:
    """Train what is missing of a scenario's reference pool.

    Start it once for every GPU, or on several machines that see the same folder: they train the pool together.
    """
    from benchmark.cli.terminal import listing
    from benchmark.device import choose_device
    from benchmark.references.planning import dry_run as planned
    from benchmark.storage.workspace import Workspace

    chosen = read_scenario(scenario, models)
    where = choose_device(device, chosen)
    if dry_run:
        out.print(listing(planned(chosen, job_count(jobs), where)))
        return
    session = open_session(Workspace.find(), jobs, where)
    prepare_pool(session, choose_forget_set(session, chosen, where))


def prepare_pool(session: "Session", scenario: "Scenario") -> None:
    """Train what is missing of the reference pool, and of those of earlier requests, and say where each lies."""
    from benchmark.references.pool import Pool

    for each in scenario.so_far:
        with show_progress(session) as shown:
            pool = Pool(shown, each)
            pool.prepare()
        out.print(f"the pool {pool.store.folder} is complete")


def data_check(
    scenario: Annotated[str, typer.Argument(help="A shipped scenario's name, or the path of a .toml file.")],
    data_dir: DataOption = None,
) -> None:
    """Verify what a scenario reads, and say what it is made of: examples, classes, duplicates, the forget set.

    The exit status is 0 only when all files are there and whole, and a score can come of them. Nothing is trained.
    """
    from benchmark.cli.terminal import listing, warn
    from benchmark.data import check_data, problem_facts

    chosen = read_scenario(scenario)
    rows = check_data(chosen)
    out.print(listing(rows))
    if wrong := [row for row in rows if row["status"] not in ("ok", "note")]:
        said = f"{wrong[0]['what']}: {wrong[0]['found']}"
        raise BadData(f"{len(wrong)} of {len(rows)} things {scenario} needs are not as they should be; {said}")
    if chosen.forget.asks_models and chosen.forget.choice is None:
        return
    for sentence in problem_facts(chosen).sentences:
        warn(out)(sentence)
