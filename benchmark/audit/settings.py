"""The file `audit.toml`: what is audited, with which data, code and models, or arrays of signals instead of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from benchmark.scenario.sections import Count, DataPath, Name, Section, Seed, read_section
from benchmark.storage.places import expect

FILE = "audit.toml"
FEWEST, MOST = 4, 8192


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Checkpoints = Annotated[tuple[DataPath, ...], BeforeValidator(_as_tuple)]
"""One path, or a list of them."""


class People(Section):
    """The section `[data]`: who the model was trained on, and who asked for deletion."""

    file: DataPath
    """A CSV file, or an .npz file of the arrays inputs, targets and ids."""
    id: Name = "id"
    """The column that says whose row it is; a person may have several rows."""
    label: Name = "label"
    ignore: tuple[Name, ...] = ()
    """Columns that are no features."""
    deletion: DataPath
    """A CSV file of ids, one per line under a heading."""
    test: DataPath | None = None
    """Rows of people that no model was trained on, in the same columns."""


class Code(Section):
    """The section `[code]`: the Python file, and the models in production that it can load."""

    file: DataPath
    batch_size: Count = 32
    """Rows per batch of a loader that is iterated over."""
    production: Checkpoints = ()
    """Checkpoints of models that were trained on everybody, as they are in production."""
    production_unlearned: Checkpoints = ()
    """Checkpoints of models in production that have been unlearned already."""


class Signals(Section):
    """The section `[signals]`: arrays of φ `[models, people]` instead of data and code."""

    retrained: DataPath
    production: DataPath | None = None
    production_unlearned: DataPath | None = None
    unlearned: DataPath | None = None
    original: DataPath | None = None
    """φ of the models that the unlearned ones started from."""
    ids: DataPath | None = None
    """A CSV file of ids, in the order of the arrays' columns."""

    @model_validator(mode="after")
    def _something_is_compared(self) -> "Signals":
        if not (self.production or self.production_unlearned or self.unlearned):
            raise ValueError(
                "signals has retrained models alone, expected others to hold against them; name production, "
                "production_unlearned or unlearned"
            )
        if self.original and not self.unlearned:
            raise ValueError("signals.original came without signals.unlearned, expected both; name the latter")
        return self


class Settings(Section):
    """All of `audit.toml`."""

    title: Name
    organisation: Annotated[str, Field(max_length=200)] = ""
    question: Annotated[str, Field(max_length=2000)] = ""
    """Why the audit is made, in the auditor's words; printed in the report."""
    models: Annotated[int, Field(ge=FEWEST, le=MOST)] = 64
    """N: how many models are retrained without the deleted people."""
    seed: Seed = 0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    data: People | None = None
    code: Code | None = None
    signals: Signals | None = None

    @model_validator(mode="after")
    def _one_kind_of_input(self) -> "Settings":
        if self.signals is None and (self.data is None or self.code is None):
            raise ValueError(
                "audit.toml needs the sections [data] and [code], or [signals] alone; `bench audit init FOLDER` writes "
                "one to begin with"
            )
        if self.signals is not None and (self.data is not None or self.code is not None):
            raise ValueError("[signals] came beside [data] or [code], expected one or the other; take one of them out")
        return self


@dataclass(frozen=True)
class Audit:
    """An audit's folder and its settings."""

    folder: Path
    settings: Settings

    def path(self, name: str) -> Path:
        """Return where a file that the settings name lies."""
        return self.folder / name


def read_audit(folder: Path) -> Audit:
    """Return the audit in a folder. Raises BenchError, one sentence, where audit.toml cannot be used."""
    expect(folder, "folder", f"the audit is {folder}", "a folder with audit.toml", "make it with `bench audit init`")
    path = folder / FILE
    expect(path, "file", f"the audit's file is {path}", "a TOML file", "`bench audit init FOLDER` writes one")
    return Audit(folder.resolve(), read_section(Settings, path))
