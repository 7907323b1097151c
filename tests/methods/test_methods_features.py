"""Recent methods that move features: LAF, DUCK, SCAR and its self-forget variant.

Learning rates are raised where the published ones move a tiny net too little to see.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from methods import (
    CLASSES,
    Loaders,
    changed,
    load,
    original,
    relabelled,
    run,
    tiny_loaders,
    unlearn,
    weights_of,
    whole,
)

from benchmark import toolbox


def test_laf_looks_at_no_label_and_leaves_the_classifier():
    loaders = tiny_loaders()
    blind = Loaders(*(relabelled(loader, torch.zeros_like(whole(loader)[1])) for loader in loaders))
    before, net = run("laf", "cnn", loaders)
    _, unlabelled = run("laf", "cnn", blind)
    assert all(torch.equal(own, other) for own, other in zip(net.parameters(), unlabelled.parameters(), strict=True))
    below = {name for name, _ in before.named_parameters() if not name.startswith("9.")}
    assert changed(weights_of(before), weights_of(net)) == below


def test_laf_takes_the_forget_set_out_of_its_own_vae_and_leaves_it_more_typical():
    loaders = tiny_loaders()
    module = load("laf")
    before, net = run(module, "cnn", loaders, learning_rate=1e-3, epochs=5)
    forgotten, kept = (
        toolbox.features(before, whole(loader)[0]).detach() for loader in (loaders.forget, loaders.retain)
    )
    scale = kept.square().mean().sqrt()
    torch.manual_seed(1)  # other VAEs than the method's
    own, typical = module.fitted(forgotten / scale), module.fitted(torch.cat([kept, forgotten]) / scale)

    def strangeness(net, loader):
        found = toolbox.features(net, whole(loader)[0]) / scale
        return (own.error(found).mean() / typical.error(found).mean()).item()

    assert strangeness(net, loaders.forget) > 2 * strangeness(before, loaders.forget)
    assert strangeness(net, loaders.retain) == pytest.approx(strangeness(before, loaders.retain), rel=0.4)
    assert toolbox.accuracy(net, loaders.retain) >= 0.95


def test_duck_carries_embeddings_to_the_nearest_wrong_centroid(monkeypatch):
    loaders = tiny_loaders()
    kept, kept_targets = whole(loaders.retain)
    inputs, targets = whole(loaders.forget)
    module, before = load("duck"), original("cnn")
    module.HYPERPARAMETERS.update(learning_rate=1e-2, epochs=60, repair_epochs=0)
    monkeypatch.setattr(module, "unseen_accuracy", lambda *_: 0.0)
    net = unlearn(module, original("cnn"), loaders)
    with torch.no_grad():
        embedded = toolbox.features(before, kept)
        centroids = torch.stack([embedded[kept_targets == label].mean(0) for label in range(CLASSES)])

        def distances(net):
            return 1 - F.cosine_similarity(toolbox.features(net, inputs)[:, None], centroids[None], dim=2)

        nearest_wrong = distances(before).scatter(1, targets[:, None], torch.inf).argmin(1)
        assert (distances(before).argmin(1) == targets).all()
        assert (distances(net).argmin(1) == nearest_wrong).float().mean() >= 0.7
        towards = [distances(model).gather(1, nearest_wrong[:, None]).mean() for model in (before, net)]
    assert towards[1] < 0.5 * towards[0]
    assert toolbox.accuracy(net, loaders.retain) >= 0.9


def test_duck_stops_at_the_accuracy_of_an_unseen_set(monkeypatch):
    module, net = load("duck"), original("mlp")
    monkeypatch.setattr(module, "unseen_accuracy", lambda *_: 1.0)
    module.HYPERPARAMETERS["repair_epochs"] = 0
    unlearned = unlearn(module, original("mlp"), tiny_loaders())
    assert not changed(weights_of(net), weights_of(unlearned))


def test_scars_distance_is_mahalanobis_to_each_class():
    module = load("scar")
    module.HYPERPARAMETERS.update(power=1.0, shrinkage=0.5)
    torch.manual_seed(0)
    found, targets = torch.randn(60, 3).abs() + 1, torch.arange(60) % 2 * 4  # classes 0 and 4
    classes, means, precisions = module.class_statistics(found, targets)
    assert classes.tolist() == [0, 4]
    groups = [found[targets == label] for label in (0, 4)]
    covariances = [torch.cov(group.T, correction=0) for group in groups]
    ridge = 0.5 * torch.stack([covariance.diagonal() for covariance in covariances]).mean()
    for column, (group, covariance) in enumerate(zip(groups, covariances, strict=True)):
        apart = found[0] - group.mean(0)
        expected = (apart @ torch.linalg.solve(covariance + ridge * torch.eye(3), apart)).sqrt()
        assert module.distances(found, means, precisions)[0, column].item() == pytest.approx(expected.item(), rel=1e-3)


def test_scars_surrogates_are_jigsaws_of_other_images():
    module = load("scar")
    places = torch.tensor([[0.0, 1.0], [2.0, 3.0]]).kron(torch.ones(4, 4))
    images = 10 * torch.arange(6.0).reshape(6, 1, 1, 1) + places
    torch.manual_seed(0)
    made = module.jigsaws(images, 100)
    assert made.shape == (100, 1, 8, 8)
    quarters = [made[:, 0, top : top + 4, left : left + 4].flatten(1) for top in (0, 4) for left in (0, 4)]
    assert all((quarter == quarter[:, :1]).all() for quarter in quarters)  # each is one quarter of one image
    values = torch.stack([quarter[:, 0] for quarter in quarters], dim=1)
    assert set(values.flatten().tolist()) == set(images.flatten().tolist())
    assert (values % 10 != torch.arange(4)).any(1).float().mean() > 0.9  # out of place
    assert (values // 10 != values[:, :1] // 10).any(1).float().mean() > 0.9  # from several images
    assert module.jigsaws(torch.rand(4, 3, 7, 5), 9).shape == (9, 3, 7, 5)
    rows = module.jigsaws(torch.arange(20.0).reshape(4, 5), 50)  # no images: each column is shuffled by itself
    assert torch.equal(rows % 5, torch.arange(5.0).expand(50, 5))
    assert (rows // 5 != rows[:, :1] // 5).any(1).float().mean() > 0.9


def test_scar_reaches_the_nearest_wrong_distribution_with_a_single_look_at_the_retain_set(monkeypatch):
    loaders = tiny_loaders()
    module, before = load("scar"), original("mlp")
    statistics = module.class_statistics(*toolbox.all_features(before, loaders.retain))
    inputs, targets = whole(loaders.forget)

    def margin(net):  # how much nearer the nearest wrong class is than the own one
        away = module.distances(toolbox.features(net, inputs), *statistics[1:])
        own = away.gather(1, targets[:, None])[:, 0]
        return (own - away.scatter(1, targets[:, None], torch.inf).amin(1)).detach()

    monkeypatch.setattr(module, "unseen_accuracy", lambda *_: 0.0)
    module.HYPERPARAMETERS.update(learning_rate=4e-3, epochs=40, surrogates=64)
    net = unlearn(module, original("mlp"), loaders._replace(retain=iter(loaders.retain)))
    assert (margin(before) < 0).all()
    assert (margin(net) > 0).float().mean() >= 0.6
    assert toolbox.accuracy(net, loaders.retain) >= 0.8


def test_self_forgetting_scar_measures_mahalanobis_distances_to_the_classes_that_are_kept():
    module, net = load("scar_self_forget"), original("mlp")
    drawn = torch.randn(200, 1, 8, 8)
    taken_for = net(drawn).argmax(1)
    forgotten = taken_for.unique()[:1]
    whiten, means = module.kept_classes(net, drawn, forgotten)
    kept = [label for label in taken_for.unique() if label != forgotten]
    assert len(means) == len(kept) > 0
    moved = module.tukey(module.features(net, drawn)).detach()
    centred = torch.cat([moved[taken_for == label] - moved[taken_for == label].mean(0) for label in kept])
    covariance = centred.T @ centred / len(centred)
    ridge = module.HYPERPARAMETERS["shrinkage"] * covariance.diagonal().mean() + 1e-6
    precision = torch.linalg.inv(covariance + ridge * torch.eye(len(covariance)))
    for column, label in enumerate(kept):
        apart = moved[0] - moved[taken_for == label].mean(0)
        expected = (apart @ precision @ apart).sqrt()
        torch.testing.assert_close((moved[0] @ whiten - means[column]).norm(), expected, rtol=1e-3, atol=1e-4)


def test_self_forgetting_scar_looks_at_labels_to_forget_and_at_no_example_of_train(monkeypatch):
    module = load("scar_self_forget")
    loaders = tiny_loaders()
    looked = []
    monkeypatch.setattr(module, "tensors", lambda loader: looked.append(loader) or toolbox.tensors(loader))
    net = original("mlp")
    before = copy.deepcopy(net.state_dict())
    module.unlearning(net, None, loaders[1], loaders[2])
    assert looked == [loaders[2], loaders[1]]
    assert any(not torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
