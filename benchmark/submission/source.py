"""A submission as files: found, identified and described without running any of it."""

import ast
import hashlib
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BenchError
from benchmark.submission.contract import FILE
from benchmark.workspace import Workspace


@dataclass(frozen=True)
class Submission:
    """`hash` is over the names and contents of all its files; `title` and `reference` are its own constants."""

    name: str
    folder: Path
    hash: str
    title: str
    reference: str


def submission_names(workspace: Workspace) -> list[str]:
    """Every folder of `submissions/` that does not begin with a dot or an underscore."""
    return sorted(
        folder.name for folder in workspace.submissions.iterdir() if folder.is_dir() and folder.name[0] not in "._"
    )


def find_submission(name: str, workspace: Workspace) -> Submission:
    """Raises BenchError when there is no such folder."""
    names = submission_names(workspace)
    if name not in names:
        raise BenchError(
            f"there is no submission {name!r} in {workspace.submissions}; "
            f"there are {', '.join(names) or 'none'}, and `bench new NAME` begins one"
        )
    folder = workspace.submissions / name
    constants = _constants(folder / FILE)
    return Submission(
        name=name,
        folder=folder,
        hash=_hash(folder),
        title=constants.get("TITLE", name),
        reference=constants.get("REFERENCE", ""),
    )


def _hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def _constants(path: Path) -> dict[str, str]:
    """The module's top-level string constants; none if it cannot be parsed (a run will say why)."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
