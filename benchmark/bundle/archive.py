"""The file of a bundle or of a pool: a zip archive of blocks, and a list of what they have to be.

The archive may be anybody's. Nothing is ever extracted to a path that it names: a reader asks for members by the names
they must have. Members are deflated, or stored as they are; no other method, of which some take gigabytes to undo, and
none that holds more than a block can.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import Field, ValidationError

from benchmark.errors import BadRecord
from benchmark.results.record import Digest, EntryName, Record, ScenarioName, why_invalid
from benchmark.text import printable, reason_of

LIST = "bundle.json"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DATE = (1980, 1, 1, 0, 0, 0)  # of every member, such that equal evidence makes equal bytes


class Listing(Record):
    """A list of everything in an archive. A kind of it says what the archive is."""

    what: ClassVar[str]
    """What such an archive is called."""
    file: ClassVar[str]
    """The name of the member that has this list."""
    command: ClassVar[str]
    """The command that writes such an archive."""
    largest: ClassVar[int]
    """Bytes that a member may have."""

    schema_number: Literal[1] = Field(default=1, alias="schema")
    scenario: ScenarioName
    pool_hash: Digest
    members: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
    """SHA-256 of each member but this list."""


class Contents(Listing):
    """The list of everything in a bundle."""

    what: ClassVar[str] = "a bundle"
    file: ClassVar[str] = LIST
    command: ClassVar[str] = "bench evidence pack"
    largest: ClassVar[int] = 1 << 26

    scenario_hash: Digest
    commitment: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    """SHA-256 of the secret that the reference models were drawn from, which the bundle does not hold."""
    published: bool = False
    """Whether everybody can know that secret."""
    entries: dict[EntryName, Digest]
    """The hash of each entry's files."""

    @property
    def label(self) -> str:
        return f"{self.scenario}-{self.scenario_hash}"


Kind = TypeVar("Kind", bound=Listing)


class Archive(Generic[Kind]):
    """An archive that is open for reading."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, kind: type[Kind]) -> None:
        self.path, self._archive, self._kind = path, archive, kind
        try:
            self.contents = kind.model_validate_json(self.read(kind.file))
        except ValidationError as error:
            raise BadRecord(f"{path} is not {kind.what}: {kind.file}: {why_invalid(error)}; get it again") from None
        except ValueError as error:
            raise BadRecord(f"{path} is not {kind.what}: {kind.file} {error}; get it again") from None

    @property
    def names(self) -> list[str]:
        """The names of all members but the list, as they stand there: each may occur more than once."""
        return [name for name in self._archive.namelist() if name != self._kind.file]

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raises ValueError where it is missing, damaged, too large or packed otherwise."""
        try:
            member = self._archive.getinfo(name)
            if member.compress_type not in _METHODS:
                raise ValueError("is compressed by another method than deflate")
            if member.file_size > self._kind.largest:
                raise ValueError(f"holds more than {self._kind.largest:,} bytes")
            with self._archive.open(member) as file:
                content = file.read(self._kind.largest + 1)
        except KeyError:
            raise ValueError("is missing") from None
        except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"is damaged: {printable(reason_of(error), 200)}") from None
        if name != self._kind.file and hashlib.sha256(content).hexdigest() != self.contents.members.get(name):
            raise ValueError("is damaged: its checksum is not the one on the list")
        return content


@contextmanager
def open_archive(path: Path, kind: type[Kind]) -> Iterator[Archive[Kind]]:
    """Open an archive with a list of that kind. Raises BadRecord where the file is none."""
    if not path.is_file():
        what = kind.what.partition(" ")[2]
        raise BadRecord(f"there is no {what} {path}; give the path of a file that `{kind.command}` wrote")
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise BadRecord(f"{path} is not {kind.what}: {reason_of(error)}; get it again") from None
    with archive:
        yield Archive(path, archive, kind)


def write_archive(file: IO[bytes], contents: Listing, read: Callable[[str], bytes]) -> None:
    """Write an archive of the listed members, which `read` returns: equal ones give equal bytes, by the same zlib."""
    listed = contents.model_dump_json(by_alias=True, indent=1).encode() + b"\n"
    with zipfile.ZipFile(file, "w") as archive:
        for name in [contents.file, *sorted(contents.members)]:
            about = zipfile.ZipInfo(name, _DATE)
            about.create_system = 3  # else that of the machine
            content = listed if name == contents.file else read(name)
            archive.writestr(about, content, zipfile.ZIP_DEFLATED, compresslevel=9)
