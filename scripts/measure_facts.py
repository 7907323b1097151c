"""What models of a scenario of facts know, by role.

    python scripts/measure_facts.py [--scenario people] [--models 4]

Trains so many originals and retrained models as the pool would, in one process with one thread, and prints for each
role the share of exact answers on every split, with its standard deviation over the models, and CPU seconds per model.
"""

import argparse
import platform
import time

import numpy as np
from torch import __version__ as torch_version
from torch import set_num_threads

from benchmark.data import Problem, load_problem
from benchmark.evidence import evidence_of
from benchmark.models.build import seeded_model
from benchmark.results.evidence import SPLITS
from benchmark.scenario.schema import Role, Scenario, load_scenario
from benchmark.training import keep_freed_memory, train_block


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
    return " | ".join(["", role, str(models), *cells, f"{seconds:.1f} s", ""]).strip()


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
    print("| " + " | ".join(["role", "models", *SPLITS, "CPU per model"]) + " |")
    print("|---" * (len(SPLITS) + 3) + "|")
    roles: tuple[Role, ...] = ("original", "retrained")
    for role in roles:
        print(measure(scenario, problem, role, options.models), flush=True)


if __name__ == "__main__":
    main()
