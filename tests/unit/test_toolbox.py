"""The toolbox that submissions build on: loaders, layers, features and gradients."""

import copy
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from methods import CLASSES, FORGET, RETAIN, original, tiny_loaders, tiny_nets, whole
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox
from benchmark.errors import BenchError
from benchmark.sandbox.child.examples import KaggleDataset
from benchmark.split import Split

# --- batches and loaders


def test_both_batch_formats_are_read():
    images, targets = whole(tiny_loaders().retain)
    dataset = KaggleDataset(Split(images, targets, torch.arange(RETAIN)))
    for found in (toolbox.tensors(DataLoader(dataset, batch_size=7)), toolbox.tensors(tiny_loaders().retain)):
        assert torch.equal(found[0], images)
        assert torch.equal(found[1], targets)


def test_together_cycles_and_reshuffles_the_second():
    retain, forget = tiny_loaders(batch_size=8).retain, tiny_loaders(batch_size=8).forget
    torch.manual_seed(0)
    pairs = list(toolbox.together(retain, forget))
    assert len(pairs) == len(retain) == 12
    rounds = [torch.cat([second[0] for _, second in pairs[start : start + 2]]) for start in (0, 2, 4)]
    everything = {tuple(image.flatten().tolist()) for image in whole(forget)[0]}
    assert all({tuple(image.flatten().tolist()) for image in images} == everything for images in rounds)
    assert not torch.equal(rounds[0], rounds[1])
    again = toolbox.together(forget, retain)
    assert len(list(again)) == len(list(again)) == len(forget)


@pytest.mark.seconds
def test_descend_hands_over_both_batches_of_a_pair():
    loaders, net = tiny_loaders(), original("mlp").train()
    sizes = []

    def loss(retained, forgotten):
        sizes.append((len(retained[0]), len(forgotten[1])))
        return F.cross_entropy(net(retained[0]), retained[1]) - F.cross_entropy(net(forgotten[0]), forgotten[1])

    pairs = toolbox.together(toolbox.rebatched(loaders.retain, 32), toolbox.rebatched(loaders.forget, 8))
    toolbox.descend(net, pairs, loss, torch.optim.SGD(net.parameters(), lr=0.1))
    assert sizes == [(32, 8)] * 3


def test_rebatched_and_subset():
    retain = tiny_loaders().retain
    again = toolbox.rebatched(retain, 40)
    assert [len(targets) for _, targets in again] == [40, 40, 16]
    assert toolbox.rebatched(retain).batch_size == retain.batch_size
    assert torch.equal(next(iter(toolbox.rebatched(retain, RETAIN, shuffle=False)))[0], whole(retain)[0])
    part = toolbox.subset(retain, 10)
    rows = {tuple(image.flatten().tolist()) for image in whole(part)[0]}
    assert len(rows) == 10
    assert rows < {tuple(image.flatten().tolist()) for image in whole(retain)[0]}
    assert len(toolbox.subset(retain, 10_000).dataset) == RETAIN


def test_repeated_starts_again_with_another_order():
    torch.manual_seed(0)
    forget = tiny_loaders(batch_size=FORGET).forget
    first, second, third = (targets for _, targets in islice(toolbox.repeated(forget), 3))
    assert torch.equal(first.sort().values, second.sort().values)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_class_counts_include_classes_without_examples():
    targets = torch.tensor([0, 2, 2, 0, 2])
    loader = DataLoader(TensorDataset(torch.zeros(5, 1), targets), batch_size=2)
    assert toolbox.class_counts(loader, 4).tolist() == [2, 0, 3, 0]


def test_wrong_labels_are_uniform_over_the_others():
    targets = torch.full((9000,), 3)
    counts = toolbox.wrong_labels(targets, 10).bincount(minlength=10)
    assert counts[3] == 0
    assert (counts[torch.arange(10) != 3] - 1000).abs().max() < 150


# --- layers


def test_layers_of_every_kind_of_net():
    names = {kind: [name for name, _ in toolbox.weight_layers(build())] for kind, build in tiny_nets.items()}
    assert names["mlp"] == ["1", "3", "5"]
    assert names["cnn"] == ["0", "4", "9"]
    assert names["resnet"] == ["0", "3.conv1", "3.conv2", "4.conv1", "4.conv2", "4.downsample.0", "7"]
    block = "encoder.layers.encoder_layer_0"
    attention = [f"{block}.self_attention", f"{block}.self_attention.out_proj"]
    assert names["vit"] == ["conv_proj", *attention, f"{block}.mlp.0", f"{block}.mlp.3", "heads.head"]
    for kind, build in tiny_nets.items():
        net = build()
        assert [name for name, _ in toolbox.feature_layers(net)] == names[kind][:-1]
        assert toolbox.classifier(net) is toolbox.weight_layers(net)[-1][1]
        for _, layer in toolbox.weight_layers(net):
            assert any(toolbox.weight_of(layer) is own for own in layer.parameters(recurse=False))


def test_nets_without_features_or_classifier():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))
    assert [name for name, _ in toolbox.feature_layers(net)] == ["1"]
    with pytest.raises(BenchError, match="no linear layer"):
        toolbox.classifier(nn.Sequential(nn.Conv2d(1, 10, 8), nn.Flatten()))


@pytest.mark.seconds
def test_reset_draws_one_layer_and_nothing_else():
    net = original("cnn")
    before = copy.deepcopy(net.state_dict())
    torch.manual_seed(0)
    toolbox.reset(net[4])
    torch.manual_seed(0)
    fresh = nn.Conv2d(8, 16, 3, padding=1)
    assert torch.equal(net[4].weight, fresh.weight)
    assert torch.equal(net[4].bias, fresh.bias)
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"4.weight", "4.bias"}


@pytest.mark.parametrize("kind", tiny_nets)
@pytest.mark.seconds
def test_fresh_copy_keeps_nothing_of_what_was_learned(kind):
    net = original(kind)
    before = copy.deepcopy(net.state_dict())
    fresh = toolbox.fresh_copy(net)
    for (name, own), new in zip(net.named_parameters(), fresh.parameters(), strict=True):
        assert own.shape == new.shape
        assert not torch.equal(own, new), name
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert toolbox.accuracy(fresh, tiny_loaders().retain) < 0.5 < toolbox.accuracy(net, tiny_loaders().retain)


@pytest.mark.seconds
def test_reset_some_spares_shortcuts_and_the_classifier():
    seen = []
    for seed in range(20):
        torch.manual_seed(seed)
        net = original("resnet")
        before = copy.deepcopy(net.state_dict())
        toolbox.reset_some(net, 2)
        seen.append({name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])})
    assert set.union(*seen) == {f"{name}.weight" for name in ("0", "3.conv1", "3.conv2", "4.conv1", "4.conv2")}
    assert {len(names) for names in seen} == {1, 2}  # drawn with replacement


@pytest.mark.seconds
def test_transposed_kernels_see_transposed_images():
    net, (inputs, _) = original("cnn"), whole(tiny_loaders().retain)
    alone = nn.Sequential(*net[:-2], nn.AdaptiveAvgPool2d(1))  # up to the order in which the classifier reads pixels
    before = alone(inputs)
    toolbox.transpose_kernels(net, inputs.shape[1:])
    assert not torch.allclose(alone(inputs), before, atol=1e-2)
    assert torch.allclose(alone(inputs.transpose(-1, -2)), before, atol=1e-5)


def test_without_convolutions_the_first_layer_is_transposed():
    net, (inputs, _) = original("mlp"), whole(tiny_loaders().retain)
    before = net(inputs)
    toolbox.transpose_kernels(net, inputs.shape[1:])
    assert torch.allclose(net(inputs.transpose(-1, -2)), before, atol=1e-5)
    wide = nn.Sequential(nn.Flatten(), nn.Linear(2 * 3, 4))
    weight = wide[1].weight.detach().clone()
    toolbox.transpose_kernels(wide, (1, 2, 3))
    assert torch.equal(wide[1].weight[:, 1], weight[:, 3])  # row 0, 1 of the transposed 3×2 image


def test_smallest_marks_an_exact_share_of_all_together():
    values = [torch.arange(10.0).view(2, 5), torch.tensor([0.5, 100.0])]
    assert [mask.tolist() for mask in toolbox.smallest(values, 0.25)] == [
        [[True, True, False, False, False], [False] * 5],
        [True, False],
    ]
    ties = toolbox.smallest([torch.zeros(7), torch.zeros(13)], 0.3)
    assert sum(mask.sum().item() for mask in ties) == 6
    assert not toolbox.smallest(values, 0.0)[0].any()


def test_top_channels_marks_whole_channels_across_layers_and_redraw_changes_those_alone():
    net = original("cnn")
    before = copy.deepcopy(dict(net.named_parameters()))
    layers = toolbox.feature_layers(net)
    scores = [torch.arange(8.0), torch.arange(16.0)]
    masks = toolbox.top_channels(layers, scores, 0.25)  # 6 of the 24 channels: all in the second layer
    assert masks.keys() == {"0.weight", "0.bias", "4.weight", "4.bias"}
    assert not masks["0.weight"].any()
    assert masks["4.weight"].shape == before["4.weight"].shape
    assert masks["4.bias"].nonzero().flatten().tolist() == [10, 11, 12, 13, 14, 15]
    toolbox.redraw(net, masks)
    for name, parameter in net.named_parameters():
        assert torch.equal(parameter != before[name], masks.get(name, torch.zeros_like(parameter, dtype=torch.bool)))


@pytest.mark.parametrize(
    ("kind", "count", "expected"),
    [
        ("mlp", 1, {"5"}),
        ("mlp", 9, {"3", "5"}),
        ("cnn", 2, {"4", "5", "9"}),
        ("resnet", 3, {"4.conv2", "4.bn2", "4.downsample.0", "4.downsample.1", "7"}),
        ("vit", 2, {"encoder.layers.encoder_layer_0.mlp.3", "encoder.ln", "heads.head"}),
    ],
)
def test_last_layers_come_with_all_that_follows_them(kind, count, expected):
    net = tiny_nets[kind]()
    names = {module: name for name, module in net.named_modules()}
    chosen = [
        module for module in toolbox.last_layers(net, count) if any(True for _ in module.parameters(recurse=False))
    ]
    assert {names[module] for module in chosen} == expected


def test_a_net_of_one_layer_has_that_as_its_last():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))
    assert toolbox.last_layers(net, 1)[0] is net[1]


# --- features and teachers


@pytest.mark.parametrize("kind", tiny_nets)
@pytest.mark.seconds
def test_features_are_what_enters_the_classifier(kind):
    net, (inputs, _) = original(kind), whole(tiny_loaders().forget)
    logits, seen = toolbox.logits_and_features(net, inputs)
    assert seen.shape[0] == FORGET
    assert torch.allclose(toolbox.classifier(net)(seen), logits, atol=1e-5)
    assert torch.equal(toolbox.features(net, inputs), seen)
    assert seen.requires_grad
    assert not toolbox.classifier(net)._forward_pre_hooks


def test_a_frozen_copy_does_not_follow():
    net, loaders = original("cnn").train(), tiny_loaders()
    teacher = toolbox.frozen_copy(net)
    before = copy.deepcopy(teacher.state_dict())
    toolbox.descend(net, loaders.retain, toolbox.cross_entropy(net), torch.optim.SGD(net.parameters(), lr=0.1))
    teacher(whole(loaders.retain)[0])
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
    assert not any(tensor.requires_grad for tensor in teacher.parameters())
    assert all(tensor.requires_grad for tensor in net.parameters())


def test_kl_is_from_the_teacher_to_the_student():
    student, teacher = torch.randn(5, CLASSES), torch.randn(5, CLASSES)
    p, q = (teacher / 2).softmax(1), (student / 2).softmax(1)
    expected = (p * (p / q).log()).sum(1).mean()
    assert torch.allclose(toolbox.kl(student, teacher, temperature=2.0), expected, atol=1e-6)
    assert toolbox.kl(student, student).item() == pytest.approx(0, abs=1e-6)


def test_all_features_stand_beside_their_targets():
    net, loader = original("mlp"), tiny_loaders().retain
    found, targets = toolbox.all_features(net, loader)
    logits = toolbox.classifier(net)(found)
    assert torch.equal(targets.bincount(minlength=CLASSES), whole(loader)[1].bincount(minlength=CLASSES))
    assert (logits.argmax(1) == targets).float().mean() == pytest.approx(toolbox.accuracy(net, loader))
    assert not found.requires_grad


def test_unseen_accuracy_is_that_on_validation_data_but_none_on_classes_that_went_whole():
    net, loaders = original("mlp"), tiny_loaders()
    images, targets = whole(loaders.forget)
    seen = toolbox.accuracy(net, loaders.validation)
    assert 0 < seen < 1
    retain_targets = whole(loaders.retain)[1]
    assert toolbox.unseen_accuracy(net, retain_targets, *loaders[1:]) == pytest.approx(seen)
    targets[:4] = CLASSES  # a class of its own
    forget = DataLoader(TensorDataset(images, targets), batch_size=5)
    assert toolbox.unseen_accuracy(net, retain_targets, forget, loaders.validation) == pytest.approx(
        seen * (FORGET - 4) / FORGET
    )


def test_imitation_compares_both_nets_on_the_same_noisy_inputs():
    net, (inputs, targets) = original("mlp"), whole(tiny_loaders().retain)
    teacher, other = toolbox.frozen_copy(net), original("cnn")
    assert toolbox.imitation(net, teacher, 0.5)(inputs, targets).item() == 0
    loss = toolbox.imitation(other, teacher, 0.0)(inputs, targets)
    assert torch.allclose(loss, (other(inputs) - net(inputs)).square().mean())
    assert not torch.allclose(toolbox.imitation(other, teacher, 0.5)(inputs, targets), loss)


# --- gradients


def test_gradients_are_sums_over_batches_and_squares_are_means():
    net, retain = original("mlp"), toolbox.rebatched(tiny_loaders().retain, 32, shuffle=False)
    loss = toolbox.cross_entropy(net)
    name, parameter = next(iter(net.named_parameters()))
    each = [torch.autograd.grad(loss(inputs, targets), parameter)[0] for inputs, targets in retain]
    assert torch.allclose(toolbox.gradients(net, retain, loss)[name], torch.stack(each).sum(0), atol=1e-7)
    squares = torch.stack(each).square().mean(0)
    assert torch.allclose(toolbox.squared_gradients(net, retain, loss)[name], squares, atol=1e-9)
    assert all(tensor.grad is None for tensor in net.parameters())


def test_gradients_of_what_the_loss_does_not_touch_are_zero():
    net, retain = original("mlp"), tiny_loaders().retain
    found = toolbox.gradients(net, retain, lambda inputs, _: toolbox.features(net, inputs).square().mean())
    assert found.keys() == dict(net.named_parameters()).keys()
    assert not found["5.weight"].any()
    assert found["1.weight"].any()


def test_fgsm_moves_every_value_up_the_loss():
    net, (inputs, targets) = original("cnn"), whole(tiny_loaders().retain)
    moved = toolbox.fgsm(net, inputs, targets, 0.05)
    distance = (moved - inputs).abs()
    assert ((distance < 1e-6) | ((distance - 0.05).abs() < 1e-6)).all()
    assert F.cross_entropy(net(moved), targets) > F.cross_entropy(net(inputs), targets)
    assert not moved.requires_grad


def test_a_dataset_of_tuples_is_all_that_is_asked_of_a_loader():
    loader = DataLoader(TensorDataset(torch.zeros(3, 2), torch.arange(3)), batch_size=2, shuffle=True)
    assert toolbox.tensors(loader)[1].tolist() == [0, 1, 2]
