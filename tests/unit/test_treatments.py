"""Treatments of nets, each against the plain way of doing the same to one net, and their registry."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data import load_problem
from benchmark.errors import BadScenario
from benchmark.evidence import evidence_of, stack
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import load_scenario
from benchmark.storage.blocks import objection
from benchmark.treated import treated_evidence_of, treated_layouts
from benchmark.treatments import TREATMENTS, treatments_digest
from benchmark.treatments.kinds import new_head, relearning
from benchmark.treatments.treatment import Given, Treatment, names_of, treatment

MODELS = 3


@pytest.fixture(scope="module")
def scenario(miniature_file):
    return load_scenario(str(miniature_file))


@pytest.fixture(scope="module")
def problem(scenario):
    return load_problem(scenario)


@pytest.fixture(scope="module")
def nets(scenario, problem):
    made = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in range(MODELS)]
    return stack([net.state_dict() for net in made])


@pytest.fixture
def given(scenario, problem):
    return Given(scenario, problem, range(10, 10 + MODELS), 7)


def net_of(scenario, problem, state, row):
    net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, 0)
    net.load_state_dict({name: tensor[row] for name, tensor in state.items()})
    return net


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_a_treatment_keeps_names_shapes_and_what_it_got_and_repeats_itself(name, nets, given):
    before = {key: tensor.clone() for key, tensor in nets.items()}
    treated = TREATMENTS[name].apply(nets, given)
    assert all(torch.equal(nets[key], before[key]) for key in before)
    assert {key: tensor.shape for key, tensor in treated.items()} == {key: t.shape for key, t in nets.items()}
    again = TREATMENTS[name].apply(nets, given)
    assert all(torch.equal(treated[key], again[key]) for key in treated)
    assert any(not torch.equal(treated[key], before[key]) for key in before)


@pytest.mark.parametrize("name", sorted(TREATMENTS))
def test_each_net_is_treated_as_if_it_were_alone(name, nets, given):
    together = TREATMENTS[name].apply(nets, given)
    for row in range(MODELS):
        one = {key: tensor[row : row + 1] for key, tensor in nets.items()}
        alone = TREATMENTS[name].apply(one, given._replace(seeds=given.seeds[row : row + 1]))
        for key, tensor in alone.items():
            torch.testing.assert_close(tensor[0], together[key][row], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("name", "bits"), [("rounded_8", 8), ("rounded_4", 4)])
def test_rounding_is_to_the_nearest_of_evenly_spaced_values(name, bits, nets, given):
    treated = TREATMENTS[name].apply(nets, given)
    for key, tensor in nets.items():
        for row in range(MODELS):
            weights, rounded = tensor[row].numpy().astype(float), treated[key][row].numpy().astype(float)
            if weights.ndim < 2:
                assert np.array_equal(weights, rounded)
                continue
            grid = np.arange(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1)) * np.abs(weights).max() / (2 ** (bits - 1) - 1)
            nearest = grid[np.abs(weights[..., None] - grid).argmin(axis=-1)]
            assert np.allclose(rounded, nearest, atol=1e-6)


def test_pruning_takes_the_smallest_weights_and_no_other(nets, given):
    treated = TREATMENTS["pruned"].apply(nets, given)
    for key, tensor in nets.items():
        for row in range(MODELS):
            weights, left = tensor[row].flatten(), treated[key][row].flatten()
            gone = left == 0
            if tensor[row].ndim < 2:
                assert torch.equal(weights, left)
                continue
            assert int(gone.sum()) == int(0.3 * len(weights))
            assert torch.equal(left[~gone], weights[~gone])
            assert weights[gone].abs().max() <= weights[~gone].abs().min()


def test_relearning_takes_the_steps_of_a_plain_loop(nets, given, scenario, problem):
    treated = TREATMENTS["relearned_forget"].apply(nets, given)
    shown = relearning.shown_again(given)
    assert len(shown) == 2  # of ten
    assert set(shown.ids.tolist()) < set(problem.forget.ids.tolist())
    recipe = scenario.recipe
    for row in range(MODELS):
        net = net_of(scenario, problem, nets, row).train()
        rate = relearning.RATE * recipe.learning_rate
        plain = torch.optim.SGD(net.parameters(), rate, recipe.momentum, weight_decay=recipe.weight_decay)
        for _ in range(relearning.STEPS):
            plain.zero_grad()
            nn.functional.cross_entropy(net(shown.normalised(shown.inputs)), shown.targets).backward()
            plain.step()
        for key, tensor in net.state_dict().items():
            torch.testing.assert_close(treated[key][row], tensor, rtol=1e-4, atol=1e-5)


def test_wrong_labels_are_those_of_retained_examples_on_the_examples_that_are_shown_again(given, problem):
    shown, wrong = relearning.shown_again(given), relearning.mislabelled(given)
    assert torch.equal(wrong.ids, shown.ids)
    assert torch.equal(wrong.inputs, shown.inputs)
    assert set(wrong.targets.tolist()) <= set(problem.retain.targets.tolist())
    found = [relearning.mislabelled(given._replace(seed=seed)).targets.tolist() for seed in range(9)]
    assert len(set(map(tuple, found))) > 3


def test_a_new_head_depends_on_the_layers_below_alone(nets, given, scenario, problem):
    changed = {key: tensor.clone() for key, tensor in nets.items()}
    last = list(nets)[-2:]
    for key in last:
        changed[key] += torch.randn(changed[key].shape, generator=torch.Generator().manual_seed(0))
    one, other = (TREATMENTS["new_head"].apply(each, given) for each in (nets, changed))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert all(torch.equal(one[key], nets[key]) for key in nets if key not in last)
    fitted, plain = (
        evidence_of(scenario, problem, dict(state))["utility/retain"].mean() for state in (one, nets)
    )  # nets that were never trained
    assert fitted > plain + 0.3


def test_nets_that_end_in_something_else_keep_their_head():
    assert new_head._last_linear(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))) is None
    assert new_head._last_linear(nn.Sequential(nn.Conv2d(1, 3, 1), nn.Flatten())) is None
    name, _ = new_head._last_linear(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)))
    assert name == "2"


def test_evidence_is_what_the_layouts_say_and_of_the_treated_nets(nets, given, scenario, problem):
    found = treated_evidence_of(scenario, problem, nets, range(MODELS), 5)
    layouts = treated_layouts(problem)
    assert {name: (str(array.dtype), array.shape[1:]) for name, array in found.items()} == {
        name: (layout.dtype, layout.shape) for name, layout in layouts.items()
    }
    plain = evidence_of(scenario, problem, dict(TREATMENTS["rounded_4"].apply(nets, given)))
    assert np.allclose(found["rounded_4/phi/forget"], plain["phi/forget"], atol=0.01)
    assert np.array_equal(found["rounded_4/utility/test"], plain["utility/test"])


def test_a_net_that_overflows_once_it_is_treated_counts_as_useless_and_sure(nets, scenario, problem):
    def overflow(nets, given):
        treated = {key: tensor.clone() for key, tensor in nets.items()}
        for tensor in treated.values():
            tensor[1] = torch.nan
        return treated

    broken = {"broken": Treatment("broken", overflow, "too much", "Overflows.")}
    found = treated_evidence_of(scenario, problem, nets, range(MODELS), 5, broken)
    plain = evidence_of(scenario, problem, nets)
    for row in (0, 2):
        assert np.allclose(found["broken/phi/forget"][row], plain["phi/forget"][row], atol=0.01)
        assert found["broken/utility/test"][row] == plain["utility/test"][row]
    assert (found["broken/phi/forget"][1] == np.finfo(np.float16).max).all()
    assert found["broken/utility/test"][1] == 0
    assert objection(found, treated_layouts(problem, broken), MODELS) == ""


@pytest.mark.parametrize(
    ("apply", "sentence"),
    [
        (lambda nets, given: {}["weights"], "the treatment broken raised KeyError: 'weights'; correct it"),
        (lambda nets, given: {}, "the treatment broken returned another 1.bias, expected tensors of the names"),
        (lambda nets, given: {key: tensor[:1] for key, tensor in nets.items()}, "returned another 1.bias"),
        (lambda nets, given: {**nets, "more": nets["1.bias"]}, "returned another more"),
        (lambda nets, given: {**nets, "1.bias": 3}, "returned another 1.bias"),
        (lambda nets, given: None, "the treatment broken raised TypeError"),
    ],
)
def test_what_a_treatment_does_wrong_is_a_sentence_that_names_it(apply, sentence, nets, scenario, problem):
    broken = {"broken": Treatment("broken", apply, "x", "X.")}
    with pytest.raises(BadScenario, match=re.escape(sentence)):
        treated_evidence_of(scenario, problem, nets, range(MODELS), 5, broken)


def test_what_is_no_treatment_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="brings a SimpleNamespace, expected a Treatment"):
        names_of(SimpleNamespace(name="x"))
    with pytest.raises(ValueError, match="name is 'Twice', expected"):
        treatment(after="x", name="Twice")(lambda nets, given: nets)
    with pytest.raises(ValueError, match="has no summary"):
        treatment(after="x", name="twice")(lambda nets, given: nets)


def test_another_version_of_a_treatment_has_other_evidence():
    first, second = ({"a": Treatment("a", lambda nets, given: nets, "x", "X.", version=version)} for version in (1, 2))
    assert len({treatments_digest(first), treatments_digest(second), treatments_digest({}), treatments_digest()}) == 4
