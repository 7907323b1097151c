"""The end of `bench run`, and `bench show`: one entry, on the miniature."""

import json
import re

from own_process import imported_by

from benchmark.leaderboard.neighbours import MARK
from benchmark.results.scorecard import Scorecard


def test_a_run_ends_with_the_entry_in_words_and_a_few_rows_around_it(bench, finished, monkeypatch):
    monkeypatch.setattr("benchmark.cli.entries.terminal.width", 80)
    done = bench("run", "finetune")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("╭─ finetune ─")
    said = " ".join(done.stdout.replace("│", " ").split())
    assert "Fine-tuning; with the values in its file, on miniature, N = 8, 10 forget examples." in said
    assert "of what perfect unlearning gets" in said or "the published score." in said
    assert "of a retraining" in said
    assert "the budget of 100 %" in said
    assert "Rank 1 of 1, group a" in said
    shown = "bench show finetune --scenario miniature.toml"
    for command in (shown, "bench page", "bench board miniature.toml --models 8"):
        assert command in said
    assert [line for line in lines if MARK in line and "finetune" in line]
    assert [line for line in lines if line.split()[:2] == ["control", "identity"]]
    assert max(map(len, [line for line in lines if "leaderboard" not in line])) <= 80  # a path may be longer


def test_a_failure_is_a_box_too(bench, submit):
    submit("TITLE = '[red]x[/red]'\ndef unlearning(net, a, b, c): raise RuntimeError('no luck')")
    done = bench("run", "newcomer")
    assert done.returncode == 2
    assert "[red]x[/red]" in done.stdout
    assert "Status crashed" in done.stdout


def test_everything_about_an_entry_is_shown_and_is_json_too(bench, finished):
    done = bench("show", "finetune")
    assert done.returncode == 0, done.stderr
    for part in ("The score and its parts", "Worst forgotten examples", "Runs", "Hyper-parameters", "Reproduce"):
        assert part in done.stdout
    assert re.search(r"epochs = 1, learning_rate = 0\.001", done.stdout)
    assert "bench run finetune --scenario miniature.toml" in done.stdout
    found = json.loads(bench("show", "finetune", "--json").stdout)
    assert Scorecard.model_validate(found["scorecard"]).submission == "finetune"
    assert found["hyperparameters"]["epochs"] == 1
    assert found["position"]["rank"] == 1
    assert found["position"]["better_than"] == []
    assert found["summary"]["standing"].startswith("Rank 1 of 1")
    (finished.submissions / "finetune" / "submission.py").write_text("def unlearning(net, a, b, c): pass\n")
    assert "the submission is not here as it ran" in bench("show", "finetune").stdout
    refused = bench("show", "finetunes")
    assert refused.returncode == 2
    assert "did you mean 'finetune'" in refused.stderr


def test_a_finished_entry_is_shown_without_torch(finished, miniature_file):
    named = ["finetune", "--scenario", miniature_file]
    lines = imported_by(finished.root, ("torch", "matplotlib", "sklearn"), ["run", *named], ["show", *named])
    assert "finetune" in lines[0]
    assert lines[-1] == "[]"


def test_a_scenario_is_no_entry(bench, finished):
    for command in ("show", "plot"):
        done = bench(command, "digits-hard")
        assert done.returncode == 2
        assert "digits-hard is a scenario, expected an entry" in done.stderr
        assert "--scenario digits-hard" in done.stderr
