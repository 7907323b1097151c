"""The base of everything that is written to disk as JSON, and the kinds of values that records hold.

Whatever is read back is believed only as far as these types go: files can be damaged, edited, or somebody else's.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from benchmark.errors import BadRecord, note
from benchmark.storage.reading import read_file
from benchmark.text import printable, reason_of

_LARGEST = 1 << 26  # bytes of a record's file


class Record(BaseModel):
    """No key too many, no value changed, no number that is infinite or none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds characters that no terminal should get")
    return text


def _lines(text: str) -> str:
    return printable(text, len(text), keep="\n\t")


Line = Annotated[str, Field(max_length=2000), AfterValidator(_one_line)]
"""Text that is shown on a terminal and in tables."""

Lines = Annotated[str, Field(max_length=1 << 20), AfterValidator(_lines)]
"""The same of many lines; what a terminal would obey is replaced."""

EntryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\+tuned)?$")]
"""Names files, so nothing that leads elsewhere."""

ScenarioName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-z]{0,64}$")]
Version = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Amount = Annotated[int, Field(ge=0, lt=2**63)]
Fraction = Annotated[float, Field(ge=0, le=1)]

Some = TypeVar("Some", bound=BaseModel)


def read_record(kind: type[Some], path: Path, advice: str) -> Some:
    """Return the record in a file. Raises BadRecord, which ends with `advice`, when the file holds no such record.

    Raises FileNotFoundError when there is no file.
    """
    try:
        return kind.model_validate_json(read_file(path, _LARGEST))
    except FileNotFoundError:
        raise
    except ValidationError as error:
        reason = why_invalid(error)
    except (OSError, ValueError) as error:
        reason = reason_of(error)
    raise BadRecord(f"{path} is not a {kind.__name__.lower()}: {reason}; {advice}")


def read_kept(kind: type[Some], path: Path, fault: Callable[[Some], str | None] = lambda _: None) -> Some | None:
    """Return a record that can be made anew; None where there is none, or one that cannot be: it is named, set aside.

    `fault`: says why a record that can be read is of no use, None where it is.
    """
    try:
        record = read_record(kind, path, "it is made anew")
        if (reason := fault(record)) is None:
            return record
        note(f"{path} {reason}; it is made anew")
    except FileNotFoundError:
        return None
    except BadRecord as error:
        note(str(error))
    path.replace(path.with_suffix(".damaged"))
    return None


def why_invalid(error: ValidationError) -> str:
    """Return the first objection to a record, with the place it is at."""
    first = error.errors(include_url=False, include_input=False)[0]
    where, objection = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{where}: {objection}" if where else objection
