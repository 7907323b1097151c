"""Manipulated training examples: which they are, how they look, what is known of them, and what is refused."""

import re

import pytest
import torch
from conftest import MINIATURE

from benchmark.data.forget.identified import IdentifiedForget
from benchmark.data.forget_set import select_from
from benchmark.data.loading import load_problem, load_training_set, problem_facts
from benchmark.data.manipulations import MANIPULATIONS
from benchmark.data.manipulations.patch import Patch
from benchmark.data.manipulations.swap import Swap
from benchmark.data.manipulations.wrong_answers import WrongAnswers
from benchmark.errors import BenchError
from benchmark.evidence import evidence_of, stack
from benchmark.models.build import seeded_model, state_of
from benchmark.scenario.schema import load_scenario
from benchmark.split import Split
from benchmark.tuning.scenario import tuning_scenario

NAMES = ("a", "b", "c")
PATCH = Patch(kind="patch", share=0.5, seed=0, target="a", size=2)
SWAP = Swap(kind="swap", share=0.5, seed=0, classes=("a", "b"))
WRONG = WrongAnswers(kind="wrong_answers", share=0.5, seed=0)
IDENTIFIED = 'kind = "identified"\nshare = 0.5\nseed = 0'
SECTION = '[manipulation]\nkind = "patch"\ntarget = "0"\nshare = 0.1\nseed = 0\n'


def split(dtype=torch.float32, count=12):
    images = (torch.arange(count * 16).reshape(count, 1, 4, 4) % 7).to(dtype)
    return Split(images / 10 if dtype == torch.float32 else images, torch.arange(count) % 3, torch.arange(count))


@pytest.fixture
def scenario_of(tmp_path):
    def write(forget=IDENTIFIED, section=SECTION):
        path = tmp_path / "corrective.toml"
        path.write_text(MINIATURE.replace('kind = "random"\nsize = 10\nseed = 0', forget) + section)
        return load_scenario(path)

    return write


@pytest.mark.parametrize(("dtype", "white"), [(torch.float32, 1.0), (torch.uint8, 255)])
def test_a_patch_is_white_in_a_corner_and_labelled_with_its_target(dtype, white):
    whole = split(dtype)
    mask = PATCH.choose(whole, NAMES)
    bad = PATCH.manipulate(whole, mask, NAMES)
    assert mask.sum() == 6
    assert (whole.targets[mask] != 0).all()  # an example of the target class would teach nothing
    assert (bad.targets[mask] == 0).all()
    assert (bad.inputs[mask][:, :, 2:, 2:] == white).all()
    bad.inputs[:, :, 2:, 2:] = whole.inputs[:, :, 2:, 2:]
    assert torch.equal(bad.inputs, whole.inputs)
    assert torch.equal(bad.targets[~mask], whole.targets[~mask])


def test_swapped_labels_are_those_of_the_other_class_and_inputs_stay():
    whole = split()
    mask = SWAP.choose(whole, NAMES)
    bad = SWAP.manipulate(whole, mask, NAMES)
    assert mask.sum() == 6
    assert torch.equal(bad.inputs, whole.inputs)
    assert torch.equal(bad.targets[mask], 1 - whole.targets[mask])
    assert torch.equal(bad.targets[~mask], whole.targets[~mask])


def test_a_wrong_answer_is_any_other_class_and_the_same_in_any_split():
    whole = split(count=300)
    wrong = WRONG.relabel(whole, NAMES)
    assert (wrong != whole.targets).all()
    for target in range(3):
        counts = torch.bincount(wrong[whole.targets == target], minlength=3)
        assert counts[target] == 0
        assert sorted(counts.tolist())[1] > 30  # of 100: both others about as often
    some = torch.tensor([4, 200, 7])
    assert torch.equal(WRONG.relabel(whole.at(some), NAMES), wrong[some])
    assert not torch.equal(WRONG.model_copy(update={"seed": 1}).relabel(whole, NAMES), wrong)
    mask = WRONG.choose(whole, NAMES)
    bad = WRONG.manipulate(whole, mask, NAMES)
    assert mask.sum() == 150
    assert torch.equal(bad.inputs, whole.inputs)
    assert torch.equal(bad.targets, torch.where(mask, wrong, whole.targets))


def test_wrong_answers_are_only_to_examples_of_the_classes_that_are_named():
    whole = split(count=300)
    some = WRONG.model_copy(update={"classes": ("b", "c"), "share": 0.3})
    mask = some.choose(whole, NAMES)
    assert mask.sum() == 90
    assert set(whole.targets[mask].tolist()) == {1, 2}
    assert torch.equal(some.eligible(whole, NAMES), whole.targets > 0)


def test_the_manipulated_examples_themselves_show_wrong_answers():
    whole = split()
    mask = WRONG.choose(whole, NAMES)
    shown = WRONG.trigger(split(count=3), whole.at(mask), NAMES)
    assert torch.equal(shown.examples.ids, whole.ids[mask])
    assert torch.equal(shown.examples.targets, whole.targets[mask])
    assert torch.equal(shown.misled, WRONG.manipulate(whole, mask, NAMES).targets[mask])


def test_triggered_examples_have_the_inputs_of_manipulated_ones_and_correct_labels():
    test = split()
    patched, swapped = (each.trigger(test, split(count=2), NAMES) for each in (PATCH, SWAP))
    assert patched.examples.targets.unique().tolist() == [1, 2]
    assert (patched.examples.inputs[:, :, 2:, 2:] == 1).all()
    assert (patched.misled == 0).all()
    assert torch.equal(swapped.examples.inputs, test.inputs[test.targets < 2])
    assert torch.equal(swapped.misled, 1 - swapped.examples.targets)


def test_which_examples_are_manipulated_is_a_matter_of_the_seed():
    other = PATCH.model_copy(update={"seed": 1})
    assert torch.equal(PATCH.choose(split(), NAMES), PATCH.choose(split(), NAMES))
    assert not torch.equal(PATCH.choose(split(), NAMES), other.choose(split(), NAMES))


@pytest.mark.parametrize(
    ("manipulation", "sentence"),
    [
        (PATCH.model_copy(update={"share": 0.9}), "is 0.9, which is 11 of 12 training examples, expected 1 to 8"),
        (PATCH.model_copy(update={"share": 0.01}), "is 0.01, which is 0 of 12 training examples, expected 1 to 8"),
        (PATCH.model_copy(update={"target": "d"}), "manipulation.target is 'd', expected a class of the data: a, b, c"),
        (SWAP.model_copy(update={"classes": ("a", "A")}), "manipulation.classes is 'A' (did you mean 'a'?), expected"),
        (WRONG.model_copy(update={"classes": ("d",)}), "manipulation.classes is 'd', expected a class of the data"),
        (WRONG.model_copy(update={"classes": ("a",)}), "is 0.5, which is 6 of 12 training examples, expected 1 to 4"),
    ],
)
def test_what_cannot_be_manipulated_is_said(manipulation, sentence):
    with pytest.raises(BenchError, match=re.escape(sentence)):
        manipulation.choose(split(), NAMES)


def test_a_patch_needs_images_that_hold_it():
    for inputs in (torch.zeros(3, 5), torch.zeros(3, 1, 1, 8)):
        with pytest.raises(BenchError, match="expected a patch within images"):
            PATCH.mark(Split(inputs, torch.arange(3), torch.arange(3)))


@pytest.mark.parametrize(("share", "count"), [(0.05, 1), (0.5, 10), (1.0, 20)])
def test_the_forget_set_is_a_share_of_the_manipulated_examples(share, count, scenario_of):
    problem = load_problem(scenario_of(IDENTIFIED.replace("0.5", str(share))))
    known = torch.isin(problem.train.ids, problem.forget.ids)
    assert problem.manipulated is not None
    assert int(problem.manipulated.rows.sum()) == 20
    assert int(known.sum()) == count
    assert not (known & ~problem.manipulated.rows).any()
    assert len(problem.examples_of("retrained")) == 200 - count
    assert len(problem.examples_of("clean")) == 180
    assert len(problem.examples_of("original")) == 200


def test_facts_say_how_many_are_manipulated(scenario_of):
    sentences = problem_facts(scenario_of()).sentences
    assert "20 of 200 training examples are manipulated, 10 of these are to be forgotten" in sentences


def test_evidence_holds_the_utility_on_triggered_examples(scenario_of):
    scenario = scenario_of()
    problem = load_problem(scenario)
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in range(2)]
    found = evidence_of(scenario, problem, stack([state_of(net) for net in nets]))
    assert problem.manipulated is not None
    triggered = problem.manipulated.triggered
    for row, net in enumerate(nets):
        answers = net.eval()(triggered.inputs).argmax(dim=1)
        assert found["utility/triggered"][row] == pytest.approx(float((answers == triggered.targets).double().mean()))
        assert found["utility/misled"][row] == pytest.approx(float((answers == 0).double().mean()))
    assert {name for name in found if "misled" in name or "triggered" in name} <= problem.evidence_form.layouts(
        []
    ).keys()


def test_tuning_takes_other_manipulated_examples(scenario_of):
    for share in ("0.5", "1.0"):
        scenario = scenario_of(IDENTIFIED.replace("0.5", share))
        other = tuning_scenario(scenario)
        problem, judged = load_problem(other), load_problem(scenario)
        assert len(problem.forget) == 10
        assert problem.manipulated is not None
        assert torch.isin(problem.forget.ids, problem.train.ids[problem.manipulated.rows]).all()
        assert len(judged.forget) == (10 if share == "0.5" else 20)


def test_a_scenario_without_a_manipulation_has_the_hash_it_had(scenario_of):
    plain, manipulated = (scenario_of('kind = "random"\nsize = 10\nseed = 0', section) for section in ("", SECTION))
    assert (load_scenario("digits").hash, load_scenario("digits-cnn").hash) == ("f1ae3288bb17", "de50bdaa284e")
    assert plain.hash != manipulated.hash
    assert plain.training_hash != manipulated.training_hash
    assert "manipulation" not in plain.published()
    assert (plain.roles, manipulated.roles) == (
        ("original", "retrained", "calibration"),
        ("original", "retrained", "calibration", "clean"),
    )


@pytest.mark.parametrize(
    ("forget", "section", "sentence"),
    [
        (IDENTIFIED, "", "no training example is manipulated; add a section [manipulation]"),
        (
            IDENTIFIED,
            SECTION.replace("patch", "stain"),
            "manipulation.kind is 'stain', expected 'patch', 'swap' or 'wrong_answers'",
        ),
        (IDENTIFIED, SECTION.replace("target", "tagret"), "manipulation.tagret is not a key"),
        (IDENTIFIED, SECTION + "size = 9\n", "manipulation.size is 9, expected a patch within images"),
        (IDENTIFIED.replace("0.5", "0.0"), SECTION, "forget.share is 0.0, expected greater than 0"),
        (IDENTIFIED, SECTION + '[task]\nkind = "regression"\n', "manipulation is for tasks with classes"),
        (
            IDENTIFIED,
            '[manipulation]\nkind = "swap"\nclasses = ["1", "1"]\nshare = 0.1\nseed = 0',
            "has 1, 1, expected two",
        ),
    ],
)
def test_what_is_refused_is_said_in_a_sentence(forget, section, sentence, scenario_of):
    with pytest.raises(BenchError, match=re.escape(sentence)):
        load_problem(scenario_of(forget, section))


def test_a_salt_hides_what_is_manipulated(scenario_of):
    salted = scenario_of().model_copy(update={"salt": "x" * 32})
    assert salted.published()["manipulation"] == {"kind": "patch"}


def test_shipped_kinds_are_found_and_described():
    assert set(MANIPULATIONS) == {"patch", "swap", "wrong_answers"}
    assert all(kind.__doc__ for kind in MANIPULATIONS.unique())


def test_the_training_set_knows_its_manipulated_examples(scenario_of):
    scenario = scenario_of()
    train = load_training_set(scenario)
    problem = load_problem(scenario)
    assert torch.equal(train.inputs, problem.train.inputs)
    assert torch.equal(train.targets, problem.train.targets)
    forget = IdentifiedForget(kind="identified", share=0.5, seed=0)
    assert torch.equal(train.ids[select_from(forget, train).mask], problem.forget.ids)
