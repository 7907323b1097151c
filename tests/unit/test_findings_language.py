"""The five sentences of docs/results.md about language models, of boards made by hand."""

import pytest
from cards import card, with_gap, with_metrics
from entries import board
from findings.language import five_sentences, say_forget_quality, say_made_for_language, say_retain_term
from scipy.stats import kendalltau

from benchmark.results.values import Estimate
from benchmark.scenario.schema import load_scenario

FOR_LANGUAGE = ("grad_diff", "kl_minimisation", "idk")
GAPS = {"gradient_ascent": 0.0, "grad_diff": 0.5, "kl_minimisation": 0.6, "ssd": 0.2, "simnpo": 0.9}
QUALITY = {"gradient_ascent": -29.0, "grad_diff": -2.0, "kl_minimisation": -6.0, "ssd": -15.0, "simnpo": -1.0}


@pytest.fixture(scope="module")
def people():
    cards = []
    for seed, (name, gap) in enumerate(GAPS.items(), 1):
        quality = Estimate(value=QUALITY[name], low=QUALITY[name] - 1, high=QUALITY[name] + 1)
        cards.append(with_metrics(with_gap(card(name, 0.1), gap, 0.01, seed), tofu_forget_quality=quality))
    return board(load_scenario("people"), *cards)


def test_a_missing_board_is_one_sentence():
    assert five_sentences({}, {}, FOR_LANGUAGE) == ["There is no board of `people` yet, so nothing is said about it."]


def test_what_a_board_lacks_is_said():
    poor = board(load_scenario("people"), card("foo", 0.1))
    said = five_sentences({"people": poor}, {"people": 2}, FOR_LANGUAGE)
    assert len(said) == 5
    assert said[0].endswith("This board is not finished: 2 methods have no row on it yet.")
    assert "cannot be compared" in said[1]
    assert "cannot be compared" in said[2]
    assert not any("points" in each for each in said)


def test_methods_for_language_are_held_against_those_for_classifiers(people):
    said = say_made_for_language(people, FOR_LANGUAGE)  # SimNPO, the best, is for both
    assert "for language models, `kl_minimisation`, closes 60" in said
    assert "for classifiers, `ssd`, 20" in said
    assert "+40" in said


def test_a_retain_term_is_held_against_none(people):
    said = say_retain_term(people)
    assert "gradient ascent closes 0" in said
    assert "+50" in said
    assert "is significantly better, by +10" in said


def test_the_order_by_forget_quality_is_kendalls(people):
    expected = kendalltau(list(GAPS.values()), list(QUALITY.values())).statistic
    assert 0 < expected < 1
    assert f"is {expected:.2f} over 5 entries" in say_forget_quality(people)
    assert "highest for `simnpo`, log₁₀ p = −1.0 (−2.0 to 0.0)" in say_forget_quality(people)
