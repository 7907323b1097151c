"""`bench check`: what it says of submissions that fail, do nothing or are to be debugged."""

import os
import re
import subprocess
import sys

import pytest

from benchmark.runs import checking


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def unlearning(net, a, b:\n    pass", "SyntaxError: "),
        ("x = 1", "defines no unlearning"),
        ("import helper\nfrom missing import x\ndef unlearn(*a): pass", "defines no unlearning"),
    ],
)
def test_what_is_no_submission_is_refused_before_torch_is_imported(source, sentence, submit, workspace, miniature_file):
    submit(source)
    arguments = ["check", "newcomer", "--scenario", str(miniature_file)]
    program = (
        f"import sys, time\nfrom benchmark.cli import main\ntry: main({arguments})\n"
        "finally: print('torch' in sys.modules, time.process_time())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=workspace.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"error: newcomer is not-a-submission: {'submission.py ' if 'defines' in sentence else ''}{sentence}" in (
        done.stderr
    )
    imported, seconds = done.stdout.split()[-2:]
    assert imported == "False"
    assert float(seconds) < 3


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("seed % 2", "ValueError: an odd seed"),
        ("seed % 2 == 0", "ValueError: an odd seed"),
        ("torch.rand(1) > 0.5", "ValueError: an odd seed"),
    ],
)
def test_the_exception_is_shown_when_only_some_seeds_fail(condition, message, bench, submit):
    submit(
        "import torch\n"
        "def unlearning(net, a, b, c, seed):\n"
        f"    if {condition}:\n"
        "        raise ValueError('an odd seed')\n"
    )
    done = bench("check", "newcomer")
    assert done.returncode == 2
    assert re.search(r"went well with one seed, but \d+ of \d+ runs from the same original", done.stderr)
    assert message in next(line for line in done.stderr.splitlines() if line.startswith("error:"))
    assert "line 4" in done.stderr
    assert "is crashed" in done.stderr


def test_a_retrained_model_stands_beside_the_original_and_the_unlearned_one(bench, submit):
    submit("import torch\ndef unlearning(net, a, b, c):\n    for p in net.parameters(): p.data.zero_()\n")
    done = bench("check", "newcomer")
    assert done.returncode == 0, done.stderr
    lines = [re.findall(r"[\w.%–]+", line) for line in done.stdout.splitlines()]
    rows = {words[0]: words[1:] for words in lines if words}
    assert rows["accuracy"] == ["on", "original", "unlearned", "retrained"]
    shown = {name: [float(cell.rstrip("%")) for cell in rows[name]] for name in ("forget", "retain", "validation")}
    assert shown["retain"][0] > 30
    assert shown["retain"][2] > 30  # it was trained as the original was
    assert max(shown["retain"][1], shown["validation"][1]) < 25
    assert rows["cost"][0] == "–"
    assert [cell for cell in rows["cost"] if cell == "s"] == ["s", "s"]


@pytest.mark.parametrize(
    ("body", "unchanged"),
    [("pass", 3), ("return net", 3), ("next(net.parameters()).data.add_(0)", 3)],
)
def test_a_submission_that_does_nothing_is_told_so(body, unchanged, bench, submit):
    submit(f"def unlearning(net, a, b, c): {body}")
    done = bench("check", "newcomer")
    assert done.returncode == 0, done.stderr
    assert f"newcomer changed nothing: it returned its original in {unchanged} of 3 runs" in done.stderr


def test_a_submission_that_sometimes_does_nothing_is_told_so(bench, submit):
    submit("def unlearning(net, a, b, c, seed):\n    if seed % 2: next(net.parameters()).data.mul_(1.5)\n")
    done = bench("check", "newcomer")
    assert done.returncode == 0, done.stderr
    counts = re.findall(r"returned its original in (\d) of 3 runs", done.stderr)
    assert counts == ["2"]


def test_debugging_calls_the_function_in_the_users_own_process(bench, submit, tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "Worker", lambda *_, **__: pytest.fail("no sandbox is wanted"))
    written = tmp_path / "written"
    submit(
        "import os, pathlib\nHYPERPARAMETERS = {}\n"
        "def unlearning(net, retain_loader, forget_loader, val_loader, recipe, device, seed):\n"
        f"    pathlib.Path({str(written)!r}).write_text(str(os.getpid()))\n"
        "    for inputs, targets in forget_loader: net(inputs)\n"
        "    return recipe(retain_loader)\n"
    )
    done = bench("check", "newcomer", "--debug")
    assert done.returncode == 0, done.stderr
    assert written.read_text() == str(os.getpid())
    assert "no sandbox: newcomer runs in this process" in done.stderr
    assert "ended well in this process" in done.stdout


def test_nets_that_are_yielded_are_counted(bench, submit):
    submit("def unlearning(net, a, b, c):\n    yield net\n    yield net\n")
    done = bench("check", "newcomer", "--debug")
    assert "newcomer ended well in this process, yielded 2 nets and returned an object of" in done.stdout
    done = bench("check", "newcomer")
    assert done.returncode == 0, done.stderr
    assert re.search(r"nets yielded\W+–\W+2\W+–", done.stdout)


@pytest.mark.parametrize(
    ("source", "sentence", "lines"),
    [
        ("def unlearning(net, a, b, c):\n    step(net)\ndef step(net):\n    net(1)\n", "raised ", [2, 4]),
        (
            "def unlearning(net, a, b, c):\n    1 / 0\n",
            "raised ZeroDivisionError: division by zero (submission.py, l",
            [2],
        ),
        ("import helper\ndef unlearning(net, a, b, c):\n    helper.f()\n", "(helper.py, line 2)", [3, 2]),
        (
            "x = 1\nraise KeyError('at import')\ndef unlearning(*a): pass",
            "KeyError: 'at import' (submission.py, line 2)",
            [2],
        ),
        ("def unlearning(net, a, b, c):\n    raise SystemExit(3)\n", "raised SystemExit: 3", [2]),
    ],
)
def test_a_debugged_traceback_has_the_submissions_own_frames_only(source, sentence, lines, bench, submit, workspace):
    submit(source)
    (workspace.submissions / "newcomer" / "helper.py").write_text("def f():\n    raise OSError('no')\n")
    done = bench("check", "newcomer", "--debug")
    assert done.returncode == 2
    assert sentence in done.stderr
    frames = re.findall(r'File "(.*)", line (\d+)', done.stderr)
    assert {os.path.dirname(path) for path, _ in frames} == {str(workspace.submissions / "newcomer")}
    assert [int(line) for _, line in frames] == lines


def test_debugging_notes_what_is_bound_to_what(bench, submit):
    submit("def unlearning(net, forget, retain):\n    assert [len(x.dataset) for x in (forget, retain)] == [10, 190]\n")
    done = bench("check", "newcomer", "--debug")
    assert done.returncode == 0, done.stderr
    expected = "note: unlearning is called with net=the net, forget=the forget loader, retain=the retain loader\n"
    assert expected in done.stderr


@pytest.mark.parametrize(("typed", "code", "said"), [("p 6 * 7\nc\n", 0, "42"), ("q\n", 2, "you left the debugger")])
@pytest.mark.long
def test_breakpoint_works_when_debugging(typed, code, said, submit, workspace, miniature_file):
    submit("def unlearning(net, a, b, c):\n    breakpoint()\n    return net\n")
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.cli", "check", "newcomer", "--debug", "--scenario", str(miniature_file)],
        cwd=workspace.root,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "(Pdb)" in done.stdout


def test_debugging_and_a_required_sandbox_exclude_each_other(bench, submit):
    submit("def unlearning(net, a, b, c): pass")
    done = bench("check", "newcomer", "--debug", "--require-sandbox")
    assert done.returncode == 2
    assert "--debug came with --require-sandbox" in done.stderr


def test_it_shows_what_it_is_doing(bench, submit):
    submit("def unlearning(net, a, b, c):\n    for p in net.parameters(): p.data.mul_(0.9)\n")
    done = bench("check", "newcomer")
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"^([a-z ]+): (\d+) of (\d+) after \d+ s$", done.stderr, re.MULTILINE)
    ends = {label: int(total) for label, reached, total in shown if reached == total}
    assert list(ends) == ["original", "retrained model", "runs", "rounds of timing"]
    assert ends["runs"] == 3
    assert ends["rounds of timing"] >= 5


def test_what_fails_says_how_far_it_came(bench, submit):
    submit("def unlearning(net, a, b, c):\n    raise ValueError('always')\n")
    done = bench("check", "newcomer")
    assert done.returncode == 2
    assert "runs: 3 of 3" in done.stderr
    assert "rounds of timing" not in done.stderr
