"""Several requests, one after another, from the command to the rows."""

import numpy as np
import pandas as pd
import pytest
from conftest import MINIATURE

from benchmark.pipeline import Pool, Runs
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
        for name in ("phi/forget", "utility/test", "hidden/signals"):
            if name in nothing:
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
