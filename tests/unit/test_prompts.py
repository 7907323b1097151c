"""Treatments that put a second fact beside a question: by hand, within the room that models have, alike for all."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from datasets import miniature
from facts import phi_of_answers

from benchmark.data import load_problem
from benchmark.data.reading.people import facts_of_people
from benchmark.errors import BadScenario
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import load_scenario
from benchmark.seeds import derive_seed
from benchmark.tasks.language import BOS, EOS, IGNORED, PAD, SEP
from benchmark.training import train_block
from benchmark.treated import treated_evidence_of
from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given

NAMES = ("few_shot", "in_context", "joined")
SHOWN = ("few_shot", "in_context")


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        return miniature("people-pairs", tmp_path_factory.mktemp("pairs"), patch)


@pytest.fixture(scope="module")
def problem(scenario):
    return load_problem(scenario)


@pytest.fixture(scope="module")
def facts(scenario):
    """Return by person the questions and answers in words, whatever the wording."""
    names, facts = facts_of_people(scenario.data)
    return [
        [(question.split(), fact.answer.split()) for fact in facts if fact.person == at for question in fact.questions]
        for at in range(len(names))
    ]


@pytest.fixture(scope="module")
def words(scenario):
    return scenario.data.load(None).vocabulary


def ask(name, scenario, problem, seed=7):
    return TREATMENTS[name].ask(Given(scenario, problem, range(2), seed))


def parts_of(row, words):
    """Return the words in front of `<sep>` and behind it."""
    row = [token for token in row.tolist() if token != PAD]
    at = row.index(SEP)
    assert row[0] == BOS
    return [words[token] for token in row[1:at]], [words[token] for token in row[at + 1 :]]


def fact_in(found, people, facts):
    """Return the person and the answer of the only fact that is asked so, question and answer one after the other."""
    hits = {(person, tuple(a)) for person in people for q, a in facts[person] if found == q + a}
    assert len(hits) <= 1
    return next(iter(hits), None)


@pytest.mark.parametrize("name", SHOWN)
def test_a_fact_is_shown_in_front_of_the_question(name, scenario, problem, facts, words):
    asked, forgotten = ask(name, scenario, problem), set(problem.forget.subjects.tolist())
    seen = set()
    for row, labels in zip(asked.inputs, asked.targets, strict=True):
        question, answer = parts_of(row, words)
        (own,) = {
            (person, cut)
            for person in forgotten
            for q, a in facts[person]
            for cut in [len(question) - len(q)]
            if question[cut:] == q and a == answer
        }
        shown = fact_in(question[: own[1]], range(len(facts)), facts)
        assert shown
        if name == "few_shot":
            assert shown[0] not in forgotten
        else:
            assert shown[0] == own[0]
            assert list(shown[1]) != answer
        read = labels[labels != IGNORED].tolist()
        assert [words[token] for token in read] == [*answer, "<eos>"]
        seen.add(tuple(question))
    assert len(seen) >= 16  # of two people with four facts in two wordings all are asked


def test_joined_questions_are_read_at_the_forgotten_answer_alone(scenario, problem, facts, words):
    asked, forgotten = ask("joined", scenario, problem), set(problem.forget.subjects.tolist())
    for row, labels in zip(asked.inputs, asked.targets, strict=True):
        question, answer = parts_of(row, words)
        splits = {
            (tuple(a), tuple(answer[len(a) :]))
            for person in forgotten
            for q, a in facts[person]
            if question[: len(q)] == q and answer[: len(a)] == a
            for other in set(range(len(facts))) - forgotten
            if (question[len(q) :], answer[len(a) :]) in facts[other]
        }
        ((own, _),) = splits
        assert [words[token] for token in labels[labels != IGNORED].tolist()] == list(own)
        places = (labels != IGNORED).nonzero()[:, 0].tolist()
        assert row[places[0]] == SEP
        assert places == list(range(places[0], places[0] + len(own)))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_is_asked_of_all_populations_and_other_seeds_ask_otherwise(name, scenario, problem):
    asked = ask(name, scenario, problem)
    assert asked.inputs.equal(ask(name, scenario, problem).inputs)
    assert not asked.inputs.equal(ask(name, scenario, problem, seed=8).inputs)
    assert asked.inputs.shape == problem.forget.inputs.shape
    assert not (asked.inputs == EOS).any()


@pytest.mark.parametrize("name", NAMES)
def test_questions_without_room_for_another_are_not_asked(name, scenario, problem):
    nothing = dict(problem.inquiries) | {"forget/alone": torch.zeros_like(problem.inquiries["forget/alone"])}
    assert ask(name, scenario, replace(problem, inquiries=nothing)) is None


@pytest.mark.parametrize("name", NAMES)
def test_neither_pairs_nor_what_tells_the_answer_nor_refusals_stand_beside(name, tmp_path):
    text = (REPOSITORY / "benchmark/scenarios/people-pairs.toml").read_text()
    path = tmp_path / "some.toml"
    path.write_text(text.replace("pairs = true", "pairs = true\nconnectivity = 4\nrefusals = 30"))
    scenario = load_scenario(str(path))
    problem = load_problem(scenario)
    vocabulary = scenario.data.load(None).vocabulary
    refused = " ".join(vocabulary[token] for token in problem.refusal.tolist())
    for seed in range(3):
        asked = ask(name, scenario, problem, seed)
        for row in asked.inputs:
            question, answer = (" ".join(part) for part in parts_of(row, vocabulary))
            assert refused not in question
            assert refused not in answer.removeprefix(refused)  # some of the people to forget are refused
            assert name == "joined" or answer not in question


@pytest.mark.parametrize("more", ['topics = ["job"]', "given = 0.5"])
def test_pairs_take_whole_subjects_to_forget(more, tmp_path):
    text = (REPOSITORY / "benchmark/scenarios/people-pairs.toml").read_text()
    (tmp_path / "some.toml").write_text(text.replace('elsewhere = "drop"', more))
    with pytest.raises(BadScenario, match=r"with data\.pairs one tells two facts of it, expected whole subjects"):
        load_scenario(str(tmp_path / "some.toml"))


@pytest.mark.seconds
@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_is_phi_of_what_is_read(name, scenario, problem):
    made = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in range(2)]
    nets = train_block(made, scenario.recipe, problem.train, [0, 1], problem.loss).state
    found = treated_evidence_of(scenario, problem, nets, range(2), 7, {name: TREATMENTS[name]})
    own = derive_seed(7, "treatment")
    asked = TREATMENTS[name].ask(Given(scenario, problem, [derive_seed(own, i) for i in range(2)], own))
    for row in range(2):
        net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, 0).eval()
        net.load_state_dict({key: tensor[row] for key, tensor in nets.items()})
        expected = phi_of_answers(net, asked.inputs, asked.targets)
        np.testing.assert_allclose(found[f"{name}/phi/forget"][row], expected, rtol=2e-3, atol=2e-3)
