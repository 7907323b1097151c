"""The file of a bundle: a zip archive of blocks, and a list of what they have to be.

The archive may be anybody's. Nothing is ever extracted to a path that it names: a reader asks for members by the names
they must have. Members are deflated, or stored as they are; no other method, of which some take gigabytes to undo, and
none that holds more than a block can.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import Field, ValidationError

from benchmark.errors import BadRecord
from benchmark.results.record import Digest, EntryName, Record, ScenarioName, why_invalid
from benchmark.text import printable, reason_of

LIST = "bundle.json"
_LARGEST = 1 << 26  # bytes of a member
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DATE = (1980, 1, 1, 0, 0, 0)  # of every member, such that equal evidence makes equal bytes


class Contents(Record):
    """The list of everything in a bundle."""

    schema_number: Literal[1] = Field(default=1, alias="schema")
    scenario: ScenarioName
    scenario_hash: Digest
    pool_hash: Digest
    commitment: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    """SHA-256 of the secret that the reference models were drawn from, which the bundle does not hold."""
    entries: dict[EntryName, Digest]
    """The hash of each entry's files."""
    members: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
    """SHA-256 of each member but this list."""

    @property
    def label(self) -> str:
        return f"{self.scenario}-{self.scenario_hash}"


class Archive:
    """A bundle that is open for reading."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self._archive = path, archive
        try:
            self.contents = Contents.model_validate_json(self.read(LIST))
        except ValidationError as error:
            raise BadRecord(f"{path} is not a bundle: {LIST}: {why_invalid(error)}; get it again") from None
        except ValueError as error:
            raise BadRecord(f"{path} is not a bundle: {LIST} {error}; get it again") from None

    @property
    def names(self) -> list[str]:
        """The names of all members but the list, as they stand there: each may occur more than once."""
        return [name for name in self._archive.namelist() if name != LIST]

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raises ValueError where it is missing, damaged, too large or packed otherwise."""
        try:
            member = self._archive.getinfo(name)
            if member.compress_type not in _METHODS:
                raise ValueError("is compressed by another method than deflate")
            if member.file_size > _LARGEST:
                raise ValueError(f"holds more than {_LARGEST:,} bytes")
            with self._archive.open(member) as file:
                content = file.read(_LARGEST + 1)
        except KeyError:
            raise ValueError("is missing") from None
        except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"is damaged: {printable(reason_of(error), 200)}") from None
        if name != LIST and hashlib.sha256(content).hexdigest() != self.contents.members.get(name):
            raise ValueError("is damaged: its checksum is not the one on the list")
        return content


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a bundle. Raises BadRecord where the file is none."""
    if not path.is_file():
        raise BadRecord(f"there is no bundle {path}; give the path of a file that `bench evidence pack` wrote")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise BadRecord(f"{path} is not a bundle: {reason_of(error)}; get it again") from None
    with archive:
        yield Archive(path, archive)


def write_archive(file: IO[bytes], contents: Contents, members: Mapping[str, bytes]) -> None:
    """Write a bundle: the same members give the same bytes, by the same zlib."""
    listed = contents.model_dump_json(by_alias=True, indent=1).encode() + b"\n"
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in [(LIST, listed), *sorted(members.items())]:
            about = zipfile.ZipInfo(name, _DATE)
            about.create_system = 3  # else that of the machine
            archive.writestr(about, content, zipfile.ZIP_DEFLATED, compresslevel=9)
