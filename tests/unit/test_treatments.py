"""Treatments of nets, each against the plain way of doing the same to one net, and their registry."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data import load_problem
from benchmark.data.problem import PARTS
from benchmark.errors import BadScenario
from benchmark.evidence import evidence_of, stack
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import load_scenario
from benchmark.storage.blocks import objection
from benchmark.treated import treated_evidence_of, treated_layouts
from benchmark.treatments import TREATMENTS, treatments_digest, treatments_for
from benchmark.treatments.kinds import new_head, relearning
from benchmark.treatments.treatment import (
    Given,
    Treatment,
    leave,
    names_of,
    of_pairs,
    of_sequences,
    of_whole_classes,
    treatment,
)

MODELS = 3
OF_INPUTS = {name for name, each in TREATMENTS.items() if each.change}
OF_SEQUENCES = {name for name, each in TREATMENTS.items() if each.suits is of_sequences}
OF_PAIRS = {name for name, each in TREATMENTS.items() if each.suits is of_pairs}
OF_CLASSES = {name for name, each in TREATMENTS.items() if each.suits is of_whole_classes}
OF_SOME = OF_SEQUENCES | OF_PAIRS | OF_CLASSES
OF_NETS = sorted(set(TREATMENTS) - OF_INPUTS - OF_SOME)


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


@pytest.mark.parametrize("name", OF_NETS)
def test_a_treatment_keeps_names_shapes_and_what_it_got_and_repeats_itself(name, nets, given):
    before = {key: tensor.clone() for key, tensor in nets.items()}
    treated = TREATMENTS[name].apply(nets, given)
    assert all(torch.equal(nets[key], before[key]) for key in before)
    assert {key: tensor.shape for key, tensor in treated.items()} == {key: t.shape for key, t in nets.items()}
    again = TREATMENTS[name].apply(nets, given)
    assert all(torch.equal(treated[key], again[key]) for key in treated)
    assert any(not torch.equal(treated[key], before[key]) for key in before)


@pytest.mark.parametrize("name", OF_NETS)
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


@pytest.mark.parametrize("name", sorted(OF_INPUTS))
def test_inputs_are_changed_one_by_one_and_nets_stay(name, nets, given, problem):
    each, inputs = TREATMENTS[name], problem.test.normalised(problem.test.inputs)
    before = inputs.clone()
    changed = each.change(inputs, given)
    assert torch.equal(inputs, before)
    assert (changed.shape, changed.dtype) == (inputs.shape, inputs.dtype)
    assert not torch.equal(changed, inputs)
    for row in (0, len(inputs) - 1):
        torch.testing.assert_close(each.change(inputs[row : row + 1], given)[0], changed[row])
    assert each.apply(nets, given) is nets
    tokens = torch.arange(12).view(3, 4)
    assert each.change(tokens, given) is tokens


def test_shifting_moves_every_pixel_and_brings_black(given, problem):
    inputs = problem.test.normalised(problem.test.inputs)
    changed = TREATMENTS["inputs_shifted"].change(inputs, given)
    assert torch.equal(changed[..., 1:, 1:], inputs[..., :-1, :-1])  # an eighth of eight pixels
    black = problem.train.black.expand(1, 1, 1)
    assert (changed[..., 0, :] == black).all()
    assert (changed[..., :, 0] == black).all()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 12)])
def test_rotating_is_what_torchvision_does(shape, given):
    from torchvision.transforms.v2.functional import InterpolationMode, rotate

    inputs = torch.rand(5, *shape, generator=torch.Generator().manual_seed(0))
    changed = TREATMENTS["inputs_rotated"].change(inputs, given)
    expected = [rotate(inputs, sign * 15.0, interpolation=InterpolationMode.BILINEAR) for sign in (1, -1)]
    assert min(float((changed - each).abs().max()) for each in expected) < 1e-4


def test_noise_is_the_same_for_every_input_and_half_as_wide_as_these(given, problem):
    inputs = problem.test.normalised(problem.test.inputs)
    added = TREATMENTS["inputs_noisy"].change(inputs, given) - inputs
    torch.testing.assert_close(added, added[:1].expand_as(added), rtol=0, atol=1e-4)
    retained = problem.retain.inputs.numpy().std(ddof=1)
    assert float(added[0].std()) == pytest.approx(0.5 * retained, rel=0.25)  # of 64 draws
    other = TREATMENTS["inputs_noisy"].change(inputs, given._replace(seed=8)) - inputs
    assert not torch.allclose(added[0], other[0])


def test_all_splits_are_read_at_changed_inputs(nets, given, scenario, problem):
    name = "inputs_shifted"
    found = treated_evidence_of(scenario, problem, nets, range(MODELS), 3, {name: TREATMENTS[name]})
    moved = {
        part: replace(split, inputs=TREATMENTS[name].change(split.normalised(split.inputs), given), normalisation=None)
        for part in PARTS
        if (split := getattr(problem, part))
    }
    plain = evidence_of(scenario, replace(problem, **moved), nets)
    assert np.allclose(found[f"{name}/phi/forget"], plain["phi/forget"], atol=1e-2)
    for split in ("forget", "retain", "validation", "test"):
        assert np.array_equal(found[f"{name}/utility/{split}"], plain[f"utility/{split}"])
    assert not np.allclose(plain["phi/forget"], evidence_of(scenario, problem, nets)["phi/forget"], atol=1e-2)


def test_a_treatment_that_returns_other_inputs_is_told_so(nets, scenario, problem):
    short = Treatment("short", leave, "cutting", "Cut.", change=lambda inputs, given: inputs[..., :4])
    with pytest.raises(BadScenario, match="the treatment short returned other inputs, expected a tensor of the shape"):
        treated_evidence_of(scenario, problem, nets, range(MODELS), 3, {"short": short})


def test_a_split_keeps_what_is_done_to_its_inputs_and_stores_nothing_of_it(problem):
    changed = replace(problem.test, changed=torch.neg)
    assert torch.equal(changed.normalised(changed.inputs), -problem.test.normalised(problem.test.inputs))
    assert changed.at(torch.tensor([3, 1])).changed is torch.neg
    assert "changed" not in changed.tensors()


def test_fewer_examples_that_are_shown_again_are_some_of_the_same(given, problem):
    many = replace(problem, forget=problem.train.at(torch.arange(60)))
    shown = {}
    for share in (relearning.SHARE, *relearning.FEWER):
        shown[share] = relearning.shown_again(given._replace(problem=many), share).ids.tolist()
    assert [len(ids) for ids in shown.values()] == [6, 2, 3]
    assert set(shown[0.01]) < set(shown[0.05]) < set(shown[0.1])


def test_unrelated_data_has_the_values_of_retained_examples_and_their_targets(given, problem, monkeypatch):
    seen = {}
    monkeypatch.setattr(relearning, "_train", lambda nets, given, shown, steps: seen.update(shown=shown, steps=steps))
    TREATMENTS["relearned_unrelated"].apply({}, given)
    shown, retain = seen["shown"], problem.retain
    rows = [retain.ids.tolist().index(each) for each in shown.ids.tolist()]
    assert torch.equal(shown.targets, retain.targets[rows])
    was = retain.inputs[rows].flatten(1)
    assert torch.equal(shown.inputs.flatten(1).sort(dim=0).values, was.sort(dim=0).values)
    assert (shown.inputs.flatten(1) != was).any(dim=1).float().mean() > 0.9
    assert seen["steps"] is None


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
    layouts = treated_layouts(problem, scenario)
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
    assert objection(found, treated_layouts(problem, scenario, broken), MODELS) == ""


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
    assert len({treatments_digest(each) for each in (first, second, {}, TREATMENTS)}) == 4


def test_treatments_of_some_scenarios_leave_evidence_of_others_as_it_was(scenario, problem):
    everywhere = set(TREATMENTS) - OF_SOME
    assert {"few_shot", "in_context", "joined"} == OF_PAIRS
    assert set(treatments_for(scenario)) == everywhere
    assert set(treatments_for(load_scenario("people"))) == everywhere | OF_SEQUENCES
    assert set(treatments_for(load_scenario("people-pairs"))) == everywhere | OF_SEQUENCES | OF_PAIRS
    assert set(treatments_for(load_scenario("digits-class"))) == everywhere | OF_CLASSES
    assert not any(name.startswith(tuple(OF_SOME)) for name in treated_layouts(problem, scenario))
