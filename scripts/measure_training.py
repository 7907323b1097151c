"""How much faster whole blocks train than one model at a time.

    python scripts/measure_training.py [--scenario digits] [--rounds 3] [--precision bfloat16] [--epochs 1]

The plain alternative is what anybody would write: `nn.Module`, `DataLoader`, the recipe's optimiser, one thread a
process, the same number of processes, float32. Both run in turn in the same minute; the ratio of each round is
printed, and its median.
"""

import argparse
import os
import platform
import statistics
import time
from functools import partial

import joblib
from torch import __version__ as torch_version
from torch import nn, set_num_threads
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import LinearLR
from torch.utils.data import DataLoader, TensorDataset

from benchmark.data import load_problem
from benchmark.engine import map_blocks
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.training import keep_freed_memory, stacked, train_block


def plain(scenario: Scenario, models: int) -> list[nn.Module]:
    """Trains `models` networks, one after the other, the textbook way."""
    set_num_threads(1)
    problem, recipe = load_problem(scenario), scenario.recipe
    seen = TensorDataset(problem.train.normalised(problem.train.inputs), problem.train.targets)
    loader = DataLoader(seen, recipe.batch_size, shuffle=True)
    nets = []
    for _ in range(models):
        net = scenario.architecture.build(problem.input_shape, problem.outputs)
        kind = Adam if recipe.optimizer == "adam" else partial(SGD, momentum=recipe.momentum)
        optimizer = kind(net.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        steps = recipe.epochs * len(loader)
        schedule = LinearLR(optimizer, 1.0, 1 / steps, steps)
        criterion = nn.CrossEntropyLoss()
        for _ in range(recipe.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                criterion(net(inputs).movedim(-1, 1), targets).backward()
                optimizer.step()
                schedule.step()
        nets.append(net)
    return nets


def block(scenario: Scenario, number: int, with_vmap: bool) -> None:
    """Trains one block the way the reference pool does (or by `torch.func.vmap` alone)."""
    set_num_threads(1)
    keep_freed_memory()
    problem = load_problem(scenario)
    seeds = [scenario.seed("original", index) for index in scenario.indices(number)]
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
    rules = dict(stacked._RULES)
    if with_vmap:
        stacked._RULES.clear()
    try:
        train_block(nets, scenario.recipe, problem.train, seeds, problem.loss)
    finally:
        stacked._RULES.update(rules)


def seconds_per_model(function, arguments: list[tuple], models: int, jobs: int, cpu: bool = False) -> float:
    """Return wall-clock seconds with all jobs at work, or CPU seconds of the one thread that trains a model."""
    started = time.perf_counter()
    spent = list(map_blocks(cpu_seconds, [(function, own) for own in arguments], jobs))
    return (sum(spent) if cpu else time.perf_counter() - started) / models


def cpu_seconds(function, arguments: tuple) -> float:
    started = time.process_time()
    function(*arguments)
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="digits")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=joblib.cpu_count())
    parser.add_argument("--precision", choices=["bfloat16"], help="of the blocks")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's, for nets that train long")
    parser.add_argument("--cpu", action="store_true", help="count CPU seconds, where the machine does other things too")
    options = parser.parse_args()
    scenario, jobs = load_scenario(options.scenario), options.jobs
    size = scenario.protocol.block
    changes = {"precision": options.precision, "epochs": options.epochs or scenario.recipe.epochs}
    scenario = scenario.model_copy(update={"recipe": scenario.recipe.model_copy(update=changes)})
    print(
        f"{scenario.name}, {options.precision or 'float32'}: {jobs} processes, 1 thread each; "
        f"{platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch_version}"
    )
    for function, first in ((block, (scenario, 0, False)), (plain, (scenario, 1))):
        seconds_per_model(function, [first] * jobs, 1, jobs)  # starts the processes, imports, fills the caches
    ratios = []
    for _ in range(options.rounds):
        blocks, cpu = [(scenario, b, False) for b in range(4 * jobs)], options.cpu
        ours = seconds_per_model(block, blocks, 4 * jobs * size, jobs, cpu)
        theirs = seconds_per_model(plain, [(scenario, 4)] * jobs, jobs * 4, jobs, cpu)
        ratios.append(theirs / ours)
        shown = [f"ours {1e3 * ours:6.1f} ms a model", f"plain {1e3 * theirs:6.1f}"]
        if scenario.architecture.name != "gpt":  # which vmap computes example by example
            vmapped = seconds_per_model(block, [(scenario, b, True) for b in range(jobs)], jobs * size, jobs, cpu)
            shown.insert(1, f"vmap alone {1e3 * vmapped:6.1f}")
        print("   ".join([*shown, f"plain / ours {theirs / ours:5.1f}"]))
    print(f"median ratio {statistics.median(ratios):.1f}")


if __name__ == "__main__":
    main()
