"""Submissions as files: what an untrusted folder may hold, and what becomes of it in the harness."""

import os
import subprocess

import pytest

from benchmark.errors import BenchError
from benchmark.submissions import files, folder
from benchmark.submissions.files import hash_of, is_name, parse_submission, read_record
from benchmark.submissions.source import find_submission, submission_names


def test_the_hash_covers_names_contents_links_and_empty_folders(tmp_path):
    def changed(change):
        before = hash_of(tmp_path, {})
        change()
        return hash_of(tmp_path, {}) != before

    source = tmp_path / "submission.py"
    assert changed(lambda: source.write_text("1"))
    assert changed(lambda: source.write_text("2"))
    assert changed(lambda: source.rename(tmp_path / "other.py"))
    assert changed(lambda: (tmp_path / "word").mkdir())
    assert changed(lambda: (tmp_path / "word").rename(tmp_path / "other word"))
    assert changed(lambda: (tmp_path / "link").symlink_to("nowhere"))
    assert changed(lambda: (tmp_path / "link").rename(tmp_path / "knil"))
    assert changed(lambda: (tmp_path / "folder").symlink_to("other word"))
    assert not changed(lambda: (tmp_path / "tuned").mkdir())
    assert not changed(lambda: (tmp_path / "tuned" / "digits.json").write_text("{}"))
    assert not changed(lambda: (tmp_path / "__pycache__").mkdir())
    assert hash_of(tmp_path, {"a": 1}) != hash_of(tmp_path, {"a": 2})


@pytest.mark.seconds
def test_a_folder_that_nobody_could_show_or_read_is_one_sentence(tmp_path, monkeypatch):
    deep = tmp_path / "deep"
    deep.mkdir()
    home = os.getcwd()
    os.chdir(deep)
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(home)
    with pytest.raises(BenchError, match=r"the folder deep is nested too deeply to be read, expected at most 50"):
        hash_of(deep, {})
    subprocess.run(["rm", "-rf", str(deep)], check=True)  # Python's own ways of removing it nest too deeply too
    monkeypatch.setattr(folder, "_MOST", 3)
    for name in "abcd":
        (tmp_path / "many" / name).mkdir(parents=True)
    with pytest.raises(BenchError, match="many holds more than 3 files and folders; remove some"):
        hash_of(tmp_path / "many", {})


@pytest.mark.parametrize("kind", ["endless", "pipe", "folder", "long", "deep", "missing"])
def test_source_that_cannot_be_parsed_is_an_empty_module(kind, tmp_path):
    path = tmp_path / "submission.py"
    if kind == "endless":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("TITLE = 'a'\nx = " + ("-" * 200_000 + "1" if kind == "deep" else "[" + "1," * 200_000 + "]"))
    assert parse_submission(tmp_path).body == []


def test_a_record_is_a_file_of_bounded_size(tmp_path, monkeypatch):
    path = tmp_path / "tuned" / "digits.json"
    assert read_record(path) is None
    (tmp_path / "tuned").write_text("")
    assert read_record(path) is None
    (tmp_path / "tuned").unlink()
    path.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        read_record(path)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(ValueError, match="no file"):
        read_record(path)
    path.unlink()
    path.write_text("12345")
    assert read_record(path) == b"12345"
    monkeypatch.setattr(files, "_LARGEST_RECORD", 4)
    with pytest.raises(ValueError, match="5 bytes, expected at most 4"):
        read_record(path)


@pytest.mark.parametrize("name", ["a", "A-1_b", "0" * 64])
def test_names(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", ".a", "a b", "a$b$", "a\x1b[2J", "ä", "a/b", "a+tuned", "0" * 65, "a\n"]
)
def test_no_names(name):
    assert not is_name(name)


def test_a_link_to_a_folder_and_other_names_are_no_submissions(workspace, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "submission.py").write_text("def unlearning(net, a, b, c): pass")
    (workspace.submissions / "evil").symlink_to(tmp_path / "secret")
    (workspace.submissions / "a$\\foo$").mkdir()
    assert not {"evil", "a$\\foo$"} & set(submission_names(workspace))
    for name in ("evil", "a$\\foo$"):
        with pytest.raises(BenchError, match="is no submission, expected a folder, no link to one"):
            find_submission(name, workspace)
    with pytest.raises(BenchError, match="there is no submission 'absent'"):
        find_submission("absent", workspace)
