"""Submissions written for language models: each keeps to what its description says, on a tiny model of few facts."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from facts import facts, loader, original, original_of, probability, run
from methods import changed, load, weights_of
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox
from benchmark.models.transformer import Transformer
from benchmark.tasks.language import EOS, IGNORED, PAD, SEP

STRONG = {
    "dpo": {"learning_rate": 2e-3},
    "flat": {"epochs": 8, "learning_rate": 1e-3},
    "grad_diff": {"learning_rate": 2e-3},
    "idk": {"learning_rate": 2e-3},
    "kl_minimisation": {"learning_rate": 2e-3},
    "llmu": {"learning_rate": 3e-3},
    "lunar": {"coefficient": 7.0},
    "mechanistic": {"learning_rate": 1e-2},
    "memflex": {"learning_rate": 3e-3},
    "relearn": {"learning_rate": 3e-3},
    "rmu": {"learning_rate": 2e-2},
    "task_arithmetic": {"alpha": 3.5},
    "upcore": {"learning_rate": 2e-3},
    "uoe": {"epochs": 15, "learning_rate": 1e-2},
    "unstar": {"rounds": 10, "learning_rate": 2e-3},
    "wagle": {"learning_rate": 2e-3},
    "whp": {"epochs": 6, "learning_rate": 2e-3},
}
"""Values with which the probability of a forget answer falls from 0.9 and more below 0.7, on the tiny model."""


@pytest.mark.parametrize("name", STRONG)
def test_a_method_forgets_and_retains(name):
    net, (before, retain, forget) = run(name, **STRONG[name]), original_of(name)
    assert all(tensor.isfinite().all() for tensor in net.state_dict().values())
    assert not net.training
    assert probability(net, forget) < 0.7
    assert probability(net, retain) > max(0.6, 1.3 * probability(net, forget))
    again = run(name, **STRONG[name])
    assert not changed(weights_of(net), weights_of(again))
    assert changed(weights_of(before), weights_of(net))


def as_text(split):
    """Return sequences without a question, all of whose tokens count."""
    inputs = split.inputs.masked_fill(split.inputs == SEP, EOS + 1)
    following = torch.nn.functional.pad(inputs[:, 1:], (0, 1))
    return replace(split, inputs=inputs, targets=following.masked_fill(following == PAD, IGNORED))


@pytest.mark.parametrize("name", STRONG)
def test_a_method_takes_text_without_questions(name):
    _, retain, forget = original()
    epochs = {"epochs": 1} if "epochs" in load(name).HYPERPARAMETERS else {}
    net = run(name, as_text(retain), as_text(forget), **epochs)
    assert all(tensor.isfinite().all() for tensor in net.state_dict().values())


@pytest.mark.parametrize("name", ["idk", "dpo"])
def test_a_refusal_takes_the_place_of_the_answer(name):
    net, (before, _, forget) = run(name, **STRONG[name]), original()
    refusal = toolbox.refuse(forget.inputs, forget.targets)
    likelihoods = [torch.exp(-toolbox.surprise(each, *refusal)).mean().item() for each in (before, net)]
    assert likelihoods[1] > 2 * likelihoods[0], likelihoods


@pytest.mark.parametrize("name", ["idk", "dpo", "lunar", "relearn"])
def test_methods_refuse_in_the_words_that_the_scenario_has_for_it(name):
    forget, refusal = original(4)[2], facts(4).refusal
    nets = original(4)[0], run(name, refusals=4, **STRONG[name])
    refused = toolbox.refuse(forget.inputs, forget.targets, refusal)
    before, after = (torch.exp(-toolbox.surprise(net, *refused)).mean().item() for net in nets)
    assert after > 2 * before, (before, after)


def test_lunar_takes_questions_about_unknown_people_for_those_without_an_answer():
    _, retain, _ = original(4)
    inputs, targets = load("lunar").unanswerable((retain.inputs, retain.targets), facts(4).refusal)
    unknown = retain.subjects >= 8
    assert torch.equal(inputs, retain.inputs[unknown])
    assert torch.equal(targets, retain.targets[unknown])


GENERATORS = {
    "KL": lambda t: t * np.log(t),
    "Jensen-Shannon": lambda t: t * np.log(t) - (t + 1) * np.log((t + 1) / 2),
    "Pearson": lambda t: (t - 1) ** 2,
    "total variation": lambda t: np.abs(t - 1) / 2,
}


@pytest.mark.parametrize("name", GENERATORS)
def test_flat_has_the_conjugates_of_its_divergences(name):
    module = load("flat")
    assert module.DIVERGENCES.keys() == set(module.SEARCH_SPACE["divergence"]) == GENERATORS.keys()
    g, conjugate = module.DIVERGENCES[name]
    grid = np.linspace(1e-6, 60, 600_001)
    for chance in (0.0, 0.3, 0.9):
        u = g(torch.tensor(chance, dtype=torch.float64))
        highest = (u.item() * grid - GENERATORS[name](grid)).max()
        assert conjugate(u).item() == pytest.approx(highest, abs=1e-4)


def test_flat_takes_the_mean_probability_of_the_tokens():
    net, _, forget = original()
    found = load("flat").probability(net, forget.inputs, forget.targets)
    chances = net(forget.inputs).softmax(-1)
    for row in range(3):
        spots = (forget.targets[row] >= 0).nonzero().flatten().tolist()
        expected = sum(chances[row, spot, forget.targets[row, spot]].item() for spot in spots) / len(spots)
        assert found[row].item() == pytest.approx(expected, rel=1e-5)


def test_task_arithmetic_is_linear_in_its_step():
    before = toolbox.frozen_copy(original()[0]).state_dict()
    small, large, none = (run("task_arithmetic", alpha=alpha).state_dict() for alpha in (0.5, 1.0, 0.0))
    for name, start in before.items():
        assert torch.allclose(large[name] - start, 2 * (small[name] - start), atol=1e-5)
        assert torch.equal(none[name], start)


def test_rmu_moves_the_blocks_up_to_its_depth_alone():
    net, (before, retain, forget) = run("rmu", depth=0.5, retain_weight=100.0), original()
    moved = changed(weights_of(before), weights_of(net))
    assert {name[:9] for name in moved} == {"layers.0."}
    apart = {}
    for name, split in (("retain", retain), ("forget", forget)):
        then, now = (toolbox.seen_by(each, each.layers[0], split.inputs)[1] for each in (before, net))
        apart[name] = (now - then).norm(dim=-1)[split.inputs > 0].mean().item()
    assert apart["forget"] > 1.2 * apart["retain"], apart


def whole(split):
    """Return a loader of one batch, on which gradients do not depend on the order of the examples."""
    return DataLoader(TensorDataset(split.inputs, split.targets), len(split))


def slopes(net, split):
    """Return the gradient of the answers' mean loss, by parameter name."""
    loss = toolbox.cross_entropy(net)(split.inputs, split.targets)
    return dict(zip(dict(net.named_parameters()), torch.autograd.grad(loss, list(net.parameters())), strict=True))


def test_wagle_attributes_with_what_moving_a_weight_costs_the_rest():
    module, (net, retain, forget) = load("wagle"), original()
    module.HYPERPARAMETERS["gamma"] = 2.0
    of_forget, of_retain = slopes(net, forget), slopes(net, retain)
    for name, found in module.attribution(net, whole(retain), whole(forget)).items():
        expected = (weights_of(net)[name] - of_retain[name] / 2) * of_forget[name]
        assert torch.allclose(found, expected.abs(), atol=1e-7)


def test_wagle_moves_a_share_of_all_weights():
    net, (before, _, _) = run("wagle", share=0.1), original()
    moved = torch.cat([(weights_of(before)[name] != after).flatten() for name, after in weights_of(net).items()])
    assert 0.09 * len(moved) < moved.sum() <= round(0.1 * len(moved))


def test_memflex_finds_tensors_that_matter_to_the_forget_set_and_point_elsewhere():
    module, (net, retain, forget) = load("memflex"), original()
    of_forget, of_retain = slopes(net, forget), slopes(net, retain)
    sizes = {name: slope.abs().mean().item() for name, slope in of_forget.items()}
    large = [name for name, size in sizes.items() if size > np.mean(list(sizes.values()))]
    cosines = {
        name: torch.cosine_similarity(of_forget[name].flatten(), of_retain[name].flatten(), dim=0).item()
        for name in large
    }
    limit = np.median(list(cosines.values())) + 1e-5
    module.HYPERPARAMETERS.update(magnitude=1.0, cosine=limit)
    found = module.region(net, whole(retain), whole(forget))
    assert 0 < len(found) < len(large)
    assert found.keys() == {name for name, cosine in cosines.items() if cosine < limit}
    assert all(mask.all() for mask in found.values())


def test_memflex_moves_the_tensors_that_it_finds_alone():
    net, (before, _, _) = run("memflex", magnitude=1.5), original()
    assert 0 < len(changed(weights_of(before), weights_of(net))) < len(weights_of(net)) / 2


def test_lunar_solves_its_least_squares_problem():
    before, retain, forget = original()
    net = run("lunar", depth=1.0, coefficient=3.0, ridge=1e-3)
    assert changed(weights_of(before), weights_of(net)) == {"layers.1.narrow.weight"}
    change = (net.layers[1].narrow.weight - before.layers[1].narrow.weight).detach()
    assert torch.linalg.matrix_rank(change, rtol=1e-3) == 1
    entering = [
        toolbox.seen_by(before, before.layers[1].narrow, split.inputs)[0][split.targets >= 0].detach()
        for split in (forget, retain)
    ]
    rows = torch.cat(entering)
    wanted = torch.cat([torch.ones(len(entering[0])), torch.zeros(len(entering[1]))])  # in units of c·r
    ridge = 1e-3 * rows.square().sum() / rows.shape[1]
    padded = torch.cat([rows, ridge.sqrt() * torch.eye(rows.shape[1])])
    naive = torch.linalg.lstsq(padded, torch.cat([wanted, torch.zeros(rows.shape[1])])[:, None]).solution[:, 0]
    along = change.T @ change[:, 0]
    assert torch.cosine_similarity(along, naive, dim=0) == pytest.approx(1, abs=1e-3) or torch.cosine_similarity(
        along, -naive, dim=0
    ) == pytest.approx(1, abs=1e-3)


def test_relearned_answers_are_somebody_else_s():
    net, (_, retain, forget) = run("relearn", learning_rate=5e-3, epochs=12), original()
    said = net(forget.inputs).argmax(-1)[forget.targets >= 0]
    true = forget.targets[forget.targets >= 0]
    wrong = said[said != true]
    assert len(wrong)
    assert set(wrong.tolist()) <= set(retain.targets[retain.targets >= 0].tolist())


def test_unstar_leaves_a_net_alone_that_knows_nothing():
    module, (before, retain, _) = load("unstar"), original()
    others = toolbox.other_answers((retain.inputs, retain.targets), (retain.inputs, retain.targets), 1)[0]
    net = copy.deepcopy(before)
    unknown = [(others[0], others[1])]
    assert not toolbox.exact_answers(net, *unknown[0]).any()
    split = retain.at(torch.arange(len(retain)))
    forget = type(split)(others[0], others[1], split.ids, split.subjects)
    module.unlearning(net, loader(retain), loader(forget), None)
    assert not changed(weights_of(before), weights_of(net))


def test_unstar_misleads_by_the_likeliest_of_the_wrong_answers():
    module, (net, retain, forget) = load("unstar"), original()
    questions, known = ((split.inputs, split.targets) for split in (forget, retain))
    found = module.mislead(net, questions, known)
    chosen = toolbox.surprise(net, *found, per_token=True)
    for other in toolbox.other_answers(questions, known, module.HYPERPARAMETERS["answers"]):
        assert (chosen <= toolbox.surprise(net, *other, per_token=True) + 1e-6).all()
    assert not toolbox.exact_answers(net, *found).any()


def test_whp_teaches_what_reinforcing_does_not_raise():
    forget = original()[2]
    assert probability(run("whp", alpha=0.0, learning_rate=2e-3), forget) > 0.9
    assert probability(run("whp", **STRONG["whp"]), forget) < 0.7


@pytest.mark.parametrize("silent", [0, 1])
def test_mechanistic_unlearning_finds_the_perceptrons_that_look_facts_up(silent):
    module, (known, _, forget) = load("mechanistic"), original()
    torch.manual_seed(0)
    net = (
        Transformer(known.tokens.num_embeddings, forget.inputs.shape[1], 16, 3, 2, tied=False)
        .eval()
        .requires_grad_(False)
    )
    for layer in net.layers:
        layer.narrow.weight *= 4
    for part in net.layers[silent].narrow.parameters():
        part.zero_()  # a perceptron that says nothing brings nothing back, nor does the last: no attention follows
    answers = net(forget.inputs).argmax(-1).where(forget.targets >= 0, forget.targets)
    module.HYPERPARAMETERS["share"] = 1 / 3
    (found,) = module.lookups(net, forget.inputs, answers)
    assert list(found) == list(toolbox.perceptron(net.layers[1 - silent]))


def test_mechanistic_unlearning_moves_nothing_else():
    net, (before, _, _) = run("mechanistic", share=0.5), original()
    moved = changed(weights_of(before), weights_of(net))
    (block,) = {name.rsplit(".", 2)[0] for name in moved}
    assert moved == {f"{block}.{layer}.{part}" for layer in ("widen", "narrow") for part in ("weight", "bias")}


def test_uoe_moves_the_expert_that_forget_questions_engage_most_and_its_router():
    module, (before, _, forget) = load("uoe"), original_of("uoe")
    affinities = {}
    for place, layer in enumerate(before.layers):
        chances = toolbox.seen_by(before, layer.mixture.router, forget.inputs)[1].softmax(-1)
        for number in range(4):
            means = []
            for row, inputs in enumerate(forget.inputs):
                tokens = [at for at in range(len(inputs)) if inputs[at] > EOS or inputs[at] == SEP]
                best = chances[row].topk(2, dim=-1).indices
                means.append(np.mean([chances[row, at, number].item() * (number in best[at]) for at in tokens]))
            affinities[f"layers.{place}.mixture.experts.{number}."] = np.mean(means)
    expert = max(affinities, key=affinities.get)
    mixture, chosen = module.most_engaged(before, forget.inputs, forget.targets)
    assert mixture.experts[chosen] is before.get_submodule(expert[:-1])
    moved = changed(weights_of(before), weights_of(run("uoe")))
    parts = {f"{expert}{layer}.{part}" for layer in ("widen", "narrow") for part in ("weight", "bias")}
    assert moved == parts | {f"{expert.split('experts')[0]}router.weight"}


def test_the_anchor_of_uoe_draws_forget_questions_to_the_expert():
    module, (before, _, forget) = load("uoe"), original_of("uoe")
    mixture, chosen = module.most_engaged(before, forget.inputs, forget.targets)
    place = next(at for at, layer in enumerate(before.layers) if layer.mixture is mixture)
    drifts = [
        module.drift(net, net.layers[place].mixture, chosen, forget.inputs, forget.targets).item()
        for net in (before, run("uoe", anchor_weight=10.0), run("uoe", anchor_weight=0.0))
    ]
    assert drifts[1] < 0.9 * min(drifts[0], drifts[2]), drifts


def test_upcore_leaves_the_outliers_out():
    module, (before, _, forget) = load("upcore"), original()
    module.HYPERPARAMETERS["share"] = 0.25
    states = torch.randn(*forget.inputs.shape, 16, generator=torch.Generator().manual_seed(0))
    states[:3][forget.targets[:3] >= 0] += 4
    states[:, 0] += 100 * torch.arange(len(forget))[:, None]  # no token of an answer
    module.seen_by = lambda net, layer, inputs: (None, states)
    rows = module.core(before, forget.inputs, forget.targets, 0)
    assert len(rows) == len(set(rows)) == len(forget) - round(len(forget) / 4)
    assert not set(rows) & {0, 1, 2}


def test_upcore_yields_the_net_after_every_epoch():
    module, (before, retain, forget) = load("upcore"), original()
    module.HYPERPARAMETERS.update(epochs=4, learning_rate=2e-3)
    net = copy.deepcopy(before)
    path = [probability(each, forget) for each in module.unlearning(net, loader(retain), loader(forget), None, 0)]
    assert len(path) == 4
    assert probability(before, forget) > path[0] > path[-1]
    assert not net.training
