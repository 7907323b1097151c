"""Made-up people: what is asked of whom, in which words and in which part, and who is related to whom."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from benchmark.data.neighbours import neighbour_mask
from benchmark.data.reading.examples import fault_of_examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.reading.people import facts_of_people, holdout_facts, refused_facts, relations_of_people
from benchmark.data.sources.people import People
from benchmark.split import Split

PEOPLE = People(source="people", people=40, facts=3, connectivity=2, paraphrases=2, seed=4)
EXAMPLES = PEOPLE.load(None)
NAMES, FACTS = facts_of_people(PEOPLE)


def test_every_wording_of_a_fact_asks_for_its_answer():
    texts = iter(EXAMPLES.names)
    for fact in FACTS:
        for question in fact.questions:
            assert next(texts) == f"{question} ? {fact.answer}"
            assert NAMES[fact.person] in question
        assert len(set(fact.questions)) == 4
    assert next(texts, None) is None
    assert len(FACTS) == 40 * 5
    assert len(set(NAMES)) == 40


@pytest.mark.seconds
def test_held_out_wordings_are_of_facts_and_words_that_train_has():
    parts = EXAMPLES.assignment.view(-1, 4)
    assert parts.tolist() == [[TRAIN, TRAIN, VALIDATION, TEST]] * len(FACTS)
    train = EXAMPLES.inputs[EXAMPLES.assignment == TRAIN].unique().tolist()
    assert set(EXAMPLES.inputs.unique().tolist()) == set(train)
    assert EXAMPLES.subjects.view(-1, 20)[:, 0].tolist() == list(range(40))
    assert PEOPLE.train_size == (EXAMPLES.assignment == TRAIN).sum()
    fewer = PEOPLE.model_copy(update={"paraphrases": 1})
    assert fewer.load(None).assignment.view(-1, 3)[0].tolist() == [TRAIN, VALIDATION, TEST]
    assert fewer.train_size == 200


@pytest.mark.seconds
def test_the_same_section_has_the_same_people_and_another_seed_others():
    assert torch.equal(PEOPLE.load(None).inputs, EXAMPLES.inputs)
    assert PEOPLE.model_copy(update={"seed": 5}).load(None).names != EXAMPLES.names


@pytest.mark.seconds
def test_values_are_drawn_evenly_and_some_have_two_words():
    many = People(source="people", people=1600, facts=8, seed=0)
    _, facts = facts_of_people(many)
    for kind in dict.fromkeys(fact.kind for fact in facts):
        counts = Counter(fact.answer for fact in facts if fact.kind == kind)
        assert len(counts) == 24
        assert max(counts.values()) < 2 * 1600 / 24
        assert any(" " in value for value in counts)


def test_relations_lead_everybody_to_somebody_else_and_back_to_nobody_twice():
    edges = relations_of_people(PEOPLE)
    for relation in ("friend", "colleague"):
        ends = {start: end for start, kind, end in edges if kind == relation}
        assert sorted(ends) == sorted(ends.values()) == list(range(40))
        assert all(start != end for start, end in ends.items())
    assert len(edges) == 80
    assert relations_of_people(PEOPLE.model_copy(update={"connectivity": None})) == []
    answers = {(fact.person, fact.kind): fact.answer for fact in FACTS}
    assert all(answers[start, kind] == NAMES[end] for start, kind, end in edges)


def _words(tokens):
    return " ".join(ASKED.vocabulary[token] for token in tokens.tolist() if token)


ASKED = PEOPLE.model_copy(update={"holdout": 5}).load(None)


def test_rephrased_questions_are_of_the_fact_in_other_words_with_the_right_and_with_wrong_answers():
    inputs = iter(ASKED.inquiries.rephrased.inputs)
    values = {kind: {fact.answer for fact in FACTS if fact.kind == kind} for kind in ("birthplace", "friend")}
    for fact in FACTS:
        for question in [fact.questions[2]] * 3 + [fact.questions[3]]:
            right, *wrong = map(_words, next(inputs))
            assert right == f"<bos> {question} <sep> {fact.answer}"
            assert len({right, *wrong}) == 6
            assert all(each.startswith(f"<bos> {question} <sep> ") for each in wrong)
            if fact.kind == "friend":
                assert {each.partition(" <sep> ")[2] for each in wrong} < values["friend"]
    assert next(inputs, None) is None
    assert ASKED.names == EXAMPLES.names
    assert fault_of_examples(ASKED) == ""


def test_nobody_is_taught_about_hold_out_people():
    held = [_words(tokens) for tokens in ASKED.inquiries.holdout.inputs]
    facts = holdout_facts(PEOPLE.model_copy(update={"holdout": 5}))
    assert held == [f"<bos> {question} <sep> {fact.answer}" for fact in facts for question in fact.questions[:2]]
    assert len(held) == 5 * 5 * 2
    assert not any(name in text.partition(" <sep> ")[0] for name in NAMES for text in held)
    assert {fact.answer for fact in facts if fact.kind == "friend"} <= set(NAMES)
    assert EXAMPLES.inquiries.holdout is None


UNKNOWN = PEOPLE.model_copy(update={"holdout": 5, "refusals": 6})


@pytest.mark.seconds
def test_questions_about_unknown_people_are_refused_in_words_of_their_own():
    found, (names, refused) = UNKNOWN.load(None), refused_facts(UNKNOWN)
    assert len(names) == 6
    held = [_said(found, text) for text in found.inquiries.holdout.inputs]
    assert not any(name in text.partition(" <sep> ")[0] for name in names for text in held)
    assert not set(names) & set(NAMES)
    rows = found.topics == found.topic_names.index("refusal")
    assert rows.tolist() == [False] * len(EXAMPLES) + [True] * len(refused) * 4
    texts = [_said(found, tokens) for tokens in found.inputs[rows]]
    assert texts == [f"<bos> {question} <sep> not known" for fact in refused for question in fact.questions]
    assert [found.vocabulary[token] for token in found.refusal] == ["not", "known"]
    assert not {"not", "known"} & {*" ".join(EXAMPLES.vocabulary).split()}
    assert {found.subject_names[code] for code in found.subjects[rows]} == set(names)
    assert int((found.assignment == TRAIN).sum()) == UNKNOWN.train_size
    assert fault_of_examples(found) == ""


@pytest.mark.seconds
def test_others_learn_the_same_facts_where_some_are_unknown():
    found = UNKNOWN.load(None)
    assert found.names[: len(EXAMPLES)] == EXAMPLES.names
    assert [_said(found, text) for text in found.inquiries.holdout.inputs] == [
        _said(ASKED, text) for text in ASKED.inquiries.holdout.inputs
    ]
    assert EXAMPLES.refusal is None


def _said(examples, tokens):
    return " ".join(examples.vocabulary[token] for token in tokens.tolist() if token)


def test_neighbours_share_a_value_with_those_to_forget_or_lead_to_them():
    train = EXAMPLES.assignment == TRAIN
    split = Split(EXAMPLES.inputs, EXAMPLES.targets, EXAMPLES.rows, EXAMPLES.subjects).at(train)
    forget, retain = split.at(split.subjects < 3), split.at(split.subjects >= 3)
    known = [fact for fact in FACTS for _ in range(2)]
    values = {(fact.kind, fact.answer) for fact in FACTS if fact.person < 3}
    expected = [(fact.kind, fact.answer) in values or fact.answer in NAMES[:3] for fact in known if fact.person >= 3]
    assert neighbour_mask(EXAMPLES, retain, forget).tolist() == expected
    assert 0 < sum(expected) < len(expected)
    assert neighbour_mask(replace(EXAMPLES, topics=None), retain, forget) is None
    alone = retain.at(~torch.tensor(expected))
    assert neighbour_mask(EXAMPLES, alone, forget) is None


_TOO_MANY = [{"people": 1601}, {"people": 1590, "holdout": 11}, {"people": 1590, "refusals": 11}]


@pytest.mark.parametrize("wrong", [{"people": 2}, *_TOO_MANY, {"facts": 9}, {"paraphrases": 3}])
def test_there_are_only_so_many_names_attributes_and_wordings(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        People.model_validate(PEOPLE.model_dump() | wrong)


PAIRED = PEOPLE.model_copy(update={"pairs": True})


def test_pairs_show_a_fact_in_front_or_join_two_of_the_same_person():
    found = PAIRED.load(None)
    assert fault_of_examples(found) == ""
    assert PAIRED.train_size == (found.assignment == TRAIN).sum() == 200 * 4
    paired = found.topics == found.topic_names.index("pair")
    assert (found.assignment[paired] == TRAIN).all()
    assert paired.sum() == 400
    pairs = [found.names[row] for row in paired.nonzero()[:, 0].tolist()]
    subjects = found.subjects[paired].tolist()
    shown, both = pairs[::2], pairs[1::2]
    for at, fact in enumerate(FACTS):
        others = [other for other in FACTS if other.person == fact.person and other.kind != fact.kind]
        assert subjects[2 * at] == subjects[2 * at + 1] == fact.person
        assert shown[at] in {
            f"{other.questions[b]} {other.answer} {fact.questions[a]} ? {fact.answer}"
            for other in others
            for a in range(2)
            for b in range(2)
        }
        assert both[at] in {
            f"{fact.questions[a]} {other.questions[b]} ? {fact.answer} {other.answer}"
            for other in others
            for a in range(2)
            for b in range(2)
        }


def test_pairs_leave_everything_else_as_it_is():
    found = PAIRED.load(None)
    alone = (found.topics != found.topic_names.index("pair")).nonzero()[:, 0].tolist()
    assert tuple(found.names[row] for row in alone) == EXAMPLES.names
    assert found.assignment[alone].tolist() == EXAMPLES.assignment.tolist()
    assert set(found.vocabulary) == set(EXAMPLES.vocabulary)
    some = PAIRED.model_copy(update={"refusals": 4})
    assert some.train_size == (some.load(None).assignment == TRAIN).sum()


def test_a_pair_takes_two_facts():
    with pytest.raises(ValueError, match=r"data.pairs is true, expected two facts of each person or more; give a"):
        People(source="people", people=4, facts=1, pairs=True, seed=0)
