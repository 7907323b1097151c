"""An entry's page: its sentence, metrics beside the controls, examples, histograms, source; hostile text stays text."""

import base64
import csv
import io
import json

import numpy as np
import pytest
import torch
from cards import with_metrics
from datasets import miniature
from html_pages import HOSTILE, Page
from safetensors.numpy import save_file
from site_boards import board_of, usual_cards, whole_card

from benchmark.results.tuning import Tuning
from benchmark.results.values import PerExample, Value
from benchmark.scenario.schema import load_scenario
from benchmark.site.build import entry_page
from benchmark.site.code import Code, highlight
from benchmark.site.columns import format_metric
from benchmark.site.distributions import BINS, Reference, distributions, histogram, read_reference
from benchmark.site.downloads import evidence_place
from benchmark.site.entry import Beside, example_rows, metric_groups
from benchmark.site.forget_examples import ForgetExample, ForgetExamples, known_examples, picture, read_examples
from benchmark.site.hyperparameters import Hyperparameters, ValueRow, read_hyperparameters, say_search
from benchmark.site.sayings import tuned_difference
from benchmark.storage.workspace import Workspace

PIXEL = picture(torch.full((1, 1, 1), 255, dtype=torch.uint8))
PHI = {
    "populations": [{"name": name, "models": 8} for name in ("unlearned", "retrained", "original")],
    "bins": 2,
    "examples": [[[0.0, 1.0], [3, 5], [4, 4], [8, 0]]] * 3,
}


def page_of(name="sharp+tuned", beside=Beside(), cards=None):  # noqa: B008  frozen
    board = board_of(cards or usual_cards())
    return Page(entry_page(board, board.cards[name], beside))


def whole(text="3"):
    shown = "".join(letter for letter in text if letter.isprintable())  # records take no other
    about = {"name": shown, "label": shown, "subject": shown, "picture": PIXEL}
    known = ForgetExamples(
        examples=tuple(ForgetExample(row=f"{10 + k}", **about) for k in range(3)), licence="whose pictures"
    )
    values = Hyperparameters([ValueRow(shown, shown, shown, shown)], [f"{shown} was tried."])
    return Beside(known, PHI, Code(highlight(f"x = {text!r}"), False), values, "evidence/a/b-1", "torch 2")


@pytest.mark.parametrize("name", [card.submission for card in usual_cards()])
@pytest.mark.parametrize("beside", [Beside(), whole()], ids=["bare", "whole"])
def test_a_page_of_any_entry_breaks_none_of_its_own_rules(name, beside):
    page = page_of(name, beside)
    assert page.faults() == []
    assert len(page.named("h1")) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels_subjects_names_and_sources_stay_text(text):
    page = page_of(beside=whole(text))
    assert page.faults() == []
    assert {image.attributes["src"] for image in page.named("img")} == {PIXEL}
    assert {link.attributes["href"].split(":")[0] for link in page.named("a") if ":" in link.attributes["href"]} == {
        "data"
    }


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.isprintable()])
def test_hostile_titles_references_and_reasons_stay_text(text):
    cards = [whole_card("sharp", 0.5, title=text, reference=text, reason=text, footnotes=(text,)), *usual_cards()[:2]]
    page = page_of("sharp", cards=cards)
    assert page.faults() == []
    assert page.text.count(text) >= 3


def test_a_broken_entry_says_why_it_has_no_metrics():
    page = page_of("broken")
    assert "broken has no metrics on this board: 8 of 8 runs failed; run 0: ValueError." in page.text
    assert "Metrics beside the controls" not in page.text


def test_the_sentence_says_gap_interval_and_rank():
    text = page_of().text
    assert "sharp+tuned closes 50.0\u00a0% of the gap between doing nothing and retraining" in text
    assert "rank 1 of 3 not over the budget" in text
    assert "The runs do not separate it from near." in text


def test_metrics_stand_beside_those_of_the_controls():
    board = board_of(usual_cards())
    controls = [board.cards["retrain"], board.cards["identity"]]
    ((_, rows), *_) = metric_groups(board.cards["sharp"], controls)
    gap = next(row for row in rows if row.heading == "gap closed")
    assert gap.value.startswith("10.0\u00a0% (8.0\u00a0% to 12.0\u00a0%)")
    assert [value.split(" ")[0] for value in gap.controls] == ["100.0\u00a0%", "0.0\u00a0%"]


def test_examples_come_with_the_worst_forgotten_first():
    rows = example_rows(whole_card("sharp", 0.0))
    assert [row.number for row in rows] == [1, 2, 0]
    assert [row.bar for row in rows] == [90.0, 50.0, 20.0]
    assert rows[0].cells[0] == "0.900"


def test_downloads_hold_the_card_and_its_row():
    links = {
        link.attributes["download"]: link.attributes["href"]
        for link in page_of().named("a")
        if "download" in link.attributes
    }
    content = {name: base64.b64decode(uri.partition(",")[2]).decode() for name, uri in links.items()}
    assert json.loads(content["sharp+tuned-digits-aaa.json"])["submission"] == "sharp+tuned"
    header, row = csv.reader(io.StringIO(content["sharp+tuned-digits-aaa.csv"]))
    assert dict(zip(header, row, strict=True))["gap_closed"] == "0.5"


def test_the_page_has_the_command_that_runs_the_entry():
    assert "bench run sharp+tuned --scenario digits --models 8" in page_of().text


def test_without_evidence_the_page_says_how_to_get_it():
    page = page_of()
    assert "bench evidence unpack" in page.text
    assert not page.named("script")


def test_source_that_has_changed_is_called_so():
    assert "not known to be those that this entry ran with" in page_of(beside=whole()).text


def test_highlighted_code_keeps_its_text_and_no_markup_of_its_own():
    page = Page(
        f'<meta http-equiv="Content-Security-Policy" content="">{highlight("a = 1 < 2  # </code><b>")}'.encode()
    )
    assert not page.named("b")
    assert "</code><b>" in "".join(page.text)


def test_histograms_count_every_model_once_in_shared_bins():
    rng = np.random.default_rng(0)
    known = {"unlearned": rng.normal(2, 1, (40, 3)), "retrained": rng.normal(0, 1, (30, 3))}
    ends, *counts = histogram(known, 1)
    both = np.concatenate([phi[:, 1] for phi in known.values()])
    assert ends == pytest.approx([both.min(), both.max()], rel=1e-3)
    assert [sum(each) for each in counts] == [40, 30]
    at = np.floor((known["unlearned"][:, 1] - both.min()) / np.ptp(both) * BINS).clip(0, BINS - 1).astype(int)
    assert counts[0] == np.bincount(at, minlength=BINS).tolist()


def test_one_value_alone_has_a_histogram():
    assert sum(histogram({"unlearned": np.full((5, 1), 2.0)}, 0)[1]) == 5


@pytest.fixture
def stored(tmp_path):
    """A workspace with evidence of one entry and a pool, φ of two examples each."""
    card = whole_card("sharp", 0.5)
    workspace = Workspace(tmp_path)
    store_blocks(workspace.evidence / card.label / "sharp-ccc", "unlearned", [[1.0, 2.0], [3.0, 4.0]])
    store_blocks(workspace.pools / "digits-bbb", "retrained", [[0.0, 0.0]])
    return workspace, card


def store_blocks(folder, role, phi):
    names = [f"{role}/{k:04d}" for k in range(len(phi))]
    (folder / role).mkdir(parents=True)
    for name, row in zip(names, phi, strict=True):
        save_file({"phi/forget": np.array([row])}, folder / f"{name}.safetensors")
    (folder / "manifest.json").write_text(json.dumps({"blocks": dict.fromkeys(names, "0"), "commitment": ""}))


def test_stored_evidence_gives_histograms(stored):
    workspace, card = stored
    found = distributions(workspace, card, read_reference(workspace, card))
    assert [each["models"] for each in found["populations"]] == [2, 1]
    assert [sum(counts) for counts in found["examples"][1][1:]] == [2, 1]


def test_evidence_of_another_secret_or_damaged_gives_none(stored):
    workspace, card = stored
    reference = read_reference(workspace, card)
    assert distributions(workspace, card.model_copy(update={"commitment": "f" * 64}), reference) is None
    assert distributions(workspace, card, Reference(None, None)) is None
    (workspace.evidence / card.label / "sharp-ccc" / "unlearned" / "0000.safetensors").write_bytes(b"no tensors")
    assert distributions(workspace, card, reference) is None


def test_evidence_is_named_and_not_linked_for_it_does_not_ship_with_the_site(tmp_path):
    assert evidence_place(tmp_path / "evidence" / "a" / "b-1") == "evidence/a/b-1"
    assert evidence_place(None) == ""
    page = page_of(beside=whole())
    assert "evidence/a/b-1" in page.text
    assert all(link.attributes["href"].startswith(("#", "data:", "../../", "sharp")) for link in page.named("a"))


def test_the_order_of_examples_names_its_measure():
    text = page_of().text
    assert "examples to forget, the largest leak first" in text
    assert "worst forgotten" not in text


def test_pictures_are_files_of_their_pixels():
    from PIL import Image

    pixels = torch.arange(27, dtype=torch.uint8).reshape(3, 3, 3)
    read = Image.open(io.BytesIO(base64.b64decode(picture(pixels).partition(",")[2])))
    assert torch.equal(torch.from_numpy(np.array(read)).permute(2, 0, 1), pixels)
    assert picture(torch.zeros(4)) == ""
    assert picture(pixels) == picture(pixels)


def test_a_scenario_that_is_not_known_has_no_examples(tmp_path):
    assert known_examples(None, tmp_path / "kept.json") is None


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://elsewhere.example/a.png", 'data:image/png;base64,A"onload=b']
)
def test_a_picture_is_nothing_but_a_png_in_the_page(link):
    with pytest.raises(ValueError, match="pattern"):
        ForgetExample(row="1", name="", label="", subject="", picture=link)


def test_forget_examples_of_tokens_have_their_text_and_no_label(tmp_path, monkeypatch):
    found = read_examples(miniature("people", tmp_path / "data", monkeypatch))
    assert found is not None
    assert {(each.label, each.picture) for each in found.examples} == {("", "")}
    assert all(" ? " in each.name and each.subject in each.name for each in found.examples)


SEARCH = {
    "submission": "own",
    "submission_hash": "ab",
    "scenario": "digits",
    "tuning_scenario_hash": "ab",
    "rungs": [8, 16],
    "allowed_share": 0.18,
    "objective": "gap_closed",
    "wanted": 3,
    "hyperparameters": {"rate": 0.02},
    "trials": [
        {"values": {"rate": 0.1}, "scores": [0.01], "share": 0.1, "state": "pruned", "reason": "worse"},
        {"values": {"rate": 0.02}, "scores": [0.05, 0.04], "share": 0.1, "state": "complete", "reason": ""},
        {"values": {"rate": 0.5}, "scores": [], "share": 0.9, "state": "over-budget", "reason": "dear"},
    ],
    "versions": {},
}


def test_values_stand_beside_the_tuned_ones_and_what_was_searched(tmp_path):
    folder = tmp_path / "submissions" / "own"
    (folder / "tuned").mkdir(parents=True)
    source = 'HYPERPARAMETERS = {"rate": 0.1, "kind": "a"}\nSEARCH_SPACE = {"rate": (1e-4, 1.0, "log")}\n'
    (folder / "submission.py").write_text(source)
    (folder / "tuned" / "digits.json").write_text(json.dumps(SEARCH))
    found = read_hyperparameters(Workspace(tmp_path), whole_card("own+tuned", 0.1), load_scenario("digits"))
    assert found.rows == [("rate", "0.1", "0.0001 to 1, evenly in the logarithm", "0.02"), ("kind", "a", "", "")]
    assert "3 sets of values (1 complete, 1 given up early, 1 over the budget)" in found.search[0]
    assert (
        "the best got 4.0\u00a0% (16 runs), the published values 1.0\u00a0% (8 runs, given up early)" in found.search[1]
    )
    assert read_hyperparameters(Workspace(tmp_path), whole_card("gone", 0.1), None) is None


def test_a_search_that_found_nothing_says_so():
    lost = {**SEARCH, "hyperparameters": None, "trials": SEARCH["trials"][2:], "wanted": 1}
    assert say_search(Tuning.model_validate(lost))[1].startswith("None of the complete ones")


def test_tuned_values_are_held_against_the_published_ones_of_this_board():
    board = board_of(usual_cards())
    for name in ("sharp", "sharp+tuned"):
        said = tuned_difference(board, board.cards[name])
        assert said.startswith("Here the tuned values are significantly better, for this pair alone: +40.00 points")
    assert tuned_difference(board, board.cards["near"]) == ""


def test_the_smallest_p_values_and_an_unbounded_epsilon_read_as_what_they_are():
    card = whole_card("sharp", 0.0)
    card = with_metrics(
        card, p_values=PerExample(values=[1e-4, 0.0421, 1.0]), epsilon=PerExample(values=[50.0, 1.0, 0.0])
    )
    columns = {row.number: row.cells for row in example_rows(card)}
    assert [columns[k][-1] for k in range(3)] == ["≤ 0.0002", "0.0421", "1.0000"]
    assert [columns[k][1] for k in range(3)] == ["∞", "1.000", "0.000"]
    names = ("median_epsilon", "epsilon_lower_bound_examples")
    assert [format_metric(name, Value(value=50.0)) for name in names] == ["∞", "50"]
