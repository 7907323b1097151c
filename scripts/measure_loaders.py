"""How long an epoch of a submission's loader takes: whole batches, against torch's stacking of single examples.

    python scripts/measure_loaders.py [--scenario digits]

The same examples, in turn, in this process, on one core.
"""

import argparse
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmark.data import load_problem
from benchmark.sandbox.child.contract import loader
from benchmark.scenario.schema import load_scenario

ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenario", default="digits")
    scenario = load_scenario(parser.parse_args().scenario)
    torch.set_num_threads(1)
    retain, size = load_problem(scenario).retain, scenario.recipe.batch_size
    ours = loader(retain, size, "tuple", shuffle=True)
    examples = TensorDataset(retain.normalised(retain.inputs), retain.targets)
    plain = DataLoader(examples, batch_size=size, shuffle=True)
    own = DataLoader(ours.dataset, batch_size=size, shuffle=True)
    rounds = [[epoch(batches) for batches in (plain, own, ours)] for _ in range(ROUNDS)]
    seconds = [min(column) for column in zip(*rounds, strict=True)]
    print(f"{scenario.name}, {len(retain)} examples in batches of {size}, torch {torch.__version__}")
    for name, taken in zip(("TensorDataset", "a submission's own loader", "the loader given"), seconds, strict=True):
        print(f"{name}: {1e3 * taken:.2f} ms an epoch, {seconds[0] / taken:.1f} times as fast as the first")


def epoch(batches: DataLoader) -> float:
    """CPU seconds of one pass."""
    start = time.process_time()
    for _ in batches:
        pass
    return time.process_time() - start


if __name__ == "__main__":
    main()
