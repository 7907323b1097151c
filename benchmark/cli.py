"""The command `bench`: one short function a command, nothing else."""

import json
import signal
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import joblib
import typer
from rich.console import Console
from rich.text import Text

from benchmark.errors import BenchError

if TYPE_CHECKING:  # the rest is imported by the commands that need it: torch alone takes seconds
    from pandas import DataFrame

    from benchmark.scenario import Scenario
    from benchmark.workspace import Workspace

app = typer.Typer(
    help="Does machine unlearning work? Drop submissions/NAME/submission.py, type `bench run --submission NAME`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
data = typer.Typer(help="The data sets that scenarios read.", no_args_is_help=True)
app.add_typer(data, name="data")
# What strangers wrote, such as titles and paths, is printed as it is.
out, err = (Console(stderr=stderr, markup=False, emoji=False) for stderr in (False, True))

ScenarioOption = Annotated[
    str, typer.Option("--scenario", help="A shipped scenario's name, or the path of a .toml file.")
]
ModelsOption = Annotated[int | None, typer.Option("--models", help="N, instead of the scenario's own.")]
JobsOption = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one a core.")]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device", help="cpu, cuda or cuda:1; by default a GPU where there is one and the net is neither mlp nor cnn."
    ),
]
SandboxOption = Annotated[
    bool, typer.Option("--require-sandbox", help="Refuse to run a submission where bubblewrap does not work.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        callback=lambda folder: _read_data_from(folder),
        help="Where the data sets lie; by default BENCH_DATA, else data/ in the workspace.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for machines.")]


@app.command()
def run(
    submission: Annotated[
        str | None, typer.Option("--submission", help="The name of a folder in submissions/.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every submission, published and tuned, that has no current row yet.")
    ] = False,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    published: Annotated[
        bool, typer.Option("--published", help="The submission's own values, though it has been tuned.")
    ] = False,
    allow_failures: Annotated[
        int, typer.Option("--allow-failures", min=0, help="Score it although so many runs failed; its row says so.")
    ] = 0,
    require_sandbox: SandboxOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train what is missing of the reference pool, run the submission N times, score it, rank it.

    Interrupt it whenever you like: the same command goes on where it stopped. The exit status is 0 only when the
    submission got a score; with --all, when every submission got a row.
    """
    if bool(submission) == everything:
        raise BenchError("name one submission with --submission NAME, or take all with --all")
    if published and (everything or str(submission).endswith("+tuned")):
        raise BenchError("--published is for one submission under its own name; leave it away, or --all or +tuned")
    from benchmark.submission.sandbox import settle_isolation
    from benchmark.terminal import progress_bars, warn

    settle_isolation(required=require_sandbox, warn=warn(err))
    workspace, chosen = _about_to_run(scenario, models, jobs, device, submission)

    from benchmark.device import choose_device
    from benchmark.evaluation import evaluate, missing_entries
    from benchmark.leaderboard import rebuild
    from benchmark.submission.process import close_ahead
    from benchmark.submission.source import default_entry

    try:
        where = choose_device(device, chosen)
        if submission:
            entries = iter([submission if published else default_entry(submission, workspace, chosen)])
        else:
            entries = missing_entries(chosen, workspace)
        cards, rows, refused = [], None, {}
        for entry in entries:
            try:
                with progress_bars(err) as progress:
                    cards.append(
                        evaluate(chosen, entry, workspace, _jobs(jobs), where, allow_failures, progress, warn(err))
                    )
            except BenchError as error:
                if submission or str(error) in refused.values():  # one that they have in common
                    raise
                refused[entry] = str(error)
                warn(err)(f"{entry} is left out: {error}")
            else:
                rows = rebuild(workspace, cards[-1:])
    finally:
        close_ahead()  # where the run was refused
    if as_json:
        dumped = [card.model_dump() for card in cards]
        print(json.dumps(dumped[0] if submission else dumped, indent=1, ensure_ascii=False))
    else:
        if rows is None or everything:  # other processes that take all may have added rows since
            rows = rebuild(workspace, [])
        _show(workspace, chosen, rows)
    if refused:
        raise BenchError(f"{len(refused)} entries could not be run: {', '.join(refused)}; see the notes above")
    if submission and cards[0].status not in ("ok", "over-budget"):
        (card,) = cards
        log = workspace.log(chosen.label, card.submission)
        raise BenchError(f"{card.submission} is {card.status}: {card.reason}; its log is {log}")


@app.command()
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
    from benchmark.device import choose_device
    from benchmark.planning import dry_run as planned
    from benchmark.references import Pool
    from benchmark.terminal import listing, progress_bars, warn
    from benchmark.workspace import Workspace

    chosen = _scenario(scenario, models)
    where = choose_device(device, chosen)
    if dry_run:
        out.print(listing(planned(chosen, _jobs(jobs), where)))
        return
    pool = Pool(chosen, Workspace.find(), where)
    with progress_bars(err) as progress:
        pool.prepare(_jobs(jobs), progress, warn(err))
    out.print(f"the pool {pool.store.folder} is complete")


@data.command("check")
def data_check(
    scenario: Annotated[str, typer.Argument(help="A shipped scenario's name, or the path of a .toml file.")],
    data_dir: DataOption = None,
) -> None:
    """Verify the files that a scenario reads; the exit status is 0 only when all are there and whole."""
    from benchmark.problem import check_data
    from benchmark.terminal import listing

    rows = check_data(_scenario(scenario, None))
    out.print(listing(rows))
    if wrong := [row["what"] for row in rows if row["status"] != "ok"]:
        raise BenchError(f"{len(wrong)} of {len(rows)} things {scenario} needs are not as they should be: {wrong[0]}")


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="submissions, scenarios or pools")] = "submissions",
    as_json: JsonOption = False,
) -> None:
    """List the submissions, the scenarios or the reference pools that are here."""
    from benchmark.listings import LISTINGS
    from benchmark.terminal import listing
    from benchmark.workspace import Workspace

    if what not in LISTINGS:
        raise BenchError(f"there is nothing called {what!r} to list; name one of {', '.join(LISTINGS)}")
    rows = LISTINGS[what](Workspace.find())
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        out.print(listing(rows) if rows else f"no {what} yet")


@app.command()
def new(name: Annotated[str, typer.Argument(help="Letters, digits, - and _.")]) -> None:
    """Begin a submission: a commented submissions/NAME/submission.py that runs as it is."""
    from benchmark.submission.template import write_template
    from benchmark.workspace import Workspace

    path = write_template(name, Workspace.find())
    out.print(f"wrote {path}; next: bench check {name}")


@app.command("import-notebook")
def import_notebook_(
    file: Annotated[Path, typer.Argument(help="A Jupyter notebook that defines unlearning(...).")],
    name: Annotated[str, typer.Argument(help="The new submission's name: letters, digits, - and _.")],
) -> None:
    """Take the unlearning function, and what it needs, out of a notebook into a new submission; nothing is run."""
    from benchmark.submission.notebook import import_notebook
    from benchmark.terminal import warn
    from benchmark.workspace import Workspace

    path = import_notebook(file, name, Workspace.find(), warn(err))
    out.print(f"wrote {path}; next: bench check {name}")


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="The name of a folder in submissions/.")],
    scenario: ScenarioOption = "digits",
    device: DeviceOption = None,
    data_dir: DataOption = None,
    require_sandbox: SandboxOption = False,
) -> None:
    """Try a submission on one freshly trained original: does it keep the contract and the budget?"""
    from benchmark.device import choose_device
    from benchmark.submission.checking import check_submission
    from benchmark.submission.sandbox import settle_isolation
    from benchmark.terminal import warn
    from benchmark.workspace import Workspace

    settle_isolation(required=require_sandbox, warn=warn(err))
    chosen = _scenario(scenario, None)
    out.print(check_submission(name, chosen, Workspace.find(), choose_device(device, chosen), warn(err)))


@app.command()
def tune(
    name: Annotated[str | None, typer.Argument(help="The name of a folder in submissions/.")] = None,
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
    from benchmark.device import choose_device
    from benchmark.scorecard import card_path
    from benchmark.submission.sandbox import settle_isolation
    from benchmark.terminal import listing, progress_bars, warn
    from benchmark.tuning import summary_rows, trial_rows, tunable_in_turn
    from benchmark.tuning import tune as tuned
    from benchmark.workspace import Workspace

    workspace, chosen = Workspace.find(), _scenario(scenario, None)
    if (name is None) != everything:
        raise BenchError("nothing or too much to tune; name one submission, or all of them with --all")
    where = choose_device(device, chosen)
    settle_isolation(required=require_sandbox, warn=warn(err))
    records, refused = [], []
    for each in [name] if name else tunable_in_turn(chosen, workspace):
        try:
            with progress_bars(err) as progress:
                records.append(tuned(chosen, each, workspace, trials, _jobs(jobs), where, progress, warn(err)))
        except BenchError as error:
            if name:
                raise
            refused.append(each)
            warn(err)(str(error))
    if records:
        out.print(listing(trial_rows(records[0]) if name else summary_rows(records)))
    if without := refused + [record.submission for record in records if record.hyperparameters is None]:
        for each in without:
            left = card_path(workspace.results, chosen.label, f"{each}+tuned")
            if left.exists():
                warn(err)(f"{left} is of values that an earlier search found; type `bench remove {each}+tuned`")
        raise BenchError(f"no values were found for {', '.join(without)}; run with --published")
    out.print(f"next: bench run --submission {name or 'NAME'} --scenario {scenario}")


@app.command()
def score(
    submission: Annotated[str | None, typer.Option("--submission", help="By default all that have run here.")] = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    jobs: JobsOption = None,
    data_dir: DataOption = None,
) -> None:
    """Score stored evidence again with this version of the scorer; no model is trained or run."""
    from benchmark.evaluation import entries_with_evidence, rescore
    from benchmark.leaderboard import rebuild
    from benchmark.terminal import progress_bars, warn
    from benchmark.workspace import Workspace

    workspace, chosen = Workspace.find(), _scenario(scenario, models)
    names = [submission] if submission else entries_with_evidence(chosen, workspace, warn(err))
    if not names:
        raise BenchError(f"no entry of {chosen.label} has evidence here; run `bench run --submission NAME` first")
    cards = []
    try:
        for name in names:
            with progress_bars(err) as progress:
                cards.append(rescore(chosen, name, workspace, _jobs(jobs), progress))
    finally:
        rows = rebuild(workspace, cards)
    _show(workspace, chosen, rows)


@app.command()
def compare(
    first: str,
    second: str,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    data_dir: DataOption = None,
) -> None:
    """Print the difference of every figure of two entries, with intervals and a sentence of verdict."""
    from benchmark.leaderboard import compare as compared
    from benchmark.leaderboard import find_scorecard
    from benchmark.terminal import table
    from benchmark.workspace import Workspace

    workspace, chosen = Workspace.find(), _scenario(scenario, models)
    rows, verdict = compared(*(find_scorecard(workspace, chosen, name) for name in (first, second)))
    out.print(table(rows, ("figure", first, second, "difference")))
    out.print(verdict, highlight=False)


@app.command()
def study(
    names: Annotated[
        list[str] | None, typer.Argument(help="Two entries or more; by default all that have run here.")
    ] = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """How F and the ranking change with N, the attacks, δ and the buckets: one table, one figure."""
    from benchmark.evaluation import entries_with_evidence
    from benchmark.study import study as studied
    from benchmark.terminal import progress_bars, table, warn
    from benchmark.workspace import Workspace

    workspace, chosen = Workspace.find(), _scenario(scenario, models)
    entries = names or entries_with_evidence(chosen, workspace, warn(err))
    with progress_bars(err) as progress:
        rows = studied(chosen, workspace, entries, progress, warn(err))
    if as_json:
        print(rows.to_json(orient="records", indent=1))
        return
    columns = ("family", "value", "models", "tau", "tau_low", "tau_high", "trained", "null_F")
    records = json.loads(rows.to_json(orient="records", double_precision=3) or "[]")
    out.print(table([["" if row[name] is None else row[name] for name in columns] for row in records], columns))
    out.print(f"{workspace.results / 'studies'}: {chosen.label}.csv, .png", style="dim")


@app.command("leaderboard")
def leaderboard_(as_json: JsonOption = False) -> None:
    """Rebuild the CSV and every plot from the stored scorecards, and show the tables."""
    from benchmark.leaderboard import groups, rebuild, render
    from benchmark.workspace import Workspace

    rows = rebuild(Workspace.find())
    if as_json:
        print(rows.to_json(orient="records", indent=1))
        return
    for title, group in groups(rows):
        out.print(render(group, title))


def _scenario(name: str, models: int | None) -> "Scenario":
    from benchmark.scenario import load_scenario

    loaded = load_scenario(name)
    return loaded if models is None else loaded.with_models(models)


def _about_to_run(
    scenario: str, models: int | None, jobs: int | None, device: str | None, submission: str | None
) -> "tuple[Workspace, Scenario]":
    """The workspace and the scenario. The processes that come next import what they need from now on.

    This one does so at the same time; where nets are small the seconds count.
    """
    from benchmark.engine import start_importing
    from benchmark.sections import SmallNet
    from benchmark.submission.process import start_ahead
    from benchmark.submission.source import submission_names
    from benchmark.workspace import Workspace

    workspace, chosen = Workspace.find(), _scenario(scenario, models)
    if not isinstance(chosen.architecture, SmallNet) or device not in (None, "cpu"):
        return workspace, chosen
    if not workspace.pool(chosen).exists():
        start_importing("benchmark.references", _jobs(jobs))
        return workspace, chosen
    start_importing("benchmark.resampling", _jobs(jobs))
    name = (submission or "").removesuffix("+tuned")
    if name in submission_names(workspace):
        workspace.results.mkdir(parents=True, exist_ok=True)  # what is there when a worker starts can be hidden from it
        start_ahead(workspace.submissions / name, min(_jobs(jobs), len(chosen.blocks(chosen.protocol.models))))
    return workspace, chosen


def _show(workspace: "Workspace", scenario: "Scenario", rows: "DataFrame") -> None:
    from benchmark.leaderboard import groups, render

    for title, group in groups(rows):
        if group["scenario_hash"].iloc[0] == scenario.hash:
            out.print(render(group, title))
    out.print(f"{workspace.results}: leaderboard.csv, scorecards, plots", style="dim")


def _read_data_from(folder: Path | None) -> Path | None:
    if folder:
        from benchmark.problem.folder import set_data_folder

        set_data_folder(folder)
    return folder


def _jobs(jobs: int | None) -> int:
    return jobs or joblib.cpu_count()


class _Interrupted(BaseException):
    """Ctrl-C, under a name that neither typer nor joblib answers for us."""


def _interrupt(*_: object) -> None:
    raise _Interrupted


def _fail(sentence: str) -> NoReturn:
    err.print(Text("error:", "red"), sentence, highlight=False, soft_wrap=True)
    sys.exit(2)


def _shortage(error: BaseException) -> str | None:
    """What says that memory ran out; None of any other error."""
    from benchmark.device import is_out_of_memory

    if isinstance(error, BrokenExecutor):
        return "the system killed a process of this command, as it does when memory runs out"
    return f"memory ran out: {type(error).__name__}" if is_out_of_memory(error) else None


def main(arguments: list[str] | None = None) -> None:
    """The entry point: an error is one sentence and exit status 2, an interruption 130."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app(arguments)
    except BenchError as error:
        _fail(str(error))
    except (MemoryError, RuntimeError) as error:  # torch's are of the latter kind, and a killed process's
        if not (shortage := _shortage(error)):
            raise
        advice = "give it fewer --jobs, or the scenario a smaller protocol.block"
        _fail(f"{shortage}; {advice}")
    except _Interrupted:
        err.print("interrupted; the same command goes on where this one stopped")
        sys.exit(130)


if __name__ == "__main__":
    main()
