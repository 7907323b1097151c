"""Scores, comparisons, studies, plots and the board, made of records on disk, whole or damaged."""

import errno
import json
import math
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmark import rescoring
from benchmark.results.scorecard import Scorecard
from benchmark.storage.block_store import BlockStore, write_block


def scorecard(workspace, miniature, name):
    return Scorecard.read(workspace.results / "scorecards" / miniature.label / f"{name}.json")


def test_a_stored_ceiling_serves_one_number_of_resamples(bench, finished, miniature, monkeypatch):
    """The normalised score pairs every resample of an entry with one of the ceiling."""
    monkeypatch.setattr(rescoring, "HALVES", 30)
    assert bench("score").returncode == 0
    assert len(scorecard(finished, miniature, "identity").resampled.score) == 30


@pytest.mark.parametrize("damage", ["cut", "NaN", "few resamples", "a list", "an interval upside down", "a folder"])
def test_a_damaged_ceiling_is_named_set_aside_and_made_anew(damage, bench, finished, miniature):
    (path,) = finished.pool(miniature).glob("ceiling-*.json")
    whole = path.read_text()
    content = json.loads(whole)
    if damage == "NaN":
        content["score"]["value"] = math.nan
    elif damage == "few resamples":
        content["resampled"] = {name: values[:7] for name, values in content["resampled"].items()}
    elif damage == "an interval upside down":
        content["score"] |= {"low": 2.0, "high": 1.0}
    path.write_text({"cut": whole[:50], "a list": "[]"}.get(damage, json.dumps(content)))
    if damage == "a folder":
        path.unlink()
        path.mkdir()
    done = bench("score", "identity")
    assert done.returncode == 0, done.stderr
    assert path.name in done.stderr
    assert "it is made anew" in done.stderr
    assert path.read_text() == whole
    assert path.with_suffix(".damaged").exists()
    assert "anew" not in bench("score", "identity").stderr


def test_a_pool_that_can_only_be_read_keeps_no_ceiling_and_gives_the_same_row(bench, finished, miniature, monkeypatch):
    assert bench("score", "identity").returncode == 0
    before = scorecard(finished, miniature, "identity").metrics
    for path in finished.pool(miniature).glob("*-*.json"):
        path.unlink()

    def refuse(path, _):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("benchmark.references.kept.write_atomically", refuse)
    done = bench("score", "identity")
    assert done.returncode == 0, done.stderr
    assert scorecard(finished, miniature, "identity").metrics == before
    assert list(finished.pool(miniature).glob("*-*.json")) == []


def test_the_attack_on_retrained_models_is_kept_and_made_anew_when_damaged(bench, finished, miniature):
    (path,) = finished.pool(miniature).glob("attack-*.json")
    whole, before = path.read_text(), scorecard(finished, miniature, "identity").metrics["tug_of_war_mia"]
    path.write_text('{"accuracies": [0.5]}')
    done = bench("score", "identity")
    assert done.returncode == 0, done.stderr
    assert f"{path.name} is not a storedattack" in done.stderr
    assert path.read_text() == whole
    assert scorecard(finished, miniature, "identity").metrics["tug_of_war_mia"] == before


@pytest.mark.parametrize("damage", ["NaN", "another's runs", "old records", "short"])
def test_evidence_that_cannot_be_is_named_set_aside_and_made_anew(damage, bench, finished, miniature):
    before = scorecard(finished, miniature, "identity")
    (folder,) = (finished.evidence / miniature.label).glob("identity-*")
    store = BlockStore(folder, {}, json.loads((folder / "manifest.json").read_text()).get("commitment", ""))
    arrays = {key: array.copy() for key, array in store.read("unlearned/0001").items()}
    if damage == "NaN":
        arrays["phi/forget"][0, 0] = np.nan
    elif damage == "another's runs":
        arrays["run/index"] -= 4
    elif damage == "old records":
        arrays["run/digest"] = arrays["run/digest"][:, 0].astype(np.int64)
    else:
        arrays["phi/test"] = arrays["phi/test"][:2]
    store.record("unlearned/0001", write_block(store.path("unlearned/0001"), arrays))
    done = bench("score", "identity")
    assert done.returncode == 2
    assert "unlearned/0001.safetensors h" in done.stderr  # has, holds
    assert "set aside as 0001.damaged, `bench run --submission identity" in done.stderr
    done = bench("run", "identity")
    assert done.returncode == 0, done.stderr
    assert scorecard(finished, miniature, "identity").evidence_hash == before.evidence_hash


def spoil_record(path, content):
    known = json.loads(path.read_text())
    known |= {"negative": {"attempted": -1}, "infinite": {"timing": known["timing"] | {"retraining": math.inf}}}.get(
        content, {}
    )
    path.write_text({"nested": "[" * 10**5}.get(content, json.dumps(known) if content.isalpha() else content))
    if content == "NaN":
        path.write_text(json.dumps(known | {"timing": known["timing"] | {"submission": math.nan}}))


@pytest.mark.parametrize("content", ["", "[]", '{"failed": 3}', "NaN", "nested", "negative", "infinite"])
def test_a_record_of_runs_that_cannot_be_believed_is_named_and_counts_for_none(content, bench, finished, miniature):
    (path,) = (finished.evidence / miniature.label).glob("identity-*/runs.json")
    spoil_record(path, content)
    done = bench("score", "identity")
    assert done.returncode == 2
    assert "runs.json cannot be believed" in done.stderr
    assert "there are no complete runs" in done.stderr


def test_runs_whose_record_cannot_be_believed_are_made_again(bench, finished, miniature):
    before = scorecard(finished, miniature, "identity")
    (path,) = (finished.evidence / miniature.label).glob("identity-*/runs.json")
    spoil_record(path, "NaN")
    done = bench("run", "identity")
    assert done.returncode == 0, done.stderr
    assert "runs.json cannot be believed" in done.stderr
    assert scorecard(finished, miniature, "identity").evidence_hash == before.evidence_hash


def test_stored_evidence_is_scored_again_without_a_model(bench, finished, miniature):
    assert bench("score").returncode == 0  # with the timing that the fixture made of a quiet machine
    before = scorecard(finished, miniature, "identity")
    for path in finished.pools.rglob("original/*.safetensors"):  # no weights: whoever wants to train or run fails
        write_block(path, {name: array for name, array in load_file(path).items() if not name.startswith("weights/")})
    done = bench("score")
    assert done.returncode == 0, done.stderr
    assert scorecard(finished, miniature, "identity") == before


def test_scoring_without_any_evidence_says_what_to_do(bench):
    assert "run `bench run" in bench("score").stderr


def test_scoring_without_some_evidence_says_what_to_do(bench, finished, miniature):
    shutil.rmtree(next((finished.evidence / miniature.label).glob("finetune-*")))
    done = bench("score")
    assert done.returncode == 0
    assert "1 of 2 entries are left out" in done.stderr
    assert "(finetune)" in done.stderr
    assert "needs two or more; got identity" in bench("study").stderr
    about = next((finished.evidence / miniature.label).glob("identity-*/runs.json"))
    about.write_text(json.dumps(json.loads(about.read_text()) | {"timing": None}))  # as an interruption leaves it
    assert "2 of 2 entries are left out" in bench("score").stderr
    for name, sentence in (("finetune", "there are no complete runs"), ("identity", "were interrupted")):
        done = bench("score", "--submission", name)
        assert done.returncode == 2
        assert sentence in done.stderr


@pytest.mark.usefixtures("drawn_plots")
def test_the_leaderboard_is_rebuilt_from_scorecards_alone(bench, finished, miniature):
    csv = finished.results / "leaderboard.csv"
    before = csv.read_bytes()
    shutil.rmtree(finished.results / "evidence")
    csv.unlink()
    done = bench("leaderboard", scenario=None)
    assert done.returncode == 0, done.stderr
    assert csv.read_bytes() == before
    assert (finished.results / "plots" / miniature.label / "tradeoff.png").exists()


def test_the_plots_of_an_entry_are_drawn_on_demand_and_removed_with_it(bench, finished):
    before = set(finished.results.rglob("*.png"))
    done = bench("plot", "identity")
    assert done.returncode == 0, done.stderr
    drawn = set(finished.results.rglob("plots/*/*-identity.*")) - before
    kinds, forms = ("phi", "epsilon", "profile"), {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}
    assert {path.name for path in drawn} == {f"{kind}-identity.{form}" for kind in kinds for form in forms}
    assert all(f"drew {path}" in done.stdout for path in drawn)
    assert all(path.read_bytes().startswith(forms[path.suffix[1:]]) for path in drawn)
    refused = bench("plot", "retrain")
    assert refused.returncode == 2
    assert "retrain has no scorecard" in refused.stderr
    assert bench("remove", "identity").returncode == 0
    assert not any(path.exists() for path in drawn)


@pytest.mark.usefixtures("drawn_plots")
def test_the_plots_of_a_board_are_drawn_for_a_paper(bench, finished, miniature):
    done = bench("plot", "--width", "2.75")
    assert done.returncode == 0, done.stderr
    folder = finished.results / "plots" / miniature.label
    names = {path.name for path in folder.iterdir()}
    assert {f"{kind}.{form}" for kind in ("scores", "tradeoff", "epsilon") for form in ("png", "pdf", "svg")} <= names
    assert bench("plot", "--width", "1").returncode == 2
    assert "no entry has metrics on digits-class" in bench("plot", scenario="digits-class").stderr


def test_two_entries_are_compared_in_every_metric(bench, finished):
    done = bench("compare", "finetune", "identity")
    assert done.returncode == 0, done.stderr
    for metric in ("score", "forgetting_quality", "mean_klom", "ulira_auc", "classifier_mia_svm"):
        assert metric in done.stdout
    assert "the difference of the scores is" in " ".join(done.stdout.split())
    assert "no scorecard" in bench("compare", "retrain", "finetune").stderr


def test_a_study_leaves_a_table_and_a_plot(bench, finished, miniature):
    done = bench("study")
    assert done.returncode == 0, done.stderr
    assert "held-out" in done.stdout
    assert "needs two or more; got identity" in bench("study", "identity").stderr
    studies = finished.results / "studies"
    assert {path.name for path in studies.iterdir()} == {f"{miniature.label}.csv", f"{miniature.label}.png"}
