"""The entries of the NeurIPS 2023 competition: each does what makes it that entry, on every kind of net.

A learning rate of 0 leaves exactly what an entry does to the weights before it trains.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from methods import (
    CLASSES,
    FORGET,
    RETAIN,
    Loaders,
    changed,
    load,
    original,
    relabelled,
    spied,
    tiny_loaders,
    tiny_nets,
    unlearn,
    weights_of,
)
from methods import run as run_submission
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox

ENTRIES = [
    "finetune",
    "finetune_starting_kit",
    "fanchuan",
    "kookmin",
    "seif",
    "sebastian",
    "toshi_k",
    "toshi_k_mixture",
    "amnesiacs",
    "sun",
    "forget_a",
    "forget_b",
]


def state_of(net):
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


def run(module, kind="mlp", loaders=None, seed=0, **hyperparameters):
    """The original's weights and the unlearned net, with some hyper-parameters replaced as a tuner would."""
    before, unlearned = run_submission(module, kind, loaders, seed, **hyperparameters)
    return weights_of(before), unlearned


# --- the contract


@pytest.mark.parametrize("kind", tiny_nets)
@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("seed", [0, 1])  # the mixture draws one variant with the one, one with the other
def test_every_entry_keeps_the_contract_on_every_net(name, kind, seed):
    net = original(kind)
    before = state_of(net)
    unlearned = unlearn(load(name), net, tiny_loaders(), seed)
    after = unlearned.state_dict()
    assert {key: (tensor.shape, tensor.dtype) for key, tensor in after.items()} == {
        key: (tensor.shape, tensor.dtype) for key, tensor in before.items()
    }
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert changed(before, after)
    assert not any(module.training for module in unlearned.modules())
    assert all(tensor.requires_grad for tensor in unlearned.parameters())


@pytest.mark.parametrize("name", ENTRIES)
def test_search_spaces_name_hyperparameters_and_their_lowest_corner_runs(name):
    module = load(name)
    corner = {key: space[0] for key, space in module.SEARCH_SPACE.items()}
    for key, space in module.SEARCH_SPACE.items():
        if isinstance(space, tuple):
            assert space[0] < space[1], key
            assert isinstance(space[0], int) == isinstance(module.HYPERPARAMETERS[key], int), key
    before, unlearned = run(module, **corner)
    assert changed(before, weights_of(unlearned))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_seed_decides_everything(name):
    first, again = (state_of(run(load(name), "cnn", seed=3)[1]) for _ in range(2))
    assert not changed(first, again)


# --- fine-tuning


@pytest.mark.parametrize(
    ("name", "epochs", "rate", "weighted"), [("finetune", 1, 1e-3, True), ("finetune_starting_kit", 5, 0.1, False)]
)
def test_finetuning_is_plain_sgd_on_the_retain_set(name, epochs, rate, weighted):
    module, weights = load(name), torch.linspace(0.1, 1, CLASSES)
    unlearned = unlearn(module, original("cnn"), tiny_loaders(), class_weights=weights)

    net = original("cnn").train()
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    retain = tiny_loaders().retain
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * epoch / epochs)) / 2
        for inputs, targets in retain:
            optimizer.zero_grad()
            F.cross_entropy(net(inputs), targets, weight=weights if weighted else None).backward()
            optimizer.step()
    for key, tensor in net.state_dict().items():
        assert torch.allclose(unlearned.state_dict()[key], tensor, atol=1e-5), key


# --- fanchuan


def test_fanchuan_starts_by_raising_the_entropy_of_the_forget_set():
    def entropy(net):
        logits = net(tiny_loaders().forget.dataset.tensors[0])
        return -(logits.softmax(1) * logits.log_softmax(1)).sum(1).mean().item()

    still = {"forget_learning_rate": 0.0, "retain_learning_rate": 0.0}
    _, unlearned = run(load("fanchuan"), uniform_learning_rate=5e-2, epochs=1, **still)
    assert entropy(unlearned) > entropy(original("mlp")) + 0.01


def test_fanchuan_descends_on_the_resemblance_to_fixed_retain_logits():
    still = {"uniform_learning_rate": 0.0, "retain_learning_rate": 0.0}
    module = load("fanchuan")
    _, unlearned = run(module, epochs=1, forget_learning_rate=1e-3, retain_batch_size=RETAIN, **still)

    net, loaders = original("mlp"), tiny_loaders()
    retained = net(loaders.retain.dataset.tensors[0]).detach()
    forgotten = net(loaders.forget.dataset.tensors[0])
    terms = [(z @ retained.T / 1.15).log_softmax(0) for z in forgotten]
    gradients = torch.autograd.grad(-torch.stack(terms).mean(), list(net.parameters()))
    for own, start, gradient in zip(unlearned.parameters(), net.parameters(), gradients, strict=True):
        assert torch.allclose(own, start - 1e-3 * gradient, atol=1e-6)


def test_fanchuan_alternates_forgetting_and_repair(monkeypatch):
    module = load("fanchuan")
    calls = spied(monkeypatch, module, "descend")
    run(module)
    rates = [args[3].param_groups[0]["initial_lr" if named else "lr"] for args, named in calls]
    assert rates == [5e-3] + [3e-4, 4e-3] * 8
    assert calls[1][0][3].param_groups[0]["lr"] == pytest.approx(1e-6)  # where its cosine ends


# --- kookmin


def test_kookmin_redraws_the_third_that_tells_the_sets_apart_least():
    loaders = tiny_loaders()
    images, targets = loaders.retain.dataset.tensors
    as_many = DataLoader(TensorDataset(images[:FORGET], targets[:FORGET]), batch_size=FORGET, shuffle=True)
    before, unlearned = run(load("kookmin"), "resnet", loaders._replace(retain=as_many), learning_rate=0.0)
    after = weights_of(unlearned)

    net = original("resnet")
    convolutions = [name for name, tensor in net.named_parameters() if tensor.ndim == 4]
    kernels = [net.get_parameter(name) for name in convolutions]
    slopes = [
        torch.autograd.grad(F.cross_entropy(net(inputs), labels), kernels)
        for inputs, labels in (as_many.dataset.tensors, loaders.forget.dataset.tensors)
    ]
    difference = torch.cat([(r - f).abs().flatten() for r, f in zip(*slopes, strict=True)])
    redrawn = torch.cat([(before[name] != after[name]).flatten() for name in convolutions])
    assert redrawn.sum() == round(0.3 * len(redrawn))
    assert difference[redrawn].max() <= difference[~redrawn].min() + 1e-7
    assert changed(before, after) <= set(convolutions)
    for name in convolutions:
        fresh = after[name][before[name] != after[name]]
        if len(fresh) > 100:
            fan_out = after[name].shape[0] * after[name][0, 0].numel()
            assert fresh.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.25)


def test_kookmin_holds_back_the_kernels_it_kept(monkeypatch):
    module = load("kookmin")
    calls = spied(monkeypatch, module, "descend")
    before, unlearned = run(module, "cnn", kept_gradient=0.0, weight_decay=0.0, learning_rate=1e-2)
    after = weights_of(unlearned)
    for name in ("0.weight", "4.weight"):
        kept = before[name] == after[name]
        assert 0 < kept.sum() < kept.numel()
    kept = sum((before[name] == after[name]).sum() for name in ("0.weight", "4.weight"))
    assert kept == before["0.weight"].numel() + before["4.weight"].numel() - round(0.3 * (72 + 1152))
    assert (before["9.weight"] != after["9.weight"]).all()
    assert len(calls) == 5


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")  # the spy takes no step
def test_kookmin_learns_fastest_in_the_middle(monkeypatch):
    module, rates = load("kookmin"), []
    monkeypatch.setattr(module, "descend", lambda *args, **_: rates.append(args[3].param_groups[0]["lr"]))
    run(module)
    assert rates == pytest.approx([1e-3 / 3, 2e-3 / 3, 1e-3, 2e-3 / 3, 1e-3 / 3])


# --- seif


def test_seif_adds_noise_to_the_kernels_only():
    before, unlearned = run(load("seif"), "resnet", learning_rate=0.0, last_noise=0.0)
    after = weights_of(unlearned)
    kernels = {name for name, tensor in before.items() if tensor.ndim == 4}
    assert changed(before, after) == kernels
    noise = torch.cat([(after[name] - before[name]).flatten() for name in kernels])
    assert noise.std().item() == pytest.approx(0.6, rel=0.05)
    assert noise.mean().item() == pytest.approx(0, abs=0.05)


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")  # the spy takes no step
def test_seif_adds_a_little_more_before_the_last_epoch(monkeypatch):
    module, seen = load("seif"), []
    monkeypatch.setattr(module, "descend", lambda net, *_: seen.append(weights_of(net)["0.weight"]))
    before, _ = run(module, "cnn", noise=0.0)
    assert all(torch.equal(before["0.weight"], kernel) for kernel in seen[:3])
    assert 0 < (seen[3] - before["0.weight"]).std() < 0.01


def test_seif_counts_the_largest_class_twenty_times(monkeypatch):
    module, loaders = load("seif"), tiny_loaders()
    calls = spied(monkeypatch, module, "cross_entropy")
    labels = torch.cat([torch.full((30,), 7), torch.arange(RETAIN - 30) % CLASSES])
    run(module, loaders=loaders._replace(retain=relabelled(loaders.retain, labels)))
    expected = torch.full((CLASSES,), 0.05)
    expected[7] = 1
    assert torch.equal(calls[0][0][1], expected)


# --- sebastian


@pytest.mark.parametrize("kind", tiny_nets)
def test_sebastian_keeps_only_the_largest_hundredth(kind):
    before, unlearned = run(load("sebastian"), kind, learning_rate=0.0)
    after, fan_in = weights_of(unlearned), {}
    for name, layer in toolbox.weight_layers(unlearned):
        for own, _ in layer.named_parameters(recurse=False):
            fan_in[f"{name}.{own}"] = toolbox.weight_of(layer)[0].numel()
    old = torch.cat([before[name].flatten() for name in fan_in])
    new = torch.cat([after[name].flatten() for name in fan_in])
    wide = torch.cat([torch.full((before[name].numel(),), size**-0.5) for name, size in fan_in.items()])
    biases = torch.cat([torch.full((before[name].numel(),), before[name].ndim == 1) for name in fan_in])
    pruned = old.abs() < old.abs().topk(len(old) - round(0.99 * len(old))).values[-1]
    assert torch.equal(new[~pruned], old[~pruned])
    assert (new[pruned & ~biases] != old[pruned & ~biases]).all()
    assert (new[pruned & biases] == 0).all()
    assert 0.9 < (new.abs() / wide)[pruned].max() <= 1
    assert changed(before, after) <= fan_in.keys()


def test_sebastian_wants_the_labels_and_the_originals_certainty(monkeypatch):
    module, loaders = load("sebastian"), tiny_loaders()
    calls = spied(monkeypatch, module, "descend")
    labels = torch.cat([torch.full((30,), 7), torch.arange(RETAIN - 30) % CLASSES])
    _, unlearned = run(module, loaders=loaders._replace(retain=relabelled(loaders.retain, labels)))
    inputs = loaders.retain.dataset.tensors[0]
    student, teacher = unlearned(inputs), original("mlp")(inputs)
    entropies = [torch.distributions.Categorical(logits=logits).entropy() for logits in (student, teacher)]
    weights = labels.bincount() ** -0.1
    expected = F.cross_entropy(student, labels, weight=weights) + (entropies[0] - entropies[1]).square().mean()
    assert torch.allclose(calls[0][0][2](inputs, labels), expected, atol=1e-6)


def test_sebastian_trains_a_fraction_of_an_epoch(monkeypatch):
    module, batches = load("sebastian"), []
    monkeypatch.setattr(module, "descend", lambda _, some, *rest: batches.extend(some))
    run(module, batch_size=8)
    assert len(batches) == round(3.2 * 12)


# --- toshi-k


def test_toshi_k_shows_an_mlp_its_images_transposed():
    _, unlearned = run(load("toshi_k"), learning_rate=0.0)
    images = tiny_loaders().validation.dataset.tensors[0]
    assert torch.allclose(unlearned(images.transpose(-1, -2)), original("mlp")(images), atol=1e-5)


def test_toshi_k_swaps_the_axes_of_every_kernel():
    before, unlearned = run(load("toshi_k"), "resnet", learning_rate=0.0)
    for name, tensor in weights_of(unlearned).items():
        swapped = before[name].transpose(-1, -2) if tensor.ndim == 4 else before[name]
        assert torch.equal(tensor, swapped), name


def test_toshi_k_mixes_its_variants_as_published(monkeypatch):
    module = load("toshi_k_mixture")
    transposed = spied(monkeypatch, module, "transpose_kernels")
    monkeypatch.setattr(module, "finetune", lambda *_, **__: None)
    monkeypatch.setattr(module, "trained_from_scratch", lambda net, _: net)
    net, loaders = original("mlp"), tiny_loaders()
    for seed in range(400):
        module.unlearning(net, *loaders, seed=seed)
    assert len(transposed) / 400 == pytest.approx(246 / 512, abs=0.06)


def test_toshi_k_teaches_the_wrong_labels_of_honest_models():
    module, loaders = load("toshi_k_mixture"), tiny_loaders()
    images, true = loaders.forget.dataset.tensors

    def three(inputs):
        return F.one_hot(torch.full((len(inputs),), 3), CLASSES).float()

    joined = module.with_wrong_labels(loaders.retain, loaders.forget, [three, original("mlp")])
    inputs, targets = toolbox.tensors(joined)
    assert torch.equal(inputs[:RETAIN], loaders.retain.dataset.tensors[0])
    assert torch.equal(inputs[RETAIN:], images[true != 3])  # the original is right about all of them
    assert (targets[RETAIN:] == 3).all()

    # An untrained small net is wrong about nearly all of them, and what it says is learned.
    _, unlearned = run(module, "cnn", transposed=0.0, scratch_epochs=0, epochs=40, learning_rate=0.1)
    assert toolbox.accuracy(unlearned, loaders.forget) < 0.5
    assert toolbox.accuracy(unlearned, loaders.retain) > 0.9


def test_loaders_are_disjoint():
    loaders: Loaders = tiny_loaders()
    images = [tuple(image.flatten().tolist()) for loader in loaders for image in loader.dataset.tensors[0]]
    assert len(set(images)) == len(images) == RETAIN + FORGET + 32
