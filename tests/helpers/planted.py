"""Submissions that look as if they had unlearned, and have not: each forgets nothing, and aims at a signal."""

import copy

import torch
from torch.func import functional_call, jacrev
from torch.utils.data import DataLoader, TensorDataset

from benchmark.data import load_problem
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.evidence import evidence_of, stack
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.leak_score import leak_of, phi_leak_of
from benchmark.models.build import seeded_model, state_of
from benchmark.training import train_block
from benchmark.treated import treated_evidence_of


def true_confidence(logits, targets):
    """φ of logits `[examples, classes]` in torch, to be differentiated."""
    logs = logits.double().log_softmax(dim=-1)
    true = torch.nn.functional.one_hot(targets, logits.shape[-1]).bool()
    return logs[true] - logs.masked_fill(true, -torch.inf).logsumexp(dim=-1)


def set_table(net, forget_loader, table, layers="", steps=5):
    """Set φ of the forget examples to a table of likely values, `[examples]`, by Gauss–Newton steps on the weights.

    Of all steps to the table each is the smallest; `layers`: how the names of the weights begin that it may change.
    """
    inputs, targets = (torch.cat(parts) for parts in zip(*forget_loader, strict=True))
    state = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    free = [name for name in state if name.startswith(layers)]

    def phi(weights):
        return true_confidence(functional_call(net, state | weights, (inputs,)), targets)

    for _ in range(steps):
        weights = {name: state[name] for name in free}
        slopes = torch.cat([each.flatten(1) for each in jacrev(phi)(weights).values()], dim=1).double()
        kernel = slopes @ slopes.T
        ridge = 1e-6 * kernel.diagonal().mean() * torch.eye(len(kernel))
        step = slopes.T @ torch.linalg.solve(kernel + ridge, table - phi(weights))
        parts = step.float().split([state[name].numel() for name in free])
        state |= {name: state[name] + own.view_as(state[name]) for name, own in zip(free, parts, strict=True)}
    changed = copy.deepcopy(net)
    changed.load_state_dict(state)
    return changed


def add_weight_noise(net, scale, generator):
    """Add Gaussian noise to every weight."""
    changed = copy.deepcopy(net)
    with torch.no_grad():
        for tensor in changed.parameters():
            tensor += scale * torch.randn(tensor.shape, generator=generator)
    return changed


def scale_logits(net, factor):
    """Scale the logits of a net whose last layer is linear: a temperature."""
    changed = copy.deepcopy(net)
    with torch.no_grad():
        for tensor in list(changed.parameters())[-2:]:
            tensor *= factor
    return changed


def run_cheat(pool, change):
    """Return the evidence of every original of a pool after `change(index, net, forget_loader)`."""
    scenario, problem = pool.scenario, load_problem(pool.scenario)
    states = changed_originals(pool, change)
    hidden = draw_hidden_inputs(problem, pool.hidden_seed)
    evidence, retrained = evidence_of(scenario, problem, stack(states), (), hidden), pool.evidence("retrained")
    unlearned, reference = (model_evidence(each, retrained, scenario.task) for each in (evidence, retrained))
    return EvidencePair(unlearned, reference)


def treated_cheat(pool, change):
    """Return what every original left after each treatment, after such a change."""
    states = stack(changed_originals(pool, change))
    problem = load_problem(pool.scenario)
    return treated_evidence_of(pool.scenario, problem, states, range(pool.scenario.protocol.models), pool.hidden_seed)


def treated_anew(pool):
    """Return the same of models that are retrained here, of none of the pool's populations."""
    scenario, problem, seeds = pool.scenario, load_problem(pool.scenario), range(pool.scenario.protocol.models)
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
    state = train_block(nets, scenario.recipe, problem.retain, list(seeds), problem.loss).state
    return treated_evidence_of(scenario, problem, state, seeds, pool.hidden_seed)


def changed_originals(pool, change):
    """Return the weights of every original after such a change."""
    scenario, problem = pool.scenario, load_problem(pool.scenario)
    loader = DataLoader(TensorDataset(problem.forget.inputs, problem.forget.targets), batch_size=64)
    states = []
    for index in range(scenario.protocol.models):
        net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, 0)
        net.load_state_dict(pool.original(index))
        states.append(state_of(change(index, net, loader)))
    return states


def cheats(pool):
    """Return cheats by name. Their table holds what retrained models really show: nobody could bring a better one."""
    table = torch.from_numpy(pool.evidence("calibration")["phi/forget"])

    def noise(scale):
        return lambda index, net, _: add_weight_noise(net, scale, torch.Generator().manual_seed(index))

    return {
        "table": lambda index, net, loader: set_table(net, loader, table[index]),
        "table, last layer": lambda index, net, loader: set_table(net, loader, table[index], "3."),
        **{f"noise {scale}": noise(scale) for scale in (0.02, 0.05, 0.1)},
        **{f"logits × {by}": lambda index, net, _, by=by: scale_logits(net, by) for by in (0.5, 0.7, 0.9)},
    }


def leaks(pair):
    """Return the mean leak by all signals, and by φ alone."""
    return [float(pair.once(measure).examples.mean()) for measure in (leak_of, phi_leak_of)]
