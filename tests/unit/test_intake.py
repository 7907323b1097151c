"""Files that teams send: plain ones become the files of an entry, hostile ones a refusal, and nothing else happens."""

import io
import os
import stat
import struct
import zipfile
from pathlib import PurePosixPath

import pytest
from competing import SOURCE, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.compete.intake import Limits, read_entry, read_zip
from benchmark.errors import BadSubmission

LIMITS = Limits(file_bytes=3000, total_bytes=8000, files=8)
PLAIN = {"submission.py": SOURCE, "helper.py": "x = 1\n"}


LATIN = zipped({**PLAIN, "b.py": b"\xff"})


def member(name, mode=0, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, method
    return info


def packed(*members):
    """Return an archive of (name or ZipInfo, content), whatever these are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("submission.py", SOURCE)
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def with_flag(content, flag):
    """Turn a flag of all members, in the local headers and in the directory."""
    edited = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = edited.find(signature)
        while at >= 0:
            (old,) = struct.unpack_from("<H", edited, at + offset)
            struct.pack_into("<H", edited, at + offset, old ^ flag)
            at = edited.find(signature, at + 4)
    return bytes(edited)


def with_declared_size(content, size):
    """Have every member declare so many bytes."""
    edited = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = edited.find(signature)
        while at >= 0:
            struct.pack_into("<I", edited, at + offset, size)
            at = edited.find(signature, at + 4)
    return bytes(edited)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (zipped(PLAIN), {"submission.py", "helper.py"}),
        (zipped({f"mine/{name}": own for name, own in PLAIN.items()}), {"submission.py", "helper.py"}),
        (zipped({"mine/": "", "mine/submission.py": SOURCE, "mine/parts/": "", "mine/parts/a.py": ""}), None),
        (zipped({**PLAIN, "notes/δ.md": "ε"}), {"submission.py", "helper.py", "notes/δ.md"}),
        (packed((member("a.py", stat.S_IFREG | 0o777, zipfile.ZIP_STORED), b"")), {"submission.py", "a.py"}),
        (zipped({"mine/submission.py": SOURCE, "__MACOSX/mine/._submission.py": b"\xff"}), {"submission.py"}),
        (zipped({**PLAIN, "__pycache__/a.pyc": b"\xff", ".DS_Store": b"", "tuned/digits.json": "{}"}), set(PLAIN)),
    ],
)
def test_a_plain_archive_is_the_files_of_the_submission(content, names):
    files = read_zip(content, "sent.zip", LIMITS)
    assert set(files) == (names or {"submission.py", "parts/a.py"})
    assert files["submission.py"].decode() == SOURCE


HOSTILE = {
    "another folder": packed(("../up.py", b"")),
    "a folder above within": packed(("a/../../up.py", b"")),
    "an absolute path": packed(("/etc/cron.d/x", b"")),
    "a path of Windows": packed(("..\\up.py", b"")),
    "a name that is not plain": packed(("a//b.py", b"")),
    "this folder": packed(("./a.py", b"")),
    "a NUL": packed(("a_b.py", b"")).replace(b"a_b.py", b"a\0b.py"),
    "a line end": packed(("a\nb.py", b"")),
    "a reordered name": packed(("a\u202eyp.b", b"")),
    "a long name": packed((101 * "a", b"")),
    "many folders": packed(("/".join(11 * "a"), b"")),
    "a link": packed((member("a.py", stat.S_IFLNK | 0o777), b"/etc/passwd")),
    "a pipe": packed((member("a.py", stat.S_IFIFO | 0o777), b"")),
    "a device": packed((member("a.py", stat.S_IFBLK | 0o777), b"")),
    "a password": with_flag(packed(("a.py", b"")), 1),
    "another method": packed((member("a.py", method=zipfile.ZIP_LZMA), b"")),
    "a name twice but for case": packed(("SUBMISSION.py", SOURCE)),
    "a file that is a folder": packed(("a", b""), ("a/b.py", b"")),
    "a name of another encoding": packed(("\xe9\xe8.py", b"")).replace("\xe9\xe8.py".encode(), b"\xe9\xe8\xea\xeb.py"),
    "a name that does not say its encoding": with_flag(packed(("é.py", b"")), 0x800),
    "too many": packed(*((f"{number}.py", b"") for number in range(8))),
    "a large file": packed(("a.bin", bytes(3001))),
    "too much together": packed(*((f"{number}.bin", bytes(2900)) for number in range(3))),
    "a bomb": packed(("a.bin", bytes(1 << 24))),
    "a bomb that declares little": with_declared_size(packed(("a.bin", bytes(1 << 20))), 10),
    "less than it declares": with_declared_size(packed(("a.bin", b"12")), 1000),
    "a damaged file": packed(("a.bin", bytes(range(256)))).replace(bytes(range(9, 40)), bytes(31)),
    "half an archive": zipped(PLAIN)[:-30],
    "text": b"no archive",
    "nothing": b"",
    "no submission": zipped({"helper.py": "x = 1\n"}),
    "a submission further down": zipped({"a/b/submission.py": SOURCE}),
    "a submission in a cache": zipped({"__pycache__/submission.py": SOURCE}),
    "two folders": zipped({"a/submission.py": SOURCE, "b/submission.py": SOURCE}),
}


@pytest.mark.parametrize("content", [pytest.param(own, id=name) for name, own in HOSTILE.items()])
def test_a_hostile_archive_is_refused(content):
    with pytest.raises(BadSubmission):
        read_zip(content, "sent.zip", LIMITS)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused():
    with pytest.raises(BadSubmission):
        read_zip(packed(("submission.py", SOURCE)), "sent.zip", LIMITS)


NAMES = st.one_of(
    st.sampled_from(
        ["submission.py", "a/submission.py", "../x", "/x", "a", "a/b", "A", "tuned/x", ".", "..", "\\", "é"]
    ),
    st.text(min_size=1, max_size=12),
)
MODES = st.sampled_from([0, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755])


@pytest.mark.seconds
@given(
    st.lists(st.tuples(NAMES, MODES, st.binary(max_size=64)), max_size=9),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=6),
)
@settings(deadline=None, max_examples=400)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_whatever_an_archive_holds_it_is_refused_or_small_and_stays_in_its_folder(members, flips):
    content = bytearray(packed(*((member(name, mode), own) for name, mode, own in members)))
    for at, byte in flips:
        content[at % len(content)] = byte
    try:
        files = read_zip(bytes(content), "sent.zip", LIMITS)
    except BadSubmission:
        return
    assert "submission.py" in files
    assert len(files) <= LIMITS.files
    assert sum(map(len, files.values())) <= LIMITS.total_bytes
    paths = [PurePosixPath(name) for name in files]
    assert not [path for path in paths if path.is_absolute() or ".." in path.parts or not path.parts]
    assert not [path for path in paths if set(path.parents) & set(paths)]


def test_a_file_of_python_is_the_submission(tmp_path):
    (tmp_path / "any name.py").write_text(SOURCE)
    assert read_entry(tmp_path / "any name.py", LIMITS) == {"submission.py": SOURCE.encode()}


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.with_suffix(".ipynb").write_text("{}") and path.with_suffix(".ipynb"),
        lambda path: path.write_bytes(bytes(3001)) and path,
        lambda path: path.write_bytes("# é".encode("latin-1")) and path,
        lambda path: path.with_suffix(".zip").write_bytes(bytes(8001)) and path.with_suffix(".zip"),
        lambda path: (
            path.with_suffix(".zip").write_bytes(zipped({**PLAIN, "b.py": b"\xff"})) and path.with_suffix(".zip")
        ),
        lambda path: path.symlink_to("/etc/passwd") or path,
        lambda path: path.mkdir() or path,
        lambda path: os.mkfifo(path) or path,
        lambda path: path,
    ],
    ids=["a notebook", "large", "latin-1", "a large zip", "latin-1 in a zip", "link", "folder", "pipe", "absent"],
)
def test_a_file_that_cannot_be_an_entry_is_refused(make, tmp_path):
    with pytest.raises(BadSubmission):
        read_entry(make(tmp_path / "sent.py"), LIMITS)
