"""Counts the runs of one entry that ended, those of other processes too, on the disk, and knows when to give up."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from benchmark.results.outcome import OUTCOME_FILE, FailedRun, Outcome, read_outcome, write_outcome
from benchmark.session import Session
from benchmark.storage.block_store import BlockStore
from benchmark.storage.locks import hold

_LABEL = "running the submission"

# Failed runs beyond the allowed ones after which the rest is not worth trying.
_PATIENCE = 8


class Tally:
    """A count of an entry's runs: `runs.json` beside their blocks, and what this process has not written yet."""

    def __init__(self, session: Session, store: BlockStore, allowed: int) -> None:
        """`allowed`: failures that do not cost the score."""
        self._progress, self._warn = session.progress, session.warn
        self._store, self._allowed = store, allowed
        self._lock = threading.Lock()
        self._notes = set[str]()
        self._unwritten = 0  # runs that ended
        self._begin, self._total = 0, 0
        self._known, self._stamp = Outcome((), 0, allowed), (0, 0, 0)

    def expect(self, missing: int) -> None:
        """Begin to tell the progress: so many runs are missing."""
        self._begin, self._total = self.outcome.attempted, missing
        self.tell()

    @property
    def outcome(self) -> Outcome:
        """The outcome on the disk, which other processes write too; it is read again where the file is another."""
        try:
            there = (self._store.folder / OUTCOME_FILE).stat()
        except OSError:
            return Outcome((), 0, self._allowed)
        stamp = there.st_ino, there.st_mtime_ns, there.st_size
        if stamp != self._stamp:
            self._known, self._stamp = self._read(), stamp
        return self._known

    def _read(self) -> Outcome:
        return read_outcome(self._store) or Outcome((), 0, self._allowed)

    @property
    def hopeless(self) -> bool:
        """True where too many runs failed for the rest to be worth trying."""
        known = self.outcome
        beyond = len(known.failed) - self._allowed
        return beyond > 0 and (2 * len(known.failed) >= known.attempted + self._unwritten or beyond > _PATIENCE)

    def begin(self, runs: range) -> None:
        """Forget what is known of these runs, which are made now: whoever began with them was killed meanwhile."""
        with self._lock:
            self._write([], forgotten=runs)

    def count(self, note: str) -> None:
        """Count a run; warn once about each way of passing arguments that is not the plain order."""
        with self._lock:
            self.tell_once(note)
            self._unwritten += 1
            self.tell()

    def tell_once(self, note: str) -> None:
        """Warn about something, unless there is nothing to say, or it was said."""
        if note and note not in self._notes:
            self._notes.add(note)
            self._warn(note)

    def failed_with(self, run: FailedRun) -> None:
        """Note how a run failed, where all processes see it."""
        with self._lock:
            self._write([run])

    def flush(self) -> None:
        """Write how many runs ended: a block of them is about to be on record."""
        with self._lock:
            self._write([])

    def _write(self, failed: Sequence[FailedRun], forgotten: range = range(0)) -> None:
        while True:
            with hold(self._store.folder / ".outcome.lock") as held:
                known = self._read()  # whatever a network's file system remembers of the file
                stays = [run for run in known.failed if run.index not in forgotten]
                attempted = known.attempted + self._unwritten - (len(known.failed) - len(stays))
                both = {run.index: run for run in [*stays, *failed]}
                ordered = tuple(both[index] for index in sorted(both))
                outcome = replace(known, failed=ordered, attempted=max(attempted, 0), allowed=self._allowed)
                if not held.is_lost():
                    if outcome != known:
                        write_outcome(self._store, outcome)
                    self._unwritten = 0
                    return

    def tell(self) -> None:
        """Tell how many of the missing runs have ended."""
        ended = self.outcome.attempted + self._unwritten - self._begin
        self._progress(_LABEL, min(max(ended, 0), self._total), self._total)
