"""Steps that several commands share: print, read a scenario, count processes, show a board."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark.engine import joblib  # imported there without a warning of its own
from benchmark.errors import BadRecord, BadUsage

if TYPE_CHECKING:
    from pandas import DataFrame

    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session
    from benchmark.storage.workspace import Workspace

_printed: list[object] = []  # the JSON documents of this command

_WIDTH = 160  # of tables in a file or a pipe, where 80 columns would break words

# What others wrote, such as titles and paths, is printed as it is.
out, err = (Console(stderr=stderr, markup=False, emoji=False) for stderr in (False, True))
if not out.is_terminal and "COLUMNS" not in os.environ:
    out.width = _WIDTH


def read_scenario(name: str, models: int | None = None) -> "Scenario":
    """Load a scenario, with N = `models` where that is given."""
    from benchmark.scenario.schema import load_scenario

    loaded = load_scenario(name)
    return loaded if models is None else loaded.with_models(models)


def one_name(name: str | None, submission: str | None) -> str | None:
    """Return the submission named as an argument or as an option. Raises BenchError for two different names."""
    if name and submission and name != submission:
        raise BadUsage(f"two submissions came, {name} and --submission {submission}, expected one; name it once")
    return name or submission


def job_count(jobs: int | None) -> int:
    """Return the number of processes asked for, by default one per core."""
    return jobs or joblib.cpu_count()


def open_session(workspace: "Workspace", jobs: int | None = None, device: str = "cpu") -> "Session":
    """Return the session of this command; its warnings go to standard error."""
    from benchmark.cli.terminal import warn
    from benchmark.session import Session

    return Session(workspace, job_count(jobs), device, warn=warn(err))


@contextmanager
def on_cluster(
    session: "Session",
    engine: str,
    address: str | None,
    scenario: "Scenario | None" = None,
    device: str | None = None,
    *,
    require_sandbox: bool = False,
) -> "Iterator[Session]":
    """Yield the session with the workers of a Dask cluster where that is the engine; they are left in the end.

    Those with a GPU where `device`, as asked for, is one for the scenario's nets.
    """
    if engine == "local":
        if address:
            raise BadUsage(f"--cluster {address} came without --engine dask, expected both; add it")
        yield session
        return
    from benchmark.cluster import connect
    from benchmark.device import choose_device

    gpu = scenario is not None and choose_device(device, scenario) != "cpu"
    with connect(address, session.workspace, session.jobs, gpu=gpu, require_sandbox=require_sandbox) as cluster:
        yield replace(session, cluster=cluster)


@contextmanager
def show_progress(session: "Session") -> "Iterator[Session]":
    """Yield the session with progress bars on standard error, which end with the context."""
    from benchmark.cli.terminal import progress_bars

    with progress_bars(err) as progress:
        yield replace(session, progress=progress)


def choose_forget_set(session: "Session", scenario: "Scenario", device: str | None) -> "Scenario":
    """Return the scenario with what its forget set chooses by models, which are trained where that is not known."""
    from benchmark.data.choice import is_kept

    if not scenario.forget.asks_models or is_kept(scenario):
        return scenario
    from benchmark.device import choose_device
    from benchmark.references.choosing import choose

    with show_progress(replace(session, device=choose_device(device, scenario))) as shown:
        return choose(shown, scenario)


def try_without_choice(session: "Session", scenario: "Scenario") -> "Scenario":
    """Return the scenario, with another forget set where models have yet to choose its own, and say so."""
    from benchmark.data.choice import is_unchosen

    if not is_unchosen(scenario):
        return scenario
    from benchmark.data.loading import with_stand_in

    stand_in = with_stand_in(scenario)
    session.warn(
        f"trained models have yet to choose what {scenario.name} forgets, which `bench prepare` has them do; what "
        f"follows is about a stand-in of kind {stand_in.forget.kind!r}"
    )
    return stand_in


def tell_faults(faults: list[str], path: Path) -> None:
    """Print what is wrong with a file, or that it is whole. Raises BadRecord where anything is wrong."""
    for fault in faults:
        out.print(fault, highlight=False, soft_wrap=True)
    if faults:
        count = "a fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise BadRecord(f"{path} has {count}, named above, expected none; get it again")
    out.print(f"{path} is whole", highlight=False, soft_wrap=True)


def print_json(content: object) -> None:
    """Print JSON for programs, in ASCII where the output takes nothing else; a command prints one document."""
    _printed.append(content)
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(content, indent=1, ensure_ascii=not utf8))


def begin_command() -> None:
    """Forget what an earlier command in this process printed."""
    _printed.clear()


def print_json_error(error: Mapping[str, str]) -> None:
    """Print what went wrong as the command's JSON document; nothing where it has printed its document before."""
    if not _printed:
        print_json({"error": error})


def show_board(
    workspace: "Workspace", scenario: "Scenario", rows: "DataFrame", refused: Mapping[str, str] | None = None
) -> None:
    """Print a scenario's part of the leaderboard, and where its files are; `refused` has no row in them."""
    from benchmark.leaderboard import boards, render

    for title, group in boards(rows):
        if group["scenario_hash"].iloc[0] == scenario.hash:
            out.print(render(group, title, refused or {}))
    show_files(workspace, scenario)


def show_files(workspace: "Workspace", scenario: "Scenario") -> None:
    """Print where a board's files are, and how its plots are drawn where they are not."""
    from benchmark.leaderboard.plot_files import board_plots

    cards = "boards" if workspace.publishes else "scorecards"
    drawn = any(path.exists() for path in board_plots(workspace, scenario.label))
    where = f" --out {workspace.out}" if workspace.out else ""
    plots = ", plots; " if drawn else f"; `bench leaderboard{where}` draws the board's plots, "
    said = f"leaderboard.csv, {cards}{plots}`bench plot NAME` draws an entry's"
    out.print(f"{workspace.results}: {said}", style="dim", soft_wrap=True)


def show_summary(workspace: "Workspace") -> None:
    """Print the summary over scenarios, or why there is none."""
    from benchmark.leaderboard import read_scorecards, render_summary, summarise
    from benchmark.leaderboard.plot_files import SUMMARY, plots_folder

    cards = read_scorecards(workspace, warn=lambda _: None)  # what is wrong with a file has been said by now
    summary = summarise(cards)
    if isinstance(summary, str):
        out.print(summary, style="dim", highlight=False)
    else:
        out.print(render_summary(summary))
        drawn = ", plots/summary" if plots_folder(workspace, SUMMARY).exists() else ""
        out.print(f"{workspace.results}: summary.csv{drawn}", style="dim")
