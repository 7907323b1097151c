"""A file that a team sent, read without believing anything it says: its files by name, or one sentence why not.

Nothing is ever extracted to a path that an archive names. Sizes are limited twice, as the archive declares them and as
they are when it is read.
"""

import io
import stat
import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from benchmark.errors import BadSubmission
from benchmark.submissions.files import FILE
from benchmark.submissions.folder import CACHE, TUNED, open_file
from benchmark.text import printable, reason_of, shown

FORMS = (".py", ".zip")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_UTF8, _ENCRYPTED = 0x800, 0x1
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: of archives made elsewhere than on Unix
_LONGEST, _DEEPEST = 100, 10  # bytes of a name, folders within one another
_LEFT_OUT = {CACHE, "__MACOSX", ".DS_Store"}
"""Names of what other programs leave, and submissions have no use for."""


class Limits(NamedTuple):
    """The largest that an entry may be."""

    file_bytes: int
    total_bytes: int
    files: int


def read_entry(path: Path, limits: Limits) -> dict[str, bytes]:
    """Return the files of an entry by their names: of a `.py`, or of a `.zip` with submission.py.

    Raises BadSubmission where it is anything else, too large, or cannot be trusted to be what it shows.
    """
    if path.suffix not in FORMS:
        raise BadSubmission(f"{_name(path)} came, expected a .py file, or a .zip with {FILE}; send one of these")
    largest = limits.file_bytes if path.suffix == ".py" else limits.total_bytes
    try:
        with open_file(path) as file:
            content = file.read(largest + 1)
    except (OSError, ValueError) as error:
        raise BadSubmission(f"{_name(path)} cannot be read: {reason_of(error)}; send a regular file") from None
    if len(content) > largest:
        raise BadSubmission(f"{_name(path)} holds more than {largest:,} bytes; make it smaller")
    files = {FILE: content} if path.suffix == ".py" else read_zip(content, _name(path), limits)
    for name in files:
        if name.endswith(".py"):
            _check_text(name, files[name])
    return files


def read_zip(content: bytes, sent: str, limits: Limits) -> dict[str, bytes]:
    """Return the files of an archive called `sent`, without what lies in a folder around all of them."""
    with _readable(sent), zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > limits.files:
            raise BadSubmission(f"{sent} has {len(members):,} files and folders, expected at most {limits.files:,}")
        named = [(_member_name(member, sent), member) for member in members]
        files = {name: member for name, member in named if not member.is_dir()}
        _check_names([name for name, _ in named], files, sent)
        total = sum(member.file_size for member in files.values())
        if total > limits.total_bytes:
            raise BadSubmission(f"{sent} unpacks to {total:,} bytes, expected at most {limits.total_bytes:,}")
        read, left = {}, limits.total_bytes
        for name, member in files.items():
            read[name] = _read(archive, member, min(limits.file_bytes, left), sent)
            left -= len(read[name])
    return _submission_files(read, sent)


@contextmanager
def _readable(sent: str) -> Iterator[None]:
    """Turn whatever reading an archive can raise into BadSubmission: its bytes are anybody's, and so is the fault."""
    try:
        yield
    except BadSubmission:
        raise
    except Exception as error:
        raise BadSubmission(f"{sent} is no archive that can be read: {reason_of(error)}; pack it again") from None


def _member_name(member: zipfile.ZipInfo, sent: str) -> PurePosixPath:
    """Return the place of a member. Raises BadSubmission where it is none inside the archive, or no plain file."""
    raw = member.orig_filename
    name = PurePosixPath(raw)
    which = f"{sent} has a member {shown(raw)}"
    if not raw.isascii() and not member.flag_bits & _UTF8:
        raise BadSubmission(f"{sent} has a name that is not UTF-8, {shown(raw)}; rename that file")
    if not raw.isprintable() or "\\" in raw or str(name) != raw.removesuffix("/") or raw.startswith("/"):
        raise BadSubmission(f"{which}, expected a plain name inside the archive; rename it")
    if ".." in name.parts or len(name.parts) > _DEEPEST or any(len(part.encode()) > _LONGEST for part in name.parts):
        raise BadSubmission(
            f"{which}, expected no .., at most {_DEEPEST} folders and {_LONGEST} bytes a name; rename it"
        )
    if stat.S_IFMT(member.external_attr >> 16) not in _KINDS:
        raise BadSubmission(f"{which} that is a link or a device, expected files and folders; leave it out")
    if member.flag_bits & _ENCRYPTED:
        raise BadSubmission(f"{which} that is encrypted; pack it without a password")
    if member.compress_type not in _METHODS:
        raise BadSubmission(f"{which} that is packed by another method than deflate; pack it again")
    return name


def _check_names(names: list[PurePosixPath], files: Collection[PurePosixPath], sent: str) -> None:
    """Raise BadSubmission where two members have one name, on some file systems too, or a file is also a folder."""
    seen = set[str]()
    for name in names:
        key = _key(name)
        if key in seen:
            raise BadSubmission(f"{sent} has {shown(str(name))} more than once, expected each name once; rename one")
        seen.add(key)
    plain = {_key(name) for name in files}
    for name in names:
        if any(_key(above) in plain for above in name.parents):
            raise BadSubmission(f"{sent} has {shown(str(name))} below a file, expected it in a folder; rename one")


def _key(name: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(name)).casefold()


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, largest: int, sent: str) -> bytes:
    which = f"{shown(member.filename)} in {sent}"
    with archive.open(member) as file:
        content = file.read(largest + 1)
        if len(content) > largest:
            raise BadSubmission(f"{which} holds more than {largest:,} bytes; make it smaller")
        if len(content) != member.file_size or file.read(1):  # which checks the sum too
            raise BadSubmission(
                f"{which} holds {len(content):,} bytes, not {member.file_size:,} as it says; pack it again"
            )
    return content


def _submission_files(read: dict[PurePosixPath, bytes], sent: str) -> dict[str, bytes]:
    """Return the files that belong to the submission, by their names in its folder."""
    kept = {name: content for name, content in read.items() if not _LEFT_OUT.intersection(name.parts)}
    tops = {name.parts[0] for name in kept}
    if PurePosixPath(FILE) not in kept and len(tops) == 1:
        top = PurePosixPath(*tops)
        kept = {name.relative_to(top): content for name, content in kept.items() if name != top}
    kept = {name: content for name, content in kept.items() if name.parts[0] != TUNED}
    if PurePosixPath(FILE) not in kept:
        raise BadSubmission(f"{sent} has no {FILE}, which has to be at the top or in the only folder; add it")
    return {str(name): content for name, content in kept.items()}


def _check_text(name: str, content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise BadSubmission(f"{shown(name)} is not UTF-8 at byte {error.start:,}; save it as UTF-8") from None


def _name(path: Path) -> str:
    return printable(path.name)
