"""`bench prepare`, `bench pool` and `bench data check`: what has to be there before a submission runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import (
    ClusterOption,
    DataOption,
    DeviceOption,
    EngineOption,
    JobsOption,
    ModelsOption,
    ScenarioOption,
)
from benchmark.cli.shared import (
    choose_forget_set,
    job_count,
    on_cluster,
    open_session,
    out,
    read_scenario,
    show_progress,
    tell_faults,
)
from benchmark.errors import BadData, BadUsage
from benchmark.text import counted

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
    engine: EngineOption = "local",
    cluster: ClusterOption = None,
    own: Annotated[
        bool,
        typer.Option("--own", help="Train all models of a new pool from a secret of your own, also where some ship."),
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
    with on_cluster(session, engine, cluster, chosen, device) as there:
        prepare_pool(there, choose_forget_set(there, chosen, where), own=own)


def prepare_pool(session: "Session", scenario: "Scenario", *, own: bool = False) -> None:
    """Train what is missing of the reference pool, and of those of earlier requests, and say where each lies.

    `own`: all of it, also what ships.
    """
    from benchmark.bundle.shipped import begin_with_shipped, check_own
    from benchmark.references.pool import Pool

    for each in scenario.so_far:
        with show_progress(session) as shown:
            if own:
                check_own(shown, each)
            else:
                begin_with_shipped(shown, each)
            pool = Pool(shown, each)
            pool.prepare()
        out.print(f"the pool {pool.store.folder} is complete")


FileArgument = Annotated[Path, typer.Argument(help="A file that `bench pool export` wrote.")]
OfFileOption = Annotated[
    str | None,
    typer.Option("--scenario", help="The scenario, where it is not a shipped one of the name that the file has."),
]


def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; by default <scenario>-<pool>.pool.zip, here.")
    ] = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    data_dir: DataOption = None,
    evidence_only: Annotated[
        bool,
        typer.Option("--evidence-only", help="Leave the originals out, which are most of it: they are trained again."),
    ] = False,
) -> None:
    """Write a scenario's reference pool to one file, to go on with elsewhere.

    It holds the pool's secret: give it to nobody whose submissions the pool is to judge.
    """
    from benchmark.bundle.pools import export_pool
    from benchmark.storage.workspace import Workspace

    chosen = read_scenario(scenario, models)
    path = file or Path(f"{chosen.name}-{chosen.pool_hash}.pool.zip")
    with show_progress(open_session(Workspace.find())) as session:
        contents = export_pool(session, chosen, path, evidence_only=evidence_only)
    out.print(f"exported {len(contents.blocks)} blocks: {path}", highlight=False, soft_wrap=True)


def import_file(file: FileArgument, scenario: OfFileOption = None, data_dir: DataOption = None) -> None:
    """Add the models of an exported pool to this workspace, once all of them are checked. Nothing is trained."""
    from benchmark.bundle.pools import import_pool, scenario_of
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(), read_scenario(scenario or scenario_of(file))
    with show_progress(open_session(workspace)) as session:
        imported = import_pool(session, chosen, file)
    place = workspace.pool(chosen)
    out.print(f"imported {len(imported)} blocks: {place}", highlight=False, soft_wrap=True)


def verify_file(file: FileArgument, scenario: OfFileOption = None, data_dir: DataOption = None) -> None:
    """Say of each member of an exported pool that is damaged or surplus what is wrong; status 0 when none is."""
    from benchmark.bundle.pools import find_pool_faults, scenario_of
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(), read_scenario(scenario or scenario_of(file))
    with show_progress(open_session(workspace)) as session:
        faults = find_pool_faults(session, chosen, file)
    tell_faults(faults, file)


def merge_files(
    files: Annotated[list[Path], typer.Argument(help="Two exported pools or more, of one scenario and one secret.")],
    to: Annotated[Path, typer.Option("--to", help="The file to write.")],
) -> None:
    """Unite exported pools of one scenario and one secret in one file, such as of places that trained parts of it."""
    from benchmark.bundle.pools import merge_pools
    from benchmark.storage.workspace import Workspace

    if len(files) < 2:
        raise BadUsage(f"{files[0]} came alone, expected two exported pools or more; name another")
    with show_progress(open_session(Workspace.find())) as session:
        contents, differing = merge_pools(session, files, to)
        if differing:
            session.warn(
                f"{counted(differing)} differ between the files, as trained on other machines; the first file's are "
                "taken"
            )
    out.print(f"merged {len(contents.blocks)} blocks: {to}", highlight=False, soft_wrap=True)


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
