"""The recent methods: each does what makes it that method, on every kind of net.

Learning rates are raised where the published ones move a tiny net too little to see.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from methods import CLASSES, FORGET, Loaders, load, original, relabelled, tiny_loaders, tiny_nets, unlearn, whole
from methods import run as run_submission
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox

METHODS = [
    "boundary_shrink",
    "boundary_expand",
    "unsir",
    "delete",
    "laf",
    "duck",
    "scar",
    "scar_self_forget",
    "stochastic_teacher",
    "slug",
    "del_localized",
    "npo",
    "simnpo",
    "aru",
    "rum",
]
STEP = {"epochs": 1, "learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.0}
"""Makes one epoch over the forget set, which is one batch, one step of plain gradient descent."""


def run(name, kind="mlp", loaders=None, **hyperparameters):
    """The module, the original and the unlearned net, with some hyper-parameters replaced as a tuner would."""
    module = load(name)
    return module, *run_submission(module, kind, loaders, **hyperparameters)


def changed(before, after):
    """Per parameter name, where the two nets' parameters differ."""
    return {
        name: own != other for (name, own), other in zip(before.named_parameters(), after.parameters(), strict=True)
    }


def one_step(net, loss, learning_rate=0.1):
    """Return the net's parameters after one step of gradient descent on `loss(net)`."""
    slopes = torch.autograd.grad(loss(net), list(net.parameters()), allow_unused=True, materialize_grads=True)
    return [parameter - learning_rate * slope for parameter, slope in zip(net.parameters(), slopes, strict=True)]


def same(net, parameters):
    return all(torch.allclose(own, other, atol=1e-6) for own, other in zip(net.parameters(), parameters, strict=True))


def as_set(images):
    return {tuple(image.flatten().tolist()) for image in images}


def forget_only(loaders):
    """Loaders whose retain and validation sets cannot even be looked at."""
    return loaders._replace(retain=None, validation=None)


@pytest.mark.parametrize("kind", tiny_nets)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_the_contract_on_every_net(name, kind):
    module, before, net = run(name, kind)
    was, now = before.state_dict(), net.state_dict()
    assert {key: (tensor.shape, tensor.dtype) for key, tensor in now.items()} == {
        key: (tensor.shape, tensor.dtype) for key, tensor in was.items()
    }
    assert all(tensor.isfinite().all() for tensor in now.values())
    assert any(mask.any() for mask in changed(before, net).values())
    assert not any(layer.training for layer in net.modules())
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert module.SEARCH_SPACE.keys() <= module.HYPERPARAMETERS.keys()


# --- methods that see the forget set alone


def test_boundary_shrink_teaches_the_nearest_wrong_class():
    loaders = tiny_loaders()
    module, before, net = run("boundary_shrink", loaders=forget_only(loaders), learning_rate=0.02, epochs=30)
    inputs, targets = whole(loaders.forget)
    neighbours = toolbox.fgsm(before, inputs, targets, 0.1)  # the digits' range is 1
    ranked = before(neighbours).argsort(dim=1, descending=True)
    nearest = torch.where(ranked[:, 0] == targets, ranked[:, 1], ranked[:, 0])
    assert torch.equal(module.nearest_wrong_classes(before, inputs, targets)[1], nearest)
    assert torch.equal(before(inputs).argmax(1), targets)
    assert (net(inputs).argmax(1) == nearest).float().mean() >= 0.8


def test_boundary_shrinks_step_is_a_share_of_the_inputs_range():
    module, net = load("boundary_shrink"), original("mlp")
    inputs, targets = whole(tiny_loaders().forget)
    stretched = copy.deepcopy(net)
    with torch.no_grad():
        stretched[1].weight /= 255
    nearest = module.nearest_wrong_classes(net, inputs, targets)[1]
    assert torch.equal(module.nearest_wrong_classes(stretched, 255 * inputs, targets)[1], nearest)


def test_boundary_expand_is_training_to_a_class_more_that_is_then_cut_off():
    loaders = tiny_loaders()
    _, wider, net = run("boundary_expand", loaders=forget_only(loaders), **STEP)
    inputs, _ = whole(loaders.forget)
    torch.manual_seed(0)
    shadow, head = nn.Linear(16, 1), wider[5]
    wider[5] = nn.Linear(16, CLASSES + 1)
    with torch.no_grad():
        wider[5].weight.copy_(torch.cat([head.weight, shadow.weight]))
        wider[5].bias.copy_(torch.cat([head.bias, shadow.bias]))
    expected = one_step(wider, lambda net: F.cross_entropy(net(inputs), torch.full((FORGET,), CLASSES)))
    assert same(net, expected[:-2] + [tensor[:CLASSES] for tensor in expected[-2:]])


def test_delete_distils_the_originals_opinion_without_the_true_class():
    loaders = tiny_loaders()
    inputs, targets = whole(loaders.forget)
    true = F.one_hot(targets, CLASSES).bool()
    _, before, net = run("delete", loaders=forget_only(loaders), **STEP)
    with torch.no_grad():
        wanted = before(inputs).softmax(1).masked_fill(true, 0)
        wanted /= wanted.sum(1, keepdim=True)

    def divergence(net):
        return torch.where(true, 0, wanted * (wanted.log() - net(inputs).log_softmax(1))).sum(1).mean()

    assert same(net, one_step(before, divergence))
    _, _, net = run("delete", loaders=forget_only(loaders), learning_rate=0.02, epochs=60)
    assert (net(inputs).argmax(1) == wanted.argmax(1)).float().mean() >= 0.8


# --- noise


def test_unsirs_noise_maximises_the_error_in_the_forget_sets_proportions():
    module, loaders, net = load("unsir"), tiny_loaders(), original("cnn")
    inputs, _ = whole(loaders.forget)
    targets = torch.where(torch.arange(FORGET) < 12, 3, 7)
    forget = DataLoader(TensorDataset(inputs, targets), 5)
    torch.manual_seed(0)
    noise, labels = module.error_maximising_noise(net, forget)
    assert noise.shape == (256, 1, 8, 8)
    assert set(labels.tolist()) == {3, 7}
    assert 0.65 < (labels == 3).float().mean() < 0.85
    with torch.no_grad():
        random = F.cross_entropy(net(torch.randn(256, 1, 8, 8)), labels)
        assert F.cross_entropy(net(noise), labels) > 3 * random
    module.HYPERPARAMETERS["noise_penalty"] = 10.0
    torch.manual_seed(0)
    assert module.error_maximising_noise(net, forget)[0].norm() < 0.5 * noise.norm()


def test_it_is_unsirs_learned_noise_that_forgets_a_class_which_the_retain_set_lacks():
    loaders = tiny_loaders()
    seen = [whole(loader) for loader in loaders[:2]]
    inputs, targets = (torch.cat(parts) for parts in zip(*seen, strict=True))
    gone = targets == 3
    parts = [TensorDataset(inputs[rows], targets[rows]) for rows in (~gone, gone)]
    loaders = Loaders(*(DataLoader(part, 16, shuffle=True) for part in parts), loaders.validation)
    _, before, net = run("unsir", "mlp", loaders)
    _, _, plain = run("unsir", "mlp", loaders, noise_steps=0)
    assert toolbox.accuracy(before, loaders.forget) == 1
    assert toolbox.accuracy(net, loaders.forget) <= 0.2
    assert toolbox.accuracy(net, loaders.retain) >= 0.9
    assert toolbox.accuracy(plain, loaders.forget) >= 0.8


def test_aru_resets_the_filters_whose_attacked_gradients_lean_most_to_the_forget_set():
    loaders = tiny_loaders()
    module, before, net = run("aru", "cnn", loaders, share=0.25, epochs=0)
    torch.manual_seed(0)
    parts = loaders.forget, toolbox.subset(loaders.retain, FORGET)
    forget, retain = (
        toolbox.gradients(before, module.attacked(before, part), toolbox.cross_entropy(before)) for part in parts
    )
    ratios = []
    for layer in ("0", "4"):
        norms = [
            torch.cat([slopes[f"{layer}.weight"].flatten(1), slopes[f"{layer}.bias"][:, None]], dim=1).norm(dim=1)
            for slopes in (forget, retain)
        ]
        ratios.append(norms[0] / norms[1])
    highest = torch.cat(ratios).argsort(descending=True)[:6]  # of 8 + 16 filters
    masks = changed(before, net)
    reset = torch.cat([masks["0.bias"], masks["4.bias"]]).nonzero()
    assert set(reset.flatten().tolist()) == set(highest.tolist())
    assert all(masks[f"{layer}.weight"].flatten(1).all(1).equal(masks[f"{layer}.bias"]) for layer in ("0", "4"))
    assert {name for name, mask in masks.items() if mask.any()} <= {"0.weight", "0.bias", "4.weight", "4.bias"}


def test_arus_noise_is_adversarial_and_bounded():
    module, net = load("aru"), original("cnn")
    inputs, targets = whole(tiny_loaders().forget)
    [(attacked, unchanged)] = module.attacked(net, [(inputs, targets)])
    assert torch.equal(targets, unchanged)
    assert (attacked - inputs).abs().max().item() == pytest.approx(8 / 255, abs=1e-6)
    once = toolbox.fgsm(net, inputs, targets, 8 / 255)
    with torch.no_grad():
        clean, stepped, projected = (F.cross_entropy(net(images), targets) for images in (inputs, once, attacked))
    assert clean < stepped <= projected + 1e-3


# --- one layer, some channels


def test_slug_takes_the_smallest_sufficient_step_up_the_gradient_in_one_pareto_layer():
    loaders = tiny_loaders()
    _, before, net = run("slug", "cnn", loaders)
    moved = [name for name, mask in changed(before, net).items() if mask.any()]
    assert len(moved) == 1
    forget, retain = (
        toolbox.gradients(before, loader, toolbox.cross_entropy(before)) for loader in (loaders.forget, loaders.retain)
    )
    start, now = dict(before.named_parameters())[moved[0]], dict(net.named_parameters())[moved[0]]
    step = (now - start).detach()
    assert F.cosine_similarity(step.flatten(), forget[moved[0]].flatten(), dim=0).item() == pytest.approx(1, abs=1e-4)

    judged = {
        name: (
            (forget[name].norm() / parameter.norm()).item(),
            F.cosine_similarity(forget[name].flatten(), retain[name].flatten(), dim=0).abs().item(),
        )
        for name, parameter in before.named_parameters()
        if name in ("0.weight", "4.weight", "9.weight")
    }
    importance, alignment = judged[moved[0]]
    assert not any(other[0] > importance and other[1] < alignment for other in judged.values())

    target = toolbox.accuracy(before, loaders.validation)
    assert toolbox.accuracy(net, loaders.forget) <= target
    with torch.no_grad():
        now.copy_(start + step * 1e-3 ** (1.001 / 2**10))  # the search's resolution
    assert toolbox.accuracy(net, loaders.forget) > target


def test_del_resets_the_channels_whose_weighted_gradients_sum_to_most_and_trains_only_them():
    loaders = tiny_loaders()
    _, before, reset = run("del_localized", "cnn", loaders, share=0.25, epochs=0)
    slopes = toolbox.gradients(before, loaders.forget, toolbox.cross_entropy(before))
    weighted = {name: parameter * slopes[name] for name, parameter in before.named_parameters()}
    scores = [(weighted[f"{layer}.weight"].sum((1, 2, 3)) + weighted[f"{layer}.bias"]).abs() for layer in ("0", "4")]
    highest = torch.cat(scores).argsort(descending=True)[:6]  # of 8 + 16 channels
    masks = changed(before, reset)
    marked = torch.cat([masks["0.bias"], masks["4.bias"]]).nonzero()
    assert set(marked.flatten().tolist()) == set(highest.tolist())

    _, _, trained = run("del_localized", "cnn", loaders, share=0.25, epochs=2)
    moved = changed(reset, trained)
    assert moved["9.weight"].all()
    assert moved["9.bias"].all()
    assert all(torch.equal(moved[name], mask) for name, mask in masks.items() if not name.startswith("9."))


# --- objectives


def test_stochastic_teacher_imitates_a_random_net_on_the_forget_set_and_then_the_original_on_the_retain_set():
    loaders = tiny_loaders()
    (inputs, _), (kept, _) = whole(loaders.forget), whole(loaders.retain)
    settings = {"erase_epochs": 20, "erase_learning_rate": 0.02}
    _, before, erased = run("stochastic_teacher", "mlp", loaders, **settings, rebuild_epochs=0)
    torch.manual_seed(0)
    random = toolbox.fresh_copy(before)
    _, _, rebuilt = run("stochastic_teacher", "mlp", loaders, **settings, rebuild_epochs=20, rebuild_learning_rate=0.03)
    with torch.no_grad():
        assert toolbox.kl(erased(inputs), random(inputs)) < 0.2 * toolbox.kl(before(inputs), random(inputs))
        assert toolbox.kl(rebuilt(kept), before(kept)) < 0.2 * toolbox.kl(erased(kept), before(kept))


NEGATIVE_PREFERENCE = {
    "npo": lambda p, before: (2 / 0.7 * (1 + (p / before) ** 0.7).log()).mean(),
    "simnpo": lambda p, _: (-2 / 0.7 * torch.sigmoid(-0.7 * p.log() - 0.4).log()).mean(),
}


@pytest.mark.parametrize("name", NEGATIVE_PREFERENCE)
def test_negative_preference_is_the_formula(name):
    loaders = tiny_loaders()._replace(retain=toolbox.rebatched(tiny_loaders().retain, 96))
    settings = {"beta": 0.7, "retain_weight": 0.5} | ({"gamma": 0.4} if name == "simnpo" else {})
    _, before, net = run(name, "mlp", loaders, **STEP | {"epochs": 2}, **settings)
    inputs, targets = whole(loaders.forget)
    p0 = before(inputs).softmax(1).gather(1, targets[:, None]).detach()

    def objective(net):
        p = net(inputs).softmax(1).gather(1, targets[:, None])
        kept, kept_targets = whole(loaders.retain)
        return NEGATIVE_PREFERENCE[name](p, p0) + 0.5 * F.cross_entropy(net(kept), kept_targets)

    expected = original("mlp")
    for learning_rate in (0.1, 0.05):  # the cosine's
        for parameter, new in zip(expected.parameters(), one_step(expected, objective, learning_rate), strict=True):
            parameter.data.copy_(new)
    assert same(net, expected.parameters())


# --- memorisation


def test_rums_proxy_finds_the_examples_that_were_learned_by_heart():
    loaders, module = tiny_loaders(), load("rum")
    _, targets = whole(loaders.forget)
    odd = torch.arange(FORGET) % 3 == 1  # five of them
    forget = relabelled(loaders.forget, torch.where(odd, (targets + 1) % CLASSES, targets))
    torch.manual_seed(0)
    net = tiny_nets["mlp"]()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(60):
        toolbox.descend(net, loaders.retain, toolbox.cross_entropy(net), optimizer)
        toolbox.descend(net, forget, toolbox.cross_entropy(net), optimizer)
    assert toolbox.accuracy(net.eval(), forget) == 1
    memorised = module.memorisation(net, forget, loaders.validation)
    assert odd[memorised.argsort(descending=True)[:5]].sum() >= 4


def test_rum_leaves_the_low_third_alone_and_relabels_the_high_third_only(monkeypatch):
    loaders, module = tiny_loaders(), load("rum")
    memorised = torch.randperm(FORGET).float()
    inputs, _ = whole(loaders.forget)
    high = inputs[memorised >= FORGET - 6]  # 16 in three parts: 6, 5 and 5
    tuned_on, relabelled_on = [], []
    monkeypatch.setattr(module, "memorisation", lambda *_: memorised)
    monkeypatch.setattr(module, "finetune", lambda net, loader, *_, **__: tuned_on.append(whole(loader)[0]))
    monkeypatch.setattr(
        module, "salient_relabelling", lambda net, retain, forget, *_, **__: relabelled_on.append(whole(forget)[0])
    )
    unlearn(module, original("mlp"), loaders)
    assert as_set(relabelled_on[0]) == as_set(high)
    assert as_set(tuned_on[0]) == as_set(high) | as_set(whole(loaders.retain)[0])
    assert len(tuned_on) == len(relabelled_on) == 1
