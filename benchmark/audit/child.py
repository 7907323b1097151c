"""The child process of an audit, which runs the user's code: a task per line comes in, an answer per line goes out.

What the code prints goes to the log, so that nothing of it is taken for an answer; what it reads is empty, so that it
takes no task and does not wait for a person.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmark.audit.loader import Loader
from benchmark.audit.outputs import Answers
from benchmark.audit.people import read_data
from benchmark.audit.roles import MAKERS, PHI, SECONDS, TEST_ACCURACY, TEST_PHI, Arrays, Role, Task, training_task
from benchmark.audit.settings import read_audit
from benchmark.audit.user_file import load_functions
from benchmark.engine import end_with
from benchmark.errors import BadSubmission, BenchError
from benchmark.metrics.statistic import logit_scaled_confidence
from benchmark.seeds import derive_seed
from benchmark.storage.block_store import write_block
from benchmark.text import reason_of

DESCRIBE = "describe"
"""The line that asks for the functions of the file and the versions of what they imported."""


class Worker:
    """The user's code, read once, and what it is asked to do."""

    def __init__(self, folder: Path, store: Path) -> None:
        self._audit = read_audit(folder)
        self._store = store
        sys.path.insert(0, str(self._audit.folder))  # the user's code may import what lies beside it
        assert self._audit.settings.code is not None
        self._code = self._audit.settings.code
        self._data = read_data(self._audit)
        self._forget = self._data.forget
        ours = {*sys.modules}
        self._functions = load_functions(self._audit.path(self._code.file))
        self._imported = {name.partition(".")[0] for name in {*sys.modules} - ours}
        self._answers = Answers(len(self._data.classes), self._functions.get("logits"))

    def describe(self) -> dict[str, Any]:
        """Return the functions that the file defines, and the versions of the packages it imports."""
        return {"functions": [*self._functions], "packages": versions(self._imported | {"numpy"})}

    def do(self, task: Task) -> dict[str, Any]:
        """Make a model and store its signals; return checksums by the names of blocks, and seconds."""
        if task.path:
            model, seconds = self._call("load", str(self._audit.path(task.path)))
            return self._store_signals({task.block: (model, seconds)})
        seed = self._seed(task.role, task.number)
        is_retrained = task.role == "retrained"
        model, seconds = self._call("train", self._loader(~self._forget if is_retrained else None, seed), seed)
        stored = self._store_signals({task.block: (model, seconds)})
        if is_retrained or "unlearn" not in self._functions:
            return stored
        unlearned = training_task("unlearned", task.number)
        return self._merge(stored, self._store_signals({unlearned.block: self._unlearn(model, task.number)}))

    def _unlearn(self, model: Any, index: int) -> tuple[Any, float]:
        seed = self._seed("unlearned", index)
        loaders = (self._loader(mask, derive_seed(seed, name) % 2**31) for name, mask in self._masks())
        returned, seconds = self._call("unlearn", model, *loaders, seed)
        return (model if returned is None else returned), seconds

    def _masks(self) -> tuple[tuple[str, np.ndarray], ...]:
        return ("retain", ~self._forget), ("forget", self._forget)

    def _seed(self, role: Role, index: int) -> int:
        """Return a model's seed, below 2**31 so that every library takes it."""
        return derive_seed(self._audit.settings.seed, role, index) % 2**31

    def _loader(self, mask: np.ndarray | None, seed: int) -> Loader:
        rows = self._data.rows if mask is None else self._data.rows.of(mask)
        return Loader(rows, self._data.classes, self._code.batch_size, seed)

    def _call(self, name: str, *arguments: Any) -> tuple[Any, float]:
        """Call a function of the user's; return its result and seconds. Raises BadSubmission with what it raised."""
        if name not in self._functions:
            raise BadSubmission(
                f"audit.toml names checkpoints, but {self._code.file} defines no function {name}, expected "
                f"{name}(path) that returns the model; add it"
            )
        seed_everything(arguments[-1] if isinstance(arguments[-1], int) else 0)
        begin = time.perf_counter()
        try:
            result = self._functions[name](*arguments)
        except (Exception, SystemExit) as error:
            raise BadSubmission(
                f"{name} in {self._code.file} raised {type(error).__name__}: {reason_of(error)}; correct it, the log "
                "has where"
            ) from error
        return result, time.perf_counter() - begin

    def _store_signals(self, models: dict[str, tuple[Any, float]]) -> dict[str, Any]:
        found: dict[str, Any] = {"blocks": {}, "seconds": {}}
        for block, (model, seconds) in models.items():
            role = cast(Role, block.partition("/")[0])
            arrays = {**self._signals(model, MAKERS[role]), SECONDS: np.array([seconds])}
            found["blocks"][block] = write_block(self._store / f"{block}.safetensors", arrays)
            found["seconds"][role] = seconds
        return found

    def _merge(self, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        return {key: {**one[key], **other[key]} for key in one}

    def _signals(self, model: Any, maker: str) -> Arrays:
        rows = self._data.rows.of(self._forget)
        logits = self._ask(model, rows.inputs, maker)
        arrays = {PHI: self._data.by_person(logit_scaled_confidence(logits, rows.targets))}
        if (test := self._data.test) is not None:
            logits = self._ask(model, test.inputs, maker)
            arrays[TEST_PHI] = logit_scaled_confidence(logits, test.targets)
            arrays[TEST_ACCURACY] = np.array([(logits.argmax(axis=1) == test.targets).mean()])
        return arrays

    def _ask(self, model: Any, inputs: np.ndarray, maker: str) -> np.ndarray:
        try:
            return self._answers.of(model, inputs, maker)
        except BenchError:
            raise
        except Exception as error:
            raise BadSubmission(
                f"a model of {self._code.file} raised {type(error).__name__} when it was asked: {reason_of(error)}; "
                "correct it, or define logits(model, inputs)"
            ) from error


def seed_everything(seed: int) -> None:
    """Seed the global generators, so that code that ignores its seed differs between models all the same."""
    random.seed(seed)
    np.random.seed(seed)
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(seed)


def versions(modules: set[str]) -> dict[str, str]:
    """Return the installed packages that these modules are of, with their versions."""
    homes = metadata.packages_distributions()
    packages = {package for module in modules & homes.keys() for package in homes[module]}
    return {package: metadata.version(package) for package in sorted(packages, key=str.lower)}


def answer(begin: Callable[[], Worker], worker: Worker | None, line: str) -> tuple[Worker | None, dict[str, Any]]:
    """Return the worker, which the first line makes, and the answer to a line; a BenchError is an answer too."""
    try:
        worker = worker or begin()
        return worker, worker.describe() if line == DESCRIBE else worker.do(Task(*json.loads(line)))
    except BenchError as error:
        if error.__cause__ is not None:
            sys.excepthook(type(error.__cause__), error.__cause__, error.__cause__.__traceback__)
        return worker, {"error": str(error)}


def main(folder: Path, store: Path, parent: int) -> None:
    """Answer until the input ends."""
    end_with(parent)
    with os.fdopen(os.dup(0)) as tasks, os.fdopen(os.dup(1), "w") as answers, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        worker: Worker | None = None
        for line in tasks:
            worker, said = answer(lambda: Worker(folder, store), worker, line.strip())
            print(json.dumps(said), file=answers, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
