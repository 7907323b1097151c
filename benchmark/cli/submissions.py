"""`bench list`, `new`, `import-notebook` and `check`: from an idea to a submission that can run."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.options import DataOption, DeviceOption, JsonOption, SandboxOption, ScenarioOption, SubmissionName
from benchmark.cli.shared import (
    err,
    open_session,
    out,
    print_json,
    read_scenario,
    show_progress,
    try_without_choice,
)
from benchmark.errors import BadUsage
from benchmark.text import did_you_mean

_WHAT = (
    "submissions, scenarios, pools, boards, metrics, treatments, sources, forget-sets, manipulations, accesses, "
    "networks or tasks"
)


def list_what(
    what: Annotated[str, typer.Argument(help=_WHAT)] = "submissions",
    as_json: JsonOption = False,
) -> None:
    """List submissions, scenarios, pools, boards, metrics, treatments, or the kinds of a seam such as sources."""
    from benchmark.cli.listings import LISTINGS
    from benchmark.cli.terminal import listing
    from benchmark.storage.workspace import Workspace

    if what not in LISTINGS:
        near = did_you_mean(what, LISTINGS)
        raise BadUsage(f"there is nothing called {what!r} to list{near}; name one of {', '.join(LISTINGS)}")
    rows = LISTINGS[what](Workspace.find())
    if as_json:
        print_json(rows)
    else:
        out.print(listing(rows) if rows else f"no {what} yet")


def new(name: Annotated[str, typer.Argument(help="Letters, digits, - and _.")]) -> None:
    """Begin a submission: a commented submissions/NAME/submission.py that runs as it is."""
    from benchmark.storage.workspace import Workspace
    from benchmark.submissions.template import write_template

    path = write_template(name, Workspace.find())
    out.print(f"wrote {path}; next: bench check {name}", soft_wrap=True)


def import_notebook(
    file: Annotated[Path, typer.Argument(help="A Jupyter notebook, or a script (.py), that defines unlearning(...).")],
    name: Annotated[str, typer.Argument(help="The new submission's name: letters, digits, - and _.")],
) -> None:
    """Take the unlearning function and what it needs out of a notebook or a script; nothing is run."""
    from benchmark.cli.terminal import warn
    from benchmark.storage.workspace import Workspace
    from benchmark.submissions.notebook import import_notebook

    path = import_notebook(file, name, Workspace.find(), warn(err))
    out.print(f"wrote {path}; next: bench check {name}", soft_wrap=True)


def check(
    name: SubmissionName,
    scenario: ScenarioOption = "digits",
    device: DeviceOption = None,
    data_dir: DataOption = None,
    require_sandbox: SandboxOption = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Call the function in this process, without a sandbox: breakpoint() works there."),
    ] = False,
) -> None:
    """Try a submission on one freshly trained original: does it keep the contract and the budget?"""
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace
    from benchmark.submissions.parsing import check_source
    from benchmark.submissions.source import find_submission

    if debug and require_sandbox:
        raise BadUsage("--debug came with --require-sandbox, but it runs in this process; leave one of them away")
    session, chosen = open_session(Workspace.find()), read_scenario(scenario)
    check_source(name, find_submission(name, session.workspace, chosen).folder)  # before anything that takes long
    if not debug:
        settle_isolation(required=require_sandbox, warn=session.warn)

    from benchmark.device import choose_device
    from benchmark.runs.checking import check_submission, debug_submission

    session = replace(session, device=choose_device(device, chosen))
    chosen = try_without_choice(session, chosen)
    if debug:
        session.warn(f"no sandbox: {name} runs in this process, with your rights, as your own code does")
        out.print(debug_submission(session, chosen, name), highlight=False, soft_wrap=True)
    else:
        with show_progress(session) as shown:
            found = check_submission(shown, chosen, name)
        out.print(found)
