"""A block of a submission's runs: every original goes through a worker, and evidence comes out."""

import threading
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.data.perturbing import HiddenInputs, draw_hidden_inputs
from benchmark.evidence import evidence_of, path_of, stack
from benchmark.references.pool import Pool
from benchmark.results.evidence import NonFiniteOutputs
from benchmark.results.outcome import FailedRun, block_name, evidence_store, read_outcome, returned_block
from benchmark.runs.integrity import Unlearned, records_of
from benchmark.runs.returned import read_returned, returned_arrays
from benchmark.runs.runner import Run, Worker
from benchmark.runs.tally import Tally
from benchmark.sandbox.bubblewrap import isolation
from benchmark.scenario.schema import Scenario
from benchmark.storage.workspace import Arrays, write_atomically
from benchmark.submissions.source import Submission
from benchmark.treated import treated_evidence_of
from benchmark.treatments import treated_block

OVERFLOW = "the returned net's outputs are not finite"
UNLEARNED = "unlearned"
_PRINTS = 3  # runs


class BlockRuns:
    """Makes blocks of a submission's runs, from the originals of a pool or from what an earlier request left."""

    def __init__(self, pool: Pool, submission: Submission) -> None:
        self.pool, self.submission = pool, submission
        self.session, self.scenario = pool.session, pool.scenario
        self.problem: Problem = load_problem(self.scenario)
        self._treating = threading.Lock()  # training draws from torch's one generator
        earlier = self.scenario.earlier
        self.earlier = earlier and evidence_store(earlier, submission, self.session.workspace)
        """The runs at the request before."""

    def make(self, worker: Worker, block: int, tally: Tally, *, treat: bool, keep: bool) -> dict[str, Arrays]:
        """Make a block's runs, and return what is to be stored of them, by the names that it gets.

        Nothing when the runs were given up meanwhile. `treat`: with the evidence of the nets after every treatment.
        `keep`: with the nets.
        """
        done = self._run(worker, block, tally)
        if done is None:
            return {}
        states = [run.weights for run in done]
        while True:
            # A block without a single success still has to be a block: of none of the models.
            try:
                together = stack(states or [self.pool.original(0)], self.session.device)
                found = evidence_of(self.scenario, self._near, together, [run.index for run in done], self._hidden)
                break
            except NonFiniteOutputs as error:
                for row in sorted(error.models, reverse=True):
                    tally.failed_with(FailedRun(done.pop(row).index, "invalid-output", OVERFLOW, ""))
                states = [run.weights for run in done]
        wanted = {block_name(block): found}
        indices = [run.index for run in done] or [0]
        if treat:
            with self._treating:
                treated = treated_evidence_of(self.scenario, self._near, together, indices, self.pool.hidden_seed)
            wanted[treated_block(self.scenario, UNLEARNED, block)] = treated
        if keep:
            wanted[returned_block(block)] = returned_arrays(together, indices)
        if self.session.device != "cpu":
            torch.cuda.empty_cache()  # the workers need room beside this process
        wanted = {name: {key: array[: len(states)] for key, array in own.items()} for name, own in wanted.items()}
        wanted[block_name(block)] |= records_of(done, isolation())
        return wanted

    def _run(self, worker: Worker, block: int, tally: Tally) -> list[Unlearned] | None:
        """Make the runs of a block, in an order from which none can tell its index; None when they were given up."""
        done: list[Unlearned] = []
        for index in in_secret_order(run_indices(self.scenario, block), self.pool.seed("order", 1 + block)):
            if tally.hopeless:
                return None
            original = self.left_of(index)
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
        return sorted(done, key=lambda run: run.index)

    def left_of(self, index: int) -> dict[str, Tensor] | None:
        """Return what run `index` starts from: an original, or what the request before left of it; None where that
        one failed."""
        if self.scenario.earlier is None or self.earlier is None:
            return self.pool.original(index)
        return read_returned(self.earlier, self.scenario.earlier, index)

    def _failure_before(self, index: int) -> FailedRun:
        """Return how the request before failed."""
        assert self.earlier is not None
        outcome = read_outcome(self.earlier)
        known = {run.index: run for run in outcome.failed} if outcome else {}
        return known.get(index) or FailedRun(index, "crashed", "the request before failed", "")

    @cached_property
    def _near(self) -> Problem:
        """The examples where the nets are evaluated."""
        return self.problem.on(self.session.device)

    @cached_property
    def _hidden(self) -> HiddenInputs | None:
        """The pool's hidden inputs, where the nets are evaluated."""
        return draw_hidden_inputs(self._near, self.pool.hidden_seed)

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


def in_secret_order(items: Sequence[int], seed: int) -> list[int]:
    """Return `items` in an order from which no run can tell its index: process numbers and time rise."""
    return np.random.default_rng(seed).permutation(np.array(items, dtype=np.int64)).tolist()


def run_indices(scenario: Scenario, block: int) -> range:
    """Return the runs of a block; unlike the pool's, the last block stops at N: runs are not trained together."""
    indices = scenario.indices(block)
    return range(indices.start, min(indices.stop, scenario.protocol.models))
