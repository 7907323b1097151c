"""A submission as files: found, identified and described without running any of it."""

import ast
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import BadSubmission
from benchmark.scenario.schema import Scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.files import hash_of, is_name, parse_submission, read_record, short_hash_of, tuned_folder
from benchmark.submissions.parsing import defines_function
from benchmark.text import did_you_mean, printable

Values = Literal["published", "tuned"]

_CONSTANT = 300  # characters of a title or a reference

_SHORT = 12  # digits of a hash in records of the first version
_SUFFIX = "+tuned"  # behind the name of an entry


@dataclass(frozen=True)
class Submission:
    """`hash` is over its files and its hyper-parameters; `title` and `reference` are its own constants."""

    name: str
    folder: Path
    hash: str
    title: str
    reference: str
    hyperparameters: dict[str, Any]
    """Values that replace the submission's own; empty for the published ones."""
    values: Values
    trains: bool = False
    """Whether it has a function `training` beside its `unlearning`."""

    def verify(self, copy: Path) -> None:
        """Raise BenchError when `copy` is not of the files that the hash is over."""
        if hash_of(copy, self.hyperparameters) != self.hash:
            raise BadSubmission(f"{self.name} was edited while this command started; run the same command again")

    @property
    def entry(self) -> str:
        """Its name on the board."""
        return self.name + (_SUFFIX if self.values == "tuned" else "")

    def is_named_by(self, recorded: str) -> bool:
        """Return whether a record's hash is that of these files and values; the first version's has 12 digits."""
        if len(recorded) == _SHORT:
            return recorded == short_hash_of(self.folder, self.hyperparameters)
        return recorded == self.hash


def submission_names(workspace: Workspace) -> list[str]:
    """Every folder of `submissions/` with the name of one; a link is none, for it would show what is elsewhere."""
    return sorted(
        folder.name
        for folder in workspace.submissions.iterdir()
        if is_name(folder.name) and folder.is_dir() and not folder.is_symlink()
    )


def unsuitable_names(workspace: Workspace) -> list[str]:
    """Return what lies in `submissions/` as a folder, or a link to one, and cannot be a submission.

    Hidden folders and Python's caches are no attempt at one.
    """
    names = submission_names(workspace)
    return sorted(
        path.name
        for path in workspace.submissions.iterdir()
        if path.is_dir() and path.name not in names and not path.name.startswith((".", "__"))
    )


def find_submission(entry: str, workspace: Workspace, scenario: Scenario | None = None) -> Submission:
    """Return the submission NAME with its own values, or NAME+tuned with those that tuning found for `scenario`.

    Raises BenchError when there is no such submission, or no tuned values.
    """
    name, tuned = entry.removesuffix(_SUFFIX), entry.endswith(_SUFFIX)
    names = submission_names(workspace)
    if name not in names and os.path.lexists(workspace.submissions / name):
        raise BadSubmission(
            f"{name!r} in {workspace.submissions} is no submission, expected a folder, no link to one, that is called "
            "by at most 64 letters, digits, - and _ and begins with no sign; rename it"
        )
    if name not in names:
        raise BadSubmission(
            f"there is no submission {name!r}{did_you_mean(name, names)} in {workspace.submissions}; "
            f"there are {', '.join(names) or 'none'}, and `bench new NAME` begins one"
        )
    folder = workspace.submissions / name
    hyperparameters = _tuned_values(tuned_file(folder, scenario), name) if tuned and scenario else {}
    constants = _constants(folder)
    return Submission(
        name=name,
        folder=folder,
        hash=hash_of(folder, hyperparameters),
        title=constants.get("TITLE", name),
        reference=constants.get("REFERENCE", ""),
        hyperparameters=hyperparameters,
        values="tuned" if tuned else "published",
        trains=defines_function(folder, "training"),
    )


def tuned_entries(name: str, workspace: Workspace, scenario: Scenario) -> list[str]:
    """Return NAME+tuned where tuning has found values for the scenario, or its record is none; else nothing.

    The run of one whose record is none says what is wrong with it.
    """
    try:
        values = _read_tuned(tuned_file(workspace.submissions / name, scenario))
    except BadSubmission:
        return [name + _SUFFIX]
    return [name + _SUFFIX] if values else []


def tuned_file(folder: Path, scenario: Scenario) -> Path:
    """Return the path of a submission's tuned values. Raises BadSubmission when `tuned` is a link to somewhere else."""
    return tuned_folder(folder) / f"{scenario.last.name}.json"


def tuned_scenarios(folder: Path) -> list[str]:
    """Names of the scenarios for which tuning has found values for the submission in `folder`."""
    return sorted(path.stem for path in tuned_folder(folder).glob("*.json") if _read_tuned(path))


def _tuned_values(path: Path, name: str) -> dict[str, Any]:
    values = _read_tuned(path)
    if values is None and path.exists():
        raise BadSubmission(
            f"no values in {path}: the search is unfinished, or none of its trials could win; "
            f"run `bench tune {name}` to know, or `bench run {name}`"
        )
    if values is None:
        raise BadSubmission(f"{name} has no tuned values in {path}; run `bench tune {name}` first")
    return values


def _read_tuned(path: Path) -> dict[str, Any] | None:
    """Return the values that tuning has written there; None where there are none, or none yet."""
    try:
        content = read_record(path)
        values = json.loads(content)["hyperparameters"] if content is not None else None
        if not isinstance(values, dict | None):
            raise ValueError("hyperparameters are no table")
        json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
        return values
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise BadSubmission(f"{path} holds no hyperparameters; delete it and tune again") from None


def _constants(folder: Path) -> dict[str, str]:
    """Return the module's top-level string constants."""
    return {
        target.id: printable(node.value.value, _CONSTANT)
        for node in parse_submission(folder).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
