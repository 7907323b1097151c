"""A submission's folder, read without following a link: its items, its content, its private copy."""

import os
import socket
import threading
import time

import pytest

from benchmark.errors import BenchError
from benchmark.storage.block_store import BlockStore
from benchmark.submissions import folder as folders
from benchmark.submissions.files import hash_of, parse_submission, read_record, tuned_folder
from benchmark.submissions.folder import Item, chunks, copy_submission, items
from benchmark.submissions.source import find_submission


@pytest.fixture
def folder(tmp_path):
    """A submission with everything that can lie in a folder."""
    folder = tmp_path / "own"
    (folder / "part" / "empty").mkdir(parents=True)
    (folder / "submission.py").write_text("TITLE = 'own'")
    (folder / "part" / "program").write_text("#!/bin/sh")
    (folder / "part" / "program").chmod(0o755)
    for cache in ("tuned", "__pycache__", "part/__pycache__"):
        (folder / cache).mkdir()
        (folder / cache / "hidden").write_text("x")
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "messages").symlink_to("/proc/kmsg")  # a file of no size that never ends
    (folder / "above").symlink_to("..")
    (folder / "circle").symlink_to("circle")
    (folder / "inside").symlink_to("part/program")
    return folder


def test_links_pipes_and_caches_are_not_read(folder):
    kinds = {str(item.path): item.kind for item in items(folder)}
    links = dict.fromkeys(("zero", "messages", "above", "circle", "inside"), "link")
    files = dict.fromkeys(("submission.py", "part/program"), "file")
    assert kinds == {**links, **files, "part": "folder", "part/empty": "folder"}
    assert hash_of(folder, {}) == hash_of(folder, {})


def test_a_socket_is_no_part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as own:
        own.bind("socket")
        assert items(tmp_path) == []


def test_the_hash_depends_on_where_links_lead_and_not_on_what_lies_there(folder, tmp_path):
    before = hash_of(folder, {})
    (tmp_path / "other").write_text("1")
    (folder / "link").symlink_to("../other")
    linked = hash_of(folder, {})
    (tmp_path / "other").write_text("2")
    assert hash_of(folder, {}) == linked != before


def test_a_copy_has_the_hash_of_what_was_copied(folder, tmp_path):
    copy_submission(folder, tmp_path / "copy")
    assert hash_of(tmp_path / "copy", {"a": 1}) == hash_of(folder, {"a": 1})
    assert os.access(tmp_path / "copy" / "part" / "program", os.X_OK)
    assert not os.access(tmp_path / "copy" / "submission.py", os.X_OK)
    assert not (tmp_path / "copy" / "tuned").exists()
    assert not os.path.lexists(tmp_path / "copy" / "pipe")
    assert os.readlink(tmp_path / "copy" / "zero") == "/dev/zero"
    (folder / "submission.py").write_text("TITLE = 'edited'")
    assert (tmp_path / "copy" / "submission.py").read_text() == "TITLE = 'own'"
    copy_submission(folder, tmp_path / "copy")  # once more, in its place
    assert (tmp_path / "copy" / "submission.py").read_text() == "TITLE = 'edited'"


@pytest.mark.parametrize("size", [4, 6, 0])
def test_no_more_is_read_than_was_counted(size, folder):
    (folder / "data").write_bytes(b"12345")
    with pytest.raises(BenchError, match="data changed while it was read; run the same command again"):
        list(chunks(folder, Item("file", (folder / "data").relative_to(folder), size)))
    assert list(chunks(folder, Item("file", (folder / "data").relative_to(folder), 5))) == [b"12345"]


def test_a_file_that_became_a_link_is_not_followed(folder):
    counted = Item("file", (folder / "zero").relative_to(folder), 5)
    with pytest.raises(BenchError, match="zero could not be read"):
        list(chunks(folder, counted))


def test_what_grows_while_it_is_read_ends(folder):
    """Writers are faster than readers."""
    path, stop = folder / "growing", threading.Event()
    path.write_bytes(bytes(1 << 20))

    def grow():
        with path.open("ab") as file:
            while not stop.is_set() and file.tell() < 1 << 28:
                file.write(bytes(1 << 20))

    (counted,) = [item for item in items(folder) if item.path.name == "growing"]
    writer = threading.Thread(target=grow)
    writer.start()
    try:
        while path.stat().st_size == 1 << 20:
            time.sleep(0.01)
        with pytest.raises(BenchError, match="growing changed"):
            list(chunks(folder, counted))
    finally:
        stop.set()
        writer.join()


def test_bounds(folder, monkeypatch):
    monkeypatch.setattr(folders, "_LARGEST", 10)
    with pytest.raises(BenchError, match="own holds 22 bytes, expected at most 10; remove some"):
        items(folder)
    monkeypatch.setattr(folders, "_DEEPEST", 1)
    with pytest.raises(BenchError, match="own is nested too deeply to be read, expected at most 1 folders within"):
        items(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_what_cannot_be_read_is_one_sentence(folder):
    (folder / "submission.py").chmod(0)
    with pytest.raises(BenchError, match=r"submission.py could not be read: Permission denied; make it readable"):
        hash_of(folder, {})


def test_source_is_read_behind_a_link_only_if_it_leads_inside(folder, tmp_path):
    (folder / "submission.py").rename(folder / "part" / "method.py")
    (folder / "submission.py").symlink_to("part/method.py")
    assert len(parse_submission(folder).body) == 1
    (folder / "submission.py").unlink()
    (tmp_path / "private.py").write_text("TITLE = 'private'")
    (folder / "submission.py").symlink_to(tmp_path / "private.py")
    assert parse_submission(folder).body == []


def test_nothing_is_read_behind_a_link_called_tuned(folder, tmp_path):
    (tmp_path / "rival").mkdir()
    (folder / "tuned" / "hidden").unlink()
    (folder / "tuned").rmdir()
    (folder / "tuned").symlink_to(tmp_path / "rival")
    with pytest.raises(BenchError, match="own/tuned is a link, behind which nothing is read or written; put a folder"):
        tuned_folder(folder)


@pytest.mark.parametrize("target", ["/dev/zero", "/proc/kmsg", "../../secret"])
def test_no_record_of_tuning_is_read_behind_a_link(target, folder, tmp_path):
    (tmp_path / "secret").write_text('{"hyperparameters": {}}')
    (folder / "tuned" / "digits.json").symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        read_record(folder / "tuned" / "digits.json")


def test_a_submission_that_was_edited_is_named(workspace, tmp_path):
    submission = find_submission("finetune", workspace)
    copy_submission(submission.folder, tmp_path / "copy")
    submission.verify(tmp_path / "copy")
    (tmp_path / "copy" / "more.py").write_text("")
    with pytest.raises(BenchError, match="finetune was edited while this command started; run the same command again"):
        submission.verify(tmp_path / "copy")


def test_a_store_removes_its_own_unfinished_files_and_none_behind_a_link(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    for place in (elsewhere, tmp_path / "store" / "part"):
        place.mkdir(parents=True)
        for name in (".0000.safetensors.12-0123abcd.tmp", ".vimrc.tmp", ".notes.1.tmp.txt", "x.12-0123abcd.tmp"):
            (place / name).touch()
    (tmp_path / "store" / "link").symlink_to(elsewhere)
    (tmp_path / "linked").symlink_to(elsewhere)
    for name in ("store", "linked"):
        with BlockStore(tmp_path / name, {}).lock():
            pass
    assert {path.name for path in elsewhere.iterdir()} - {".lock"} == {
        ".0000.safetensors.12-0123abcd.tmp",
        ".vimrc.tmp",
        ".notes.1.tmp.txt",
        "x.12-0123abcd.tmp",
    }
    assert not (tmp_path / "store" / "part" / ".0000.safetensors.12-0123abcd.tmp").exists()
    assert (tmp_path / "store" / "part" / ".vimrc.tmp").exists()
