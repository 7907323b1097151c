"""`bench init`: a workspace outside a clone."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.shared import out


def init(
    folder: Annotated[
        Path, typer.Argument(help="The folder of the workspace; it is made where it is missing.")
    ] = Path(),
) -> None:
    """Make a workspace: a folder with the shipped submissions and boards, in which `bench` works."""
    from benchmark.storage.new_workspace import make_workspace

    made = make_workspace(folder)
    there = f", {made.kept} were there already" if made.kept else ""
    enter = "" if made.root == Path.cwd() else f"cd {shlex.quote(str(made.root))} && "
    out.print(f"{made.root}: wrote {made.written} files{there}; next: {enter}bench run finetune", soft_wrap=True)
