"""The N runs of one submission on the disk, and how what is missing of them is made, beside other processes."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from benchmark.data import Problem
from benchmark.device import workers_on
from benchmark.errors import BenchError, MissingRecord
from benchmark.evidence import in_present_form, objection_to_evidence
from benchmark.references.pool import Pool
from benchmark.results.evidence import concatenate
from benchmark.results.outcome import (
    OUTCOME_FILE,
    Outcome,
    block_name,
    evidence_store,
    is_returned,
    read_outcome,
    returned_block,
    write_outcome,
)
from benchmark.runs.block import UNLEARNED, BlockRuns, in_secret_order, run_indices
from benchmark.runs.budget import Timer
from benchmark.runs.costs import new_timer, time_runs
from benchmark.runs.integrity import RECORD_LAYOUTS, digest_of
from benchmark.runs.returned import returned_layouts
from benchmark.runs.runner import Worker
from benchmark.runs.tally import Tally
from benchmark.runs.workers import Workers, open_workers
from benchmark.scenario.schema import Scenario, options
from benchmark.storage.block_store import write_block
from benchmark.storage.blocks import objection
from benchmark.storage.locks import claim
from benchmark.storage.workspace import PAUSE, Arrays
from benchmark.submissions.source import Submission
from benchmark.treated import treated_layouts
from benchmark.treatments import is_treated, treated_block

OpenWorkers = Callable[[], Workers]


def find_objection(problem: Problem, scenario: Scenario, name: str, arrays: Arrays, form: int) -> str:
    """Return what keeps arrays from being the block `name` of runs on a scenario; "" where nothing does."""
    rows = len(next(iter(arrays.values()), ()))
    if is_treated(name):  # as many as runs of the block succeeded
        return objection(arrays, treated_layouts(problem, scenario), rows)
    if is_returned(name):
        return objection(arrays, returned_layouts(scenario, problem), rows)
    indices = arrays.get("run/index", np.zeros(0)).tolist()
    expected = run_indices(scenario, int(name.rpartition("/")[2]))
    if len(set(indices)) < len(indices) or not set(indices) <= set(expected):
        return f"holds other runs than {expected.start} to {expected.stop - 1}"
    return objection_to_evidence(problem, arrays, indices, form, RECORD_LAYOUTS)


def upgrade_runs(problem: Problem, name: str, arrays: Arrays, form: int) -> Arrays:
    """Return a block of runs in the present form."""
    if is_treated(name) or is_returned(name):
        return arrays
    return in_present_form(problem, arrays, arrays["run/index"].tolist(), form)


class Runs:
    """The evidence of a submission's N runs; `complete` makes what is missing, and shares it with other processes."""

    def __init__(self, pool: Pool, submission: Submission) -> None:
        self.session, self.scenario, self.pool, self.submission = pool.session, pool.scenario, pool, submission
        self._runs = BlockRuns(pool, submission)
        self.problem = self._runs.problem
        reading = partial(find_objection, self.problem, self.scenario), partial(upgrade_runs, self.problem)
        self.store = evidence_store(self.scenario, submission, self.session.workspace, *reading)

    def complete(
        self,
        allowed: int = 0,
        *,
        time_again: bool = False,
        treat: bool = False,
        keep: bool = False,
        retry: bool = True,
    ) -> Outcome:
        """Make whatever run is missing, in workers side by side, until all are made or too many of them failed.

        Too many: more than `allowed`, and either as many as succeeded or a few beyond `allowed`. With
        `retry` failed runs of an earlier call are tried again when they are more than `allowed`. Other processes, here
        or on machines that see the same folder, take other blocks; one of them takes the cost where it is not known or
        not settled, and with `time_again`. `treat`: the nets are looked at after every treatment too; runs that were
        not are made again, because no weights are kept but with `keep`: for the request that follows.
        """
        with self._at_work(allowed, treat, keep, retry) as (tally, open_once):
            before = tally.outcome.timing
            timer = cache(lambda: new_timer(open_once(), self._runs))
            while not tally.hopeless:
                missing, known = self._missing(treat, keep), tally.outcome
                if missing:
                    timer()  # retrains once, to see that it can, before any run
                    claimed = self._run(missing, open_once(), tally, treat, keep)
                    ours = any(claimed)
                    if not all(claimed):
                        tally.tell_once(
                            f"another process is running {self.submission.entry} on {self.scenario.label} too; the "
                            "runs are shared out"
                        )
                elif known.timing and (known.timing != before or (self._is_timed(known) and not time_again)):
                    break
                else:
                    with claim(self.store.folder / ".timing.lock") as ours:
                        if ours and read_outcome(self.store) == known:
                            write_outcome(self.store, self._with_cost(known, timer()))
                if not ours:
                    time.sleep(PAUSE)
            return self.outcome()

    def share(self, allowed: int = 0, *, treat: bool = False, keep: bool = False) -> bool:
        """Make the missing runs that no other process is making, as `complete` does, and take no cost.

        Returns whether all are made, or given up. Failed runs of an earlier call stay.
        """
        with self._at_work(allowed, treat, keep, retry=False) as (tally, open_once):
            missing = self._missing(treat, keep)
            if missing and not tally.hopeless and self._is_any_free(missing):
                self._run(missing, open_once(), tally, treat, keep)
            return tally.hopeless or not self._missing(treat, keep)

    def count_missing(self, *, treat: bool, keep: bool) -> int:
        """Return how many runs are missing, those included that have to be made again."""
        return self._count(self._missing(treat, keep))

    def discard_damaged(self, *, keep: bool = False) -> dict[Path, str]:
        """Set aside the blocks that are damaged or other than they have to be; returns where each went, and why.

        `keep`: those of returned nets too, which nobody needs who only scores.
        """
        names = [name for block in self._blocks for name in self._names_of(block, treat=True, keep=keep)]
        return self.store.discard_damaged(names)

    def settle(self, allowed: int, retry: bool) -> None:
        """Let go of what has to be made again, and say so, unless another process is at work on it."""

        def settle() -> None:
            self._let_go(allowed, retry)

        with self.store.at_work(settle):
            pass

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

    def evidence(self) -> Arrays:
        """Evidence of the unlearned models, with what `records_of` knows of each run, named `run/...`."""
        models = self.scenario.protocol.models
        return concatenate([self.store.read(block_name(b)) for b in self.scenario.blocks(models)], models)

    def treated_evidence(self) -> Arrays | None:
        """Return what the runs' nets left after each treatment; None where not all of them were treated."""
        names = [treated_block(self.scenario, UNLEARNED, block) for block in self._blocks]
        if set(names) - self.store.finished().keys():
            return None
        return concatenate([self.store.read(name) for name in names], self.scenario.protocol.models)

    @contextmanager
    def _at_work(self, allowed: int, treat: bool, keep: bool, retry: bool) -> Iterator[tuple[Tally, OpenWorkers]]:
        """Yield the tally of the runs, and what opens the workers once somebody needs them."""

        def settle() -> None:
            self._drop_missing(self._let_go(allowed, retry), treat, keep)

        with self.store.at_work(settle), ExitStack() as until_done:

            @cache
            def open_once() -> Workers:
                missing = len(self._missing(treat, keep))
                count = max(1, min(workers_on(self.session.device, self.session.jobs), missing))
                order = self.pool.seed("examples", 0)
                workers = open_workers(self.session, self.scenario, self.problem, self.submission, count, order)
                return until_done.enter_context(workers)

            yield Tally(self.session, self.store, allowed), open_once
            self.session.ahead.close()  # where nobody needed any

    def _let_go(self, allowed: int, retry: bool) -> Outcome:
        """Let go of what has to be made again, and say so; return what is known of the runs that are left."""
        warn = self.session.warn
        for path, fault in self.discard_damaged(keep=True).items():
            warn(f"{path.with_suffix('.safetensors')} {fault}; set aside as {path.name}, running it again")
        if self.store.finished() and not self.store.is_current():
            warn(f"the runs of {self.submission.entry} on record began with another secret; they are made again")
        return self._read_known(allowed, retry)

    def _read_known(self, allowed: int, retry: bool) -> Outcome:
        """Return the outcome of an earlier call, and with `retry` discard its failed runs when they are too many."""
        try:
            known = self.outcome()
        except BenchError:
            self.store.discard(self.store.finished())  # nobody knows whether any of their runs failed
            return Outcome((), 0, allowed)
        finished = self.store.finished()
        failed = tuple(run for run in known.failed if block_name(self._block_of(run.index)) in finished)
        if retry and len(failed) > allowed:
            self.store.discard(block_name(self._block_of(run.index)) for run in failed)
            failed = ()
        return replace(known, failed=failed, allowed=allowed)

    def _drop_missing(self, known: Outcome, treat: bool, keep: bool) -> None:
        """Put on record what stays when the missing blocks are made: what is left of them is of other runs."""
        missing = self._missing(treat, keep)
        self.store.discard(name for name in self.store.finished() if int(name.rpartition("/")[2]) in missing)
        failed = tuple(run for run in known.failed if self._block_of(run.index) not in missing)
        attempted = self.scenario.protocol.models - self._count(missing)
        timing = None if missing else known.timing
        write_outcome(self.store, replace(known, failed=failed, attempted=attempted, timing=timing))

    def _is_any_free(self, missing: list[int]) -> bool:
        """Tell whether there is a block that no other process is making."""
        for block in missing:
            with self.store.claim(block_name(block)) as ours:
                if ours:
                    return True
        return False

    def _is_timed(self, outcome: Outcome) -> bool:
        return outcome.timing is not None and outcome.timing.is_settled(self.scenario.protocol.budget)

    def _missing(self, treat: bool, keep: bool) -> list[int]:
        """Return the blocks of which not all is on record, or that began with other nets than there were before.

        They come in an order from which no run can tell its index.
        """
        finished = self.store.finished()
        missing = [block for block in self._blocks if self._is_missing(block, finished.keys(), treat, keep)]
        return in_secret_order(missing, self.pool.seed("order", 0))

    def _is_missing(self, block: int, finished: Collection[str], treat: bool, keep: bool) -> bool:
        return not (set(self._names_of(block, treat, keep)) <= set(finished) and self._follows(block))

    def _follows(self, block: int) -> bool:
        """Tell whether a block's runs began with what the request before left, if it is still known what that was."""
        earlier = self._runs.earlier
        if self.pool.trainer:  # whose models, trained again, need not be the same
            began = self.store.read(block_name(block))
            pairs = zip(began["run/index"].tolist(), began["run/original"], strict=True)
            return all((own == digest_of(self.pool.original(index))).all() for index, own in pairs)
        if earlier is None or block_name(block) not in earlier.finished():
            return True
        began, left = self.store.read(block_name(block)), earlier.read(block_name(block))
        digests = dict(zip(left["run/index"].tolist(), left["run/digest"].tolist(), strict=True))
        return all(
            digests.get(index) == digest
            for index, digest in zip(began["run/index"].tolist(), began["run/original"].tolist(), strict=True)
        )

    def _run(self, missing: list[int], workers: Workers, tally: Tally, treat: bool, keep: bool) -> list[bool]:
        """Make the missing blocks that no other process is making, on all workers; return of each whether it was."""
        tally.expect(self._count(missing))

        def make(worker: Worker, block: int) -> bool:
            with self.store.claim(block_name(block)) as ours:
                finished = self.store.finished()
                if ours and not tally.hopeless and self._is_missing(block, finished.keys(), treat, keep):
                    self.store.discard(finished.keys() & set(self._names_of(block, treat=True, keep=True)))
                    tally.begin(run_indices(self.scenario, block))
                    self._store(self._runs.make(worker, block, tally, treat=treat, keep=keep), tally)
                return ours

        return list(workers.map(make, missing))

    def _store(self, blocks: dict[str, Arrays], tally: Tally) -> None:
        """Write what was made of a block."""
        written = [(name, write_block(self.store.path(name), arrays)) for name, arrays in blocks.items()]
        # First, because a failed run must not be forgotten with its block on record.
        tally.flush()
        for each in written:
            self.store.record(*each)

    def _with_cost(self, known: Outcome, timer: Timer) -> Outcome:
        """Return the outcome with the cost of the runs that it has."""
        arrays = [self.store.read(block_name(block)) for block in self._blocks]
        indices, seconds = (np.concatenate([own[f"run/{key}"] for own in arrays]) for key in ("index", "seconds"))
        timing = time_runs(timer, self._runs, indices, seconds)
        return replace(known, attempted=self.scenario.protocol.models, timing=timing)

    @property
    def _blocks(self) -> range:
        return self.scenario.blocks(self.scenario.protocol.models)

    def _names_of(self, block: int, treat: bool, keep: bool) -> list[str]:
        """Return the names of what is stored of a block of runs."""
        treated = [treated_block(self.scenario, UNLEARNED, block)] if treat else []
        return [block_name(block), *treated, *([returned_block(block)] if keep else [])]

    def _block_of(self, index: int) -> int:
        return index // self.scenario.protocol.block

    def _count(self, blocks: list[int]) -> int:
        """Return how many runs the blocks have."""
        return sum(len(run_indices(self.scenario, block)) for block in blocks)
