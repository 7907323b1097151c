"""Runs that end are counted on the disk, by several processes at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmark.results.outcome import FailedRun, Outcome, read_outcome, write_outcome
from benchmark.runs.tally import Tally
from benchmark.session import Session
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import Workspace


@pytest.fixture
def store(tmp_path):
    store = BlockStore(tmp_path / "runs", {})
    store.folder.mkdir()
    write_outcome(store, Outcome((), 0, 0))
    return store


def new_tally(store, allowed=0, said=None):
    return Tally(Session(Workspace(store.folder), warn=(said if said is not None else []).append), store, allowed)


def failed(index):
    return FailedRun(index, "crashed", "not today", "")


def test_what_several_count_at_once_is_all_there(store):
    def work(first):
        tally = new_tally(store, allowed=100)
        for index in range(first, first + 10):
            tally.count("")
            if index % 2:
                tally.failed_with(failed(index))
        tally.flush()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(0, 80, 10)))
    outcome = read_outcome(store)
    assert outcome.attempted == 80
    assert [run.index for run in outcome.failed] == list(range(1, 80, 2))


@pytest.mark.parametrize(
    ("allowed", "ended", "failures", "hopeless"),
    [(0, 0, 0, False), (0, 1, 1, True), (0, 9, 1, False), (2, 9, 2, False), (2, 6, 3, True), (0, 90, 9, True)],
)
def test_one_process_gives_up_by_what_another_has_counted(allowed, ended, failures, hopeless, store):
    one, other = new_tally(store, allowed), new_tally(store, allowed)
    assert not other.hopeless
    for index in range(ended):
        one.count("")
        if index < failures:
            one.failed_with(failed(index))
    one.flush()
    assert one.hopeless == other.hopeless == hopeless


def test_runs_that_a_killed_process_counted_are_forgotten_when_another_makes_them(store):
    killed, tally = new_tally(store), new_tally(store)
    killed.count("")
    killed.failed_with(failed(5))
    killed.count("")
    killed.failed_with(failed(2))
    tally.begin(range(4, 8))
    outcome = read_outcome(store)
    assert ([run.index for run in outcome.failed], outcome.attempted) == ([2], 1)


def test_the_same_is_said_once(store):
    said = []
    tally = new_tally(store, said=said)
    for note in ("", "by name", "by name", "in order"):
        tally.count(note)
    assert said == ["by name", "in order"]
