"""Methods that go by Fisher information, the curvature of the loss: SSD, Fisher forgetting and WoodFisher."""

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

# --- SSD


@pytest.mark.parametrize("kind", tiny_nets)
def test_ssd_dampens_exactly_what_matters_more_to_forget(kind):
    loaders, net = one_batch_loaders(), original(kind)
    both = torch.cat([whole(loaders.retain)[0], whole(loaders.forget)[0]])
    labels = torch.cat([whole(loaders.retain)[1], whole(loaders.forget)[1]])
    of_forget = slope(net, ce(net, loaders.forget)) ** 2
    everything = DataLoader(TensorDataset(both, labels), len(labels))
    of_all = slope(net, ce(net, everything)) ** 2
    # The batch of D is all of D, so nothing but the order of a sum is left to chance.
    given = loaders._replace(retain=DataLoader(loaders.retain.dataset, len(labels)))
    before, unlearned = run("ssd", kind, given)

    before, after, ratio = vector(before), vector(unlearned), of_forget / of_all
    # Gradients that are rounding errors (an attention's key biases have none) are nobody's to predict.
    clear = ((ratio / 10).log().abs() > 1e-2) & (of_forget > 1e-9 * of_forget.max())
    chosen = (ratio > 10) & (before != 0)
    assert torch.equal((after != before)[clear], chosen[clear])
    assert chosen.any()
    expected = before / ratio
    assert torch.allclose(after[chosen & clear], expected[chosen & clear], rtol=1e-2, atol=1e-6)


def test_ssd_never_amplifies():
    before, unlearned = run("ssd", alpha=0.5, **{"lambda": 2.0})
    assert (vector(unlearned).abs() <= vector(before).abs()).all()


# --- Fisher forgetting and WoodFisher


def test_fisher_noise_has_the_variance_of_the_formula():
    module = load("fisher_forgetting")
    module.HYPERPARAMETERS.update(alpha=1e-4, bound=1e9)
    torch.manual_seed(0)
    inputs = torch.rand(4000, 50)
    net = nn.Linear(50, CLASSES)
    weights = net.weight.detach().clone()
    # For softmax regression the Fisher information of weight k, d is E[p_k · (1 − p_k) · x_d²].
    p = F.softmax(net(inputs), dim=1)
    fisher = (p * (1 - p)).detach().T @ inputs**2 / len(inputs)
    loader = DataLoader(TensorDataset(inputs, torch.zeros(4000, dtype=torch.long)), batch_size=8)
    unlearn(module, net, Loaders(loader, None, None))
    standardised = (net.weight.detach() - weights) / (1e-4 / fisher) ** 0.5
    assert standardised.mean().abs() < 0.15
    assert standardised.std().item() == pytest.approx(1, abs=0.1)


def test_fisher_noise_is_bounded_where_nothing_depends_on_a_weight():
    before, unlearned = run("fisher_forgetting")
    moved = unlearned.get_parameter("1.weight") - before.get_parameter("1.weight")
    black = (whole(tiny_loaders().retain)[0].flatten(1) == 0).all(0)
    assert black.sum() > 5
    assert moved[:, black].std().item() == pytest.approx((1e-6 * 1e3) ** 0.5, rel=0.15)


def test_woodfisher_takes_the_newton_step():
    loaders = tiny_loaders()
    before, unlearned = run("woodfisher", alpha=2.0)
    (images, targets), count = whole(loaders.retain), RETAIN + FORGET
    change = FORGET * (slope(before, ce(before, loaders.forget)) - slope(before, ce(before, loaders.retain))) / count
    singles = torch.stack(
        [slope(before, F.cross_entropy(before(images[i : i + 1]), targets[i : i + 1])) for i in range(RETAIN)]
    )
    hessian = torch.eye(len(change)) + singles.T @ singles / RETAIN
    expected = 2 * torch.linalg.solve(hessian, change)
    assert (vector(unlearned) - vector(before) - expected).norm() < 1e-3 * expected.norm()


def test_woodfisher_inverts_exactly_for_orthogonal_gradients():
    module = load("woodfisher")
    module.HYPERPARAMETERS["damping"] = 0.1
    generator = torch.manual_seed(0)
    basis = torch.linalg.qr(torch.randn(30, 30, generator=generator, dtype=torch.double))[0]
    singles = basis[:8] * torch.linspace(0.1, 5, 8, dtype=torch.double)[:, None]
    whatever = torch.randn(30, generator=generator, dtype=torch.double)
    hessian = 0.1 * torch.eye(30, dtype=torch.double) + singles.T @ singles / 8
    found = module.inverse_applied(whatever, (single for single in singles), 8)
    assert torch.allclose(found, torch.linalg.solve(hessian, whatever))


def test_woodfisher_uses_as_many_gradients_as_asked_for(monkeypatch):
    module, counts = load("woodfisher"), []

    def inverse_applied(whatever, samples, count):
        counts.append((len(list(samples)), count))
        return whatever

    monkeypatch.setattr(module, "inverse_applied", inverse_applied)
    for samples in (20, 1000):
        module.HYPERPARAMETERS["samples"] = samples
        unlearn(module, original("mlp"), tiny_loaders())
    assert counts == [(20, 20), (RETAIN, RETAIN)]
