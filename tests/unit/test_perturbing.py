"""Hidden inputs: near the forget examples, decided by a seed alone, and the task's to choose."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
import torch

from benchmark.data.perturbing import (
    FEATURES,
    IMAGES,
    Surroundings,
    add_noise,
    chosen_perturbations,
    draw_hidden_inputs,
    mix,
    mix_across,
    shift,
)
from benchmark.errors import BadScenario
from benchmark.split import Normalisation, Split
from benchmark.tasks.classification import Classification
from benchmark.tasks.regression import Regression


def problem_of(shape, *, task=None, forget=6, retain=40, outputs=3, dtype=torch.float32, normalisation=None):
    generator = torch.Generator().manual_seed(0)

    def split(count):
        inputs = torch.randint(0, 256, (count, *shape), generator=generator).to(dtype)
        return Split(inputs, torch.arange(count) % outputs, torch.arange(count), normalisation=normalisation)

    return SimpleNamespace(
        task=task or Classification(), forget=split(forget), retain=split(retain), outputs=outputs, input_shape=shape
    )


def surroundings(inputs, retained, nearest=None):
    nearest = torch.zeros(len(inputs), 1, dtype=torch.int64) if nearest is None else nearest
    return Surroundings(inputs, retained, nearest, nearest, black=torch.tensor([[[-1.0]]]))


@pytest.mark.parametrize("shape", [(1, 8, 8), (30,)])
def test_hidden_inputs_are_decided_by_the_seed_and_are_none_of_the_forget_examples(shape):
    problem = problem_of(shape)
    first, again, other = (draw_hidden_inputs(problem, seed) for seed in (1, 1, 2))
    assert torch.equal(first.split.inputs, again.split.inputs)
    assert np.array_equal(first.contrasts, again.contrasts)
    assert not torch.equal(first.split.inputs, other.split.inputs)
    assert not np.array_equal(first.contrasts, other.contrasts)
    views = first.split.inputs.reshape(6, 6, *shape)
    assert all((view != problem.forget.inputs).flatten(1).any(dim=1).all() for view in views)
    assert first.split.targets.tolist() == 6 * problem.forget.targets.tolist()
    np.testing.assert_allclose(first.contrasts.sum(axis=1), 0, atol=1e-12)


def test_pixels_are_perturbed_as_nets_see_them():
    scaling = Normalisation(torch.full((3, 1, 1), 2 / 255), torch.full((3, 1, 1), -1.0))
    stored = problem_of((3, 8, 8), dtype=torch.uint8, normalisation=scaling)
    seen = problem_of((3, 8, 8))
    for split in ("forget", "retain"):
        own = getattr(stored, split)
        setattr(seen, split, replace(own, inputs=own.normalised(own.inputs)))
    assert torch.equal(draw_hidden_inputs(stored, 0).split.inputs, draw_hidden_inputs(seen, 0).split.inputs)


def test_a_shift_moves_the_image_by_one_step_and_fills_with_black():
    image = torch.arange(64.0).reshape(1, 1, 8, 8).expand(200, 1, 8, 8)
    moved = shift(surroundings(image, image), np.random.default_rng(0))
    found = set()
    for each in moved:
        inside = each[0, 1:-1, 1:-1] - image[0, 0, 1:-1, 1:-1]
        assert len(inside.unique()) == 1
        found.add(int(inside.flatten()[0]))
        assert (each == -1).any()
    assert found == {-9, -8, -7, -1, 1, 7, 8, 9}
    large = torch.zeros(1, 3, 64, 32)
    assert shift(surroundings(large, large), np.random.default_rng(0)).shape == large.shape


def test_noise_has_half_the_spread_of_each_feature():
    retained = torch.randn(4000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 100.0])
    inputs = torch.zeros(4000, 2)
    noise = add_noise(surroundings(inputs, retained), np.random.default_rng(0))
    np.testing.assert_allclose(noise.std(dim=0), [0.5, 50], rtol=0.05)


def test_a_mixture_lies_a_quarter_to_a_half_of_the_way_to_a_neighbour():
    inputs, retained = torch.zeros(500, 3), torch.ones(1, 3)
    mixed = mix(surroundings(inputs, retained), np.random.default_rng(0))
    assert (mixed == mixed[:, :1]).all()
    assert 0.25 <= mixed.min() < 0.27
    assert 0.48 < mixed.max() <= 0.5


def test_neighbours_are_the_nearest_retained_examples_with_any_and_with_another_target():
    task = type("One", (Classification,), {"perturbations": lambda self, inputs: [mix, mix_across]})()
    problem = problem_of((2,), task=task, forget=2, outputs=2)
    line = torch.arange(40.0)[:, None].expand(40, 2)  # targets 0, 1, 0, 1, ...
    problem.retain = replace(problem.retain, inputs=line)
    problem.forget = replace(problem.forget, inputs=torch.tensor([[10.0, 10.0], [31.0, 31.0]]))  # of targets 0 and 1
    moves = [
        (draw_hidden_inputs(problem, seed).split.inputs.reshape(2, 2, 2) - problem.forget.inputs).abs().amax(dim=(1, 2))
        for seed in range(40)
    ]
    anywhere, across = torch.stack(moves).T
    assert anywhere.max() <= 0.5 * 2 < across.max() <= 0.5 * 5
    assert anywhere.min() == 0  # the example itself is among them, and has its own target
    assert across.min() >= 0.25


def test_large_forget_sets_have_fewer_perturbations_and_some_always():
    assert list(chosen_perturbations(problem_of((1, 8, 8)))) == list(IMAGES)
    assert list(chosen_perturbations(problem_of((8,)))) == list(FEATURES)
    assert list(chosen_perturbations(problem_of((1,), forget=5000))) == list(FEATURES[:2])
    assert len(chosen_perturbations(problem_of((1,), forget=20_000))) == 1


def test_inputs_that_are_no_numbers_have_none_unless_their_task_knows_some():
    problem = problem_of((5,), dtype=torch.int64)
    assert draw_hidden_inputs(problem, 0) is None
    assert draw_hidden_inputs(problem_of((5,), task=Regression(kind="regression")), 0).contrasts.shape == (6, 3)


class Odd(Classification):
    kind: Literal["odd"] = "odd"

    def perturbations(self, inputs):
        return [lambda near, rng: near.inputs[:, :1]]


def test_a_task_whose_perturbation_returns_something_else_is_told_so():
    with pytest.raises(BadScenario, match=r"of the task odd gave torch.float32 of shape \(6, 1\), expected finite"):
        draw_hidden_inputs(problem_of((5,), task=Odd()), 0)
