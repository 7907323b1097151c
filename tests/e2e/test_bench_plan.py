"""`bench plan` on the miniature: measured costs, and errors in one sentence."""

import json

import pytest


@pytest.mark.long
def test_a_plan_is_measured_and_leaves_nothing(bench, workspace):
    before = sorted(path for path in workspace.root.rglob("*") if "data" not in path.parts)
    done = bench("plan", "--entries", "40", "--workers", "8", "--jobs", "1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["entries"], found["workers"], found["runs"]) == (40, 8, 320)
    assert found["models"] == {"original": 8, "retrained": 8, "calibration": 8}
    costs = found["unit_costs"]
    assert all(value >= 0 for value in costs.values())
    assert costs["run"] > 0.001
    assert costs["timing"] > 5 * costs["run"]
    assert found["hours"] > 40 * found["entry_hours"]
    assert sorted(path for path in workspace.root.rglob("*") if "data" not in path.parts) == before


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def unlearning(net, retain, forget, val):\n    raise ValueError('no')\n", "a run of newcomer is crashed"),
        ("def unlearning(net, r, f, v): pass\ndef training(net, loader): pass\n", "trains models of its own"),
    ],
)
def test_what_cannot_be_planned_is_said(bench, submit, source, said):
    done = bench("plan", "--submission", submit(source), "--jobs", "1")
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert done.stderr.lstrip().startswith("error:")  # below it stands what the run printed
