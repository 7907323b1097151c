"""Tunes submissions again from nothing, in a copy, and compares with the trials and values on record.

python scripts/repeat_tuning.py [NAME ...] [--scenario digits]

About a minute for each of `digits`; by default those that have a record. The records stay as they are.
"""

import argparse
import shutil
import tempfile
from itertools import takewhile
from pathlib import Path

import joblib

from benchmark.device import choose_device
from benchmark.sandbox.bubblewrap import settle_isolation
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import tuned_file
from benchmark.tuning import Tuning, tunable, tune


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--scenario", default="digits")
    arguments = parser.parse_args()
    settle_isolation(required=False, warn=print)
    here, scenario = Workspace.find(), load_scenario(arguments.scenario)
    with tempfile.TemporaryDirectory() as folder:
        copy = Workspace(Path(folder))
        copy.pools.mkdir()
        shutil.copytree(here.submissions, copy.submissions, ignore=shutil.ignore_patterns("tuned", "__pycache__"))
        for name in arguments.names or tunable(scenario, here):
            known = Tuning.read(tuned_file(here.submissions / name, scenario))
            found = compared(known, again(name, scenario, copy, known)) if known else "not tuned"
            print(f"{name}: {found}", flush=True)


def again(name: str, scenario: Scenario, copy: Workspace, known: Tuning) -> Tuning:
    session = Session(copy, joblib.cpu_count(), choose_device(None, scenario), warn=lambda _: None)
    return tune(session, scenario, name, known.wanted)


def compared(known: Tuning, repeated: Tuning) -> str:
    pairs = list(zip(known.trials, repeated.trials, strict=True))
    alike = list(takewhile(lambda pair: pair[0].values == pair[1].values, pairs))
    # A trial that was given up has the first of the scores it would have had.
    equal = all(a == b for one, two in alike for a, b in zip(one.scores, two.scores, strict=False))
    flipped = [number for number, (one, two) in enumerate(alike) if one.state != two.state]
    values = "the same values" if known.hyperparameters == repeated.hyperparameters else "OTHER VALUES"
    return (
        f"{values}; the first {len(alike)} of {len(pairs)} trials are the same, their scores "
        f"{'equal' if equal else 'NOT EQUAL'}; another fate: {', '.join(map(str, flipped)) or 'none'}"
    )


if __name__ == "__main__":
    main()
