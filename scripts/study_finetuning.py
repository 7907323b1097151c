"""Study of what fine-tuning closes of the gap when nothing limits its cost: the recipe again, on retain alone.

    python scripts/study_finetuning.py --scenario digits-hard

Every original of the pool, which is trained where it is missing, is trained on by the scenario's own recipe for one to
a hundred epochs, also at three times its learning rate. It tells how far a method that starts from an original can
come on the scenario's line between doing nothing and retraining, and so what a board within the budget can show.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from benchmark.data import Problem, load_problem
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.evidence import evidence_of
from benchmark.metrics import scoring
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.kinds import METRICS
from benchmark.models.build import seeded_model
from benchmark.references.ends import ends_of
from benchmark.references.pool import Pool
from benchmark.results.evidence import concatenate
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Arrays, Workspace
from benchmark.training.stacked import train_block

EPOCHS = (1, 5, 30, 100)
FASTER = (1.0, 3.0)
_NAMES = ("gap_closed", "gap_closed_phi", "leak", "leak_phi", "forget_accuracy", "test_accuracy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="digits-hard")
    parser.add_argument("--models", type=int, help="N, instead of the scenario's own")
    parser.add_argument("--workspace", type=Path, default=Path.cwd(), help="where the pool lies")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    scenario = load_scenario(arguments.scenario)
    scenario = scenario.with_models(arguments.models) if arguments.models else scenario
    pool = Pool(Session(Workspace(arguments.workspace)), scenario)
    pool.prepare()
    print(f"{scenario.name}, N = {scenario.protocol.models}")
    print(f"{'epochs':>6} {'rate':>6} {'cost':>6} " + " ".join(f"{name:>24}" for name in _NAMES))
    for epochs in EPOCHS:
        for factor in FASTER:
            rate = factor * scenario.recipe.learning_rate
            found = scoring.values_of(_fine_tuned(pool, epochs, rate), [METRICS[name] for name in _NAMES])
            numbers = " ".join(f"{found[name]!s:>24}" for name in _NAMES)
            print(f"{epochs:6} {rate:6.2g} {epochs / scenario.recipe.epochs:6.0%} {numbers}", flush=True)


def _fine_tuned(pool: Pool, epochs: int, rate: float) -> EvidencePair:
    scenario, retrained = pool.scenario, pool.evidence("retrained")
    blocks = _evidence(pool, load_problem(scenario), scenario, epochs, rate)
    evidence = concatenate(list(blocks), scenario.protocol.models)
    unlearned, reference = (model_evidence(each, retrained, scenario.task) for each in (evidence, retrained))
    return EvidencePair(unlearned, reference, ends=ends_of(pool))


def _evidence(pool: Pool, problem: Problem, scenario: Scenario, epochs: int, rate: float) -> Iterator[Arrays]:
    recipe = scenario.recipe.model_copy(update={"epochs": epochs, "learning_rate": rate})
    hidden = draw_hidden_inputs(problem, pool.hidden_seed)
    size, models = scenario.protocol.block, scenario.protocol.models
    for first in range(0, models, size):
        indices = range(first, min(first + size, models))
        nets = [_original(pool, problem, index) for index in indices]
        seeds = [pool.seed("unlearned", index) for index in indices]
        stacked = train_block(nets, recipe, problem.examples_of("retrained"), seeds, problem.loss)
        yield evidence_of(scenario, problem, stacked.state, (), hidden)


def _original(pool: Pool, problem: Problem, index: int) -> nn.Module:
    net = seeded_model(pool.scenario.architecture, problem.input_shape, problem.outputs, 0)
    net.load_state_dict(pool.original(index))
    return net


if __name__ == "__main__":
    main()
