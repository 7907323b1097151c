import pytest
from datasets import miniature

from benchmark.references.planning import dry_run
from benchmark.references.pool import Pool
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace


def test_a_dry_run_says_what_a_pool_will_cost_and_writes_none(tmp_path, monkeypatch):
    scenario = load_scenario("digits")
    rows = {row["what"]: row["estimate"] for row in dry_run(scenario, 1, "cpu")}
    assert rows["models"] == "1,536: 512 original, 512 retrained, 512 calibration"
    assert rows["network"] == "4,810 numbers"
    assert rows["data"].endswith("MB")
    assert rows["memory"].endswith("1 at once")
    value, unit = rows["time"].split()
    assert float(value) > 0
    assert unit in ("s", "min", "h")


@pytest.mark.parametrize("name", ["npz", "breast-cancer"])
def test_the_disk_it_foretells_is_what_the_pool_takes(name, tmp_path, monkeypatch):
    scenario = miniature(name, tmp_path / "data", monkeypatch)
    rows = {row["what"]: row["estimate"] for row in dry_run(scenario, 1, "cpu")}
    pool = Pool(Session(Workspace(tmp_path), warn=pytest.fail), scenario)
    pool.prepare()
    taken = sum(path.stat().st_size for path in pool.store.folder.rglob("*.safetensors"))
    foretold = float(rows["disk"].removesuffix(" MB")) * 1e6
    assert abs(taken - foretold) < 50_000 + 6 * 1500  # rounded to 0.1 MB, and every file has a heading
