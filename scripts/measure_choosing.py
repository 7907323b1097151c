"""Measure what it costs to choose the forget sets that look at models: python scripts/measure_choosing.py [SCENARIO]

Prints a table for docs/scenarios.md: CPU seconds of one process, from nothing, with the models trained anew for each;
and how many of the chosen examples memorisation would choose too.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import torch

from benchmark.data.choice import expect_choice
from benchmark.data.forget.hardness import HardnessForget
from benchmark.references.choosing import choose
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace

SIZE = 50
SEED = 1  # another than that of the shipped scenarios, whose choice is on disk already


def main(name: str = "digits") -> None:
    print(f"{name}, {SIZE} examples; {os.cpu_count()} CPU cores, torch {torch.__version__}\n")
    print("| forget set | CPU seconds | also chosen by memorisation |\n|---|---|---|")
    reference: set[int] = set()
    for label, section in sections():
        seconds, ids = measure(load_scenario(name), section)
        reference = reference or ids
        print(f"| {label} | {seconds:.1f} | {len(ids & reference)} of {len(ids)} |", flush=True)


def sections() -> list[tuple[str, dict[str, Any]]]:
    """Return the forget sections by what docs call them; memorisation first."""
    size = {"size": SIZE, "seed": SEED}
    hardness = [
        (f"`hardness`, `{by}`", {"kind": "hardness", "by": by, "end": "low" if by == "confidence" else "high", **size})
        for by in get_args(HardnessForget.model_fields["by"].annotation)
    ]
    others = [
        ("`out-of-distribution`", {"kind": "out-of-distribution", **size}),
        ("`worst-case`, 1 net", {"kind": "worst-case", "models": 1, **size}),
        ("`worst-case`, 8 nets", {"kind": "worst-case", **size}),
        ("`core` of `random`", {"kind": "core", "of": {"kind": "random", **size}, "seed": SEED}),
    ]
    return [*hardness, *others]


def measure(scenario: Scenario, section: dict[str, Any]) -> tuple[float, set[int]]:
    """Return the CPU seconds that the choice takes in an empty workspace, and the ids that it chooses."""
    content = scenario.model_dump() | {"forget": section}
    chooser = Scenario.model_validate_json(json.dumps(content))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("submissions").mkdir()  # by which a workspace is known
        started = time.process_time()
        chosen = choose(Session(Workspace.find()), chooser)
        return time.process_time() - started, set(expect_choice(chosen).ids)


if __name__ == "__main__":
    main(*sys.argv[1:])
