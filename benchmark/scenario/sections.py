"""The base of all sections of a scenario file, and the types of their values.

A kind of section has only the keys that it can use. What a later version adds is None where it is absent, and counts
for no hash.
"""

import json
import tomllib
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from benchmark.errors import BadScenario
from benchmark.scenario.answers import Check, are_rows, check_answers, is_own_kind
from benchmark.scenario.complaints import sentence_of
from benchmark.storage.reading import read_file
from benchmark.text import reason_of, shown

LARGEST_FILE = 1 << 22  # bytes of a scenario's or a network's file

# The upper bounds refuse nothing that could be meant: beyond them a number overflows somewhere.
Count = Annotated[int, Field(ge=1, le=10**9)]
Side = Annotated[int, Field(ge=1, le=16_384)]
"""Pixels along one side of an image."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(gt=0, lt=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=1000)]
_PART = 255  # bytes of a file's name


def _path(text: str) -> str:
    parts = [part for part in text.split("/") if len(part.encode()) > _PART]
    if parts or "\0" in text:
        raise ValueError(
            f"the path {shown(text)} can be no file's, expected names of at most {_PART} bytes without NUL"
        )
    return text


DataPath = Annotated[Name, AfterValidator(_path)]
"""Relative to the data folder (`--data-dir`, BENCH_DATA, by default data/ in the workspace), or absolute."""


class Section(BaseModel):
    """A part of a scenario. Strict: no key more than declared, no type but the one declared, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    seam: ClassVar[str] = "section"
    """The seam that its class is a kind of, as errors name it."""
    answers: ClassVar[Mapping[str, Check]] = {}
    """Methods that another package may write, each with the check of what it returns."""
    further_keys: ClassVar[tuple[str, ...]] = ()
    """Keys of its part of the file that are read before it is, and are no fields."""

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        super().__pydantic_init_subclass__(**options)
        check_answers(cls, cls.answers)

    @property
    def called(self) -> str:
        """The name of the kind in errors."""
        return type(self).__name__

    def filled_in(self, folder: Path) -> Self:
        """Return the section with what the hash needs and the scenario's file, in `folder`, only names."""
        return self

    def verify(self, folder: Path) -> None:
        """Raise BenchError where files in `folder`, the data folder, are other than the scenario says."""

    def checksum_rows(self, folder: Path) -> list[dict[str, str]]:
        """Return the row of `bench data check` about the checksum of the files; none where none is kept."""
        return []


Kind = TypeVar("Kind", bound=Section)


def read_section(kind: type[Kind], path: Path) -> Kind:
    """Return what a TOML file says, as a section that holds all of it. Raises BadScenario where it is none."""
    try:
        content = tomllib.loads(read_file(path, LARGEST_FILE).decode())
        # Through JSON, because in strict mode only JSON's lists may become tuples.
        return kind.model_validate_json(json.dumps(content, default=_iso_text))
    except ValidationError as error:
        raise BadScenario(f"{path}: {sentence_of(error, kind)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadScenario(f"{path} could not be read as TOML: {reason_of(error)}; correct it") from None


def _iso_text(value: date | time) -> str:
    return value.isoformat()


KIND_ANSWERS: dict[str, Check] = {
    "filled_in": is_own_kind,
    "checksum_rows": are_rows,
}
"""Checks of what every section may define."""
