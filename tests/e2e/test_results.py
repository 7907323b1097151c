"""Results: where they go, what stays as it was shipped, and what is not done twice."""

import json
import shutil
import subprocess

import pandas as pd
import pytest
from conftest import REPOSITORY

from benchmark import pipeline as evaluation
from benchmark.results.board_file import has_card
from benchmark.results.outcome import evidence_store, read_outcome
from benchmark.results.scorecard import Scorecard, card_path
from benchmark.submissions.source import find_submission


def git(root, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def finished_clone(clone, finished):
    """The same, with runs and rows of one's own of identity and finetune."""
    return clone


@pytest.fixture
def clone(workspace):
    """The workspace as a clone of the repository, with one shipped row and nothing uncommitted."""
    shutil.copy(REPOSITORY / ".gitignore", workspace.root)
    for folder in workspace.submissions.iterdir():
        if folder.name not in ("finetune", "identity", "cf_k"):
            shutil.rmtree(folder)
    git(workspace.root, "init", "--quiet")
    git(workspace.root, "add", "--all")
    git(workspace.root, "commit", "--quiet", "--message", "shipped")
    return workspace


def card_of(workspace, scenario, name):
    return Scorecard.read(card_path(workspace.results, scenario.label, name))


def outcome_of(workspace, scenario, name):
    return read_outcome(evidence_store(scenario, find_submission(name, workspace, scenario), workspace))


def timing_becomes(workspace, **changes):
    """Change the record as if the timing of finetune had come out otherwise."""
    about = next(workspace.evidence.glob("*/finetune-*/runs.json"))
    content = json.loads(about.read_text())
    about.write_text(json.dumps({**content, "timing": {**content["timing"], **changes}}))


@pytest.mark.long
def test_every_command_leaves_a_clone_clean(bench, clone):
    for command in ("run finetune", "run --all", "score", "compare finetune identity", "study", "check finetune"):
        done = bench(*command.split())
        assert done.returncode == 0, done.stderr
        assert git(clone.root, "status", "--porcelain") == "", command
    assert bench("leaderboard", scenario=None).returncode == 0
    assert bench("remove", "finetune").returncode == 0
    assert git(clone.root, "status", "--porcelain") == ""
    assert not (clone.shipped / "leaderboard.csv").exists()


def test_results_go_where_out_says(bench, clone, miniature, tmp_path):
    elsewhere = tmp_path / "else" / "where"
    for command in ("run", "score"):
        assert bench(command, "identity", "--out", str(elsewhere)).returncode == 0
    assert card_path(elsewhere, miniature.label, "identity").exists()
    assert pd.read_csv(elsewhere / "leaderboard.csv")["submission"].tolist() == ["identity"]
    assert not clone.shipped.exists()
    assert "identity" in bench("leaderboard", "--out", str(elsewhere), scenario=None).stdout
    assert "no scorecard" in bench("compare", "identity", "finetune", "--out", str(elsewhere)).stderr
    assert "needs two or more" in bench("study", "--out", str(elsewhere)).stderr
    (tmp_path / "file").touch()
    refused = bench("run", "identity", "--out", str(tmp_path / "file"))
    assert refused.returncode == 2
    assert "which is no folder" in refused.stderr


def test_a_row_of_ones_own_is_shown_in_place_of_the_shipped_one_and_removed(bench, clone, miniature):
    for name in ("identity", "finetune"):
        assert bench("run", name, "--out", "leaderboard").returncode == 0
    shipped = {path: path.read_bytes() for path in clone.shipped.rglob("*") if path.is_file()}
    refused = bench("remove", "finetune")
    assert refused.returncode == 2
    assert "is a shipped row, expected one of your own" in refused.stderr
    assert bench("run", "finetune").returncode == 0
    rows = pd.read_csv(clone.results / "leaderboard.csv").set_index("submission")
    assert rows["source"].to_dict() == {"identity": "shipped", "finetune": "local"}
    gone = bench("remove", "finetune")
    assert gone.returncode == 0, gone.stderr
    assert "removed" in gone.stdout
    rows = pd.read_csv(clone.results / "leaderboard.csv").set_index("submission")
    assert rows["source"].to_dict() == {"identity": "shipped", "finetune": "shipped"}
    left = [path.name for path in clone.results.rglob("*") if path.is_file() and "finetune" in str(path)]
    assert left == []
    assert {path: path.read_bytes() for path in shipped} == shipped
    assert "finetune" in bench("remove", "finetune", "--out", "leaderboard").stdout
    assert not has_card(clone.shipped, miniature.label, "finetune")
    assert has_card(clone.shipped, miniature.label, "identity")


def test_removing_takes_one_entry_and_no_other(bench, clone, miniature, submit):
    shutil.copytree(clone.submissions / "finetune", clone.submissions / "finetune-0")
    for name in ("finetune", "finetune-0"):
        assert bench("run", name).returncode == 0
    assert bench("remove", "finetune").returncode == 0
    assert pd.read_csv(clone.results / "leaderboard.csv")["submission"].tolist() == ["finetune-0"]
    assert outcome_of(clone, miniature, "finetune-0").timing is not None
    assert outcome_of(clone, miniature, "finetune") is None
    submit("def unlearning(net, a, b, c): print('hello')", "talkative")
    bench("run", "talkative")
    logs = clone.log(miniature.label, "talkative").parent
    assert list(logs.glob("talkative.run-*.log"))
    assert bench("remove", "talkative").returncode == 0
    assert not list(logs.glob("talkative*"))
    submit("def unlearning(net, a, b, c): raise ValueError", "broken")
    bench("run", "broken")
    assert bench("remove", "broken").returncode == 0
    assert not clone.log(miniature.label, "broken").exists()
    for name in ("finetune", "nobody", "../../submissions", "*", ""):
        refused = bench("remove", name)
        assert refused.returncode == 2
        assert f"there is no row {name!r} of your own" in refused.stderr
    assert card_path(clone.results, miniature.label, "finetune-0").exists()


def test_a_finished_entry_does_no_work(bench, finished_clone, miniature, monkeypatch):
    clone = finished_clone
    first = bench("run", "finetune")
    for block in clone.pools.rglob("*.safetensors"):  # nothing is read of the pool but its secret
        block.unlink()

    def forbidden(*_, **__):
        pytest.fail("there is nothing to do")

    monkeypatch.setattr(evaluation, "evaluate", forbidden)
    monkeypatch.setattr("benchmark.sandbox.process.Process", forbidden)
    monkeypatch.setattr("benchmark.engine.start_importing", forbidden)
    before = {path: path.read_bytes() for path in clone.results.rglob("*") if path.is_file()}
    again = bench("run", "finetune")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert {path: path.read_bytes() for path in clone.results.rglob("*") if path.is_file()} == before
    shown = json.loads(bench("run", "finetune", "--json").stdout)
    assert Scorecard.model_validate(shown) == card_of(clone, miniature, "finetune")


def _edit_a_file(workspace, scenario):
    with (workspace.submissions / "finetune" / "submission.py").open("a") as file:
        file.write("# another version\n")


def _damage_evidence(workspace, scenario):
    block = next(workspace.evidence.glob("*/finetune-*/unlearned/*.safetensors"))
    block.write_bytes(block.read_bytes()[:-1] + b"?")


def _damage_card(workspace, scenario):
    card_path(workspace.results, scenario.label, "finetune").write_text("{}")


def _age_card(workspace, scenario):
    card_of(workspace, scenario, "finetune").model_copy(update={"scorer_version": "0"}).write(workspace)


def _leave_time_open(**changes):
    """A cost of a whole retraining is the miniature's budget."""
    return lambda workspace, scenario: timing_becomes(workspace, retraining=1.0, submission=1.0, **changes)


@pytest.mark.parametrize(
    ("change", "options", "is_finished"),
    [
        (lambda *_: None, (), True),
        (_leave_time_open(loaded=False), (), True),
        (_leave_time_open(loaded=True), (), False),
        (_edit_a_file, (), False),
        (_damage_evidence, (), False),
        (_damage_card, (), False),
        (_age_card, (), False),
        (lambda *_: None, ("--allow-failures", "1"), False),
        (lambda *_: None, ("--time-again",), False),
        (lambda *_: None, ("--models", "6"), False),
    ],
)
def test_whatever_is_not_as_it_was_is_run(change, options, is_finished, bench, finished_clone, miniature, monkeypatch):
    card, asked = card_of(finished_clone, miniature, "finetune"), []
    change(finished_clone, miniature)
    monkeypatch.setattr(evaluation, "evaluate", lambda *given, **_: asked.append(given[2]) or card)
    assert bench("run", "finetune", *options).returncode == 0
    assert asked == ([] if is_finished else ["finetune"])


@pytest.mark.parametrize("name", ["finetune", "finetune+tuned"])
def test_what_is_named_is_what_is_run(name, bench, finished_clone, miniature, monkeypatch):
    tuned = finished_clone.submissions / "finetune" / "tuned"
    tuned.mkdir()
    (tuned / "miniature.json").write_text(json.dumps({"hyperparameters": {"learning_rate": 0.01}}))
    card, asked = card_of(finished_clone, miniature, "finetune"), []
    monkeypatch.setattr(evaluation, "evaluate", lambda *given, **_: asked.append(given[2]) or card)
    assert bench("run", name, "--allow-failures", "1").returncode == 0
    assert asked == [name]


def test_the_cost_alone_is_taken_again(bench, finished_clone, miniature):
    card, timing = (
        card_of(finished_clone, miniature, "finetune"),
        outcome_of(finished_clone, miniature, "finetune").timing,
    )
    blocks = {path: path.stat().st_mtime_ns for path in finished_clone.evidence.rglob("*.safetensors")}
    done = bench("run", "finetune", "--time-again")
    assert done.returncode == 0, done.stderr
    again = outcome_of(finished_clone, miniature, "finetune").timing
    assert again.submission != timing.submission
    assert again.rounds >= 5
    assert {path: path.stat().st_mtime_ns for path in finished_clone.evidence.rglob("*.safetensors")} == blocks
    new = card_of(finished_clone, miniature, "finetune")
    assert new.evidence_hash == card.evidence_hash
    assert new.estimate("score") == card.estimate("score")
    assert (new.cost.rounds, new.cost.loaded) == (again.rounds, again.loaded)
    assert new.cost.share_low < new.value("retraining_share") < new.cost.share_high
    refused = bench("run", "--all", "--time-again")
    assert "--time-again came with --all" in refused.stderr


@pytest.mark.parametrize("name", ["my entry", "über", "_hidden", "a" * 65, "x\x1b[31m"])
def test_a_folder_with_an_unsuitable_name_is_a_row_that_says_why(name, bench, clone):
    shutil.copytree(clone.submissions / "identity", clone.submissions / name)
    for other in ("finetune", "cf_k"):
        shutil.rmtree(clone.submissions / other)
    (clone.submissions / ".ipynb_checkpoints").mkdir()
    (clone.submissions / "__pycache__").mkdir()
    listed = {row["submission"]: row for row in json.loads(bench("list", "--json", scenario=None).stdout)}
    shown = name.replace("\x1b", "?")
    assert set(listed) == {"identity", shown}
    assert "is no submission, expected a folder" in listed[shown]["title"]
    done = bench("run", "--all")
    assert done.returncode == 2
    assert "1 entries could not be run" in done.stderr
    assert "is no submission, expected a folder" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "identity" in done.stdout
    assert "not run:" in done.stdout
    assert pd.read_csv(clone.results / "leaderboard.csv")["submission"].tolist() == ["identity"]
