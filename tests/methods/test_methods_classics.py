"""The classical methods: each does what makes it that method, on every kind of net."""

import copy

import pytest
import torch
import torch.nn.functional as F
from methods import (
    CLASSES,
    FORGET,
    RETAIN,
    Loaders,
    ce,
    load,
    one_batch_loaders,
    original,
    run,
    slope,
    tiny_loaders,
    tiny_nets,
    unlearn,
    vector,
    whole,
)
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox

CLASSICS = [
    "cf_k",
    "eu_k",
    "gradient_ascent",
    "neggrad_plus",
    "random_label",
    "bad_teacher",
    "scrub",
    "scrub_r",
    "l1_sparse",
    "salun",
    "ssd",
    "fisher_forgetting",
    "woodfisher",
]


def copied(tensors):
    return {name: tensor.detach().clone() for name, tensor in tensors}


def changed(before, after):
    """Names of the tensors of which anything differs; `after` is a net."""
    now = after.state_dict()
    return {name for name in before if not torch.equal(before[name], now[name])}


def distance(teacher, student, inputs):
    """KL(teacher ‖ student), the mean over the inputs in nats."""
    p, q = (F.softmax(net(inputs), dim=1) for net in (teacher, student))
    return (p * (p.log() - q.log())).sum(1).mean().item()


class Noted:
    """A loader that notes its letter whenever a pass over it begins."""

    def __init__(self, loader, letter, log):
        self.loader, self.letter, self.log = loader, letter, log
        self.dataset, self.batch_size = loader.dataset, loader.batch_size

    def __iter__(self):
        self.log.append(self.letter)
        return iter(self.loader)

    def __len__(self):
        return len(self.loader)


def noted(loaders):
    """The loaders with a log of the passes over them, R, F or V each."""
    log = []
    return Loaders(*(Noted(loader, letter, log) for loader, letter in zip(loaders, "RFV", strict=True))), log


# --- all of them


@pytest.mark.parametrize("kind", tiny_nets)
@pytest.mark.parametrize("name", CLASSICS)
def test_every_method_keeps_the_contract_on_every_net(name, kind):
    before, unlearned = run(name, kind)
    before, after = before.state_dict(), unlearned.state_dict()
    assert [(key, tensor.shape, tensor.dtype) for key, tensor in after.items()] == [
        (key, tensor.shape, tensor.dtype) for key, tensor in before.items()
    ]
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert changed(before, unlearned) & {key for key, _ in unlearned.named_parameters()}
    assert not any(module.training for module in unlearned.modules())
    assert all(tensor.requires_grad for tensor in unlearned.parameters())


@pytest.mark.parametrize("corner", [0, -1], ids=["lowest", "highest"])
@pytest.mark.parametrize("name", CLASSICS)
def test_search_spaces_name_hyperparameters_and_their_corners_stay_finite(name, corner):
    module = load(name)
    values = {}
    for key, space in module.SEARCH_SPACE.items():
        values[key] = space[corner] if isinstance(space, list) else space[:2][corner]
        if isinstance(space, tuple):
            assert space[0] < space[1], key
            assert type(space[0]) is type(space[1]) is type(module.HYPERPARAMETERS[key]), key
    _, unlearned = run(name, "resnet", **values)
    assert all(tensor.isfinite().all() for tensor in unlearned.state_dict().values())


# --- CF-k and EU-k

LAST_TWO = {  # the modules that hold the last two weight layers and what is defined after the first of these
    "mlp": ("3.", "5."),
    "cnn": ("4.", "5.", "9."),
    "resnet": ("4.downsample.", "7."),
    "vit": ("encoder.layers.encoder_layer_0.mlp.3.", "encoder.ln.", "heads."),
}


@pytest.mark.parametrize("kind", tiny_nets)
@pytest.mark.parametrize("name", ["cf_k", "eu_k"])
def test_only_the_last_layers_change(name, kind):
    before, unlearned = run(name, kind, layers=2)
    before = before.state_dict()
    assert changed(before, unlearned) == {key for key in before if key.startswith(LAST_TWO[kind])}


@pytest.mark.parametrize("name", ["cf_k", "eu_k"])
def test_the_first_layer_is_frozen_whatever_k_is(name):
    before, unlearned = run(name, "mlp", layers=10)
    assert changed(before.state_dict(), unlearned) == {"3.weight", "3.bias", "5.weight", "5.bias"}


def test_cf_k_starts_from_the_original_and_eu_k_from_new_weights():
    before, tuned = run("cf_k", layers=1, learning_rate=0.0)
    assert not changed(before.state_dict(), tuned)
    before, redrawn = run("eu_k", layers=1, learning_rate=0.0)
    assert (redrawn.get_parameter("5.weight") != before.get_parameter("5.weight")).all()
    assert redrawn.get_parameter("5.weight").abs().max() <= 16**-0.5  # the range of torch's initialisation


def test_eu_k_learns_the_retain_set_anew():
    loaders = tiny_loaders()
    _, redrawn = run("eu_k", layers=2, learning_rate=0.0)
    _, trained = run("eu_k", layers=2, learning_rate=0.1, epochs=20)
    assert toolbox.accuracy(redrawn, loaders.retain) < 0.4
    assert toolbox.accuracy(trained, loaders.retain) > 0.9


# --- gradient ascent and NegGrad+


@pytest.mark.parametrize("kind", tiny_nets)
def test_gradient_ascent_raises_the_forget_loss_and_looks_at_nothing_else(kind):
    forget = tiny_loaders().forget
    alone = Loaders(None, forget, None)
    before, unlearned = run("gradient_ascent", kind, alone)
    _, farther = run("gradient_ascent", kind, alone, learning_rate=0.1)
    assert ce(before, forget) < ce(unlearned, forget) < ce(farther, forget) / 1.5


def test_gradient_ascent_takes_bounded_steps():
    before, unlearned = run("gradient_ascent", epochs=1, learning_rate=1.0, clip=1e-3)
    assert (vector(unlearned) - vector(before)).norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_neggrad_plus_steps_down_on_retain_and_up_on_forget():
    loaders = one_batch_loaders()
    settings = {"alpha": 0.8, "epochs": 1, "learning_rate": 0.1, "weight_decay": 0.0}
    before, unlearned = run("neggrad_plus", loaders=loaders, **settings)
    expected = 0.2 * slope(before, ce(before, loaders.forget)) - 0.8 * slope(before, ce(before, loaders.retain))
    assert torch.allclose(vector(unlearned) - vector(before), 0.1 * expected, atol=1e-7)


def test_neggrad_plus_sets_a_forget_batch_beside_every_retain_batch():
    loaders, log = noted(tiny_loaders(batch_size=8))
    run("neggrad_plus", loaders=loaders, epochs=1)
    assert log == ["R"] + ["F"] * (RETAIN // FORGET)


# --- random labels and SalUn


def test_random_labels_spreads_a_class_over_all_others():
    images, targets = whole(tiny_loaders().retain)
    threes = images[targets == 3].repeat(50, 1, 1, 1)
    forget = DataLoader(TensorDataset(threes, torch.full((len(threes),), 3)), batch_size=len(threes))
    loaders = Loaders([], forget, None)
    _, unlearned = run("random_label", loaders=loaders, epochs=200, learning_rate=3e-3)
    probabilities = F.softmax(unlearned(threes), dim=1).mean(0)
    assert probabilities[3] < 0.02
    assert (probabilities[torch.arange(CLASSES) != 3] - 1 / 9).abs().max() < 0.05


def test_random_labels_repairs_after_every_pass():
    loaders, log = noted(tiny_loaders())
    before, unlearned = run("random_label", loaders=loaders, learning_rate=1e-2)
    assert log == ["F", "R"] * 3
    assert toolbox.accuracy(unlearned, loaders.retain) > 0.9
    assert ce(unlearned, loaders.forget) > 10 * ce(before, loaders.forget)


@pytest.mark.parametrize("kind", ["mlp", "resnet", "vit"])
def test_salun_moves_the_salient_half_alone(kind):
    loaders = one_batch_loaders()
    before, unlearned = run("salun", kind, loaders, epochs=2)
    saliency, moved = slope(before, ce(before, loaders.forget)).abs(), vector(unlearned) != vector(before)
    half = round(0.5 * len(saliency))
    threshold = saliency.sort(descending=True).values[half - 1]
    assert saliency[moved].min() >= threshold
    assert moved.sum() > 0.98 * (saliency > threshold).sum()


def test_salun_gives_the_forget_set_wrong_labels():
    loaders, log = noted(tiny_loaders())
    before, unlearned = run("salun", loaders=loaders)
    assert log == ["F"] + ["F", "R"] * 10  # the saliency first
    assert ce(unlearned, loaders.forget) > 20 * ce(before, loaders.forget)
    assert toolbox.accuracy(unlearned, loaders.retain) > 0.9


# --- bad teacher


def test_bad_teacher_imitates_a_random_net_on_forget_and_the_original_on_retain(monkeypatch):
    module, loaders, drawn = load("bad_teacher"), tiny_loaders(), []
    module.HYPERPARAMETERS.update(retain_share=1.0, epochs=100, learning_rate=1e-2)

    def fresh_copy(net):
        drawn.append(toolbox.fresh_copy(net))
        return drawn[-1]

    monkeypatch.setattr(module, "fresh_copy", fresh_copy)
    before, unlearned = original("mlp"), unlearn(module, original("mlp"), loaders)
    forgotten, retained = whole(loaders.forget)[0], whole(loaders.retain)[0]
    assert distance(drawn[0], unlearned, forgotten) < 0.1 * distance(drawn[0], before, forgotten)
    assert distance(before, unlearned, retained) < 0.1 * distance(before, drawn[0], retained)


def test_bad_teacher_needs_no_labels_and_only_a_part_of_retain(monkeypatch):
    module, sizes = load("bad_teacher"), []

    def subset(loader, size):
        sizes.append(size)
        return toolbox.subset(loader, size)

    monkeypatch.setattr(module, "subset", subset)
    loaders = tiny_loaders()
    unlabelled = Loaders(
        *(
            DataLoader(TensorDataset(images, torch.zeros_like(targets)), loader.batch_size)
            for loader in loaders
            for images, targets in [whole(loader)]
        )
    )
    first, second = (unlearn(module, original("cnn"), given) for given in (loaders, unlabelled))
    assert not changed(first.state_dict(), second)
    assert sizes == [round(0.3 * RETAIN)] * 2


# --- SCRUB and SCRUB+R


def test_scrub_maximises_on_forget_in_its_first_epochs_only():
    loaders, log = noted(tiny_loaders())
    run("scrub", loaders=loaders)
    assert log == ["F", "R"] * 3 + ["R"] * 7


@pytest.mark.parametrize("kind", ["cnn", "resnet"])
def test_scrub_leaves_its_teacher_on_forget_and_stays_with_it_on_retain(kind, monkeypatch):
    teachers, copied_net = [], toolbox.frozen_copy

    def frozen_copy(net):
        teachers.append(copied_net(net))
        return teachers[-1]

    monkeypatch.setattr(toolbox.training, "frozen_copy", frozen_copy)
    loaders, settings = tiny_loaders(), {"epochs": 3, "learning_rate": 5e-3, "weight_decay": 0.0}
    before, obedient = run("scrub", kind, max_epochs=0, **settings)
    _, unlearned = run("scrub", kind, max_epochs=3, **settings)
    (_, teacher) = teachers
    assert not changed(before.state_dict(), teacher)
    forgotten, retained = whole(loaders.forget)[0], whole(loaders.retain)[0]
    gone = distance(before, unlearned, forgotten)
    assert gone > 5 * distance(before, obedient, forgotten)
    assert gone > 5 * distance(before, unlearned, retained)


def test_scrub_r_returns_the_epoch_that_is_as_wrong_on_forget_as_the_last_on_validation(monkeypatch):
    module, loaders = load("scrub_r"), tiny_loaders()
    start, noise, snapshots = vector(original("mlp")), torch.randn(5000, generator=torch.manual_seed(1)), []

    def epochs(net, *_, **__):
        trained = copy.deepcopy(net)
        for size in (0.0, 0.1, 0.15, 0.25, 0.4, 0.13):
            nn.utils.vector_to_parameters(start + size * noise[: len(start)], trained.parameters())
            net.load_state_dict(trained.state_dict())  # in place, as training does
            snapshots.append(copy.deepcopy(net))
            yield len(snapshots)

    monkeypatch.setattr(module, "min_max_distillation", epochs)
    unlearned = unlearn(module, original("mlp"), loaders)
    (images, targets), (seen, labels) = whole(loaders.validation), whole(loaders.forget)
    share = {label: (labels == label).sum().item() / (targets == label).sum().item() for label in range(CLASSES)}
    weights = torch.tensor([share[label] for label in targets.tolist()])
    reference = ((snapshots[-1](images).argmax(1) == targets) * weights).sum() / weights.sum()
    gaps = [((net(seen).argmax(1) == labels).float().mean() - reference).abs().item() for net in snapshots]
    best = gaps.index(min(gaps))
    assert best == 2
    assert torch.equal(vector(unlearned), vector(snapshots[best]))


def test_scrub_r_takes_validation_examples_of_the_forgotten_classes():
    alike, validation = load("scrub_r").accuracy_alike, tiny_loaders().validation

    def always_three(inputs):
        return F.one_hot(torch.full((len(inputs),), 3), CLASSES).float()

    def labels(*classes):
        return torch.tensor(classes)

    assert alike(always_three, validation, labels(3, 3)) == pytest.approx(1, abs=1e-3)
    assert alike(always_three, validation, labels(4)) == pytest.approx(0, abs=1e-3)
    assert alike(always_three, validation, labels(3, 4, 5, 6)) == pytest.approx(0.25, abs=1e-3)
    images, targets = whole(validation)
    lacking = DataLoader(TensorDataset(images[targets != 4], targets[targets != 4]), 8)
    assert alike(always_three, lacking, labels(4)) == pytest.approx(1 / 9, abs=1e-3)  # each class counts alike


# --- L1-sparse


def test_l1_sparse_shrinks_by_a_penalty_that_fades_linearly():
    module = load("l1_sparse")
    module.HYPERPARAMETERS.update(alpha=0.01, epochs=4, learning_rate=0.1, momentum=0.0, weight_decay=0.0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))
    nn.init.ones_(net[1].weight)
    # Black images give the weights no gradient but the penalty's.
    retain = DataLoader(TensorDataset(torch.zeros(8, 1, 8, 8), torch.arange(8)), batch_size=4)
    unlearn(module, net, Loaders(retain, None, None))
    expected = 1 - 0.1 * 0.01 * len(retain) * (1 + 0.75 + 0.5 + 0.25)
    assert torch.allclose(net[1].weight, torch.tensor(expected))


def test_l1_sparse_learns_the_retain_set_with_fewer_weights():
    module, loaders = load("l1_sparse"), tiny_loaders()
    norms = []
    for alpha in (0.0, 1e-3):
        module.HYPERPARAMETERS.update(alpha=alpha, epochs=30, learning_rate=0.1)
        torch.manual_seed(0)
        unlearned = unlearn(module, tiny_nets["mlp"](), Loaders(loaders.retain, None, None))
        assert toolbox.accuracy(unlearned, loaders.retain) > 0.9
        norms.append(vector(unlearned).abs().sum())
    assert norms[1] < 0.8 * norms[0]
