"""A submission that yields nets on its way, on classes: what is kept of them, and what becomes of it on the row."""

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics.kinds.path import area_along
from benchmark.references.pool import Pool
from benchmark.results.evidence import OF_PATH, PATH
from benchmark.runs.runs import Runs
from benchmark.session import Session
from benchmark.submissions.source import find_submission

ASCENT = """
import torch
from torch.nn.functional import cross_entropy

def unlearning(net, retain_loader, forget_loader, val_loader):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    for _ in range(3):
        for inputs, targets in forget_loader:
            optimizer.zero_grad()
            (-cross_entropy(net(inputs), targets)).backward()
            optimizer.step()
        yield net
"""


def test_a_path_goes_from_the_original_to_the_unlearned_net(bench, submit, workspace, miniature):
    submit(ASCENT)
    done = bench("run", "--submission", "newcomer")
    assert done.returncode == 0, done.stderr
    pool = Pool(Session(workspace), miniature)
    found = Runs(pool, find_submission("newcomer", workspace, miniature)).evidence()
    paths = found[PATH]
    assert np.isnan(paths[:, 5:]).all()
    for column, split in enumerate(OF_PATH):
        originals = pool.evidence("original")[f"utility/{split}"]
        np.testing.assert_allclose(paths[:, 0, column], originals, rtol=1e-6)
        np.testing.assert_allclose(paths[:, 4, column], found[f"utility/{split}"], rtol=1e-6)
        np.testing.assert_array_equal(paths[:, 3, column], paths[:, 4, column])  # the last that is yielded counts
    row = pd.read_csv(workspace.results / "leaderboard.csv").iloc[0]
    assert row["upcore_area"] == pytest.approx(np.mean([area_along(path.astype(float)) for path in paths]), abs=1e-6)
    assert row["upcore_area_low"] <= row["upcore_area"] <= row["upcore_area_high"]
