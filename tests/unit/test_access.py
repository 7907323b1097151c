"""Tests of what submissions are given of a problem."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data import load_problem
from benchmark.data.access import Access, Given, everything_of
from benchmark.data.accesses import ACCESSES
from benchmark.data.accesses.hidden_labels import HIDDEN
from benchmark.errors import BadScenario
from benchmark.sandbox.child.contract import BATCH_FORMATS, loader
from benchmark.sandbox.job import job_of
from benchmark.scenario.schema import load_scenario
from benchmark.split import Split
from benchmark.tasks.regression import Regression
from benchmark.toolbox import class_counts, repeated, subset, tensors, together

OTHERS = {
    "digits-no-retain": "digits-hard",
    "digits-forget-only": "digits-hard",
    "digits-unlabelled": "digits-hard",
    "digits-look-alikes": "digits-class",
}


def access(kind, **keys) -> Access:
    return ACCESSES[kind](kind=kind, **keys)


def ids(split):
    return split.ids.tolist()


@pytest.mark.parametrize("name", OTHERS)
def test_scenarios_that_differ_in_access_alone_share_a_pool_and_no_board(name):
    scenario, other = load_scenario(name), load_scenario(OTHERS[name])
    assert scenario.pool_hash == other.pool_hash
    assert scenario.choice_hash == other.choice_hash
    assert scenario.with_models(other.protocol.models).hash != other.hash
    changed = scenario.protocol.model_copy(update={"access": None, "models": other.protocol.models})
    assert scenario.model_copy(update={"protocol": changed}).hash == other.hash


def test_a_scenario_of_ones_own_may_begin_with_one_that_has_a_base(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "digits-no-retain"\nname = "mine"\n[protocol]\nmodels = 8\n')
    mine, base = load_scenario(path), load_scenario("digits-no-retain")
    assert (mine.protocol.models, mine.protocol.access) == (8, base.protocol.access)
    assert mine.pool_hash == base.pool_hash


def test_controls_are_given_everything(miniature):
    some = access("forget-only")
    scenario = miniature.model_copy(update={"protocol": miniature.protocol.model_copy(update={"access": some})})
    assert {scenario.access_of(name) for name in scenario.protocol.controls} == {None}
    assert scenario.access_of("finetune") is some
    assert scenario.published()["protocol"]["access"] == {"kind": "forget-only"}
    assert "access" not in miniature.published()["protocol"]


@pytest.mark.parametrize(
    ("kind", "held"),
    [("no-retain", ("forget", "validation")), ("forget-only", ("forget",)), ("hidden-labels", Given._fields)],
)
def test_loaders_hold_what_the_access_names_and_nothing_else(kind, held, miniature):
    problem, keys = load_problem(miniature), {"share": 0.5} if kind == "hidden-labels" else {}
    job, whole = job_of(miniature, problem, "cpu", access(kind, **keys)), everything_of(problem)
    for name in Given._fields:
        given, expected = getattr(job, name), getattr(whole, name)
        assert ids(given) == (ids(expected) if name in held else [])
        assert given.inputs.shape[1:] == expected.inputs.shape[1:]
        assert torch.equal(given.inputs, expected.inputs[: len(given)])
        if kind != "hidden-labels":
            assert torch.equal(given.targets, expected.targets[: len(given)])


@settings(max_examples=30)
@given(share=st.floats(0.01, 1.0), size=st.integers(1, 60))
def test_a_share_of_the_labels_is_hidden_and_the_rest_are_true(share, size):
    split = Split(torch.zeros(size, 2), torch.arange(size), torch.arange(size))
    hidden = access("hidden-labels", share=share)._hide(split, 3)
    gone = hidden.targets == HIDDEN
    assert int(gone.sum()) == max(1, round(share * size))
    assert torch.equal(hidden.targets[~gone], split.targets[~gone])
    assert torch.equal(split.targets, torch.arange(size))


def test_hidden_labels_leave_validation_as_it_is_and_depend_on_the_problem_alone(miniature):
    problem, kind = load_problem(miniature), access("hidden-labels", share=0.5)
    first, again, other = kind.give(problem), kind.give(problem), kind.give(replace(problem, seed=problem.seed + 1))
    assert torch.equal(first.validation.targets, problem.validation.targets)
    assert torch.equal(first.retain.targets, again.retain.targets)
    assert not torch.equal(first.retain.targets, other.retain.targets)
    assert torch.nn.functional.cross_entropy(torch.zeros(len(first.retain), 10), first.retain.targets) > 0


def test_ages_are_hidden_with_the_labels_that_follow_from_them():
    split = Split(torch.zeros(4, 2), torch.arange(4), torch.arange(4), ages=torch.arange(20, 24))
    hidden = access("hidden-labels", share=0.5)._hide(split, 0)
    assert torch.equal(hidden.ages == HIDDEN, hidden.targets == HIDDEN)
    assert split.ages.tolist() == [20, 21, 22, 23]


def test_hidden_numbers_are_nan():
    split = Split(torch.zeros(4, 2), torch.ones(4), torch.arange(4))
    assert access("hidden-labels", share=1.0)._hide(split, 0).targets.isnan().all()


def test_of_sequences_all_labels_of_a_hidden_answer_are_hidden():
    split = Split(torch.zeros(6, 3, dtype=torch.int64), torch.ones(6, 3, dtype=torch.int64), torch.arange(6))
    gone = access("hidden-labels", share=0.5)._hide(split, 0).targets == HIDDEN
    assert gone.all(dim=1).sum() == 3
    assert gone.sum() == 9


def test_look_alikes_are_the_nearest_validation_examples_of_every_class_to_forget(miniature):
    problem = load_problem(miniature)
    found = access("look-alikes", count=2).give(problem)
    assert not len(found.retain)
    assert ids(found.validation) == ids(problem.validation)
    expected = []
    for label in sorted(set(problem.forget.targets.tolist())):
        near = {}
        for row, (inputs, target) in enumerate(zip(problem.validation.inputs, problem.validation.targets, strict=True)):
            if target == label:
                own = problem.forget.inputs[problem.forget.targets == label]
                near[row] = min(float((inputs - each).norm()) for each in own)
        expected += [int(problem.validation.ids[row]) for row in sorted(near, key=near.get)[:2]]
    assert ids(found.forget) == expected
    assert not set(ids(found.forget)) & set(ids(problem.train))
    with_retain = access("look-alikes", count=2, retain=True)
    assert ids(with_retain.give(problem).retain) == ids(problem.retain)
    assert "no forget example" in with_retain.sentence


def test_look_alikes_are_of_the_same_subject_where_validation_has_all_of_them(miniature):
    problem = load_problem(miniature)
    forget = replace(problem.forget, subjects=torch.arange(len(problem.forget)) % 2)
    validation = replace(problem.validation, subjects=torch.arange(len(problem.validation)) % 3)
    found = access("look-alikes").give(replace(problem, forget=forget, validation=validation))
    assert found.forget.subjects.tolist() == [0, 1]
    apart = replace(validation, subjects=validation.subjects + 1)  # the subject 0 is nowhere in it
    found = access("look-alikes").give(replace(problem, forget=forget, validation=apart))
    assert found.forget.targets.tolist() == sorted(set(forget.targets.tolist()))


def test_too_few_look_alikes_and_targets_without_classes_are_refused(miniature):
    problem = load_problem(miniature)
    with pytest.raises(BadScenario, match="count is 60, but validation has"):
        access("look-alikes", count=60).give(problem)
    numbers = replace(problem, task=Regression(kind="regression"))
    with pytest.raises(BadScenario, match="but the task is regression; choose another access"):
        access("look-alikes").give(numbers)


@pytest.mark.parametrize("form", ["tuple", "kaggle"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_empty_loader_has_no_batches_and_says_that_it_was_asked(form, shuffle, miniature):
    asked, split = [], load_problem(miniature).retain.at(slice(0, 0))
    empty = loader(split, 8, form, shuffle=shuffle, asked_in_vain=lambda: asked.append(1))
    assert (len(empty), len(empty.dataset), asked) == (0, 0, [])
    assert list(empty) == []
    assert asked == [1]
    assert isinstance(empty.dataset, BATCH_FORMATS[form])
    assert list(subset(empty, 5)) == []
    assert asked == [1, 1]


def test_the_toolbox_refuses_what_needs_examples(miniature):
    problem = load_problem(miniature)
    empty = loader(problem.retain.at(slice(0, 0)), 8, "tuple", shuffle=True)
    full = loader(problem.forget, 8, "tuple", shuffle=True)
    for call in (lambda: tensors(empty), lambda: class_counts(empty, 10), lambda: next(repeated(empty))):
        with pytest.raises(ValueError, match="a loader without examples came"):
            call()
    with pytest.raises(ValueError, match="a loader without examples came"):
        list(together(full, empty))
    assert list(together(empty, full)) == []


def test_every_access_says_what_it_is():
    assert set(ACCESSES) == {"no-retain", "forget-only", "look-alikes", "hidden-labels"}
    for kind in ACCESSES.unique():
        assert kind.__doc__
    for name in OTHERS:
        assert load_scenario(name).protocol.access.sentence[0].islower()
