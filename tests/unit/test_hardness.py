"""Scores of hardness against loops over their definitions, and the ends of a score."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.data.forget import hardness
from benchmark.data.forget.hardness import Draw, HardnessForget, pick
from benchmark.data.forget_set import Models, select_from
from benchmark.errors import BenchError
from benchmark.tasks.classification import Classification
from benchmark.tasks.regression import Regression

SIZE, CLASSES = 20, 3
DRAW = Draw(models=30, seed=4, epochs=8)


class Train:
    """As much of a training set as the scores look at."""

    task = Classification()
    targets = torch.arange(SIZE) % CLASSES

    def __len__(self):
        return SIZE


def outputs_of(model):
    return np.random.default_rng(model).normal(size=(SIZE, CLASSES)).astype(np.float32)


@pytest.fixture
def asked():
    """What has been asked for: parts and epochs."""
    return []


@pytest.fixture
def models(asked):
    def train(parts, epochs):
        asked.append((parts, epochs))
        return SimpleNamespace(outputs=lambda split: np.stack([outputs_of(m) for m in range(len(parts))]))

    return Models(DRAW.epochs, train)


def probabilities(logits):
    powers = [math.exp(value) for value in logits]
    return [power / sum(powers) for power in powers]


def test_memorisation_is_how_much_oftener_models_that_saw_an_example_get_it_right(models, asked):
    found = hardness.memorisation(Train(), models, DRAW)
    ((parts, epochs),) = asked
    assert epochs is None
    for i, score in enumerate(found):
        right = {True: [], False: []}
        for model in range(DRAW.models):
            logits = list(outputs_of(model)[i])
            right[bool(parts[model, i])].append(logits.index(max(logits)) == i % CLASSES)
        inside, outside = (sum(right[seen]) / len(right[seen]) for seen in (True, False))
        assert score == pytest.approx(inside - outside, abs=1e-12)


def test_confidence_is_of_models_that_have_not_seen_the_example(models, asked):
    found = hardness.confidence(Train(), models, DRAW)
    ((parts, _),) = asked
    for i, score in enumerate(found):
        blind = [m for m in range(DRAW.models) if not parts[m, i]]
        said = [probabilities(outputs_of(m)[i])[i % CLASSES] for m in blind]
        assert score == pytest.approx(sum(said) / len(said), rel=1e-6)


def test_el2n_is_the_mean_distance_from_the_label_early_in_training(models, asked):
    found = hardness.el2n(Train(), models, DRAW._replace(epochs=34))
    ((parts, epochs),) = asked
    assert parts.all()
    assert parts.shape == (30, SIZE)
    assert epochs == 3
    for i, score in enumerate(found):
        distances = []
        for m in range(DRAW.models):
            error = probabilities(outputs_of(m)[i])
            error[i % CLASSES] -= 1
            distances.append(math.sqrt(sum(each**2 for each in error)))
        assert score == pytest.approx(sum(distances) / len(distances), rel=1e-6)


def test_parts_are_seventy_per_cent_and_drawn_anew_for_every_model():
    parts = hardness.random_parts(DRAW, SIZE)
    assert parts.sum(axis=1).tolist() == [14] * 30
    assert len({part.tobytes() for part in parts}) == 30
    assert (hardness.random_parts(DRAW, SIZE) == parts).all()
    assert (hardness.random_parts(DRAW._replace(seed=5), SIZE) != parts).any()
    with pytest.raises(BenchError, match=r"forget\.models is 2, with which \d+ of 20 examples are seen by all"):
        hardness.random_parts(DRAW._replace(models=2), SIZE)


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


@pytest.mark.parametrize("by", HardnessForget.model_fields["by"].annotation.__args__)
def test_every_score_selects_so_many_and_keeps_what_it_saw(by, models):
    forget = HardnessForget(kind="hardness", by=by, end="high", size=4, seed=0, models=30)
    mask, scores = select_from(forget, Train(), models)
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
