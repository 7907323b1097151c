"""Work on a Dask cluster: a scheduler and workers in processes and folders of their own, some of which are killed."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager

import pytest
from real_processes import assert_same, empty_workspace, keep_only, kill, pool_blocks, run_evidence, start, wait_until

from benchmark.cluster import connect
from benchmark.errors import BadMachine
from benchmark.results.tuning import Tuning
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import tuned_file


class Workers:
    """A scheduler and its workers, started as a user does."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "scheduler.json"
        folder.mkdir()
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file), name="scheduler"
        )
        wait_until(lambda: self.file.exists() and self.file.read_text().strip().endswith("}"))
        self.workers = []

    @property
    def address(self) -> str:
        return json.loads(self.file.read_text())["address"]

    def add(self):
        """Start a worker in a folder of its own."""
        name = f"worker-{len(self.workers)}"
        worker = self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--name", name, name=name
        )
        self.workers.append(worker)
        return worker

    def _start(self, *arguments, name):
        home = self.folder / name
        home.mkdir()
        with (home / "log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]],
                cwd=home,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self):
        for process in (*self.workers, self.scheduler):
            kill(process)


@contextmanager
def cluster_in(folder, count):
    cluster = Workers(folder)
    try:
        for _ in range(count):
            cluster.add()
        yield cluster
    finally:
        cluster.end()


@pytest.mark.long
def test_three_workers_of_which_some_are_killed_give_the_evidence_of_one_machine(
    finished, miniature, miniature_file, tmp_path
):
    workspace = empty_workspace(tmp_path / "shared", finished, miniature, "finetune")
    with cluster_in(tmp_path / "cluster", 3) as cluster:
        process = start(
            workspace, "run", "finetune", "--scenario", miniature_file, "--engine", "dask", "--cluster", cluster.file
        )
        try:
            wait_until(lambda: (workspace.pool(miniature) / "manifest.json").exists(), 120)
            kill(cluster.workers[0])
            cluster.add()
            wait_until(lambda: list(workspace.evidence.glob(f"{miniature.label}/finetune-*/.working/*")), 120)
            kill(cluster.workers[1])
            _, said = process.communicate(timeout=300)
        finally:
            kill(process)
        assert process.returncode == 0, said
        assert [worker.poll() for worker in cluster.workers[2:]] == [None, None]  # nothing of ours has ended them
    assert pool_blocks(workspace, miniature) == pool_blocks(finished, miniature)
    assert_same(*(run_evidence(each, miniature, "finetune") for each in (workspace, finished)))


@pytest.mark.faults
def test_a_lost_scheduler_is_one_sentence_and_the_same_command_goes_on(finished, miniature, miniature_file, tmp_path):
    workspace = empty_workspace(tmp_path / "shared", finished, miniature, "finetune")
    command = "prepare", "--scenario", miniature_file, "--engine", "dask", "--cluster"
    with cluster_in(tmp_path / "first", 1) as cluster:
        process = start(workspace, *command, cluster.address)
        wait_until(lambda: (workspace.pool(miniature) / "manifest.json").exists(), 120)
        cluster.end()
        _, said = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in said) == (2, False), said
    assert "error: the scheduler is gone" in said
    process = start(workspace, *command[:-1], "--jobs", "1")  # a cluster of its own
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert pool_blocks(workspace, miniature) == pool_blocks(finished, miniature)


@pytest.mark.faults
def test_searches_and_studies_run_on_workers_too(finished, miniature, miniature_file):
    keep_only(finished, "scrub", "finetune")
    here = "--engine", "dask", "--jobs", "2"
    process = start(finished, "tune", "--all", "--trials", "2", "--scenario", miniature_file, *here)
    _, said = process.communicate(timeout=400)
    assert "Traceback" not in said, said
    records = [Tuning.read(tuned_file(finished.submissions / name, miniature)) for name in ("scrub", "finetune")]
    assert [len(record.trials) for record in records] == [2, 2]
    study = "study", "--planted", "--pools", "5", "--models", "64", "--metric", "leak", "--json"
    process = start(finished, *study, *here)
    out, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    assert "leak" in {row["metric"] for row in json.loads(out)}


def test_where_no_scheduler_answers_the_error_says_what_to_start(tmp_path):
    sentence = "--cluster is tcp://127.0.0.1:9, where no scheduler answers"
    nowhere = connect("tcp://127.0.0.1:9", Workspace(tmp_path), 1, patience=1.0)
    with pytest.raises(BadMachine, match=re.escape(sentence)), nowhere:
        pass


def test_a_cluster_without_its_engine_is_refused(bench, finished):
    done = bench("run", "finetune", "--cluster", "tcp://127.0.0.1:9", "--models", "6")
    assert done.returncode == 2
    assert "--cluster tcp://127.0.0.1:9 came without --engine dask, expected both; add it" in done.stderr
