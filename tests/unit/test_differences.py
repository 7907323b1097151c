"""Examples on which two populations differ most, out of evidence."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmark.data import load_problem
from benchmark.metrics import leak
from benchmark.study.differences import _compare

SPLITS = ("forget", "retain", "validation", "test")


def test_every_example_of_every_split_is_compared():
    rng = np.random.default_rng(0)
    retrained = {f"phi/{split}": rng.normal(0, 1, (64, 5)) for split in SPLITS}
    unlearned = {name: rng.normal(0, 1, phi.shape) for name, phi in retrained.items()}
    unlearned["phi/test"][:, 3] += 3  # what unlearning broke elsewhere
    unlearned["phi/retain"][:, 0] -= 2
    rows = _compare(unlearned, retrained).set_index("place")
    assert len(rows) == 20
    assert set(rows[rows.differs].index) == {("test", 3), ("retain", 0)}
    for split in SPLITS:
        own = rows[rows.split == split]
        np.testing.assert_allclose(own.leak, leak(unlearned[f"phi/{split}"], retrained[f"phi/{split}"]))
        np.testing.assert_allclose(own.unlearned, unlearned[f"phi/{split}"].mean(0))
        np.testing.assert_allclose(own.retrained, retrained[f"phi/{split}"].mean(0))


def test_populations_that_are_alike_differ_nowhere():
    """Ten pairs of sets: at a false discovery rate of 5 % one pair in twenty names an example, and none several."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        one, other = ({f"phi/{split}": rng.normal(0, 1, (32, 10)) for split in SPLITS} for _ in range(2))
        assert _compare(one, other).differs.sum() <= 1


@pytest.mark.long
def test_the_command_names_examples_by_their_number_in_the_source(bench, finished, miniature):
    done = bench("study", "finetune", "--differences", "--json")
    assert done.returncode == 0, done.stderr
    rows = pd.DataFrame(json.loads(done.stdout))
    problem = load_problem(miniature)
    assert set(rows[rows.split == "forget"].example) == set(problem.forget.ids.tolist())
    assert set(rows[rows.split == "test"].example) <= set(problem.test.ids.tolist())
    assert rows.leak.is_monotonic_decreasing
    assert list(finished.results.glob("studies/differences-miniature-*.csv"))
    shown = bench("study", "finetune", "--differences").stdout
    assert "the first 20 of each entry" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--differences",), "no entry came beside --differences"),
        (("--layers", "8"), "no entry came beside --layers"),
        (("finetune", "--layers", "8", "--recover", "4"), "--layers came beside --recover, expected one study"),
        (("finetune", "--differences", "--order"), "--differences came beside --order"),
        (("finetune", "--differences", "--metric", "leak"), "--metric came without --planted"),
        (("finetune", "--differences"), "there is no complete evidence of finetune"),
    ],
)
def test_what_contradicts_itself_is_one_sentence(given, sentence, bench):
    done = bench("study", *given)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert sentence in " ".join(done.stderr.split())
