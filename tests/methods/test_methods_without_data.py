"""Methods that need no retained example: JiT, ESC, TREW, and MetaUnlearn once it was trained."""

import numpy as np
import pytest
import torch
from methods import SUBMISSIONS, changed, load, original, relabelled, run, tiny_loaders, tiny_nets, whole
from methods import weights_of as weights
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox
from benchmark.data import load_problem
from benchmark.models.build import seeded_model
from benchmark.runs.trainer import TrainingSet
from benchmark.sandbox.child.call import call_training
from benchmark.sandbox.job import job_of
from benchmark.scenario.schema import load_scenario

METHODS = ["jit", "esc", "trew"]


def forget_alone(loaders, targets=None):
    """Loaders whose retain and validation sets cannot be looked at; `targets`: in the place of the true ones."""
    forget = loaders.forget if targets is None else relabelled(loaders.forget, targets)
    return loaders._replace(retain=None, forget=forget, validation=None)


@pytest.mark.parametrize("kind", tiny_nets)
@pytest.mark.parametrize("name", METHODS)
def test_every_one_keeps_the_contract_with_nothing_but_a_single_example(name, kind):
    before, net = run(name, kind, forget_alone(tiny_loaders())._replace(forget=single()))
    assert {key: tensor.shape for key, tensor in net.state_dict().items()} == {
        key: tensor.shape for key, tensor in before.state_dict().items()
    }
    assert all(tensor.isfinite().all() for tensor in net.state_dict().values())
    assert changed(weights(before), weights(net))
    assert not any(layer.training for layer in net.modules())
    module = load(name)
    assert module.SEARCH_SPACE.keys() <= module.HYPERPARAMETERS.keys()


def single():
    """A loader of one example to forget."""
    inputs, targets = whole(tiny_loaders().forget)
    return DataLoader(TensorDataset(inputs[:1], targets[:1]), 16)


def test_jit_makes_one_step_towards_the_answers_around_an_example():
    settings = {"epochs": 1, "learning_rate": 0.1, "copies": 5, "noise": 0.5, "clip": 1e9}
    asked = single()
    before, net = run("jit", "mlp", forget_alone(tiny_loaders())._replace(forget=asked), **settings)
    torch.manual_seed(0)
    inputs, _ = next(iter(asked))
    extent = inputs.max() - inputs.min()
    noisy = (inputs + 0.5 * extent * torch.randn(5, *inputs.shape)).clamp(inputs.min(), inputs.max())
    ratios = [(before(inputs) - before(one).detach()).norm() / (one - inputs).norm() for one in noisy]
    slopes = torch.autograd.grad(torch.stack(ratios).mean(), list(before.parameters()))
    for parameter, slope, after in zip(before.parameters(), slopes, net.parameters(), strict=True):
        torch.testing.assert_close(after, parameter - 0.1 * slope, atol=1e-6, rtol=1e-4)


def test_jit_is_surer_of_nothing_and_looks_at_no_label():
    loaders = tiny_loaders()
    inputs, targets = whole(loaders.forget)
    before, net = run("jit", "mlp", forget_alone(loaders))
    sure, unsure = (each(inputs).softmax(1).gather(1, targets[:, None]).mean() for each in (before, net))
    assert unsure < 0.5 * sure
    _, blind = run("jit", "mlp", forget_alone(loaders, torch.zeros_like(targets)))
    assert not changed(weights(net), weights(blind))


def test_esc_takes_the_first_directions_of_the_features_out_of_the_classifier():
    loaders = tiny_loaders()
    inputs, _ = whole(loaders.forget)
    before, net = run("esc", "mlp", forget_alone(loaders), share=0.2)  # 3 of 16
    assert changed(weights(before), weights(net)) == {"5.weight"}
    found = toolbox.features(before, inputs)
    directions = torch.linalg.svd(found.T, full_matrices=False).U[:, :3]
    assert (toolbox.classifier(net).weight @ directions).abs().max() < 1e-5
    kept = found - found @ directions @ directions.T
    torch.testing.assert_close(net(inputs), toolbox.classifier(before)(kept), rtol=1e-4, atol=1e-4)


def test_of_one_example_esc_leaves_nothing_but_the_biases():
    inputs, _ = whole(tiny_loaders().forget)
    _, net = run("esc", "cnn", forget_alone(tiny_loaders())._replace(forget=single()))
    torch.testing.assert_close(net(inputs[:1])[0], toolbox.classifier(net).bias, rtol=1e-4, atol=1e-4)


def test_trews_similarities_are_of_the_classifiers_rows():
    module = load("trew")
    rows = torch.eye(4).repeat_interleave(2, dim=0)  # classes alike in pairs
    module.HYPERPARAMETERS["directions"] = 3
    alike = module.similarities(rows)
    assert torch.equal(alike.argmax(1), torch.tensor([1, 0, 3, 2, 5, 4, 7, 6]))
    torch.testing.assert_close(alike.sum(1), torch.ones(8))
    assert (alike.diagonal() == 0).all()


@pytest.mark.parametrize("beta", [0.0, 5.0])
def test_trew_makes_one_step_down_the_formula(beta):
    loaders = tiny_loaders()
    inputs, targets = whole(loaders.forget)
    settings = {"epochs": 1, "learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.0, "beta": beta}
    before, net = run("trew", "mlp", forget_alone(loaders), **settings)
    wanted = before(inputs).softmax(1).detach()
    wanted = wanted * (beta * load("trew").similarities(toolbox.classifier(before).weight.detach())[targets]).exp()
    wanted = wanted.scatter(1, targets[:, None], 0)
    wanted /= wanted.sum(1, keepdim=True)
    loss = -(wanted * before(inputs).log_softmax(1)).sum(1).mean()
    slopes = torch.autograd.grad(loss, list(before.parameters()))
    for parameter, slope, after in zip(before.parameters(), slopes, net.parameters(), strict=True):
        torch.testing.assert_close(after, parameter - 0.1 * slope, atol=1e-6, rtol=1e-5)


@pytest.fixture(scope="module")
def of_classes():
    return load_scenario("digits-look-alikes")


def meta_trained(scenario, **values):
    """Train a net and the two losses in this process; return the net and what is kept."""
    problem = load_problem(scenario)
    net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, 1)
    job = job_of(scenario, problem, "cpu", TrainingSet(role="original"))
    torch.manual_seed(1)
    return net, call_training(job, SUBMISSIONS / "meta_unlearn", net, 1, values, np.zeros(3, np.int64))


def accuracies(scenario, net):
    """Return the accuracy on the forget and on the retain set."""
    splits = (getattr(load_problem(scenario), name) for name in ("forget", "retain"))
    return [(net(split.normalised(split.inputs)).argmax(1) == split.targets).float().mean() for split in splits]


@pytest.mark.seconds
def test_it_is_what_meta_training_learned_that_unlearns_a_class_by_one_look_alike(of_classes):
    job = job_of(of_classes, load_problem(of_classes), "cpu", of_classes.protocol.access)
    forget = DataLoader(TensorDataset(job.forget.normalised(job.forget.inputs), job.forget.targets), 64)
    assert len(job.forget) == 1
    module = load("meta_unlearn")
    for episodes in (0, 100):
        net, state = meta_trained(of_classes, episodes=episodes)
        before = accuracies(of_classes, net.eval())
        forgotten, kept = accuracies(of_classes, module.unlearning(net, None, forget, None, state))
        assert min(before) > 0.9
        assert forgotten < 0.3 if episodes else forgotten > 0.9
        assert kept > 0.9


@pytest.mark.seconds
def test_metaunlearn_keeps_its_losses_and_no_example(of_classes):
    _, state = meta_trained(of_classes, episodes=1)
    fresh = load("meta_unlearn").learned_losses(original("mlp"), torch.zeros(1, 1, 8, 8)).state_dict()
    assert {name: tensor.shape for name, tensor in state.items()} == {name: own.shape for name, own in fresh.items()}
