"""The cost model: how unit costs add up. Its check against whole runs is `scripts/check_plan.py`."""

import pytest
from conftest import MINIATURE
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.planning.plan import Plan, UnitCosts
from benchmark.planning.rows import plan_rows
from benchmark.scenario.schema import load_scenario

COSTS = UnitCosts(
    starting=5.0,
    training=2.0,
    evaluating=0.5,
    worker=3.0,
    nothing=0.01,
    run=0.1,
    timing=4.0,
    scoring=6.0,
    weights=1000,
    evidence=100,
    card=20_000,
    memory=700_000_000,
)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "miniature.toml"
    path.write_text(MINIATURE)
    return load_scenario(path)  # N = 8 in blocks of 4: two blocks of each of three populations


def test_a_plan_counted_by_hand(scenario):
    plan = Plan(scenario, COSTS, entries=3, workers=1)
    assert plan.models == {"original": 8, "retrained": 8, "calibration": 8}
    assert (plan.runs_per_entry, plan.blocks_per_entry) == (8, 2)
    assert plan.pool_seconds == 6 * 2.0 + 2 * 0.5
    assert plan.entry_seconds == pytest.approx(3.0 + 8 * 0.1 + 2 * 0.5 + 4.0 + 6.0)
    assert plan.seconds == pytest.approx(2 * 5.0 + plan.pool_seconds + 6.0 + 3 * plan.entry_seconds)
    assert plan.pool_bytes == 8 * 1000 + 24 * 100
    assert plan.entry_bytes == 8 * 100 + 20_000
    assert plan.timing_seconds == 12.0


@pytest.mark.parametrize(("entries", "workers", "sharing"), [(1, 1, 1), (1, 8, 2), (4, 8, 2), (8, 4, 1), (5, 8, 2)])
def test_workers_beyond_the_entries_share_their_blocks(scenario, entries, workers, sharing):
    assert Plan(scenario, COSTS, entries, workers).workers_per_entry == sharing


@settings(max_examples=50, deadline=None)
@given(entries=st.integers(1, 500), workers=st.integers(1, 500))
def test_the_time_until_all_is_done_is_never_less_than_a_fair_share_or_all_timing(scenario, entries, workers):
    plan = Plan(scenario, COSTS, entries, workers)
    waited = plan.seconds_until_done
    assert waited >= plan.timing_seconds
    assert waited >= entries * plan.blocks_per_entry * plan.block_seconds / workers
    assert waited <= Plan(scenario, COSTS, entries + 1, workers).seconds_until_done
    assert Plan(scenario, COSTS, entries, 1).seconds_until_done >= waited


def test_rows_and_json_say_the_same(scenario):
    plan = Plan(scenario, COSTS, entries=3, workers=2)
    rows = {row["what"]: row for row in plan_rows(plan, "finetune", "cpu", 2)}
    content = plan.to_json()
    assert rows["runs"]["estimate"] == "24" == f"{content['runs']}"
    assert rows["models"]["estimate"].startswith(f"{sum(content['models'].values())}: 8 original")
    assert rows["CPU time"]["estimate"] == f"{content['hours']:.2f} h"
    assert "GPU time" in {row["what"] for row in plan_rows(plan, "finetune", "cuda:0", 1)}
    assert content["unit_costs"]["run"] == 0.1
    assert content["bytes"] == content["pool_bytes"] + 3 * plan.entry_bytes
