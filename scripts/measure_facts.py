"""What models of a scenario of facts know, by role.

    python scripts/measure_facts.py [--scenario people] [--models 4]

Trains so many originals and retrained models as the pool would, in one process with one thread, and prints for each
role the utility on every split, with its standard deviation over the models, and CPU seconds per model. Of a mixture of
Markov chains also the divergence from what an ideal model of the same role says next, in nats per token; where models
learn to refuse, also how many of the questions to forget they refuse; where they learn pairs of facts, how many they
answer with another fact beside. Of mixtures of experts also the share of the
retained tokens at which an expert is active: of the least and the most active one.
"""

import argparse
import copy
import platform
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import __version__ as torch_version
from torch import set_num_threads

from benchmark.data import Problem, load_problem
from benchmark.data.reading.markov import ideal_probabilities
from benchmark.data.sources.markov import Markov
from benchmark.evidence import evidence_of
from benchmark.models.build import seeded_model
from benchmark.models.transformer import Mixture, route
from benchmark.results.evidence import SPLITS
from benchmark.scenario.schema import Role, Scenario, load_scenario
from benchmark.tasks.language import PAD
from benchmark.toolbox import mixtures, refuse, seen_by
from benchmark.training import StackedModel, keep_freed_memory, train_block
from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, of_pairs

BESIDE = ("few_shot", "in_context", "joined")
"""Treatments that put another fact beside the question."""

DIVERGENT = ("retain", "forget", "test")
"""Splits on which models of Markov chains are compared with ideal ones."""


def measure(scenario: Scenario, problem: Problem, role: Role, models: int) -> str:
    """Return a row of the table: the models' utilities on every split, in percent, and their cost."""
    seeds = [scenario.seed(role, index) for index in range(models)]
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
    started = time.process_time()
    block = train_block(nets, scenario.recipe, problem.examples_of(role), seeds, problem.loss)
    seconds = (time.process_time() - started) / models
    evidence = evidence_of(scenario, problem, block.state)
    found = [100 * np.asarray(evidence[f"utility/{split}"]) for split in SPLITS]
    cells = [f"{values.mean():.1f} ± {values.std(ddof=1):.1f}" for values in found]
    if isinstance(scenario.data, Markov):
        cells += [divergence(scenario.data, problem, role, block, split) for split in DIVERGENT]
    if problem.refusal is not None:
        cells.append(refused(problem, block, problem.refusal))
    if of_pairs(scenario):
        cells += [answered(scenario, problem, block, name) for name in BESIDE]
    if scenario.architecture.has_experts:
        cells.append(activity(block, problem.retain.inputs))
    return " | ".join(["", role, str(models), *cells, f"{seconds:.1f} s", ""]).strip()


@torch.no_grad()
def divergence(data: Markov, problem: Problem, role: Role, block: StackedModel, split: str) -> str:
    """Return KL(ideal ‖ model) per token, the mean over the split and the models, and its deviation over these.

    The ideal model knows the chains that the role is trained on, as frequent as they are there.
    """
    taught = problem.examples_of(role).subjects
    assert taught is not None
    weights = dict(zip((chain.name for chain in data.chains), taught.bincount(minlength=9).tolist(), strict=False))
    inputs = getattr(problem, split).inputs
    ideal = torch.from_numpy(ideal_probabilities(data, weights, inputs.numpy()))
    known = ~ideal.isnan().any(dim=2)
    logits = block(inputs.expand(block.count, -1, -1))[:, known].double()
    found = [F.kl_div(own.log_softmax(-1), ideal[known], reduction="batchmean").item() for own in logits]
    return f"{np.mean(found):.3f} ± {np.std(found, ddof=1):.3f}"


@torch.no_grad()
def refused(problem: Problem, block: StackedModel, refusal: torch.Tensor) -> str:
    """Return the share of the questions to forget that models answer by the refusal, in percent, and its deviation."""
    inputs, targets = refuse(problem.forget.inputs, problem.forget.targets, refusal)
    outputs = problem.task.readout(block(inputs.expand(block.count, -1, -1)), targets)
    found = 100 * problem.task.utility(outputs.numpy(), targets.numpy())
    return f"{found.mean():.1f} ± {found.std(ddof=1):.1f}"


@torch.no_grad()
def answered(scenario: Scenario, problem: Problem, block: StackedModel, treatment: str) -> str:
    """Return the share of what is to be forgotten that models answer when asked so, in percent, and its deviation."""
    ask = TREATMENTS[treatment].ask
    assert ask is not None
    asked = ask(Given(scenario, problem, range(block.count), 0))
    if asked is None:
        return "–"
    outputs = problem.task.readout(block(asked.inputs.expand(block.count, -1, -1)), asked.targets)
    found = 100 * problem.task.utility(outputs.numpy(), asked.targets.numpy())
    return f"{found.mean():.1f} ± {found.std(ddof=1):.1f}"


@torch.no_grad()
def activity(block: StackedModel, tokens: torch.Tensor) -> str:
    """Return the share of tokens, padding left out, at which the least and the most active expert of all models is."""
    shares, net = [], copy.deepcopy(block.skeleton).to_empty(device="cpu")
    for model in range(block.count):
        net.load_state_dict({name: tensor[model] for name, tensor in block.state.items()})
        for mixture in mixtures(net):
            assert isinstance(mixture, Mixture)
            scores = seen_by(net, mixture.router, tokens)[1][tokens != PAD]
            shares.append((route(scores, mixture.active) > 0).double().mean(dim=0))
    found = 100 * torch.stack(shares)
    return f"{found.min():.0f} to {found.max():.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="people")
    parser.add_argument("--models", type=int, default=4)
    options = parser.parse_args()
    set_num_threads(1)
    keep_freed_memory()
    scenario = load_scenario(options.scenario)
    problem = load_problem(scenario)
    print(f"{scenario.name} {scenario.hash}: Python {platform.python_version()}, torch {torch_version}")
    divergent = [f"KL on {split}" for split in DIVERGENT] if isinstance(scenario.data, Markov) else []
    further = ["forget, refused"] if problem.refusal is not None else []
    further += [f"forget, {name}" for name in BESIDE] if of_pairs(scenario) else []
    further += ["experts active"] if scenario.architecture.has_experts else []
    headings = ["role", "models", *SPLITS, *divergent, *further, "CPU per model"]
    print("| " + " | ".join(headings) + " |")
    print("|---" * len(headings) + "|")
    roles: tuple[Role, ...] = ("original", "retrained")
    for role in roles:
        print(measure(scenario, problem, role, options.models), flush=True)


if __name__ == "__main__":
    main()
