"""Scores of training examples against loops over their definitions."""

import math
import statistics

import numpy as np
import pytest
from scored import CLASSES, DRAW, SIZE, Train, features_of, norms_of, outputs_of

from benchmark.data.scores import early, features, outputs
from benchmark.data.scores.drawing import random_parts
from benchmark.errors import BenchError


def probabilities(logits):
    powers = [math.exp(value) for value in logits]
    return [power / sum(powers) for power in powers]


def test_memorisation_is_how_much_oftener_models_that_saw_an_example_get_it_right(models, asked):
    found = outputs.memorisation(Train(), models, DRAW)
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
    found = outputs.confidence(Train(), models, DRAW)
    ((parts, _),) = asked
    for i, score in enumerate(found):
        blind = [m for m in range(DRAW.models) if not parts[m, i]]
        said = [probabilities(outputs_of(m)[i])[i % CLASSES] for m in blind]
        assert score == pytest.approx(sum(said) / len(said), rel=1e-6)


def test_el2n_is_the_mean_distance_from_the_label_early_in_training(models, asked):
    found = early.el2n(Train(), models, DRAW._replace(epochs=34))
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
    parts = random_parts(DRAW, SIZE)
    assert parts.sum(axis=1).tolist() == [14] * 30
    assert len({part.tobytes() for part in parts}) == 30
    assert (random_parts(DRAW, SIZE) == parts).all()
    assert (random_parts(DRAW._replace(seed=5), SIZE) != parts).any()
    with pytest.raises(BenchError, match=r"forget\.models is 2, with which \d+ of 20 examples are seen by all"):
        random_parts(DRAW._replace(models=2), SIZE)


def test_vulnerable_is_how_far_apart_the_two_gaussians_of_lira_are(models, asked):
    found = outputs.vulnerable(Train(), models, DRAW)
    ((parts, epochs),) = asked
    assert epochs is None
    for i, score in enumerate(found):
        phi = {True: [], False: []}
        for m in range(DRAW.models):
            p = probabilities(outputs_of(m)[i].tolist())[i % CLASSES]
            phi[bool(parts[m, i])].append(math.log(p / (1 - p)))
        gap = abs(statistics.fmean(phi[True]) - statistics.fmean(phi[False]))
        assert score == pytest.approx(gap / (statistics.pstdev(phi[True]) + statistics.pstdev(phi[False])), rel=1e-4)


def test_grand_is_the_mean_norm_of_the_gradients_early_in_training(models, asked):
    found = early.grand(Train(), models, DRAW._replace(epochs=34))
    ((parts, epochs),) = asked
    assert (parts.all(), epochs) == (True, 3)
    assert found == pytest.approx(sum(norms_of(m) for m in range(DRAW.models)) / DRAW.models)


def naive_entanglement(features, forget, halfway=False):
    """The entanglement score of Zhao et al. 2024, a sum at a time; `halfway`: with μ halfway between the two means."""

    def mean(rows):
        return [sum(column) / len(rows) for column in zip(*rows, strict=True)]

    def square(x, y):
        return sum((a - b) ** 2 for a, b in zip(x, y, strict=True))

    rows = features.tolist()
    parts = [[x for x, out in zip(rows, forget, strict=True) if bool(out) == side] for side in (False, True)]
    within = sum(sum(square(x, mean(part)) for x in part) / len(part) for part in parts)
    centre = mean([mean(part) for part in parts] if halfway else rows)
    return within / (sum(square(mean(part), centre) for part in parts) / 2)


@pytest.mark.parametrize("every", [2, 4, 10])
def test_entanglement_about_the_middle_of_both_means_is_up_to_twice_as_high(every):
    forget = np.arange(SIZE) % every == 0
    share = forget.mean()
    expected = 2 * (share**2 + (1 - share) ** 2) * features.entanglement_of(features_of(0), forget)
    assert naive_entanglement(features_of(0), forget, halfway=True) == pytest.approx(expected)


def test_entanglement_of_a_set_and_of_each_example_alone(models, asked):
    forget = np.arange(SIZE) % 4 == 0
    assert features.entanglement_of(features_of(0), forget) == pytest.approx(naive_entanglement(features_of(0), forget))
    found = features.entanglement(Train(), models, DRAW)
    ((parts, epochs),) = asked
    assert (parts.all(), epochs) == (True, None)
    for i, score in enumerate(found):
        logs = [math.log(naive_entanglement(features_of(m), np.arange(SIZE) == i)) for m in range(DRAW.models)]
        assert score == pytest.approx(statistics.fmean(logs))


def test_distance_is_to_the_centre_of_the_own_class(models):
    found = features.distance(Train(), models, DRAW)
    for i, score in enumerate(found):
        own = [j for j in range(SIZE) if j % CLASSES == i % CLASSES]
        distances = [math.dist(features_of(m)[i], features_of(m)[own].mean(axis=0)) for m in range(DRAW.models)]
        assert score == pytest.approx(statistics.fmean(distances))


def test_outlyingness_is_mahalanobis_distance_by_models_that_have_not_seen_the_example(models, asked):
    found = features.outlyingness(Train(), models, DRAW)
    ((parts, _),) = asked
    targets = Train.targets.numpy()
    for i, score in enumerate(found):
        distances = []
        for m in range(DRAW.models):
            if parts[m, i]:
                continue
            seen, x = features_of(m)[parts[m]], features_of(m)[i]
            classes = [seen[targets[parts[m]] == code] for code in range(CLASSES)]
            covariance = sum(len(own) * np.cov(own.T, bias=True) for own in classes) / len(seen)
            covariance += np.eye(len(x)) * 1e-3 * np.trace(covariance) / len(x)
            gaps = [x - own.mean(axis=0) for own in classes]
            distances.append(min(float(gap @ np.linalg.inv(covariance) @ gap) ** 0.5 for gap in gaps))
        assert score == pytest.approx(statistics.fmean(distances))


def test_features_that_are_never_active_do_no_harm():
    seen = np.random.default_rng(0).normal(size=(9, 3)) * [1, 1, 0]
    assert np.isfinite(features.mahalanobis(seen, seen, np.arange(9) % 2)).all()
    assert np.isfinite(features.mahalanobis(0 * seen, 0 * seen, np.arange(9) % 2)).all()
