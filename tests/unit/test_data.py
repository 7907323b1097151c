"""Data: where it lies, what identifies it, and how it is shared once it was read."""

import io
import shutil
import sys
from pathlib import Path

import pytest
import torch
from datasets import miniature
from PIL import Image

from benchmark.data import data_folder, load_problem, set_data_folder
from benchmark.errors import BenchError
from benchmark.scenario.schema import SHIPPED, load_scenario

PARTS = ("retain", "forget", "validation", "test")


def test_the_data_folder_is_named_or_in_the_workspace(tmp_path, monkeypatch):
    (tmp_path / "submissions").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    assert data_folder() == tmp_path / "data"
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "elsewhere"))
    assert data_folder() == tmp_path / "elsewhere"
    set_data_folder(tmp_path)
    assert data_folder() == tmp_path
    with pytest.raises(BenchError, match="none, which is not there"):
        set_data_folder(tmp_path / "none")


@pytest.mark.parametrize("changed", ["faces/faces.csv", "faces/p3/29.png"])
def test_changed_data_is_another_pool(changed, tmp_path, monkeypatch):
    before = miniature("faces-manifest", tmp_path, monkeypatch)
    path = tmp_path / changed
    if path.suffix == ".csv":
        path.write_text(path.read_text().replace("smile", "laugh", 1))
    else:
        buffer = io.BytesIO()
        Image.new("RGB", (40, 50)).save(buffer, format="PNG")
        path.write_bytes(buffer.getvalue())
    after = load_scenario("faces-manifest")
    assert after.data.sha256 != before.data.sha256
    assert after.pool_hash != load_scenario_with(after, before.data.sha256).pool_hash
    with pytest.raises(BenchError, match=f"has the sha256 {after.data.sha256}, but the scenario expects"):
        load_problem(before)


def load_scenario_with(scenario, sha256):
    return scenario.model_copy(update={"data": scenario.data.model_copy(update={"sha256": sha256})})


def test_a_checksum_in_the_file_is_the_same_scenario_and_needs_no_data_to_be_loaded(tmp_path, monkeypatch):
    miniature("npz", tmp_path, monkeypatch)
    without = load_scenario("npz")
    pinned = tmp_path / "mine.toml"
    text = (SHIPPED / "npz.toml").read_text()
    pinned.write_text(text.replace('file = "arrays.npz"', f'file = "arrays.npz"\nsha256 = "{without.data.sha256}"'))
    assert load_scenario(str(pinned)).hash == without.hash
    (tmp_path / "arrays.npz").unlink()
    assert load_scenario(str(pinned)).hash == without.hash


def test_data_is_read_once_and_then_shared(tmp_path, monkeypatch):
    scenario = miniature("image-folder", tmp_path, monkeypatch)
    first = load_problem(scenario)
    load_problem(miniature("npz", tmp_path / "other", monkeypatch))  # the memory holds one problem
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    shutil.rmtree(tmp_path / "images")
    again = load_problem(scenario)
    assert again is not first
    for part in PARTS:
        assert torch.equal(getattr(again, part).inputs, getattr(first, part).inputs)
    (prepared,) = (tmp_path / "prepared").glob("*.safetensors")
    if sys.platform == "linux":
        assert str(prepared) in Path("/proc/self/maps").read_text()


def test_half_a_prepared_file_is_read_again(tmp_path, monkeypatch):
    scenario = miniature("npz", tmp_path, monkeypatch)
    first = load_problem(scenario)
    (prepared,) = (tmp_path / "prepared").glob("*.safetensors")
    inputs = first.test.inputs.clone()
    prepared.write_bytes(prepared.read_bytes()[:1000])
    load_problem(load_scenario("digits"))
    assert torch.equal(load_problem(scenario).test.inputs, inputs)
