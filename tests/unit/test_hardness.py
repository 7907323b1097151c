"""The forget sets `hardness` and `out-of-distribution`, and the ends of a score."""

import numpy as np
import pytest
from scored import SIZE, Train

from benchmark.data.forget.hardness import HardnessForget
from benchmark.data.forget.out_of_distribution import OutOfDistributionForget
from benchmark.data.forget_set import select_from
from benchmark.data.scores.picking import pick
from benchmark.errors import BenchError
from benchmark.tasks.regression import Regression


def test_the_ends_of_a_score():
    scores = np.random.default_rng(0).permutation(SIZE) / SIZE
    ends = {end: scores[pick(scores, end, 6, 0.5, seed=0)] for end in ("high", "low", "middle", "mixed")}
    ranked = sorted(scores)
    assert sorted(ends["high"]) == ranked[-6:]
    assert sorted(ends["low"]) == ranked[:6]
    left = np.setdiff1d(scores, ends["middle"])
    assert np.abs(ends["middle"] - 0.5).max() <= np.abs(left - 0.5).min() + 1e-9
    assert sorted(ends["mixed"]) == [*ranked[:2], *sorted(ends["mixed"])[2:4], *ranked[-2:]]
    assert np.abs(np.sort(ends["mixed"])[2:4] - 0.5).max() <= 1 / SIZE + 1e-9
    for size in range(1, SIZE + 1):
        assert len(set(pick(scores, "mixed", size, 0.5, seed=0).tolist())) == size


def test_equal_scores_are_in_an_order_of_the_seed_and_of_no_other_thing():
    equal = np.zeros(SIZE)
    assert set(pick(equal, "high", 5, 0.5, 0)) == set(pick(equal, "low", 5, 0.5, 0))
    assert set(pick(equal, "high", 5, 0.5, 0)) != set(pick(equal, "high", 5, 0.5, 1)) != set(range(5))


def test_out_of_distribution_takes_the_farthest(models):
    forget = OutOfDistributionForget(kind="out-of-distribution", size=4, seed=0, models=30)
    mask, scores, *_ = select_from(forget, Train(), models)
    assert int(mask.sum()) == 4
    assert scores["outlyingness"][mask.numpy()].min() >= scores["outlyingness"][~mask.numpy()].max()


def test_random_asks_for_no_model_and_depends_on_the_seed(models, asked):
    chosen = []
    for seed in (0, 0, 1):
        forget = HardnessForget(kind="hardness", by="random", end="high", size=4, seed=seed)
        chosen.append(select_from(forget, Train(), models).mask.tolist())
    assert not asked
    assert chosen[0] == chosen[1] != chosen[2]


def test_the_middle_of_an_unbounded_score_is_its_median(models):
    forget = HardnessForget(kind="hardness", by="distance", end="middle", size=4, seed=0, models=30)
    mask, scores, *_ = select_from(forget, Train(), models)
    apart = np.abs(scores["distance"] - np.median(scores["distance"]))
    assert apart[mask.numpy()].max() <= apart[~mask.numpy()].min()


@pytest.mark.parametrize("by", HardnessForget.model_fields["by"].annotation.__args__)
def test_every_score_selects_so_many_and_keeps_what_it_saw(by, models):
    forget = HardnessForget(kind="hardness", by=by, end="high", size=4, seed=0, models=30)
    mask, scores, *_ = select_from(forget, Train(), models)
    assert int(mask.sum()) == 4
    assert scores[by][mask.numpy()].min() >= scores[by][~mask.numpy()].max()


def test_hardness_is_for_tasks_with_classes(models, asked):
    train = Train()
    train.task = Regression(kind="regression")
    forget = HardnessForget(kind="hardness", by="el2n", end="high", size=4, seed=0)
    with pytest.raises(BenchError, match="is for tasks with classes, but the task is regression; choose another kind"):
        forget.select(train, models)
    assert not asked


def test_a_kind_that_asks_for_models_where_there_are_none_is_told():
    forget = HardnessForget(kind="hardness", by="el2n", end="high", size=4, seed=0)
    with pytest.raises(BenchError, match="derive its kind from ChosenByModels"):
        select_from(forget, Train())
