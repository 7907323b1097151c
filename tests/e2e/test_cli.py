"""The whole harness as a user runs it: `bench` in a process of its own, on the miniature scenario."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from shared_fixtures import write_secret

from benchmark import leaderboard
from benchmark import pipeline as evaluation
from benchmark.cli.running import start_what_comes
from benchmark.errors import MissingData
from benchmark.leaderboard.table import columns
from benchmark.references import pool as references
from benchmark.results.board_file import read_card
from benchmark.results.scorecard import Scorecard
from benchmark.sandbox import process
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session


@pytest.fixture
def own_process(workspace, miniature_file):
    """Starts `bench ARGUMENTS` on the miniature as a user does: in a process and a session of its own."""

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-m", "benchmark.cli", *arguments, "--scenario", str(miniature_file)],
            cwd=workspace.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def scorecard(workspace, miniature, name):
    return Scorecard.read(workspace.results / "scorecards" / miniature.label / f"{name}.json")


def test_a_run_leaves_a_row_a_scorecard_and_evidence_and_says_what_draws_plots(own_process, workspace, miniature):
    process = own_process("run", "--submission", "finetune")
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert "finetune" in stdout
    card = scorecard(workspace, miniature, "finetune")
    assert card.status in ("ok", "over-budget")  # nets this small train faster than a loader loads
    assert (card.models, card.scenario_hash) == (8, miniature.hash)
    assert (card.attempted_runs, card.failed_runs, card.integrity.deterministic) == (8, 0, True)
    assert card.examples == len(card.per_example("epsilon")) == 10
    assert card.why_absent("worst_class_leak").startswith("1 of 7 classes have 3 forget examples or more")
    rows = pd.read_csv(workspace.results / "leaderboard.csv")
    assert list(rows.columns) == columns()
    row = rows.iloc[0]
    assert (row["rank"], row["submission"], row["models"]) == (1, "finetune", 8)
    assert row["score"] == pytest.approx(card.value("score"), rel=1e-5)
    assert row["score_low"] <= row["score"] <= row["score_high"]
    assert row["retraining_share"] > 0
    assert not (workspace.results / "plots").exists()
    assert "`bench leaderboard` draws the board's plots" in " ".join(stdout.split())


def test_rerunning_repeats_nothing_and_changes_nothing(bench, finished, miniature):
    before = scorecard(finished, miniature, "identity")
    shutil.rmtree(finished.submissions / "identity" / "__pycache__", ignore_errors=True)
    again = bench("run", "--submission", "identity")
    assert again.returncode == 0, again.stderr
    assert "running" not in again.stderr
    assert scorecard(finished, miniature, "identity") == before


def test_a_row_from_before_a_metric_is_scored_again(bench, finished, miniature):
    before = read_card(finished.results, miniature.label, "identity")
    older = {name: value for name, value in before.metrics.items() if name != "leak"}
    before.model_copy(update={"metrics": older}).write(finished)
    again = bench("run", "--submission", "identity")
    assert again.returncode == 0, again.stderr
    found = read_card(finished.results, miniature.label, "identity").metrics
    assert found == before.metrics


def test_both_controls_have_a_row_and_neither_has_a_rank(bench, finished):
    assert bench("run", "--submission", "retrain").returncode == 0
    rows = pd.read_csv(finished.results / "leaderboard.csv").set_index("submission")
    assert rows.loc["identity", "change"] == 0 < rows.loc["retrain", "change"]  # eight models order no scores
    assert rows["rank"].isna().to_dict() == {"identity": True, "retrain": True, "finetune": False}
    assert rows["control"].to_dict() == {"identity": True, "retrain": True, "finetune": False}


@pytest.mark.parametrize(
    ("source", "status"),
    [("def unlearning(net, a, b, c): raise RuntimeError('no luck')", "crashed"), ("x = 1", "not-a-submission")],
)
def test_a_failure_is_a_row_and_a_non_zero_exit(source, status, bench, submit, workspace, miniature):
    submit(source)
    done = bench("run", "--submission", "newcomer")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"newcomer is {status}" in done.stderr
    row = pd.read_csv(workspace.results / "leaderboard.csv").iloc[0]
    assert (row["submission"], row["status"]) == ("newcomer", status)
    assert pd.isna(row["rank"])
    assert pd.isna(row["score"])
    assert workspace.log(miniature.label, "newcomer").read_text().strip()


def test_json_is_the_scorecard(bench, finished, miniature):
    done = bench("run", "--submission", "identity", "--json")
    assert Scorecard.model_validate_json(done.stdout) == scorecard(finished, miniature, "identity")


@pytest.mark.faults
def test_scores_survive_kills_at_random_moments(bench, own_process, workspace, miniature):
    assert bench("run", "--submission", "random_label").returncode == 0
    undisturbed = scorecard(workspace, miniature, "random_label")
    shutil.rmtree(workspace.results)
    shutil.rmtree(workspace.pools)
    write_secret(workspace, miniature)
    moments = random.Random(0)
    for _ in range(2):
        process = own_process("run", "--submission", "random_label", "--jobs", "1")
        time.sleep(moments.uniform(3, 9))
        process.kill()
        process.communicate()
    assert bench("run", "--submission", "random_label").returncode == 0
    assert bench("score", "random_label").returncode == 0  # a process that came to its end took more resamples
    card = scorecard(workspace, miniature, "random_label")
    timing = {"run_seconds": None, "retraining_share": None, "peak_memory": None}
    assert card.metrics | timing == undisturbed.metrics | timing
    assert card.resampled == undisturbed.resampled
    assert card.evidence_hash == undisturbed.evidence_hash


@pytest.mark.long
def test_ctrl_c_is_answered_in_one_sentence(own_process, submit, workspace):
    submit("import time\ndef unlearning(net, a, b, c): time.sleep(5)")
    process = own_process("run", "--submission", "newcomer")
    patience = time.monotonic() + 120
    while not (workspace.results / "evidence").exists() and time.monotonic() < patience:
        time.sleep(0.1)
    assert (workspace.results / "evidence").exists()
    time.sleep(4)  # so that the workers are at it
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--submission", "nobody"), "there is no submission 'nobody'"),
        (("run", "--submission", "finetune", "--models", "3"), r"protocol.models is 3"),
        (("list", "cats"), "nothing called 'cats'"),
        (("run", "--all", "--time-again"), "--time-again came with --all"),
        (("run", "--submission", "finetune+tuned"), "finetune has no tuned values in"),
        (("new", "../up"), "cannot name a submission"),
        (("new", "finetune"), "is there already"),
    ],
)
def test_errors_are_one_sentence(arguments, sentence, bench):
    done = bench(*arguments) if arguments[0] == "run" else bench(*arguments, scenario=None)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_lists_are_for_people_and_for_machines(bench, miniature):
    names = [row["submission"] for row in json.loads(bench("list", "submissions", "--json", scenario=None).stdout)]
    assert {"identity", "retrain", "finetune", "neggrad_plus", "random_label"} <= set(names)
    assert "digits-cnn" in bench("list", "scenarios", scenario=None).stdout
    (pool,) = json.loads(bench("list", "pools", "--json", scenario=None).stdout)
    assert (pool["pool"], pool["finished_blocks"]) == (f"miniature-{miniature.pool_hash}", 8)
    networks = {row["network"]: row for row in json.loads(bench("list", "networks", "--json", scenario=None).stdout)}
    assert {"mlp", "cnn", "torchvision", "file"} <= set(networks)
    assert (networks["torchvision"]["keys"], networks["cnn"]["from"]) == ("model, stem", "the benchmark")
    tasks = {row["task"]: row for row in json.loads(bench("list", "tasks", "--json", scenario=None).stdout)}
    assert "Prediction of classes." in tasks["classification"]["description"]


def test_a_new_submission_passes_its_check(bench, workspace):
    assert bench("new", "mine", scenario=None).returncode == 0
    done = bench("check", "mine")
    assert done.returncode == 0, done.stderr
    assert "keeps the contract" in done.stdout
    assert not workspace.results.exists()


def test_check_warns_of_a_net_that_did_not_change_and_fails_on_a_broken_one(bench, submit):
    assert "changed nothing" in bench("check", "identity").stderr
    submit("def unlearning(net, a, b, c): 1 / 0")
    done = bench("check", "newcomer")
    assert done.returncode == 2
    assert "ZeroDivisionError" in done.stderr
    submit("def unlearning(net, a, b, c):\n    for p in net.parameters(): p.data.fill_(1e30)\n    return net")
    done = bench("check", "newcomer")
    assert done.returncode == 2
    assert "newcomer is invalid-output: the returned net's outputs are not finite" in done.stderr


def test_workers_start_ahead_of_a_run_on_a_pool_that_is_there(bench, workspace, miniature, miniature_file, monkeypatch):
    started, imported = [], []
    session = Session(workspace, ahead=SimpleNamespace(start=lambda *given: started.append(given)))
    monkeypatch.setattr("benchmark.engine.start_importing", lambda module, jobs: imported.append(module))
    monkeypatch.chdir(workspace.root)

    def started_ahead(submission, scenario=str(miniature_file), device=None):
        started.clear()
        start_what_comes(session, load_scenario(scenario), device, submission)
        return [(folder.name, count) for folder, count in started]

    assert started_ahead("finetune") == started_ahead("finetune+tuned", device="cpu") == [("finetune", 1)]
    assert set(imported) == {"benchmark.metrics.resampling"}
    for name in (None, "nobody", "../submissions", "..", "/"):
        assert started_ahead(name) == []
    assert started_ahead("finetune", device="cuda") == []
    imported.clear()
    assert started_ahead("finetune", scenario="digits") == []
    assert imported == ["benchmark.references.pool"]


@pytest.mark.own_worker
def test_no_worker_that_was_started_ahead_is_left(bench, workspace, monkeypatch):
    started, taken, real = [], [], process.Ahead.take

    def watched(ahead, submission, *, gpu):
        started.extend(ahead._started)
        own = real(ahead, submission, gpu=gpu)
        taken.append(own in started)
        return own

    monkeypatch.setattr(process.Ahead, "take", watched)
    assert bench("run", "--submission", "finetune").returncode == 0
    assert taken
    assert all(taken)
    assert all(own.has_ended for own in started)
    assert bench("run", "--submission", "finetune").returncode == 0  # everything is there
    assert all(own.has_ended for own in started)
    assert bench("run", "--submission", "finetune", "--allow-failures", "9").returncode == 2
    assert all(own.has_ended for own in started)


def test_all_is_every_entry_that_has_no_row_and_shows_what_others_have_added(bench, finished, miniature, monkeypatch):
    for folder in finished.submissions.iterdir():
        if folder.name not in ("identity", "finetune"):
            shutil.rmtree(folder)
    (finished.results / "scorecards" / miniature.label / "finetune.json").unlink()
    shutil.rmtree(next((finished.evidence / miniature.label).glob("finetune-*")))
    before = scorecard(finished, miniature, "identity")
    real = leaderboard.rebuild

    def rebuild(workspace, changed=(), warn=pytest.fail):
        rows = real(workspace, changed, warn)
        for card in changed:  # as soon as this process has shown its row, another one has a scorecard too
            card.model_copy(update={"submission": "another"}).write(workspace)
        return rows

    monkeypatch.setattr(leaderboard, "rebuild", rebuild)
    done = bench("run", "--all")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("identity", "finetune", "another"))
    assert scorecard(finished, miniature, "identity") == before
    monkeypatch.setattr(evaluation, "evaluate", lambda *_, **__: pytest.fail("nothing is missing"))
    assert bench("run", "--all").returncode == 0


def test_one_bad_folder_does_not_keep_all_others_from_being_run(bench, workspace, miniature, submit, monkeypatch):
    for folder in workspace.submissions.iterdir():
        if folder.name != "identity":
            shutil.rmtree(folder)
    broken = workspace.submissions / submit("def unlearning(net, a, b, c): pass", "broken") / "tuned"
    broken.mkdir()
    (broken / "miniature.json").write_text("{}")
    rows = json.loads(bench("list", "--json", scenario=None).stdout)
    assert [row["submission"] for row in rows] == ["broken", "identity"]
    assert "holds no hyperparameters; delete it and tune again" in rows[0]["title"]
    done = bench("run", "--all")
    assert done.returncode == 2
    assert "broken+tuned is left out: " in done.stderr
    assert done.stderr.strip().endswith("1 entries could not be run: broken+tuned; see the notes above")
    rows = pd.read_csv(workspace.results / "leaderboard.csv")
    assert set(rows.submission) == {"broken", "identity"}

    def evaluate(*_, **__):
        raise MissingData("there is no data")

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    shutil.rmtree(workspace.results / "scorecards")
    done = bench("run", "--all")
    assert (done.returncode, done.stderr.count("there is no data")) == (2, 1)  # of any entry, so the first is the last


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "memory ran out: MemoryError"),
        (torch.OutOfMemoryError("CUDA out of memory.\nTried"), "memory ran out: OutOfMemoryError"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "memory ran out: RuntimeError"),
        (BrokenExecutor("terminated"), "the system killed a process of this command, as it does when memory runs out"),
    ],
)
def test_where_memory_runs_out_is_one_sentence(error, said, bench, monkeypatch):
    def prepare(*_):
        raise error

    monkeypatch.setattr(references.Pool, "prepare", prepare)
    done = bench("prepare")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == f"error: {said}; give it fewer --jobs, or the scenario a smaller protocol.block"


def test_another_error_of_the_same_kind_is_a_fault_of_the_harness(bench, workspace, monkeypatch):
    def prepare(*_):
        raise RuntimeError("something else")

    monkeypatch.setattr(references.Pool, "prepare", prepare)
    done = bench("prepare")
    log = workspace.results / "logs" / "harness-error.log"
    assert done.returncode == 3
    assert f"this command met a fault of the harness, RuntimeError: something else; report it with {log}" in done.stderr
    assert "Traceback" in log.read_text()


def test_what_a_newcomer_wrote_is_no_markup(bench, submit):
    submit("TITLE = '[b]a[/x]:+1:'\ndef unlearning(net, a, b, c): raise ValueError('[1] of [/x]')")
    done = bench("list", scenario=None)
    assert done.returncode == 0
    assert "[b]a[/x]:+1:" in done.stdout
    done = bench("run", "--submission", "newcomer")
    assert (done.returncode, "ValueError: [1] of [/x]" in done.stderr) == (2, True)


def test_a_submission_that_fails_with_some_seeds_does_not_pass_a_check(bench, submit, miniature):
    lucky = miniature.seed("unlearned", 0)
    submit(f"def unlearning(net, a, b, c, seed):\n    assert seed == {lucky}")
    done = bench("check", "newcomer")
    assert done.returncode == 2
    assert "went well with one seed, but 2 of 3 runs from the same original with other seeds failed" in done.stderr
    assert "AssertionError (submission.py, line 2)" in done.stderr


SWAPPED = """
def unlearning(net, forget_loader, retain_loader, lr=0.001):
    print("forget", len(forget_loader.dataset))
    net[1].bias.data += lr
"""
NOTE = "unlearning is called with net=the net, forget_loader=the forget loader, retain_loader=the retain loader"


def test_what_is_bound_to_what_is_said_once_where_it_is_not_the_plain_order(bench, submit):
    name = submit(SWAPPED)
    for command in (("check", name), ("run", "--submission", name)):
        done = bench(*command)
        assert done.returncode == 0, done.stderr
        said = " ".join(done.stderr.split())
        assert said.count(f"{NOTE}, lr=its own default") == 1, said
    assert "called with" not in bench("check", "finetune").stderr


def test_the_prints_of_the_first_runs_are_kept_here_and_published_nowhere(bench, submit, workspace, miniature):
    name = submit(SWAPPED.replace("print(", "print('x' * 5000, "))
    assert bench("run", "--submission", name).returncode == 0
    kept = [workspace.log(miniature.label, f"{name}.run-{index}") for index in range(3)]
    for path in kept:
        printed = path.read_text()
        assert printed.startswith("xxx")
        assert printed.endswith("x forget 10\n")
        assert len(printed) == 4000
    assert sorted(kept[0].parent.glob(f"{name}*")) == kept
    assert "forget 10" not in scorecard(workspace, miniature, name).model_dump_json()
