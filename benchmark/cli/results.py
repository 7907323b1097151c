"""`bench score`, `compare`, `plot` and `leaderboard`: what stored results say; no model is trained or run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import (
    DataOption,
    JobsOption,
    JsonOption,
    ModelsOption,
    OutOption,
    ScenarioOption,
    SubmissionOption,
)
from benchmark.cli.pages import refresh_site, show_site
from benchmark.cli.shared import (
    err,
    one_name,
    open_session,
    print_json,
    read_scenario,
    show_board,
    show_progress,
    show_summary,
)
from benchmark.cli.shared import out as terminal
from benchmark.errors import BadUsage, BenchError, MissingRecord

if TYPE_CHECKING:
    from benchmark.results.scorecard import Scorecard
    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session


def score(
    name: Annotated[str | None, typer.Argument(help="An entry; by default all whose evidence is here.")] = None,
    submission: SubmissionOption = None,
    arrays: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--arrays",
            metavar="UNLEARNED RETRAINED",
            help="Instead of an entry: files of φ, a row per model, a column per example: .npy, or .npz of one array.",
        ),
    ] = None,
    original: Annotated[
        Path | None, typer.Option("--original", help="With --arrays: φ before unlearning, to see what is gained.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option("--delta", help="With --arrays: δ of (ε, δ)-unlearning, by default 1e-5.")
    ] = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    jobs: JobsOption = None,
    data_dir: DataOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score stored evidence again with this version of the scorer, or arrays of φ; no model is trained or run."""
    if arrays:
        if name or submission:
            raise BadUsage(f"{name or submission} came beside --arrays, expected one of the two; leave one out")
        _score_arrays(*arrays, original, delta, as_json)
        return
    if original or delta is not None:
        raise BadUsage("--original and --delta came without --arrays; give the two files of φ by --arrays")
    from benchmark.engine import start_importing
    from benchmark.storage.workspace import Workspace

    entry, session = one_name(name, submission), open_session(Workspace.find(out), jobs)
    start_importing("benchmark.metrics.resampling" if entry else "benchmark.scoring_imports", session.jobs)
    from benchmark.rescoring import entries_with_evidence

    chosen = read_scenario(scenario, models)
    names = [entry] if entry else entries_with_evidence(session, chosen)
    if not names:
        raise MissingRecord(f"no entry of {chosen.label} has evidence here; run `bench run NAME` first")
    _rescore_entries(session, chosen, names, as_json)


def _rescore_entries(session: "Session", chosen: "Scenario", names: list[str], as_json: bool) -> None:
    """Score these entries again, enter them into the board and print it, or the scorecards as JSON."""
    from benchmark.faults import note_fault
    from benchmark.leaderboard import rebuild
    from benchmark.rescoring import rescore_all

    cards: dict[str, Scorecard] = {}
    try:
        with show_progress(session) as shown:
            for each, result in rescore_all(shown, chosen, names):
                if isinstance(result, BenchError):
                    raise result
                if isinstance(result, Exception):  # its row stays as it was
                    note_fault(result, f"scoring {each}", session.workspace.log(chosen.label, each))
                else:
                    cards[each] = result
    finally:
        rows = rebuild(session.workspace, cards.values(), session.warn)
    if as_json:
        print_json([cards[each].model_dump() for each in names if each in cards])
    else:
        show_board(session.workspace, chosen, rows)


def _score_arrays(unlearned: Path, retrained: Path, original: Path | None, delta: float | None, as_json: bool) -> None:
    """Print what `benchmark.score` says of the arrays in these files."""
    from benchmark.api import score as score_arrays
    from benchmark.storage.arrays import read_array

    u, r = read_array(unlearned), read_array(retrained)
    o = None if original is None else read_array(original)
    try:
        result = score_arrays(u, r, original=o, delta=1e-5 if delta is None else delta)
    except ValueError as error:
        raise BadUsage(f"{error}; see `bench score --arrays` in docs/api.md") from None
    if as_json:
        print_json(result.to_dict())
    else:
        terminal.print(str(result), highlight=False, soft_wrap=True)


def compare(
    first: Annotated[str, typer.Argument(help="An entry, as the board calls it.")],
    second: Annotated[str, typer.Argument(help="The entry to compare it with.")],
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    data_dir: DataOption = None,
    out: OutOption = None,
) -> None:
    """Print the difference of every metric of two entries, with intervals and a sentence of verdict."""
    from benchmark.leaderboard.queries import compare as compare_entries

    compared = compare_entries(first, second, scenario, models=models, out=out)
    terminal.print(compared.table())
    terminal.print(compared.verdict, highlight=False)


def plot(
    name: Annotated[
        str | None, typer.Argument(help="An entry, as the board calls it; without one the plots are the board's.")
    ] = None,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    width: Annotated[
        float, typer.Option("--width", min=2.0, max=20.0, help="Inches; half a column of 5.5 is 2.75.")
    ] = 5.5,
    out: OutOption = None,
) -> None:
    """Draw plots for a paper, each as PDF, SVG and PNG: of one entry, or of a board and the summary over scenarios.

    Of an entry: φ of its best and worst forgotten example, ε per example, the privacy profile; the leak of each class
    where the forget set has several; where models chose it, their scores against how well each example was forgotten.
    """
    from benchmark.leaderboard import plot_all_scenarios, plot_entry, plot_scenario
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(out), read_scenario(scenario, models)
    if name:
        drawn = plot_entry(workspace, chosen, name, width)
    else:
        drawn = [*plot_scenario(workspace, chosen, width), *plot_all_scenarios(workspace, width)]
    for path in drawn:
        terminal.print(f"drew {path}", highlight=False, soft_wrap=True)


def leaderboard(out: OutOption = None, as_json: JsonOption = False) -> None:
    """Rebuild the CSV, the plots of every board, the summary over scenarios and the site from scorecards; show them."""
    from benchmark.cli.terminal import warn
    from benchmark.leaderboard import boards, draw_boards, rebuild, render
    from benchmark.storage.workspace import Workspace

    workspace = Workspace.find(out)
    rows = rebuild(workspace, warn=warn(err))
    draw_boards(workspace)
    refresh_site(workspace, rows)
    if as_json:
        print_json(json.loads(rows.to_json(orient="records") or "[]"))
        return
    for title, group in boards(rows):
        terminal.print(render(group, title))
    show_summary(workspace)
    show_site(workspace)


def remove(
    entry: Annotated[str, typer.Argument(help="A row of your own, as the board calls it.")],
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    out: OutOption = None,
) -> None:
    """Remove a row of your own with its evidence, log and plots; shipped rows stay."""
    from benchmark.leaderboard import remove_entry
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(out), read_scenario(scenario, models)
    removed, rows = remove_entry(workspace, chosen, entry)
    for path in removed:
        terminal.print(f"removed {path}", highlight=False, soft_wrap=True)
    show_board(workspace, chosen, rows)
