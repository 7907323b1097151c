"""How much faster whole blocks train than one model at a time, on the processor.

    python scripts/measure_training.py [--scenario digits] [--rounds 5]

The plain alternative is what anybody would write: `nn.Module`, `DataLoader`, `optim.SGD`, one thread a process, the
same number of processes. All run in turn in the same minute; ratios are taken within a round, their medians printed.
Processor time tells what a busy machine's wall clock does not: on an idle machine both give the same ratio.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import joblib
from torch import __version__ as torch_version
from torch import nn, set_num_threads
from torch.optim import SGD
from torch.optim.lr_scheduler import LinearLR
from torch.utils.data import DataLoader, TensorDataset

from benchmark.engine import map_blocks
from benchmark.models import build_model, seeded_model
from benchmark.problem import load_problem
from benchmark.scenario import Scenario, load_scenario
from benchmark.training import keep_freed_memory, stacked, train_block

PLAIN_MODELS = 3  # a process and round


def plain(scenario: Scenario) -> float:
    """Trains a few networks, one after the other, the textbook way; returns processor seconds a model."""
    set_num_threads(1)
    problem, recipe = load_problem(scenario), scenario.recipe
    started = time.process_time()
    loader = DataLoader(TensorDataset(problem.train.inputs, problem.train.targets), recipe.batch_size, shuffle=True)
    for _ in range(PLAIN_MODELS):
        net = build_model(scenario.architecture, problem.input_shape, problem.classes)
        optimizer = SGD(net.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay)
        steps = recipe.epochs * len(loader)
        schedule = LinearLR(optimizer, 1.0, 1 / steps, steps)
        criterion = nn.CrossEntropyLoss()
        for _ in range(recipe.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                criterion(net(inputs), targets).backward()
                optimizer.step()
                schedule.step()
    return (time.process_time() - started) / PLAIN_MODELS


def block(scenario: Scenario, number: int, with_vmap: bool = False) -> float:
    """Trains a block the way the reference pool does, or by `torch.func.vmap`; returns processor seconds a model."""
    set_num_threads(1)
    keep_freed_memory()
    problem = load_problem(scenario)
    started = time.process_time()
    seeds = [scenario.seed("original", index) for index in scenario.indices(number)]
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.classes, seed) for seed in seeds]
    known = stacked.are_known
    stacked.are_known = known if not with_vmap else lambda net: False
    try:
        train_block(nets, scenario.recipe, problem.train, seeds, problem.class_weights)
    finally:
        stacked.are_known = known
    return (time.process_time() - started) / len(seeds)


def seconds(function: Callable[..., float], arguments: list[tuple], models: int, jobs: int) -> tuple[float, float]:
    """Wall-clock seconds and processor seconds a model, of `models` models for each of `arguments`."""
    started = time.perf_counter()
    processor = list(map_blocks(function, arguments, jobs))
    return (time.perf_counter() - started) / (models * len(arguments)), statistics.mean(processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="digits")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=joblib.cpu_count())
    options = parser.parse_args()
    scenario, jobs = load_scenario(options.scenario), options.jobs
    size = scenario.protocol.block
    print(
        f"{scenario.name}: {jobs} processes, 1 thread each; {platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch_version}, "
        f"load {os.getloadavg()[0]:.1f} before\n"
    )
    seconds(block, [(scenario, 0)] * jobs, size, jobs)  # starts the processes, fills the caches
    print("| round | ours, ms a model | vmap | plain | plain / ours | the same in processor time |")
    print("|---|---|---|---|---|---|")
    ratios: list[tuple[float, float]] = []
    for number in range(1, options.rounds + 1):
        ours = seconds(block, [(scenario, b) for b in range(4 * jobs)], size, jobs)
        theirs = seconds(plain, [(scenario,)] * jobs, PLAIN_MODELS, jobs)
        vmapped = seconds(block, [(scenario, b, True) for b in range(jobs)], size, jobs)
        ratios.append((theirs[0] / ours[0], theirs[1] / ours[1]))
        milliseconds = " | ".join(f"{1e3 * wall:.1f}" for wall, _ in (ours, vmapped, theirs))
        print(f"| {number} | {milliseconds} | {ratios[-1][0]:.1f} | {ratios[-1][1]:.1f} |")
    wall, processor = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"| median | | | | {wall:.1f} | {processor:.1f} |")


if __name__ == "__main__":
    main()
