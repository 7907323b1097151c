"""`bench run --treat`: a row that says what holds after treatments, made once, and blank without."""

import json

import numpy as np
import pytest
from conftest import MINIATURE
from shared_fixtures import write_secret

from benchmark.references.pool import Pool
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.block_store import write_block
from benchmark.treatments import TREATMENTS, treated_block
from benchmark.treatments.treatment import of_all

ENOUGH = MINIATURE.replace("models = 8", "models = 16").replace("block = 4", "block = 8")


@pytest.fixture
def sixteen(workspace):
    """The miniature with enough models for intervals by groups."""
    path = workspace.root / "sixteen.toml"
    path.write_text(ENOUGH.replace('"miniature"', '"sixteen"').replace("epochs = 4", "epochs = 30"))
    write_secret(workspace, load_scenario(str(path)))
    return path


def metrics_of(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["metrics"]


@pytest.mark.long
def test_treated_nets_are_looked_at_and_a_finished_entry_is_not_run_again(bench, sixteen):
    plain = metrics_of(bench("run", "identity", "--json", scenario=sixteen))
    assert "`bench run NAME --treat` does" in plain["resilience"]["absent"]
    treated = metrics_of(bench("run", "identity", "--treat", "--json", scenario=sixteen))
    after = {name: found for name, found in treated.items() if name.startswith("gap_after_")}
    of_others = {f"gap_after_{name}" for name, each in TREATMENTS.items() if each.suits is not of_all}
    assert len(after) == 13 + len(of_others)
    assert {after[name]["absent"] for name in of_others} == {"its nets were not given this treatment"}
    values = [found["value"] for found in after.values() if "value" in found]
    assert values == pytest.approx([0] * len(values), abs=1e-6)  # exactly as if nothing had been done
    assert values
    assert treated["resilience"].get("value", 0) == pytest.approx(0, abs=1e-6)  # where a gap is known well enough
    assert treated["resilience"] != plain["resilience"]
    left_out = {*after, "resilience", "representation_gap_closed", "run_seconds", "retraining_share", "peak_memory"}
    unchanged = plain.keys() - left_out
    assert {name: plain[name] for name in unchanged} == {name: treated[name] for name in unchanged}
    again = bench("run", "identity", "--treat", "--json", scenario=sixteen)
    assert metrics_of(again) == treated
    assert "running" not in again.stderr
    scored = bench("score", "identity", "--json", scenario=sixteen)
    (card,) = json.loads(scored.stdout)
    assert card["metrics"]["resilience"] == treated["resilience"]


def test_evidence_of_other_treatments_is_left_alone_and_damaged_evidence_is_made_anew(workspace, miniature):
    said = []
    pool = Pool(Session(workspace, warn=said.append), miniature)
    pool.prepare_treated()
    name = treated_block(miniature, "retrained", 0)
    before = pool.store.finished()[name]
    other = "treated-00000000-retrained/0000"
    pool.store.record(other, write_block(pool.store.path(other), {"gone/phi/forget": np.zeros((4, 10), np.float16)}))
    pool.prepare()
    assert not said
    pool.store.path(name).write_bytes(b"damaged")
    pool.prepare()
    assert len(said) == 1
    assert pool.treated_evidence("retrained") is None
    pool.prepare_treated()
    assert pool.store.finished()[name] == before
    assert other in pool.store.finished()


def test_treatments_are_listed(bench):
    rows = json.loads(bench("list", "treatments", "--json", scenario=None).stdout)
    assert {"rounded_8", "pruned", "relearned_forget", "new_head"} <= {row["treatment"] for row in rows}
    assert all(row["description"].endswith(".") and row["from"] == "the benchmark" for row in rows)
