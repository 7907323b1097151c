"""Several requests, one after another, from the command to the rows."""

import numpy as np
import pandas as pd
import pytest
from conftest import MINIATURE

from benchmark.references.pool import Pool
from benchmark.results.evidence import HIDDEN
from benchmark.runs.runs import Runs
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.submissions.source import find_submission

# 200 examples of train, 10 to forget: 5 by each of two requests. The first leaves a mark on the net.
MARKS = """
import torch

MARK = 7.25


def unlearning(net, retain_loader, forget_loader, val_loader):
    held = len(retain_loader.dataset), len(forget_loader.dataset)
    assert held in [(195, 5), (190, 5)], held
    first = held[0] == 195
    weight = next(iter(net.parameters()))
    if FAILS == (1 if first else 2):
        raise ValueError("this request is too much")
    assert (weight.data.flatten()[0].item() == MARK) == (not first)
    with torch.no_grad():
        weight.view(-1)[0] = MARK
    return net
"""


@pytest.fixture
def files(tmp_path):
    """Return the scenario files after the second and after the first of two requests."""
    content = MINIATURE.replace('name = "', 'name = "two-', 1).replace("[protocol]", "[protocol]\nrequests = 2")
    stem = content.split('"')[1]
    both, first = tmp_path / f"{stem}.toml", tmp_path / f"{stem}-1.toml"
    both.write_text(content)
    first.write_text(content.replace(stem, f"{stem}-1", 1).replace("requests = 2", "requests = 2\nrequest = 1"))
    return both, first


@pytest.fixture
def marks(workspace):
    def write(fails=0):
        folder = workspace.submissions / "marks"
        folder.mkdir(exist_ok=True)
        (folder / "submission.py").write_text(MARKS.replace("FAILS", str(fails)))

    return write


def rows_of(workspace, name):
    table = pd.read_csv(workspace.results / "leaderboard.csv")
    return table[table["submission"] == name].set_index("request")


def kept(workspace):
    return sorted(workspace.evidence.glob("*/*/returned/*.safetensors"))


def test_every_request_begins_with_the_nets_of_the_one_before_and_has_a_row(bench, marks, workspace, files):
    marks()
    done = bench("run", "marks", "--jobs", "1", scenario=files[0])
    assert done.returncode == 0, done.stderr
    assert "request 2 of 2: submissions are given the nets that the request before left" in done.stderr
    rows = rows_of(workspace, "marks")
    assert set(rows.index) == {"1 of 2", "2 of 2"}
    assert set(rows["status"]) <= {"ok", "suspect"}
    assert rows["scenario_hash"].nunique() == 2
    assert not kept(workspace)
    again = bench("run", "marks", "--jobs", "1", scenario=files[0])
    assert "running the submission" not in again.stderr
    timed = bench("run", "marks", "--jobs", "1", "--time-again", scenario=files[0])
    assert timed.returncode == 0, timed.stderr  # which takes the nets of the first request once more
    assert not kept(workspace)


@pytest.mark.long
def test_requests_go_on_where_they_stopped(bench, marks, workspace, files):
    both, first = files
    marks()
    assert bench("run", "marks", "--jobs", "1", scenario=first).returncode == 0
    assert set(rows_of(workspace, "marks").index) == {"1 of 2"}
    (path,) = {path.parent for path in kept(workspace)}
    written = [each.stat().st_mtime_ns for each in kept(workspace)]
    pool = Pool(Session(workspace), load_scenario(both).so_far[0])
    assert Runs(pool, find_submission("marks", workspace, pool.scenario)).store.folder == path.parent
    damaged = kept(workspace)[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    done = bench("run", "marks", "--jobs", "1", scenario=first)
    assert done.returncode == 0, done.stderr
    assert kept(workspace)[0].stat().st_mtime_ns > written[0]
    assert [each.stat().st_mtime_ns for each in kept(workspace)][1:] == written[1:]
    assert bench("run", "marks", "--jobs", "1", scenario=both).returncode == 0
    assert set(rows_of(workspace, "marks").index) == {"1 of 2", "2 of 2"}
    assert not kept(workspace)


@pytest.mark.long
def test_doing_nothing_leaves_the_originals_after_every_request(bench, workspace, files):
    assert bench("run", "identity", "--jobs", "1", scenario=files[0]).returncode == 0
    for scenario in load_scenario(files[0]).so_far:
        pool = Pool(Session(workspace), scenario)
        runs = Runs(pool, find_submission("identity", workspace, scenario))
        evidence, nothing = runs.evidence(), pool.evidence("original")
        assert evidence["phi/forget"].shape[1] == 5 * scenario.request
        for name in ("phi/forget", "utility/test", HIDDEN):
            np.testing.assert_array_equal(evidence[name], nothing[name])


@pytest.mark.parametrize("fails", [1, 2])
def test_who_fails_at_a_request_has_a_row_after_the_last(fails, bench, marks, workspace, files):
    marks(fails)
    done = bench("run", "marks", "--jobs", "1", scenario=files[0])
    assert done.returncode != 0
    assert "this request is too much" in done.stderr, done.stderr
    rows = rows_of(workspace, "marks")
    assert rows.loc["2 of 2", "status"] == "crashed"
    assert "ValueError" in rows.loc["2 of 2", "reason"]
    assert ("at the request of" in rows.loc["2 of 2", "reason"]) == (fails == 1)
    assert rows.loc["1 of 2", "status"] == ("crashed" if fails == 1 else "ok")


def test_pools_of_all_requests_share_the_first_ones_originals(bench, workspace, files):
    done = bench("prepare", "--jobs", "1", scenario=files[0])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is complete") == 2
    folders = [workspace.pool(each) for each in load_scenario(files[0]).so_far]
    assert [(folder / "original").is_dir() for folder in folders] == [True, False]
    assert (folders[1] / "doing_nothing").is_dir()


# A run is known by its seed, so that one can fail.
SOME_FAIL = """
import os

import torch


def unlearning(net, retain_loader, forget_loader, val_loader, seed):
    if RAISES:
        raise ValueError("not this one")
    with torch.no_grad():
        next(iter(net.parameters())).view(-1)[0] = DRAWN
    return net
"""


@pytest.fixture
def some_fail(workspace):
    def write(raises, drawn="0.5"):
        folder = workspace.submissions / "some"
        folder.mkdir(exist_ok=True)
        (folder / "submission.py").write_text(SOME_FAIL.replace("RAISES", raises).replace("DRAWN", drawn))

    return write


def runs_of(workspace, name, scenario):
    return Runs(Pool(Session(workspace), scenario), find_submission(name, workspace, scenario))


def seed_of(workspace, files, request, index):
    """Return the seed that run `index` gets at a request, once the pool has its secret."""
    return Pool(Session(workspace), load_scenario(files[0]).so_far[request - 1]).seed("unlearned", index)


@pytest.mark.long
@pytest.mark.parametrize("index", [0, 3])
def test_a_run_that_failed_before_counts_as_failed_and_stops_nothing(
    index, bench, some_fail, workspace, files, tmp_path
):
    assert bench("prepare", "--jobs", "1", scenario=files[0]).returncode == 0
    some_fail(f"seed == {seed_of(workspace, files, 1, index)}")
    done = bench("run", "some", "--jobs", "1", "--allow-failures", "1", scenario=files[0])
    assert done.returncode == 0, done.stderr
    last = load_scenario(files[0])
    for scenario in last.so_far:
        outcome = runs_of(workspace, "some", scenario).outcome()
        assert (outcome.attempted, [run.index for run in outcome.failed]) == (8, [index])
    bundle = tmp_path / "bundle.zip"
    assert bench("evidence", "pack", str(bundle), scenario=files[0]).returncode == 0
    assert bench("evidence", "verify", str(bundle), scenario=files[0]).returncode == 0
    done = bench("run", "some", "--jobs", "1", scenario=files[0])  # which allows none
    assert done.returncode == 2
    rows = rows_of(workspace, "some")
    assert set(rows["status"]) == {"crashed"}
    assert bench("score", "some", scenario=files[0]).returncode == 2  # nothing is left of what began with those nets
    assert set(rows_of(workspace, "some")["status"]) == {"crashed"}


@pytest.mark.long
def test_what_failed_at_the_last_request_is_tried_again(bench, some_fail, workspace, files):
    assert bench("prepare", "--jobs", "1", scenario=files[0]).returncode == 0
    some_fail(f"seed == {seed_of(workspace, files, 2, 5)}")
    assert bench("run", "some", "--jobs", "1", "--allow-failures", "1", scenario=files[0]).returncode == 0
    done = bench("run", "some", "--jobs", "1", scenario=files[0])
    assert "some is crashed: 1 of 8 runs failed" in done.stderr
    assert "missing or damaged" not in done.stderr


def begins(workspace, scenario):
    """Return how many runs of the last request began with what the one before left."""
    left, began = (runs_of(workspace, "some", each).evidence() for each in scenario.so_far)
    return int((left["run/digest"] == began["run/original"]).all(axis=1).sum())


@pytest.mark.long
@pytest.mark.parametrize("how", ["time again", "damaged before", "damaged after"])
def test_what_a_request_begins_with_is_what_the_one_before_left(how, bench, some_fail, workspace, files):
    some_fail("False", drawn="int.from_bytes(os.urandom(4), 'big') / 2**33")
    scenario = load_scenario(files[0])
    assert bench("run", "some", "--jobs", "1", scenario=files[0]).returncode == 0
    assert begins(workspace, scenario) == 8
    if how != "time again":
        damaged = runs_of(workspace, "some", scenario.so_far[how == "damaged after"]).store.path("unlearned/0001")
        damaged.write_bytes(damaged.read_bytes()[:-1])
    again = ["--time-again"] if how == "time again" else []
    done = bench("run", "some", "--jobs", "1", *again, scenario=files[0])
    assert done.returncode == 0, done.stderr
    assert begins(workspace, scenario) == 8
    assert not kept(workspace)


@pytest.mark.long
def test_kept_nets_are_dropped_and_removed_rows_come_back_when_all_is_done(bench, marks, workspace, files):
    marks()
    both, first = files
    assert bench("run", "marks", "--jobs", "1", scenario=both).returncode == 0
    assert bench("run", "marks", "--jobs", "1", "--time-again", scenario=first).returncode == 0
    assert kept(workspace)
    kept(workspace)[0].write_bytes(b"")
    assert bench("score", "marks", scenario=first).returncode == 0  # which needs none of them
    assert bench("run", "marks", "--jobs", "1", scenario=both).returncode == 0
    assert not kept(workspace)
    assert bench("remove", "marks", scenario=first).returncode == 0
    assert bench("run", "marks", "--jobs", "1", scenario=both).returncode == 0
    assert set(rows_of(workspace, "marks").index) == {"1 of 2", "2 of 2"}
