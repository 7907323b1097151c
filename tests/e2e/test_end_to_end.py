"""Every kind of a shipped scenario, from files in its real format to a leaderboard row, with few models and one epoch.

That every scenario's files and forget set become a problem is tests/e2e/test_sources.py.
"""

import cases as made
import numpy as np
import pandas as pd
import pytest
from datasets import miniature
from PIL import Image

from benchmark.data.choice import with_known_choice
from benchmark.metrics.report import split_absent
from benchmark.scenario.schema import load_scenario, scenario_names

AT_ONCE = ("breast-cancer", "diabetes", "digits", "image-folder")
"""Scenarios whose miniatures `make test` runs too."""


def scenarios_of_every_kind():
    """Shipped scenarios, each with a source, task, forget set, network or manipulation that none before it has.

    What follows a source of sequences sees tokens alone, whichever it is: one of them stands for all.
    """
    seen, chosen = set(), []
    for name in scenario_names():
        scenario = load_scenario(name)
        sections = [scenario.task, scenario.forget, scenario.architecture, scenario.manipulation]
        if not scenario.task.has_sequences:
            sections.append(scenario.data)
        kinds = set(map(type, sections))
        if kinds - seen:
            chosen.append(name)
        seen |= kinds
    return [name if name in AT_ONCE else pytest.param(name, marks=pytest.mark.long) for name in chosen]


@pytest.mark.parametrize("name", scenarios_of_every_kind())
def test_a_scenario_becomes_a_row(name, bench, workspace, tmp_path, monkeypatch):
    scenario = miniature(name, tmp_path / "data", monkeypatch)
    monkeypatch.setattr("benchmark.scenario.schema.load_scenario", lambda *_: scenario)
    done = bench("run", "--submission", "finetune", scenario=name)
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(workspace.results / "leaderboard.csv").iloc[0]
    hash_of_row = with_known_choice(scenario).hash  # of the examples that models have chosen, if the scenario asks them
    assert (row["scenario"], row["scenario_hash"], row["models"]) == (name, hash_of_row, scenario.protocol.models)
    assert row["status"] in ("ok", "over-budget")  # of such short training every epoch is a large share
    assert row["score"] >= 0
    assert row["retain_epochs"] == 1


OF_TOKENS = """
import torch
import torch.nn.functional as F

TASKS = ("language",)
BATCH_FORMAT = "language"


def unlearning(net, retain_loader, forget_loader, val_loader):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for batch in forget_loader:
        logits = net(batch["input_ids"])
        tokens = -F.cross_entropy(logits.transpose(1, 2), batch["labels"], reduction="none")
        assert not tokens[batch["attention_mask"] == 0].any()
        optimizer.zero_grad()
        tokens.sum().backward()
        optimizer.step()
        yield net
"""


@pytest.mark.long
def test_a_submission_takes_batches_as_language_models_do(bench, workspace, tmp_path, monkeypatch):
    scenario = miniature("people", tmp_path / "data", monkeypatch)
    monkeypatch.setattr("benchmark.scenario.schema.load_scenario", lambda *_: scenario)
    folder = workspace.submissions / "of_tokens"
    folder.mkdir()
    (folder / "submission.py").write_text(OF_TOKENS)
    for name, status in (("of_tokens", {"ok", "over-budget"}), ("scar", {"not-applicable"})):
        bench("run", "--submission", name, scenario="people")
        table = pd.read_csv(workspace.results / "leaderboard.csv").set_index("submission")
        assert table.loc[name, "status"] in status
    assert table.loc["of_tokens", "forget_epochs"] == 1
    low, area, high = table.loc["of_tokens", ["upcore_area_low", "upcore_area", "upcore_area_high"]]
    assert -1 <= low <= area <= high <= 1  # below 0 where a step makes the forget set's utility better
    assert "accuracy" in table.loc["scar", "reason"] or "features" in table.loc["scar", "reason"]


@pytest.mark.long
def test_a_folder_of_ones_own_images_becomes_a_leaderboard_in_two_commands(bench, workspace, monkeypatch):
    rng, data, rows = np.random.default_rng(0), workspace.root / "photos", []
    for person in range(24):
        for shot in range(5):
            path = data / f"person{person:02d}" / f"{shot}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 120, (20, 20, 3), dtype=np.uint8) + np.uint8(100 * (person % 2))).save(path)
            rows.append({"path": path.relative_to(data), "label": "ab"[person % 2], "subject": f"person{person:02d}"})
    pd.DataFrame(rows).to_csv(data / "photos.csv", index=False)
    (workspace.root / "mine.toml").write_text(MINE)
    two = ("data", "check", "mine.toml"), ("run", "--scenario", "mine.toml", "--submission", "finetune")
    others = ("score", "--scenario", "mine.toml"), ("compare", "finetune", "finetune", "--scenario", "mine.toml")
    for command in (*two, *others):
        monkeypatch.setenv("BENCH_DATA", "")  # which the option sets
        done = bench(*command, "--data-dir", str(data), scenario=None)
        assert done.returncode == 0, done.stderr
    row = pd.read_csv(workspace.results / "leaderboard.csv").iloc[0]
    assert (row["scenario"], row["submission"]) == ("mine", "finetune")


@pytest.mark.long
def test_examples_that_are_in_two_sets_are_a_footnote_of_the_board(bench, workspace, cases):
    done = bench("run", "finetune", scenario=made.sixteen_bit(cases))
    assert done.returncode == 0, done.stderr
    footnote = pd.read_csv(workspace.results / "leaderboard.csv").iloc[0]["footnotes"]
    assert footnote.startswith("exact duplicates across the sets: 2 in retain and forget; 3 in retain and validation;")
    assert footnote[1:] in " ".join(done.stdout.replace("│", "").split())
    assert footnote in done.stderr


@pytest.mark.long
def test_a_regression_on_ones_own_table_trains_and_scores(bench, workspace, cases):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(200, 3))
    rows = [
        f"{a},{b},{c},{2 * a - b + 0.1 * noise}" for (a, b, c), noise in zip(inputs, rng.normal(size=200), strict=True)
    ]
    text = "a,b,c,height\n" + "\n".join(rows) + "\n"
    path = cases.table(text, keys='label = "height"', more='[task]\nkind = "regression"\n')
    done = bench("run", "finetune", scenario=path)
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(workspace.results / "leaderboard.csv").iloc[0]
    assert 0 <= row["forgetting_quality"] <= 1
    assert row["detectable"] >= 0
    assert 0 < row["test_accuracy"] <= 1
    assert np.isnan(row["classifier_mia"])


@pytest.mark.long
def test_a_test_set_that_nobody_can_get_right_leaves_the_other_metrics(bench, workspace, cases):
    done = bench("run", "finetune", scenario=made.no_test_accuracy(cases))
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(workspace.results / "leaderboard.csv").iloc[0]
    assert np.isnan(row["score"])
    assert 0 <= row["forgetting_quality"] <= 1
    reason = split_absent(row["absent"])["score"]
    assert reason.startswith("the retrained models have test accuracy 0, so there is no ratio to it")
    assert "No published score: the retrained models have test accuracy 0" in " ".join(
        done.stdout.replace("│", "").split()
    )


MINE = """
base = "faces-manifest"
name = "mine"
description = "Two of 24 people have left."
[data]
source = "manifest"
file = "photos.csv"
size = 16
[forget]
kind = "subject"
subjects = ["person02", "person05"]
[architecture]
name = "cnn"
widths = [4]
[recipe]
epochs = 2
[protocol]
models = 8
block = 8
"""
