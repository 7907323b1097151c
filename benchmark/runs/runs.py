"""The N runs of one submission: every original goes through a worker, evidence comes out, block by block."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.data.perturbing import HiddenInputs, draw_hidden_inputs
from benchmark.device import workers_on
from benchmark.errors import BenchError, MissingRecord
from benchmark.evidence import evidence_of, in_present_form, objection_to_evidence, path_of, stack
from benchmark.references.pool import Pool
from benchmark.results.evidence import NonFiniteOutputs, concatenate
from benchmark.results.outcome import (
    OUTCOME_FILE,
    FailedRun,
    Outcome,
    block_name,
    evidence_store,
    is_returned,
    read_outcome,
    returned_block,
    write_outcome,
)
from benchmark.runs.budget import Timer, in_proportion
from benchmark.runs.integrity import RECORD_LAYOUTS, Unlearned, change_of, digest_of, records_of
from benchmark.runs.returned import read_returned, returned_arrays, returned_layouts
from benchmark.runs.runner import Run, Worker
from benchmark.runs.trainer import SubmissionTrainer
from benchmark.runs.workers import Workers, open_workers
from benchmark.sandbox.bubblewrap import isolation
from benchmark.scenario.schema import Scenario, options
from benchmark.session import Session
from benchmark.storage.block_store import write_block
from benchmark.storage.blocks import objection
from benchmark.storage.workspace import Arrays, write_atomically
from benchmark.submissions.source import Submission
from benchmark.treated import treated_evidence_of, treated_layouts
from benchmark.treatments import is_treated, treated_block

OVERFLOW = "the returned net's outputs are not finite"

_LABEL = "running the submission"
_UNLEARNED = "unlearned"

_PRINTS = 3  # runs
_ALONE = 50  # forget examples that are asked for one by one, of a submission that trains, for the cost of each

# Failed runs beyond the allowed ones after which the rest is not worth trying.
_PATIENCE = 8


def find_objection(problem: Problem, scenario: Scenario, name: str, arrays: Arrays, form: int) -> str:
    """Return what keeps arrays from being the block `name` of runs on a scenario; "" where nothing does."""
    rows = len(next(iter(arrays.values()), ()))
    if is_treated(name):  # as many as runs of the block succeeded
        return objection(arrays, treated_layouts(problem), rows)
    if is_returned(name):
        return objection(arrays, returned_layouts(scenario, problem), rows)
    indices = arrays.get("run/index", np.zeros(0)).tolist()
    expected = _indices(scenario, int(name.rpartition("/")[2]))
    if len(set(indices)) < len(indices) or not set(indices) <= set(expected):
        return f"holds other runs than {expected.start} to {expected.stop - 1}"
    return objection_to_evidence(problem, arrays, indices, form, RECORD_LAYOUTS)


def upgrade_runs(problem: Problem, name: str, arrays: Arrays, form: int) -> Arrays:
    """Return a block of runs in the present form."""
    if is_treated(name) or is_returned(name):
        return arrays
    return in_present_form(problem, arrays, arrays["run/index"].tolist(), form)


class Runs:
    """The evidence of a submission's N runs; `complete` does the missing ones."""

    def __init__(self, pool: Pool, submission: Submission) -> None:
        self.session, self.scenario, self.pool, self.submission = pool.session, pool.scenario, pool, submission
        self.problem: Problem = load_problem(self.scenario)
        self._treating = threading.Lock()  # training draws from torch's one generator
        reading = partial(find_objection, self.problem, self.scenario), partial(upgrade_runs, self.problem)
        self.store = evidence_store(self.scenario, submission, self.session.workspace, *reading)
        earlier = self.scenario.earlier
        self._earlier = earlier and evidence_store(earlier, submission, self.session.workspace)

    def complete(
        self, allowed: int = 0, *, time_again: bool = False, treat: bool = False, keep: bool = False
    ) -> Outcome:
        """Do whatever run is missing, in workers side by side, until all are done or too many of them failed.

        Too many: more than `allowed`, and either as many as succeeded or more than _PATIENCE beyond `allowed`. Failed
        runs of an earlier call are tried again when they are more than `allowed`. The cost is taken where it is not
        known or not settled, and with `time_again`. `treat`: the nets are looked at after every treatment too; runs
        that were not are made again, because no weights are kept but with `keep`: for the request that follows.
        """
        device = self.session.device
        if self.store.is_locked():
            self.session.warn(
                f"another process is running {self.submission.entry} on {self.scenario.label}; waiting for it"
            )
        with self.store.lock():
            known = self._known_after_settling(allowed)
            timed = self._is_timed(known) and not time_again
            finished = self.store.finished()
            missing = _in_secret_order(self._missing(treat, keep), self.pool.seed("order", 0))
            known = replace(
                known, failed=tuple(run for run in known.failed if self._block_of(run.index) not in missing)
            )
            # What is left of a block that is made again is of other runs than those that come now.
            self.store.discard(name for name in finished if int(name.rpartition("/")[2]) in missing)
            if missing or not timed:
                count = max(1, min(workers_on(device, self.session.jobs), len(missing)))
                with open_workers(
                    self.session, self.scenario, self.problem, self.submission, count, self.pool.seed("examples", 0)
                ) as ready:
                    tally = _Tally(self.session, self.scenario, missing, known.failed, allowed)
                    self._run(missing, ready, tally, treat, keep)
            else:
                self.session.ahead.close()
                write_outcome(self.store, known)
            return self.outcome()

    def discard_damaged(self, *, keep: bool = False) -> dict[Path, str]:
        """Set aside the blocks that are damaged or other than they have to be; returns where each went, and why.

        `keep`: those of returned nets too, which nobody needs who only scores.
        """
        names = [name for block in self._blocks for name in self._names_of(block, treat=True, keep=keep)]
        return self.store.discard_damaged(names)

    def settle(self, allowed: int) -> None:
        """Let go of what has to be made again, and say so."""
        with self.store.lock():
            self._known_after_settling(allowed)

    def _known_after_settling(self, allowed: int) -> Outcome:
        """Let go of what has to be made again, and say so; return what is known of the runs that are left."""
        warn = self.session.warn
        for path, fault in self.discard_damaged(keep=True).items():
            warn(f"{path.with_suffix('.safetensors')} {fault}; set aside as {path.name}, running it again")
        if self.store.finished() and not self.store.is_current():
            warn(f"the runs of {self.submission.entry} on record began with another secret; they are made again")
        return self._read_known(allowed)

    def is_complete(self, *, time_again: bool, treat: bool, keep: bool) -> bool:
        """Tell whether `complete` would make no run, for the cost neither, of what has been settled."""
        outcome = read_outcome(self.store)
        return outcome is not None and self._is_timed(outcome) and not time_again and not self._missing(treat, keep)

    def forget(self) -> None:
        """Let go of all runs: an earlier request, which they began with, has failed."""
        if self.store.folder.exists():
            with self.store.lock():
                self.store.discard(self.store.finished())
                (self.store.folder / OUTCOME_FILE).unlink(missing_ok=True)

    def _is_timed(self, outcome: Outcome) -> bool:
        return outcome.timing is not None and outcome.timing.is_settled(self.scenario.protocol.budget)

    def _missing(self, treat: bool, keep: bool) -> list[int]:
        """Return the blocks of which not all is on record, or that began with other nets than there were before."""
        finished = self.store.finished()
        whole = [block for block in self._blocks if set(self._names_of(block, treat, keep)) <= finished.keys()]
        return [block for block in self._blocks if block not in whole or not self._follows(block)]

    def _follows(self, block: int) -> bool:
        """Tell whether a block's runs began with what the request before left, if it is still known what that was."""
        if self.pool.trainer:  # whose models, trained again, need not be the same
            began = self.store.read(block_name(block))
            pairs = zip(began["run/index"].tolist(), began["run/original"], strict=True)
            return all((own == digest_of(self.pool.original(index))).all() for index, own in pairs)
        if self._earlier is None or block_name(block) not in self._earlier.finished():
            return True
        began, left = self.store.read(block_name(block)), self._earlier.read(block_name(block))
        digests = dict(zip(left["run/index"].tolist(), left["run/digest"].tolist(), strict=True))
        return all(
            digests.get(index) == digest
            for index, digest in zip(began["run/index"].tolist(), began["run/original"].tolist(), strict=True)
        )

    @property
    def _blocks(self) -> range:
        return self.scenario.blocks(self.scenario.protocol.models)

    def _names_of(self, block: int, treat: bool, keep: bool) -> list[str]:
        """Return the names of what is stored of a block of runs."""
        treated = [treated_block(self.scenario.task, _UNLEARNED, block)] if treat else []
        return [block_name(block), *treated, *([returned_block(block)] if keep else [])]

    def outcome(self) -> Outcome:
        """Return the outcome of the runs that are on the disk. Raises MissingRecord when there are none."""
        outcome = read_outcome(self.store)
        if outcome is None:
            raise MissingRecord(
                f"there are no complete runs of {self.submission.entry} on {self.scenario.label}; "
                f"run `bench run --submission {self.submission.entry} "
                f"{options(self.scenario.name, self.scenario.protocol.models)}` first"
            )
        return outcome

    def _read_known(self, allowed: int) -> Outcome:
        """Return the outcome of an earlier call, and discard its failed runs when they are too many."""
        try:
            known = self.outcome()
        except BenchError:
            self.store.discard(self.store.finished())  # nobody knows whether any of their runs failed
            return Outcome((), 0, allowed)
        finished = self.store.finished()
        failed = tuple(run for run in known.failed if block_name(self._block_of(run.index)) in finished)
        if len(failed) > allowed:
            self.store.discard(block_name(self._block_of(run.index)) for run in failed)
            failed = ()
        return replace(known, failed=failed, allowed=allowed)

    def evidence(self) -> Arrays:
        """Evidence of the unlearned models, with what `records_of` knows of each run, named `run/...`."""
        models = self.scenario.protocol.models
        return concatenate([self.store.read(block_name(b)) for b in self.scenario.blocks(models)], models)

    def treated_evidence(self) -> Arrays | None:
        """Return what the runs' nets left after each treatment; None where not all of them were treated."""
        names = [treated_block(self.scenario.task, _UNLEARNED, block) for block in self._blocks]
        if set(names) - self.store.finished().keys():
            return None
        return concatenate([self.store.read(name) for name in names], self.scenario.protocol.models)

    def _run(self, missing: list[int], workers: Workers, tally: "_Tally", treat: bool, keep: bool) -> None:
        """Has the first worker retrain once, to see that it can, runs the blocks on all, and times on the first."""
        timer = Timer(
            workers.first,
            self.pool.original,
            self.pool.seed,
            self.scenario.recipe.epochs,
            workers.own,
            start=self._start_of,
            kept=self.pool.training_state,
            train=self._train if self.submission.trains else None,
        )

        def run_block(worker: Worker, block: int) -> list[tuple[str, str]]:
            return self._run_block(worker, block, tally, treat, keep)

        for result in workers.map(run_block, missing):
            # First, because a failed run must not be forgotten with its block on record.
            write_outcome(self.store, tally.outcome)
            for written in result:
                self.store.record(*written)
        outcome = tally.outcome
        if not tally.hopeless:
            timing = timer.time_submission(
                self.submission.hyperparameters, self.scenario.protocol.budget, self._to_be_timed()
            )
            timing = replace(timing, fresh_change=self._fresh_change(timer))
            if self.submission.trains:
                given = len(self.problem.given)
                examples = np.unique(np.linspace(0, given - 1, min(given, _ALONE)).round().astype(int)).tolist()
                alone, fault = timer.time_alone(self.submission.hyperparameters, timing.starting, examples)
                timing = replace(timing, alone=alone, alone_fault=fault)
            outcome = replace(outcome, timing=timing)
        write_outcome(self.store, outcome)

    def _train(self, worker: Worker, index: int) -> Run:
        """Have the submission train a retrained model of its own."""
        trainer = SubmissionTrainer(self.submission, self.pool.seed("examples", 0))
        return trainer.train(worker, self.scenario, "retrained", self.pool.seed("retrain", index))

    def _fresh_change(self, timer: Timer) -> float:
        """Return how far a net that was retrained lies from an original it shares nothing with."""
        assert timer.retrained.weights is not None
        return change_of(self.pool.original(0), timer.retrained.weights)[0]

    @cached_property
    def _near(self) -> Problem:
        """The examples where the nets are evaluated."""
        return self.problem.on(self.session.device)

    @cached_property
    def _hidden(self) -> HiddenInputs | None:
        """The pool's hidden inputs, where the nets are evaluated."""
        return draw_hidden_inputs(self._near, self.pool.hidden_seed)

    def _to_be_timed(self) -> list[int]:
        blocks = (self.store.read(block_name(block)) for block in self.scenario.blocks(self.scenario.protocol.models))
        known = [(arrays["run/index"], arrays["run/seconds"]) for arrays in blocks]
        indices, seconds = (np.concatenate(parts) for parts in zip(*known, strict=True))
        return in_proportion(indices, seconds)

    def _start_of(self, index: int) -> dict[str, Tensor]:
        """Return what run `index` starts from: an original, or what the request before left of it."""
        found = self._left_of(index)
        assert found is not None  # it is timed, and so has run
        return found

    def _left_of(self, index: int) -> dict[str, Tensor] | None:
        """Return the same; None where an earlier request failed."""
        if self.scenario.earlier is None or self._earlier is None:
            return self.pool.original(index)
        return read_returned(self._earlier, self.scenario.earlier, index)

    def _failure_before(self, index: int) -> FailedRun:
        """Return how the request before failed."""
        assert self._earlier is not None
        outcome = read_outcome(self._earlier)
        known = {run.index: run for run in outcome.failed} if outcome else {}
        return known.get(index) or FailedRun(index, "crashed", "the request before failed", "")

    def _run_block(self, worker: Worker, block: int, tally: "_Tally", treat: bool, keep: bool) -> list[tuple[str, str]]:
        """Name and checksum of what was written of the block; nothing when the runs were given up meanwhile."""
        done: list[Unlearned] = []
        for index in _in_secret_order(_indices(self.scenario, block), self.pool.seed("order", 1 + block)):
            if tally.hopeless:
                return []
            original = self._left_of(index)
            if original is None:
                tally.count("")
                tally.failed_with(self._failure_before(index))
                continue
            seed = self.pool.seed("unlearned", index)
            values, kept = self.submission.hyperparameters, self.pool.training_state(index)
            run = worker.run(original, seed, hyperparameters=values, state=kept)
            tally.count(run.note)
            if run.weights is None:
                tally.failed_with(FailedRun(index, run.status, run.reason, run.log, run.told))
            else:
                path = self._path(original, run)
                done.append(Unlearned(index, original, run.weights, run.seconds, run.consumed, run.memory, path))
                self._keep_prints(index, run.log)
        done.sort(key=lambda run: run.index)
        while True:
            # A block without a single success still has to be a block: of none of the models.
            states = [run.weights for run in done]
            try:
                together = stack(states or [self.pool.original(0)], self.session.device)
                found = evidence_of(self.scenario, self._near, together, [run.index for run in done], self._hidden)
                break
            except NonFiniteOutputs as error:
                for row in sorted(error.models, reverse=True):
                    tally.failed_with(FailedRun(done.pop(row).index, "invalid-output", OVERFLOW, ""))
        wanted = {block_name(block): found}
        if treat:
            indices = [run.index for run in done] or [0]
            with self._treating:
                treated = treated_evidence_of(self.scenario, self._near, together, indices, self.pool.hidden_seed)
            wanted[treated_block(self.scenario.task, _UNLEARNED, block)] = treated
        if keep:
            wanted[returned_block(block)] = returned_arrays(together, [run.index for run in done] or [0])
        if self.session.device != "cpu":
            torch.cuda.empty_cache()  # the workers need room beside this process
        wanted = {name: {key: array[: len(states)] for key, array in own.items()} for name, own in wanted.items()}
        wanted[block_name(block)] |= records_of(done, isolation())
        return [(name, write_block(self.store.path(name), arrays)) for name, arrays in wanted.items()]

    def _path(self, original: dict[str, Tensor], run: Run) -> np.ndarray | None:
        """Return the utilities along a run's path, whose weights nobody keeps; None where it yielded no net."""
        if not run.yielded or run.weights is None:
            return None
        return path_of(self.scenario, self._near, [original, *run.yielded, run.weights])

    def _keep_prints(self, index: int, printed: str) -> None:
        """Write what the first runs printed beside the logs of failed ones, where nothing is published."""
        if index < _PRINTS:
            path = self.session.workspace.log(self.scenario.label, f"{self.submission.entry}.run-{index}")
            write_atomically(path, printed.encode()) if printed.strip() else path.unlink(missing_ok=True)

    def _block_of(self, index: int) -> int:
        return index // self.scenario.protocol.block


class _Tally:
    """Counts the runs of all threads, and knows when to give up."""

    def __init__(
        self, session: Session, scenario: Scenario, missing: list[int], kept: tuple[FailedRun, ...], allowed: int
    ) -> None:
        self._lock = threading.Lock()
        self._warn, self._notes = session.warn, set[str]()
        self._failed, self._allowed = list(kept), allowed
        self._left = sum(len(_indices(scenario, block)) for block in missing)
        self._attempted = scenario.protocol.models - self._left
        self._progress, self._total = session.progress, self._left
        self._progress(_LABEL, 0, self._total)

    @property
    def outcome(self) -> Outcome:
        with self._lock:
            failed = tuple(sorted(self._failed, key=lambda run: run.index))
            return Outcome(failed, self._attempted, self._allowed)

    @property
    def hopeless(self) -> bool:
        beyond = len(self._failed) - self._allowed
        return beyond > 0 and (2 * len(self._failed) >= self._attempted or beyond > _PATIENCE)

    def count(self, note: str) -> None:
        """Count a run; warn once about each way of passing arguments that is not the plain order."""
        with self._lock:
            if note and note not in self._notes:
                self._warn(note)
                self._notes.add(note)
            self._attempted += 1
            self._left -= 1
            self._progress(_LABEL, self._total - self._left, self._total)

    def failed_with(self, run: FailedRun) -> None:
        with self._lock:
            self._failed.append(run)


def _in_secret_order(items: Sequence[int], seed: int) -> list[int]:
    """Return `items` in an order from which no run can tell its index: process numbers and time rise."""
    return np.random.default_rng(seed).permutation(np.array(items, dtype=np.int64)).tolist()


def _indices(scenario: Scenario, block: int) -> range:
    """Return the runs of a block; unlike the pool's, the last block stops at N: runs are not trained together."""
    indices = scenario.indices(block)
    return range(indices.start, min(indices.stop, scenario.protocol.models))
