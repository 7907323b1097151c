"""Submissions that lie to the harness, or are odd in a way that their row has to say."""

import os
import re

import pytest
from hostile import body, load_strict, needs_sandbox, orphans_come_here, run_hostile, write_strict_file  # noqa: F401

from benchmark.references.pool import Pool
from benchmark.results.scorecard import evidence_hash_of
from benchmark.sandbox import bubblewrap as sandbox
from benchmark.sandbox.bubblewrap import why_no_sandbox
from benchmark.session import Session

LIES = {
    "patches": """
        busy = time.process_time() + 0.15
        while time.process_time() < busy: pass
        for name in ("time", "monotonic", "perf_counter", "process_time", "time_ns", "thread_time"):
            setattr(time, name, lambda: 0)
        resource.getrusage = os.times = lambda *_: 0
        torch.save = torch.load = lambda *_, **__: None
        import safetensors.torch
        safetensors.torch.save_file = safetensors.torch.load_file = safetensors.torch.save = lambda *_, **__: b""
        torch.nn.Module.__call__ = torch.nn.Module.forward = lambda self, x: torch.eye(10)[[0] * len(x)]
        torch.nn.functional.linear = torch.Tensor.argmax = torch.isfinite = lambda *_, **__: torch.tensor(True)
        """,
    "hooks and global state": """
        net.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
        net.register_forward_pre_hook(lambda module, inputs: os._exit(1))
        net[1].register_full_backward_hook(lambda *_: os._exit(1))
        torch.nn.modules.module.register_module_forward_hook(lambda *_: os._exit(1))
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.use_deterministic_algorithms(True)
        torch.set_grad_enabled(False)
        torch.set_num_threads(7)
        torch.manual_seed(0)
        np.seterr(all="raise")
        sys.setrecursionlimit(50)
        os.umask(0o777)
        """,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_told_in_the_worker_changes_nothing_outside(lie, hostile, workspace, strict):
    """Submissions that leave the weights alone, and everything else not: their evidence is the originals'."""
    run = hostile(body(LIES[lie]))
    assert run.card.status in ("ok", "over-budget"), run.log
    assert run.card.evidence_hash == evidence_hash_of(Pool(Session(workspace), strict).evidence("original"))
    assert (run.card.integrity.unchanged_runs, run.card.integrity.change) == (6, 0.0)
    assert (run.card.integrity.repeated_runs, run.card.integrity.deterministic) == (0, True)
    if lie == "patches":  # none of the functions that it patched is the one that counts: with them it would be 0
        assert run.card.value("run_seconds") > 0.05


@needs_sandbox
@pytest.mark.own_worker
@pytest.mark.long
def test_a_submission_that_is_cheap_only_when_it_is_timed_gains_nothing(hostile):
    """Runs are forked one after another, so the number of its process tells a run which of them it is."""
    run = hostile(
        body(
            """
            if os.getpid() < 14:  # timing's 3 + 3 runs, the 6 that count; behind them, those that are timed
                busy = time.process_time() + 0.25
                while time.process_time() < busy: pass
            """
        )
    )
    assert run.card.status in ("ok", "over-budget"), run.log
    assert run.card.value("run_seconds") > 0.08


def test_runs_that_ignore_their_original_are_reported(hostile):
    run = hostile(body("for i, p in enumerate(net.parameters()): p.data.fill_(0.01 * i)"))
    assert run.card.status in ("ok", "over-budget"), run.log
    integrity = run.card.integrity
    assert (integrity.repeated_runs, integrity.unchanged_runs, integrity.deterministic) == (6, 0, True)
    assert integrity.change > 0.5
    assert run.row["repeated_runs"] == "6"


def test_chance_beyond_the_seed_and_examples_taken_are_reported(hostile):
    run = hostile(
        body(
            """
            from torch.utils.data import DataLoader
            torch.manual_seed(time.time_ns())
            for p in net.parameters(): p.data += 1e-3 * torch.randn_like(p)
            for _ in range(2):
                for batch in retain_loader: pass
            for _ in range(3):
                for batch in DataLoader(forget_loader.dataset, batch_size=3): pass
            """
        )
    )
    assert run.card.status in ("ok", "over-budget"), run.log
    integrity = run.card.integrity
    assert integrity.deterministic is False
    assert (integrity.retain_epochs, integrity.forget_epochs, integrity.validation_epochs) == (2.0, 3.0, 0.0)
    assert (integrity.unchanged_runs, integrity.repeated_runs) == (0, 0)


def test_allowed_failures_give_a_score_and_the_row_says_so(hostile, strict, workspace):
    bad = Pool(Session(workspace), strict).seed("unlearned", 2)
    source = f"def unlearning(net, a, b, c, seed):\n    assert seed != {bad}, 'an unlucky seed'"
    run = hostile(source, models=8)
    reason = "1 of 8 runs failed; run 2: AssertionError (submission.py, line 2)"
    given_up = re.sub(r" \(given up after \d\)", "", run.card.reason)  # where run 2 comes first: the order is secret
    assert (run.card.status, given_up) == ("crashed", reason)
    assert "AssertionError: an unlucky seed" in " ".join(run.stderr.split())
    run = hostile(source, "--allow-failures", "1", models=8)
    assert run.card.status in ("ok", "over-budget"), run.log
    assert run.card.status == "over-budget" or reason in run.card.reason  # timing may add a word
    assert (run.card.failed_runs, run.card.allowed_failures, run.card.attempted_runs) == (1, 1, 8)
    assert run.card.value("score") > 0
    assert (run.row["failed_runs"], run.row["allowed_failures"]) == ("1", "1")


def test_too_few_runs_to_score_are_not_allowed(hostile):
    run = hostile("1 / 0", "--allow-failures", "1")
    assert (run.returncode, run.card) == (2, None)
    assert "1 allowed failures came, expected at most" in run.stderr


def test_without_a_sandbox_one_can_be_required(bench, workspace, monkeypatch):
    monkeypatch.setattr(sandbox, "why_no_sandbox", lambda: "a test of the fallback")
    done = bench("run", "--submission", "identity", "--require-sandbox")
    assert done.returncode == 2
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("error: there is no sandbox: a test of the fallback")
    assert not workspace.results.exists()


def test_where_ci_runs_there_is_a_sandbox():
    assert not os.environ.get("CI") or why_no_sandbox() is None, why_no_sandbox()
