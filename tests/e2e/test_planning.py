import pytest
from conftest import MINIATURE
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


HARD = {
    'kind = "hardness"\nby = "memorisation"\nend = "high"\nsize = 30\nseed = 0\nmodels = 40': (
        "chosen by 40 models of 4 epochs, 70% of train each",
        "30 examples",
    ),
    'kind = "hardness"\nby = "el2n"\nend = "high"\nsize = 30\nseed = 0\nmodels = 6': (
        "chosen by 6 models of 1 epoch, 100% of train each",
        "30 examples",
    ),
    'kind = "core"\nof = {kind = "random", size = 20, seed = 1}\nseed = 0\nmodels = 3': (
        "chosen by 3 models of 4 epochs, 100% of train each",
        "20 examples",
    ),
}


@pytest.mark.parametrize(("section", "expected"), HARD.items())
def test_a_dry_run_says_which_models_choose_the_forget_set(section, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submissions").mkdir()
    path = tmp_path / "hard.toml"
    path.write_text(MINIATURE.replace('kind = "random"\nsize = 10\nseed = 0', section))
    rows = {row["what"]: row for row in dry_run(load_scenario(str(path)), 1, "cpu")}
    asked, size = expected
    assert rows["forget set"]["estimate"] == asked
    assert rows["forget set"]["from"].endswith(f"all else is of a stand-in, {size}")
    assert rows["scenario"]["estimate"] == "miniature"  # without a hash, which depends on the choice
    assert not (tmp_path / "reference_models").exists()


@pytest.mark.parametrize("name", ["npz", "breast-cancer"])
def test_the_disk_it_foretells_is_what_the_pool_takes(name, tmp_path, monkeypatch):
    scenario = miniature(name, tmp_path / "data", monkeypatch)
    rows = {row["what"]: row["estimate"] for row in dry_run(scenario, 1, "cpu")}
    pool = Pool(Session(Workspace(tmp_path), warn=pytest.fail), scenario)
    pool.prepare()
    taken = sum(path.stat().st_size for path in pool.store.folder.rglob("*.safetensors"))
    foretold = float(rows["disk"].removesuffix(" MB")) * 1e6
    assert abs(taken - foretold) < 50_000 + 6 * 1500  # rounded to 0.1 MB, and every file has a heading
