"""Prepared arrays of a data set are believed only where they are this problem's, whole, with their own text."""

import os
import shutil

import pytest
import torch

from benchmark.data.checksums import checksum
from benchmark.data.prepared import load_or_prepare
from benchmark.data.sources.npz import Npz
from benchmark.errors import BadMachine


def make(value):
    return lambda: ({"x": torch.full((3,), value)}, f'{{"value": {value}}}')


@pytest.mark.parametrize("damage", ["cut", "another's", "text", "another's text", "empty", "gone"])
def test_what_is_damaged_or_anothers_is_made_again(damage, tmp_path):
    path, other = tmp_path / "one.safetensors", tmp_path / "other.safetensors"
    load_or_prepare(path, make(1.0))
    load_or_prepare(other, make(2.0))
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-3])
        case "another's":
            for ending in (".safetensors", ".json"):
                shutil.copy(other.with_suffix(ending), path.with_suffix(ending))
        case "text":
            path.with_suffix(".json").write_text("{")
        case "another's text":
            shutil.copy(other.with_suffix(".json"), path.with_suffix(".json"))
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.with_suffix(".json").unlink()
    for made in (make(1.0), lambda: pytest.fail("it was made again already")):
        tensors, facts = load_or_prepare(path, made)
        assert (tensors["x"].tolist(), facts) == ([1.0] * 3, '{"value": 1.0}')


@pytest.mark.parametrize("content", [b"", b"not a checksum", b"\xff" * 64, b"0" * 63])
def test_a_stored_checksum_that_is_none_is_worked_out_again(content, tmp_path):
    (tmp_path / "arrays.npz").write_bytes(b"arrays")
    section = Npz(source="npz", file="arrays.npz")
    before = checksum(section, tmp_path)
    (stored,) = (tmp_path / "prepared").glob("*.sha256")
    stored.write_bytes(content)
    assert checksum(section, tmp_path) == before
    assert stored.read_text() == before


def test_a_folder_whose_name_is_not_utf8_is_one_sentence(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(BadMachine, match="is not UTF-8, expected a path that is"):
        load_or_prepare(folder / "one.safetensors", make(1.0))
    assert not folder.exists()
