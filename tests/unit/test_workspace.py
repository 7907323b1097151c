import errno
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import BenchError
from benchmark.storage.block_store import BlockStore, write_block
from benchmark.storage.blocks import Layout, objection
from benchmark.storage.workspace import Workspace, write_atomically


@pytest.fixture
def store(tmp_path):
    return BlockStore(tmp_path / "store", {"about": "a test"})


def fill(store, name, value=1.0, arrays=None):
    with store.lock():
        store.record(name, write_block(store.path(name), arrays or {"x": np.full(3, value)}))


def test_a_block_comes_back_as_it_was_written(store):
    fill(store, "a/0000", 2.5)
    np.testing.assert_array_equal(store.read("a/0000")["x"], [2.5, 2.5, 2.5])
    assert list(store.finished()) == ["a/0000"]


def test_a_file_that_the_manifest_does_not_know_does_not_count(store):
    write_block(store.path("a/0000"), {"x": np.ones(3)})
    assert store.finished() == {}
    with pytest.raises(BenchError, match="missing or damaged"):
        store.read("a/0000")


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_block_is_named_set_aside_and_counts_as_missing(store, damage):
    fill(store, "a/0000")
    fill(store, "a/0001")
    path = store.path("a/0000")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    {
        "flipped": lambda: path.write_bytes(content),
        "cut": lambda: path.write_bytes(content[:-5]),
        "gone": path.unlink,
    }[damage]()
    with pytest.raises(BenchError, match="0000"):
        store.read("a/0000")
    aside = store.discard_damaged(["a/0000", "a/0001"])
    assert [p.name for p in aside] == ([] if damage == "gone" else ["0000.damaged"])
    assert all(p.exists() for p in aside)
    assert list(store.finished()) == ["a/0001"]


def test_a_block_in_the_place_of_another_is_named_though_its_checksum_is_on_record(store):
    fill(store, "a/0000", 1.0)
    fill(store, "b/0000", 2.0)
    shutil.copy(store.path("a/0000"), store.path("b/0000"))
    with store.lock():
        store.record("b/0000", store.finished()["a/0000"])
    with pytest.raises(BenchError, match=r"b/0000\.safetensors holds the block a/0000 in the place of b/0000"):
        store.read("b/0000")
    ((path, fault),) = store.discard_damaged(["a/0000", "b/0000"]).items()
    assert (path.name, fault) == ("0000.damaged", "holds the block a/0000 in the place of b/0000")
    assert list(store.finished()) == ["a/0000"]


def test_whoever_makes_a_store_says_what_its_blocks_hold(tmp_path):
    layouts = {"x": Layout("float64", (3,), highest=1.0), "y": Layout("int64")}
    store = BlockStore(tmp_path, {}, objection=lambda name, arrays, form: objection(arrays, layouts, 2))
    whole = {"x": np.full((2, 3), 0.5), "y": np.arange(2)}
    for number, (change, sentence) in enumerate(
        [
            ({}, ""),
            ({"x": np.full((1, 3), 0.5)}, "holds 1 models in x, expected 2"),
            ({"x": np.full((2, 3), 0.5, np.float32)}, r"has x as float32 (2, 3), expected float64 (2, 3)"),
            ({"x": np.full((2, 4), 0.5)}, "has x as float64 (2, 4), expected float64 (2, 3)"),
            ({"x": np.array([[0.5, np.nan, 0]] * 2)}, "has numbers in x that are not finite"),
            ({"x": np.full((2, 3), 1.5)}, "has numbers in x outside of 0 to 1"),
            ({"x": np.full((2, 3), -0.5)}, "has numbers in x outside of 0 to 1"),
            ({"surplus": np.array([1.0, np.inf])}, "has numbers in surplus that are not finite"),
            ({"y": None}, "has no array y"),
        ]
    ):
        name = f"a/{number:04d}"
        fill(store, name, arrays={key: array for key, array in (whole | change).items() if array is not None})
        if not sentence:
            assert store.read(name).keys() == whole.keys()
            continue
        with pytest.raises(BenchError, match=re.escape(f"{name}.safetensors {sentence}; `bench run` makes it again")):
            store.read(name)
        assert list(store.discard_damaged([name]).values()) == [sentence]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"blocks": 3}'])
def test_a_damaged_manifest_counts_as_empty(store, content):
    fill(store, "a/0000")
    (store.folder / "manifest.json").write_bytes(content)
    assert store.finished() == {}
    fill(store, "a/0000")
    assert store.read("a/0000")["x"].sum() == 3


def test_a_manifest_that_cannot_be_read_is_not_taken_for_an_empty_one(store, monkeypatch):
    fill(store, "a/0000")
    before = (store.folder / "manifest.json").read_bytes()

    def read_bytes(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(Path, "read_bytes", read_bytes)
        for use in (store.finished, lambda: store.record("a/0001", "x")):
            with pytest.raises(BenchError, match=r"manifest\.json cannot be read \(Input/output error\)"):
                use()
    assert (store.folder / "manifest.json").read_bytes() == before


def test_a_manifest_that_another_machine_has_replaced_is_opened_again(store, monkeypatch):
    fill(store, "a/0000")
    real, stale = Path.read_bytes, [OSError(errno.ESTALE, "Stale file handle")]

    def read_bytes(path):
        if stale:
            raise stale.pop()
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert list(store.finished()) == ["a/0000"]


def test_a_damaged_block_that_another_process_is_making_anew_is_left_to_it(store):
    fill(store, "a/0000")
    store.path("a/0000").write_bytes(b"damaged")
    with store.claim("a/0000"):
        assert store.discard_damaged(["a/0000"]) == {}
    assert store.path("a/0000").read_bytes() == b"damaged"


def test_the_checksum_is_the_files_own(store):
    fill(store, "a/0000")
    manifest = json.loads((store.folder / "manifest.json").read_text())
    assert manifest["blocks"]["a/0000"] == hashlib.sha256(store.path("a/0000").read_bytes()).hexdigest()
    assert manifest["about"] == "a test"


def test_writing_leaves_nothing_beside_the_file(tmp_path):
    write_atomically(tmp_path / "deep" / "file", b"content")
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["file"]


def hold(folder, held):
    store = BlockStore(folder, {})
    with store.lock(), store.claim("a/0000"):
        held.set()
        time.sleep(60)


def is_claimed(store, name):
    with store.claim(name) as ours:
        return not ours


@pytest.mark.seconds
def test_a_killed_process_lets_go_of_its_lock_and_its_claims(store):
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold, args=(store.folder, held))
    process.start()
    assert held.wait(120)
    assert store.is_locked()
    assert is_claimed(store, "a/0000")
    assert not is_claimed(store, "b/0000")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not store.is_locked()
    assert not is_claimed(store, "a/0000")


def test_only_what_a_killed_writer_of_the_same_file_left_is_swept_up_where_others_may_write(store):
    (store.folder / "a").mkdir(parents=True)
    left, others = (store.folder / "a" / f".{name}.safetensors.123.tmp" for name in ("0000", "0001"))
    for path in (left, others):
        path.write_bytes(b"half")
    with store.claim("a/0000") as ours:
        assert (ours, left.exists(), others.exists()) == (True, False, True)


def test_two_that_record_at_once_record_both(store):
    checksum = write_block(store.path("a/0000"), {"x": np.zeros(1)})
    names = [f"a/{number:04d}" for number in range(40)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(store.record, names, [checksum] * 40))
    assert list(store.finished()) == names


def test_what_a_killed_writer_left_is_swept_up(store):
    store.folder.mkdir()
    left = store.folder / ".0000.safetensors.123.tmp"
    left.write_bytes(b"half")
    with store.lock():
        assert not left.exists()


def test_the_workspace_is_found_from_below(tmp_path, monkeypatch):
    (tmp_path / "submissions" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "submissions" / "mine")
    assert Workspace.find().root == tmp_path


def test_outside_a_workspace_the_error_says_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError, match="no folder submissions"):
        Workspace.find()
