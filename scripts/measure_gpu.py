"""How much faster nets too large for a block train here than in a starting kit's loop, on this machine's device.

    python scripts/measure_gpu.py [--device cuda] [--precision bfloat16] [--steps 100] [--accuracy 64] [--json FILE]

The plain alternative is the competition's starting kit: one `nn.Module`, a `DataLoader` whose two workers crop and flip
images, float32, `optim.SGD`, a step at a time. Both train on images drawn at random, of the scenario's number and shape
(a step's time does not depend on what they show, and CIFAR-10 need not be there), in turn, three rounds. A step's time
is the difference between many steps and few, so that what happens once a model does not count; it is then multiplied by
the recipe's steps and the scenario's models.

`--accuracy M` trains M models each way on real data instead (`--scenario digits` or `digits-cnn`), the fast ones with
float32 and with bfloat16, and prints their mean test accuracy with its standard error.
"""

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import torch
from measure_training import plain as plain_on_digits
from torch import nn
from torch.autograd import DeviceType  # pyright: ignore[reportPrivateImportUsage]  what events are compared with
from torch.optim import SGD
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmark.data import load_problem
from benchmark.device import choose_device, make_repeatable
from benchmark.evidence import evidence_of
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import Recipe, Scenario, load_scenario
from benchmark.split import Normalisation, Split
from benchmark.training import keep_freed_memory, train_block

SHAPE, CLASSES = (3, 32, 32), 10
FEW = 10


class Pictures(Dataset):
    """What a starting kit's `DataLoader` loads: augmented and normalised one by one, on the CPU."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.look = v2.Compose(
            [
                v2.RandomCrop(32, padding=4),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]),
            ]
        )

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.look(self.split.inputs[row]), self.split.targets[row]


def pictures(examples: int) -> Split:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 256, (examples, *SHAPE), dtype=torch.uint8, generator=generator)
    scale = Normalisation(torch.full((3, 1, 1), 1 / 51), torch.full((3, 1, 1), -2.5))
    targets = torch.randint(0, CLASSES, (examples,), generator=generator)
    return Split(inputs, targets, torch.arange(examples), normalisation=scale)


def plain(scenario: Scenario, split: Split, device: str, steps: int) -> float:
    """Seconds for `steps` steps of one model."""
    net = seeded_model(scenario.architecture, SHAPE, CLASSES, 0).to(device).train()
    recipe = scenario.recipe
    optimizer = SGD(net.parameters(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay)
    criterion = nn.CrossEntropyLoss()
    loader = DataLoader(Pictures(split), recipe.batch_size, shuffle=True, num_workers=2, persistent_workers=True)
    torch.backends.cudnn.deterministic = False
    batches = iter(loader)
    next(batches)  # the loader's workers have started
    started = time.perf_counter()
    for inputs, targets in islice(batches, steps):
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        criterion(net(inputs), targets).backward()
        optimizer.step()
    settle(device)
    make_repeatable(device)
    return time.perf_counter() - started


def ours(scenario: Scenario, split: Split, device: str, steps: int) -> float:
    """Seconds for `steps` steps of every model of a block, trained as a reference pool is."""
    size = scenario.recipe.batch_size
    some = split.at(torch.arange(size * steps)).to(device)
    recipe: Recipe = scenario.recipe.model_copy(update={"epochs": 1})
    seeds = list(range(scenario.protocol.block))
    nets = [seeded_model(scenario.architecture, SHAPE, CLASSES, seed) for seed in seeds]
    settle(device)
    started = time.perf_counter()
    train_block(nets, recipe, some, seeds, scenario.task.loss())
    settle(device)
    return time.perf_counter() - started


def settle(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)


Way = Callable[[Scenario, Split, str, int], float]
"""Seconds that so many steps of a scenario take on a split and a device."""


def a_step(way: Way, scenario: Scenario, split: Split, device: str, steps: int) -> float:
    """Seconds of one more step."""
    few, many = (way(scenario, split, device, count) for count in (FEW, FEW + steps))
    return (many - few) / steps


def kernel_share(scenario: Scenario, split: Split, device: str, steps: int) -> float:
    """The share of the time between the first and the last kernel in which at least one kernel ran."""
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        ours(scenario, split, device, FEW + steps)
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in found.events() or []
        if event.device_type == DeviceType.CUDA
    )
    if not spans:
        return float("nan")  # this user may not look into the GPU
    recorded = spans[-1][1] - (spans[-1][1] - spans[0][0]) / 8  # the last of the steps, well behind the recording
    spans = [span for span in spans if span[0] >= recorded]
    busy, until = 0.0, spans[0][0]
    for start, end in spans:
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return busy / (until - spans[0][0])


def speed(scenario: Scenario, device: str, steps: int, examples: int) -> dict[str, float | None]:
    recipe, block = scenario.recipe, scenario.protocol.block
    split = pictures(examples)
    whole = recipe.epochs * -(-examples // recipe.batch_size)
    if examples < (FEW + steps + 1) * recipe.batch_size:
        raise SystemExit(f"{examples} examples make fewer than {FEW + steps + 1} batches; take fewer --steps")
    models = scenario.originals + scenario.protocol.models
    ratios, hours = [], []
    plain(scenario, split, device, FEW)  # whatever happens once a process
    ours(scenario, split, device, FEW)
    for _ in range(3):
        theirs = a_step(plain, scenario, split, device, steps)
        mine = a_step(ours, scenario, split, device, steps) / block
        ratios.append(theirs / mine)
        hours.append(mine * whole * models / 3600)
        print(
            f"plain {1e3 * theirs:8.2f} ms a step, {theirs * whole:7.1f} s a model   ours {1e3 * mine:8.2f} ms, "
            f"{mine * whole:7.1f} s a model, {models:,} models in {hours[-1]:.2f} h   "
            f"plain / ours {theirs / mine:.1f}"
        )
    print(f"median ratio {statistics.median(ratios):.1f}; {whole:,} steps a model, {block} models a block")
    medians = {"ratio": statistics.median(ratios), "hours": statistics.median(hours), "models": models, "steps": steps}
    if device == "cpu":
        print("kernel share and GPU memory: not on a CPU")
        return {**medians, "kernel_share": None, "memory": None}
    share, memory = kernel_share(scenario, split, device, steps), torch.cuda.max_memory_reserved(device) / 2**30
    print(f"kernels run {share:.0%} of the time (70 % wanted)")
    print(f"GPU memory {memory:.1f} GiB")
    return {**medians, "kernel_share": None if math.isnan(share) else share, "memory": memory}


def accuracy(scenario: Scenario, device: str, models: int) -> dict[str, dict[str, dict[str, float]]]:
    problem = load_problem(scenario).on(device)
    correct = {"plain": plain_accuracies(scenario, models)}
    for precision in (None, "bfloat16"):
        recipe = scenario.recipe.model_copy(update={"precision": precision})
        seeds = list(range(models))
        nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
        state = train_block(nets, recipe, problem.train, seeds, problem.loss).state
        correct[f"ours, {precision or 'float32'}"] = list(evidence_of(scenario, problem, state)["utility/test"])
    found = {}
    for name, shares in correct.items():
        mean, error = statistics.mean(shares), statistics.stdev(shares) / len(shares) ** 0.5
        print(f"{name:16} mean test accuracy {mean:.4f} ± {error:.4f} (s.e., {len(shares)} models)")
        found[name] = {"mean": float(mean), "error": float(error)}
    return {"accuracies": found}


def plain_accuracies(scenario: Scenario, models: int) -> list[float]:
    """On the CPU, where the plain loop of measure_training.py runs."""
    problem = load_problem(scenario)
    found = []
    for seed in range(models):
        torch.manual_seed(seed)
        (net,) = plain_on_digits(scenario, 1)
        with torch.no_grad():
            logits = net.eval()(problem.test.normalised(problem.test.inputs))
        found.append((logits.argmax(1) == problem.test.targets).float().mean().item())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="cifar10")
    parser.add_argument("--device")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--examples", type=int, default=45_000)
    parser.add_argument("--precision", choices=["bfloat16"], help="of ours; by default the scenario's")
    parser.add_argument("--accuracy", type=int, default=0, metavar="MODELS")
    parser.add_argument("--json", type=Path, help="a file for what was found")
    options = parser.parse_args()
    scenario = load_scenario(options.scenario)
    if options.precision:
        recipe = scenario.recipe.model_copy(update={"precision": options.precision})
        scenario = scenario.model_copy(update={"recipe": recipe})
    device = choose_device(options.device, scenario)
    torch.set_num_threads(1)
    keep_freed_memory()
    make_repeatable(device)
    name = torch.cuda.get_device_name(device) if device != "cpu" else f"{platform.machine()}, one thread"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    print(f"{scenario.name} on {name}; {os.cpu_count()} cores, {versions}")
    if options.accuracy and scenario.data.source != "digits":
        parser.error("--accuracy has a plain loop for the scenarios digits and digits-cnn alone")
    if options.accuracy:
        found = accuracy(scenario, device, options.accuracy)
    else:
        found = speed(scenario, device, options.steps, options.examples)
    if options.json:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
