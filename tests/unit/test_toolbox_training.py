"""The toolbox that submissions build on: what trains."""

import copy

import pytest
import torch
import torch.nn.functional as F
from methods import CLASSES, original, tiny_loaders, tiny_nets, whole
from torch import nn

from benchmark import toolbox


def test_descend_is_plain_sgd():
    retain = toolbox.rebatched(tiny_loaders().retain, shuffle=False)
    net = tiny_nets["cnn"]().train()
    by_hand = copy.deepcopy(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=len(retain))
    toolbox.descend(net, retain, toolbox.cross_entropy(net), optimizer, schedule=schedule)

    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=len(retain))
    for inputs, targets in retain:
        optimizer.zero_grad()
        F.cross_entropy(by_hand(inputs), targets).backward()
        optimizer.step()
        schedule.step()
    for name, tensor in by_hand.state_dict().items():
        assert torch.equal(net.state_dict()[name], tensor), name


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")  # the spy takes no step
def test_finetune_decays_from_epoch_to_epoch_and_never_to_nothing(monkeypatch):
    net, retain, rates = original("mlp").train(), tiny_loaders().retain, []
    monkeypatch.setattr(toolbox.training, "descend", lambda *args: rates.append(args[3].param_groups[0]["lr"]))
    toolbox.finetune(
        net, retain, toolbox.cross_entropy(net), epochs=3, learning_rate=0.4, momentum=0.0, weight_decay=0.0
    )
    assert rates == pytest.approx([0.4, 0.3, 0.1])


def test_adam_moves_the_weights_that_need_gradients():
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 2))
    net[0].requires_grad_(False)
    before = [each.detach().clone() for each in net.parameters()]
    data = [(torch.ones(4, 2), torch.tensor([0, 1, 1, 1]))] * 3
    steps = []
    toolbox.finetune_adam(
        net,
        data,
        lambda x, y: F.cross_entropy(net(x), y),
        epochs=2,
        learning_rate=0.1,
        after_step=lambda: steps.append(1),
    )
    assert [torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True)] == [True, True, False, False]
    assert len(steps) == 6


def test_cross_entropy_weighs_the_classes():
    net, (inputs, targets) = original("mlp"), whole(tiny_loaders().retain)
    weights = torch.arange(1.0, CLASSES + 1)
    expected = F.cross_entropy(net(inputs), targets, weight=weights)
    assert torch.equal(toolbox.cross_entropy(net, weights)(inputs, targets), expected)
    assert not torch.equal(toolbox.cross_entropy(net)(inputs, targets), expected)


def test_hooks_run_around_every_step():
    retain, net, seen = tiny_loaders().retain, original("mlp").train(), []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    first = next(net.parameters())

    def before():
        seen.append(first.detach().clone())
        assert first.grad is not None

    toolbox.descend(
        net,
        retain,
        toolbox.cross_entropy(net),
        optimizer,
        before_step=before,
        after_step=lambda: seen.append(first.detach().clone()),
    )
    assert len(seen) == 2 * len(retain)
    assert all(not torch.equal(before, after) for before, after in zip(seen[::2], seen[1::2], strict=True))
    assert all(torch.equal(after, before) for after, before in zip(seen[1::2], seen[2::2], strict=False))


def test_clip_bounds_the_step():
    loaders, net = tiny_loaders(), tiny_nets["mlp"]().train()
    before = nn.utils.parameters_to_vector(net.parameters()).detach()
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    toolbox.descend(net, [whole(loaders.retain)], lambda x, y: 1e4 * F.cross_entropy(net(x), y), optimizer, clip=0.5)
    moved = nn.utils.parameters_to_vector(net.parameters()).detach() - before
    assert moved.norm().item() == pytest.approx(0.5, rel=1e-3)


def test_a_leftover_batch_of_one_is_left_out_where_batchnorm_trains():
    retain, sizes = tiny_loaders().retain, []
    batches = [[tensor[rows] for tensor in whole(retain)] for rows in (slice(0, 5), slice(5, 6))]
    for kind, wanted in (("cnn", [5]), ("mlp", [5, 1])):
        net = original(kind).train()

        def loss(inputs, targets, net=net):
            sizes.append(len(targets))
            return F.cross_entropy(net(inputs), targets)

        toolbox.descend(net, batches, loss, torch.optim.SGD(net.parameters(), lr=0.1))
        assert sizes == wanted
        sizes.clear()


def test_batches_that_all_hold_one_example_train_on_the_running_statistics():
    loaders, net = tiny_loaders(), tiny_nets["cnn"]().train()
    net[-1] = nn.Sequential(nn.LazyBatchNorm1d(), net[-1])
    net.eval()(torch.zeros(2, 1, 8, 8))  # gives the lazy layer its width
    net.train()
    one = [tensor[:1] for tensor in whole(loaders.retain)]
    means, weights = net[1].running_mean.clone(), net[0].weight.detach().clone()
    with pytest.raises(ValueError, match="more than 1 value"):
        net(one[0])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    means = net[1].running_mean.clone()
    toolbox.descend(net, [one], toolbox.cross_entropy(net), optimizer)
    assert torch.equal(net[1].running_mean, means)
    assert not torch.equal(net[0].weight, weights)
    assert all(module.training for module in net.modules())


def test_batchnorm_frozen_leaves_other_modes_alone():
    net = tiny_nets["resnet"]().train()
    net[1].eval()
    with toolbox.batchnorm_frozen(net):
        kinds = {(type(module).__name__, module.training) for module in net.modules()}
        assert ("BatchNorm2d", False) in kinds
        assert ("BatchNorm2d", True) not in kinds
        assert ("Conv2d", True) in kinds
    assert not net[1].training
    assert net[3].bn1.training


def test_held_weights_stay_whatever_momentum_and_decay_do():
    net, retain = original("cnn").train(), tiny_loaders().retain
    before = copy.deepcopy(dict(net.named_parameters()))
    weight = toolbox.classifier(net).weight
    free = {"9.weight": torch.rand_like(weight) < 0.5}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    toolbox.descend(net, retain, toolbox.cross_entropy(net), optimizer, after_step=toolbox.held(net, free))
    for name, parameter in net.named_parameters():
        moved = parameter != before[name]
        assert torch.equal(moved, free[name] if name in free else torch.zeros_like(moved))


def test_salient_relabelling_moves_the_weights_with_the_largest_gradients_alone():
    net, loaders = original("cnn"), tiny_loaders()
    before = copy.deepcopy(dict(net.named_parameters()))
    slopes = toolbox.gradients(net, loaders.forget, toolbox.cross_entropy(net))
    slopes = {name: slope.abs() for name, slope in slopes.items()}
    settings = {"epochs": 1, "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 5e-4}
    toolbox.salient_relabelling(net, loaders.retain, loaders.forget, share=0.25, **settings)
    moved = {name: parameter != before[name] for name, parameter in net.named_parameters()}
    assert sum(mask.sum() for mask in moved.values()) == round(0.25 * sum(p.numel() for p in net.parameters()))
    largest_still = max(slopes[name][~mask].max() for name, mask in moved.items() if not mask.all())
    assert largest_still <= min(slopes[name][mask].min() for name, mask in moved.items() if mask.any()) + 1e-6
    assert not net.training


def test_random_labels_are_drawn_anew_and_never_the_true_ones():
    net, (inputs, targets) = original("mlp"), whole(tiny_loaders().retain)
    weights = torch.arange(1.0, CLASSES + 1)
    loss = toolbox.random_labels(net, weights)
    torch.manual_seed(1)
    first, second = loss(inputs, targets), loss(inputs, targets)
    torch.manual_seed(1)
    drawn = toolbox.wrong_labels(targets, CLASSES)
    assert torch.equal(first, F.cross_entropy(net(inputs), drawn, weight=weights))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    ("epochs", "exponents"),
    [(10, [0, 0, 0, 0, 0, 1, 1, 1, 2, 3]), (5, [0, 0, 0, 1, 2]), (2, [0, 1]), (1, [0])],
)
def test_step_decay_falls_after_50_80_and_90_percent(epochs, exponents):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, rates = toolbox.step_decay(optimizer, epochs), []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.1**exponent for exponent in exponents])


@pytest.mark.seconds
def test_min_max_distillation_as_its_description_reads():
    retain, forget = (toolbox.rebatched(loader, shuffle=False) for loader in tiny_loaders()[:2])
    gamma, alpha, temperature, weights = 0.7, 0.3, 2.0, torch.linspace(0.5, 2, CLASSES)
    net, by_hand = original("cnn"), original("cnn").train()
    modes = []
    for epoch in toolbox.min_max_distillation(
        net,
        retain,
        forget,
        weights,
        epochs=4,
        max_epochs=2,
        learning_rate=1e-3,
        weight_decay=1e-2,
        gamma=gamma,
        alpha=alpha,
        temperature=temperature,
    ):
        modes.append((epoch, net.training))
    assert modes == [(1, False), (2, False), (3, False), (4, False)]

    teacher = original("cnn")
    optimizer = torch.optim.Adam(by_hand.parameters(), lr=1e-3, weight_decay=1e-2)

    def kl(inputs):
        p, q = (F.softmax(model(inputs) / temperature, dim=1) for model in (teacher, by_hand))
        return (p.detach() * (p.detach().log() - q.log())).sum(1).mean() * temperature**2

    def step(loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for epoch, rate in enumerate([1e-3, 1e-3, 1e-4, 1e-4]):
        optimizer.param_groups[0]["lr"] = rate
        for inputs, _ in forget if epoch < 2 else []:
            step(-kl(inputs))
        for inputs, targets in retain:
            step(gamma * F.cross_entropy(by_hand(inputs), targets, weight=weights) + alpha * kl(inputs))
    for name, tensor in by_hand.state_dict().items():
        assert torch.allclose(net.state_dict()[name], tensor, atol=2e-4), name


def test_only_training_freezes_the_rest_and_gives_it_back():
    net = original("cnn").train()
    net[0].bias.requires_grad_(False)
    with toolbox.only_training(net, net[4:6]):
        assert [module.training for module in net] == [False] * 4 + [True] * 2 + [False] * 4
        assert {name for name, p in net.named_parameters() if p.requires_grad} == {
            "4.weight",
            "4.bias",
            "5.weight",
            "5.bias",
        }
    assert not any(module.training for module in net.modules())
    assert [name for name, p in net.named_parameters() if not p.requires_grad] == ["0.bias"]


def test_finetune_part_is_sgd_on_the_part_alone():
    retain = toolbox.rebatched(tiny_loaders().retain, shuffle=False)
    net, by_hand = original("cnn"), original("cnn")
    settings = {"epochs": 2, "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-2}
    toolbox.finetune_part(net, net[4:], retain, toolbox.cross_entropy(net), **settings)

    by_hand[4:].train()
    optimizer = torch.optim.SGD(by_hand[4:].parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2)
    for rate in (0.1, 0.01):
        optimizer.param_groups[0]["lr"] = rate
        for inputs, targets in retain:
            optimizer.zero_grad()
            F.cross_entropy(by_hand(inputs), targets).backward()
            optimizer.step()
    for name, tensor in by_hand.state_dict().items():
        assert torch.allclose(net.state_dict()[name], tensor, atol=1e-6), name
