"""Findings from signals: perfect deletion, models that remember, the control on others, signals that say nothing."""

import numpy as np
import pytest

from benchmark.audit.findings import Signals, find
from benchmark.audit.wording import answers, epsilon_words, gap_words, others, p_text
from benchmark.errors import BadData
from benchmark.metrics import detectable
from benchmark.metrics.one_model import compare_one_model

PEOPLE = [f"p{i}" for i in range(5)]


def draw(models=24, moved=0.0, shift=0.0, seed=0):
    """Signals of models: φ of the first two people is higher by `moved`, everybody's by `shift`."""
    rng = np.random.default_rng([models, seed])
    phi = rng.normal(size=(models, 5)) + shift
    phi[:, :2] += moved
    return Signals(phi, rng.normal(size=(models, 12)) + shift, rng.uniform(0.9, 1.0, models))


def test_each_kind_of_model_is_held_against_retrained_ones():
    retrained, original, unlearned = draw(seed=1), draw(moved=4.0, seed=2), draw(moved=2.0, seed=3)
    production = draw(1, moved=4.0, seed=4)
    signals = {"retrained": retrained, "original": original, "unlearned": unlearned, "production": production}
    found = find(PEOPLE, 1e-5, signals)
    assert [*found.comparisons] == ["production", "original", "unlearned"]
    for role, each in (("original", original), ("unlearned", unlearned)):
        p_values, is_detectable = detectable(each.phi, retrained.phi)
        assert (found.comparisons[role].p_values == p_values).all()
        assert (found.comparisons[role].is_detectable == is_detectable).all()
    one = compare_one_model(production.phi[0], retrained.phi)
    assert found.comparisons["production"].joint_p_value == one.joint_p_value
    assert found.comparisons["unlearned"].is_detectable.tolist() == [True, True, False, False, False]
    assert set(found.worst_people(2)) == {0, 1}
    assert found.score is not None
    assert 0.1 < found.score.gap_closed["leak"].value < 0.9
    assert found.comparisons["unlearned"].epsilon.shape == (5,)


def test_perfect_unlearning_is_not_detectable():
    found = find(PEOPLE, 1e-5, {"retrained": draw(seed=1), "unlearned": draw(seed=2)})
    assert found.comparisons["unlearned"].detectable_people == 0
    (answer,) = answers(found)
    assert answer.headline.startswith(
        "For none of the 5 people who asked for deletion, unlearned models can be distinguished"
    )
    assert "picks out none of 12 people whom no model ever saw, which is no more than chance." in str(answer)


def test_models_that_remember_two_people_are_told_by_two():
    found = find(PEOPLE, 1e-5, {"retrained": draw(seed=1), "unlearned": draw(moved=6.0, seed=2)})
    (answer,) = answers(found)
    assert answer.headline.startswith(
        "For 2 of the 5 people who asked for deletion, unlearned models can be distinguished"
    )
    assert "about the people who were deleted" in str(answer)


def test_models_that_differ_in_general_are_called_so():
    found = find(PEOPLE, 1e-5, {"retrained": draw(seed=1), "unlearned": draw(shift=6.0, seed=2)})
    control = found.comparisons["unlearned"].control
    assert (control.people, control.detectable, control.fails) == (12, 12, True)
    assert "no more than on others" in others(found.comparisons["unlearned"])


def test_a_production_model_of_another_recipe_is_no_proof():
    found = find(PEOPLE, 1e-5, {"retrained": draw(seed=1), "production": draw(1, shift=9.0, seed=2)})
    assert "what is found is no proof" in others(found.comparisons["production"])


def test_people_in_the_model_in_production_are_counted():
    shifted = Signals(np.full((1, 5), 50.0))
    found = find(PEOPLE, 1e-5, {"retrained": draw(seed=1), "production": shifted})
    (answer,) = answers(found)
    assert answer.headline.startswith("5 of the 5 people who asked for deletion can be detected in the model")
    assert answer.notes[0].startswith("For 5 of them its answer is more extreme than that of every retrained model; by")
    assert "happens for 0.2 of 5 people" in answer.notes[0]
    assert "Taken together, these people do stand out (p = 0.0400)." in answer.notes


@pytest.mark.parametrize("role", ["production", "production_unlearned"])
@pytest.mark.parametrize("models", [2, 6])
def test_several_models_in_production_are_tested_as_a_population(role, models):
    retrained, several = draw(seed=1), draw(models, moved=30.0, seed=2)
    found = find(PEOPLE, 1e-5, {"retrained": retrained, role: several})
    assert found.comparisons[role].is_detectable.tolist() == detectable(several.phi, retrained.phi)[1].tolist()
    assert found.comparisons[role].joint_p_value is None
    (answer,) = answers(found)
    found_people = found.comparisons[role].detectable_people
    assert found_people >= 2
    assert answer.headline.startswith(
        f"{found_people} of the 5 people who asked for deletion can be detected in the {models}"
    )
    assert ("after deletion" in answer.headline) == (role == "production_unlearned")
    assert found.score is None


def test_two_models_against_four_find_nobody_and_say_so():
    found = find(PEOPLE, 1e-5, {"retrained": draw(4, seed=1), "production": draw(2, moved=30.0, seed=2)})
    assert (
        "2 models held against 4 can give no p-value of 0.05 or less, so nobody could have been found."
        in answers(found)[0].notes
    )


def test_one_model_says_how_many_have_to_stand_out():
    found = find(PEOPLE, 1e-5, {"retrained": draw(seed=1), "production": draw(1, seed=2)})
    assert "only if at least 4 of them stand out together, so this clears none" in str(answers(found)[0])


def test_few_unlearned_models_say_how_many_have_to_stand_out():
    found = find(PEOPLE, 1e-5, {"retrained": draw(4, seed=1), "unlearned": draw(4, seed=2)})
    smallest = found.comparisons["unlearned"].smallest_p_value
    assert smallest == pytest.approx(2 / 70)  # two of the orders of 4 and 4
    assert "4 models held against 4 can make people detectable only if at least 3 of them" in str(answers(found)[0])


def test_one_person_is_not_taken_together():
    one = Signals(np.arange(24.0)[:, None])
    found = find(["p"], 1e-5, {"retrained": one, "production": Signals(np.array([[3.5]]))})
    said = str(answers(found)[0])
    assert said.startswith("None of 1 person who asked for deletion can be detected")
    assert "together" not in said


@pytest.mark.parametrize("models", [4, 10])
def test_too_few_models_say_so(models):
    found = find(PEOPLE, 1e-5, {"retrained": draw(models, seed=1), "production": draw(1, moved=9.0, seed=2)})
    assert "nobody could have been found" in str(answers(found)[0])


def test_the_gap_is_told_in_words():
    signals = {"retrained": draw(seed=1), "original": draw(moved=6.0, seed=2)}
    good = find(PEOPLE, 1e-5, {**signals, "unlearned": draw(seed=3)})
    idle = find(PEOPLE, 1e-5, {**signals, "unlearned": draw(moved=6.0, seed=4)})
    assert gap_words(good).startswith("Unlearning goes")
    assert "not significantly better than doing nothing" in gap_words(idle)
    assert gap_words(find(PEOPLE, 1e-5, {"retrained": draw(), "production": draw(1, seed=5)})) == ""


def test_epsilon_is_told_as_a_ratio_and_a_certainty():
    assert "3.0 times as likely" in epsilon_words(np.log(3))
    assert "75 % sure" in epsilon_words(np.log(3))
    assert "nothing is proved" in epsilon_words(0.0)
    assert (p_text(0.25), p_text(0.0001)) == ("= 0.2500", "≤ 0.0001")


@pytest.mark.parametrize(
    ("signals", "sentence"),
    [
        ({"unlearned": Signals(np.full((24, 5), np.nan))}, "unlearned holds 120 values that are not finite"),
        ({"unlearned": Signals(np.zeros((24, 4)))}, "unlearned has 4 examples and retrained 5"),
        ({"production": Signals(np.zeros(5))}, r"production has shape \(5,\), expected \[models, examples\]"),
        ({"retrained": Signals(np.ones((24, 5))), "production": draw(1)}, "all 24 retrained models answer alike"),
        ({"retrained": draw(1), "production": draw(1)}, "expected at least 2"),
    ],
)
def test_signals_that_cannot_be_compared_are_one_sentence(signals, sentence):
    with pytest.raises(BadData, match=sentence):
        find(PEOPLE, 1e-5, {"retrained": draw(seed=1), **signals})
