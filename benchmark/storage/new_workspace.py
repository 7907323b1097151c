"""A new workspace: the shipped submissions and boards, copied to a folder of the user's own.

A clone has them in its root, a wheel in the folder `shipped` of the package (`pyproject.toml`, force-include). They are
copied, not read from the package: so a workspace made from a wheel is laid out as a clone is, every command finds all
of it in one place, and whoever wants to change a method edits a file of their own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmark.errors import BadMachine, BadUsage
from benchmark.storage.workspace import write_atomically

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = ("submissions", "leaderboard/boards")
_CACHE = "__pycache__"

_README = """# A workspace of unlearning-benchmark

Run `bench` in this folder or below it.

    bench run finetune        # train the reference pool of `digits`, run, score, rank
    bench new mine            # begin a submission of your own: submissions/mine/submission.py
    bench check mine          # does it keep the contract and the budget?
    bench run mine            # all N runs, and a row on the board
    bench list submissions    # what there is to run

| folder | what it holds |
|---|---|
| `submissions/` | the methods that ship with the benchmark, and yours: a folder each |
| `reference_models/` | the pools that commands train; delete one at any time |
| `leaderboard/boards/` | the shipped results, which are only read |
| `leaderboard/local/` | your results |

`bench init` run again brings back what is missing here, and changes no file that is there.
"""

# A pool's secret tells which models submissions are judged by.
_GITIGNORE = """reference_models/*
!reference_models/README.md
leaderboard/local/
data/
__pycache__/
*.lock
"""


class NewWorkspace(NamedTuple):
    """The outcome of `make_workspace`: `written` and `kept` count the files that were missing and that were there."""

    root: Path
    written: int
    kept: int


def make_workspace(folder: Path, package: Path = _PACKAGE) -> NewWorkspace:
    """Write what a workspace needs into a folder, and leave every file that is there as it is.

    Raises BadUsage where `folder` is something other than a folder, BadMachine where the installation is incomplete.
    """
    if folder.exists() and not folder.is_dir():
        raise BadUsage(f"{str(folder)!r} is no folder; name one for the new workspace")
    root, written, kept = folder.resolve(), 0, 0
    for name, content in _files(package):
        path = root / name
        if path.exists():
            kept += 1
        else:
            write_atomically(path, content)
            written += 1
    return NewWorkspace(root, written, kept)


def _files(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path in a workspace and the content of every file."""
    source = package / "shipped"
    if not source.is_dir():
        source = package.parent  # a clone
    if not (source / "submissions").is_dir():
        raise BadMachine(f"{source} has no folder submissions; install unlearning-benchmark again")
    for folder in _FOLDERS:
        for path in sorted((source / folder).rglob("*")):
            if path.is_file() and _CACHE not in path.parts:
                yield path.relative_to(source).as_posix(), path.read_bytes()
    yield "reference_models/README.md", (source / "reference_models" / "README.md").read_bytes()
    yield "README.md", _README.encode()
    yield ".gitignore", _GITIGNORE.encode()
