"""Feed mutated scenarios, data, submissions and records to everything public that reads them.

Each case must end well or in a BenchError of one sentence. A case follows from its seed and its number alone, and none
downloads anything:

    python scripts/fuzz.py --count 2000            # the exit status is 0 only when no case failed
    python scripts/fuzz.py --seed 0 --case 1234    # that case again, with its traceback
"""

import argparse
import contextlib
import io
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from fuzzing.data import arrays, folder, manifest, scenario
from fuzzing.entries import notebook, scorecards, submission
from fuzzing.offline import OFFLINE
from fuzzing.sentences import expect

from benchmark.data.folder import set_data_folder
from benchmark.storage.workspace import Workspace

PATIENCE = 20  # seconds that a case may take

Case = Callable[[np.random.Generator, Workspace], None]
KINDS: dict[str, Case] = {
    case.__name__: case for case in (scenario, arrays, manifest, folder, submission, scorecards, notebook)
}


class _TooLong(BaseException):
    pass


def _too_long(*_: object) -> None:
    raise _TooLong(f"no end after {PATIENCE} s")


def run_case(seed: int, number: int) -> str | None:
    """Run one case; returns the traceback where it ended otherwise than it may."""
    rng = np.random.default_rng([seed, number])
    case = KINDS[list(KINDS)[number % len(KINDS)]]
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(PATIENCE)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="fuzz-") as parent,
            contextlib.redirect_stderr(io.StringIO()),
            patch.dict(os.environ, OFFLINE),
        ):
            workspace = Workspace(Path(parent) / "workspace")
            workspace.submissions.mkdir(parents=True)
            workspace.data.mkdir()
            set_data_folder(workspace.data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expect(lambda: case(rng, workspace))
    except (Exception, SystemExit, _TooLong):
        return traceback.format_exc()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="only this one")
    given = parser.parse_args()
    numbers = range(given.count) if given.case is None else [given.case]
    started, failed = time.monotonic(), 0
    for number in numbers:
        if (found := run_case(given.seed, number)) is None:
            continue
        failed += 1
        kind = list(KINDS)[number % len(KINDS)]
        print(found if given.case is not None else f"{kind}: {found.strip().splitlines()[-1][:300]}")
        print(f"  again: python scripts/fuzz.py --seed {given.seed} --case {number}", flush=True)
    print(f"{failed} of {len(numbers)} cases failed, in {time.monotonic() - started:.0f} s")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
