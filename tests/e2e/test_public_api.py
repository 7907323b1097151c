"""The Python API and `bench score --arrays` from outside: fresh processes, real boards."""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY
from own_process import imported_by

import benchmark
from benchmark.errors import BenchError
from benchmark.leaderboard import leaderboard, read_scorecards
from benchmark.storage.workspace import Workspace

RNG = np.random.default_rng(0)
U, R, O = (RNG.normal(mean, 1, (12, 3)) for mean in (1, 0, 3))  # noqa: E741
HEAVY = ("torch", "pandas", "matplotlib", "rich", "typer", "sklearn", "joblib")


def test_scoring_imports_nothing_heavy():
    uses = (
        "pass",
        "from benchmark import published_epsilon; published_epsilon(u, r)",
        "result = benchmark.score(u, r, original=r); str(result), repr(result), result._repr_html_(), result.to_dict()",
        "benchmark.epsilon_lower_bound(u, r), benchmark.detectable(u, r), benchmark.klom(u, r), benchmark.ulira(u, r)",
        "benchmark.forgetting_quality([0.1], 8), benchmark.logit_scaled_confidence([[1.0, 2.0]], [0])",
        "benchmark.__version__, dir(benchmark)",
    )
    look = f"print([name for name in {HEAVY} if name in sys.modules])"
    code = (
        "import sys, numpy as np, benchmark\nu, r = np.arange(16.0).reshape(8, 2), np.arange(16.0).reshape(8, 2) + 1\n"
    )
    code += "".join(f"{use}\n{look}\n" for use in uses)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == len(uses) * ["[]"]


def test_the_package_alone_imports_next_to_nothing():
    """Bytecode compiled beforehand, the least of three: 2 ms on a quiet machine, far from numpy's 100."""
    code = "import time; begin = time.perf_counter(); import benchmark; print(time.perf_counter() - begin)"
    runs = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3))
    assert min(float(done.stdout) for done in runs) < 0.05


def test_the_start_folder_is_left_before_anything_is_imported(tmp_path):
    for name in ("typing", "importlib", "numpy"):
        (tmp_path / f"{name}.py").write_text("print('imported from the start folder')")
    code = "import benchmark; print(benchmark.klom([[0.0], [1.0]], [[0.0], [1.0]]), benchmark.__version__)"
    environment = {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == f"[0.] {benchmark.__version__}\n", done.stderr


@pytest.mark.parametrize("name", ["compare", "load_problem", "read_board"])
def test_the_examples_that_need_the_repository(name, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    function = getattr(benchmark, name)
    examples = doctest.DocTestFinder(recurse=False).find(function, name, globs={name: function})
    results = [doctest.DocTestRunner().run(each) for each in examples]
    assert sum(each.attempted for each in results) > 0
    assert not any(each.failed for each in results)


@pytest.fixture
def arrays(tmp_path, monkeypatch) -> Path:
    """A folder that is no repository, with φ in files."""
    monkeypatch.chdir(tmp_path)
    for name, values in (("u", U), ("r", R), ("o", O)):
        np.save(f"{name}.npy", values)
    np.savez("u.npz", U)
    np.save("ints.npy", U.round().astype(int))
    np.save("half.npy", U.astype(np.float16))
    np.save("flat.npy", U[0])
    np.save("wide.npy", np.hstack([U, U]))
    np.save("nan.npy", np.where(U > 1, np.nan, U))
    np.save("one.npy", U[:1])
    np.save("letters.npy", U.astype(str))
    np.save("objects.npy", np.array([[None]]), allow_pickle=True)
    Path("text.npy").write_text("0.1 0.2")
    return tmp_path


@pytest.mark.parametrize("first", ["u.npy", "u.npz"])
def test_arrays_are_scored_as_from_python(first, arrays, bench):
    done = bench(
        "score", "--arrays", f"{arrays}/{first}", f"{arrays}/r.npy", "--original", f"{arrays}/o.npy", scenario=None
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{benchmark.score(U, R, original=O)}\n"


def test_arrays_are_scored_for_machines(arrays, bench):
    files = ("--arrays", f"{arrays}/ints.npy", f"{arrays}/r.npy")
    done = bench("score", *files, "--delta", "0.01", "--json", scenario=None)
    assert json.loads(done.stdout) == benchmark.score(U.round(), R, delta=0.01).to_dict()


def test_arrays_of_half_precision(arrays, bench):
    done = bench("score", "--arrays", f"{arrays}/half.npy", f"{arrays}/r.npy", scenario=None)
    assert done.stdout == f"{benchmark.score(U.astype(np.float16), R)}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--arrays", "missing.npy", "r.npy"], "there is no file"),
        (["--arrays", ".", "r.npy"], "is no file; give the path of a .npy file"),
        (["--arrays", "text.npy", "r.npy"], "is neither a .npy nor a .npz file"),
        (["--arrays", "objects.npy", "r.npy"], "holds Python objects, which are never unpickled"),
        (["--arrays", "letters.npy", "r.npy"], "expected real numbers"),
        (["--arrays", "flat.npy", "r.npy"], "unlearned has shape (3,), expected [models, examples]"),
        (["--arrays", "wide.npy", "r.npy"], "unlearned has 6 examples and retrained 3, expected the same"),
        (["--arrays", "nan.npy", "r.npy"], "values that are not finite"),
        (["--arrays", "one.npy", "r.npy"], "unlearned has 1 model(s), expected at least 2"),
        (["--arrays", "u.npy", "one.npy"], "retrained has 1 model(s), expected at least 2"),
        (["--arrays", "u.npy", "r.npy", "--original", "wide.npy"], "original has 6 examples and retrained 3"),
        (["--arrays", "u.npy", "r.npy", "--original", "missing.npy"], "there is no file"),
        (["--arrays", "u.npy", "r.npy", "--delta", "1"], "delta is 1.0, expected a number of at least 0 and below 1"),
        (["identity", "--arrays", "u.npy", "r.npy"], "identity came beside --arrays, expected one of the two"),
        (["--original", "o.npy"], "came without --arrays"),
        (["--delta", "0"], "came without --arrays"),
    ],
)
def test_wrong_arrays_are_one_sentence(arguments, sentence, arrays, bench):
    files = [f"{arrays}/{each}" if each.endswith(".npy") or each == "." else each for each in arguments]
    done = bench("score", *files, scenario=None)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_arrays_need_no_repository_and_no_torch(arrays):
    lines = imported_by(arrays, ("torch", "matplotlib", "pandas"), ["score", "--arrays", "u.npy", "r.npy"])
    assert lines[-1] == "[]"


def test_boards_and_comparisons_are_those_of_the_commands(bench, workspace, miniature, miniature_file):
    for name in ("identity", "retrain"):
        bench("run", "--submission", name)
    printed = bench("compare", "retrain", "identity")
    compared = benchmark.compare("retrain", "identity", str(miniature_file))
    assert f"{compared}\n" == printed.stdout
    assert compared.scenario == miniature.label
    shown = pd.DataFrame(json.loads(bench("leaderboard", "--json", scenario=None).stdout))
    for rows in (benchmark.read_board(), benchmark.read_board(miniature_file)):
        assert rows["submission"].tolist() == shown["submission"].tolist()
        assert rows["forgetting_quality"].tolist() == pytest.approx(shown["forgetting_quality"].tolist())
    for path in (workspace.results, workspace.results / "leaderboard.csv", str(workspace.results)):
        stored = benchmark.read_board(path)
        assert stored["submission"].tolist() == shown["submission"].tolist()
        assert stored["rank"].dtype == "Int64"
        assert stored["scorer_version"].tolist() == rows["scorer_version"].tolist()
    assert benchmark.read_board(miniature_file, models=9).empty
    scored = json.loads(bench("score", "--json").stdout)
    assert [card["submission"] for card in scored] == ["identity", "retrain"]


def test_the_shipped_board(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    rows = benchmark.read_board("digits")
    expected = leaderboard(read_scorecards(Workspace(REPOSITORY)))
    assert rows["submission"].tolist() == expected.loc[expected["scenario"] == "digits", "submission"].tolist()
    assert len(rows) > 40


@pytest.mark.parametrize(
    ("board", "more", "sentence"),
    [
        ("digitz", {}, "did you mean 'digits'"),
        (Path("missing"), {}, "there is no board missing"),
        ("missing/leaderboard.csv", {}, "there is no board"),
        ("pyproject.csv", {}, "there is no board"),
        (3, {}, "a board of type int came, expected a scenario's name or a path"),
        (None, {"models": 8}, "models came without a scenario"),
        (Path("README.md"), {}, "expected a leaderboard.csv"),
        (Path("leaderboard/plots/digits-f1ae3288bb17/scores.png"), {}, "could not be read as a board"),
    ],
)
def test_what_is_no_board_is_one_sentence(board, more, sentence, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(BenchError, match=sentence):
        benchmark.read_board(board, **more)


def test_a_board_without_its_columns(tmp_path):
    (tmp_path / "other.csv").write_text("rank,name\n1,NA\n")
    with pytest.raises(BenchError, match=r"has no column scenario, submission; expected a leaderboard.csv"):
        benchmark.read_board(tmp_path / "other.csv")
    (tmp_path / "other.csv").write_text("rank,submission,scenario\n,NA,digits\n2,nan,digits\n")
    assert benchmark.read_board(tmp_path / "other.csv")["submission"].tolist() == ["NA", "nan"]


def test_scenarios_by_name_path_and_object(miniature_file, miniature):
    assert benchmark.load_scenario(miniature_file) == benchmark.load_scenario(str(miniature_file)) == miniature
    assert len(benchmark.load_problem(miniature_file).forget) == 10
    assert len(benchmark.load_problem(miniature).retain) == 190
    with pytest.raises(BenchError, match="a scenario of type int came, expected a name or a path"):
        benchmark.load_scenario(3)


def test_entries_that_are_not_there(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    with pytest.raises(BenchError, match="has no scorecard on digits"):
        benchmark.compare("retrain", "nothing")
    with pytest.raises(BenchError, match="there is no scenario 'digit'"):
        benchmark.compare("retrain", "identity", "digit")
