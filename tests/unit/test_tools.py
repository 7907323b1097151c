"""Made-up functions: requests that name a task, calls that answer them, and sums, which have to do with neither."""

import re

import pytest

from benchmark.data.reading.examples import fault_of_examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.sources.tools import Tools

TOOLS = Tools(source="tools", tools=12, calls=5, general=10, seed=3)
EXAMPLES = TOOLS.load(None)
HELD = TOOLS.model_copy(update={"holdout": 2}).load(None)
TEXTS = [name.split(" ? ") for name in EXAMPLES.names]
CALL = re.compile(r"(\w+ \. \w+) \( (\w+) = (\w+) , (\w+) = (\w+) \)")
TASK = re.compile(r"(\w+ the \w+)")


def calls():
    """Yield the part, the subject's name, the request and the parts of the call of every request for a tool."""
    for (request, answer), part, subject in zip(TEXTS, EXAMPLES.assignment.tolist(), EXAMPLES.subjects, strict=True):
        if found := CALL.fullmatch(answer):
            yield part, EXAMPLES.subject_names[subject], request, found.groups()


def test_a_call_names_the_tool_of_the_task_and_has_the_values_of_the_request():
    known = {}
    for _, subject, request, (name, *arguments) in calls():
        assert name == subject
        assert {arguments[1], arguments[3]} <= set(request.split())
        signature = name, arguments[0], arguments[2]
        assert known.setdefault(TASK.search(request)[1], signature) == signature
    assert len(set(known.values())) == len(known) == 12


def test_requests_that_are_held_out_have_other_values_than_those_of_train():
    values = {part: set() for part in (TRAIN, VALIDATION, TEST)}
    for part, subject, _, (_, *arguments) in calls():
        values[part].add((subject, *arguments))
    assert [len(values[part]) for part in (TRAIN, VALIDATION, TEST)] == [12 * 5, 12 * 2, 12 * 2]
    assert not values[TRAIN] & values[TEST] | values[TRAIN] & values[VALIDATION] | values[VALIDATION] & values[TEST]


def test_sums_are_right_and_in_other_wordings_where_they_are_held_out():
    numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    sums = [row for row in range(len(EXAMPLES)) if EXAMPLES.topic_names[EXAMPLES.topics[row]] == "general"]
    assert [EXAMPLES.assignment[row].item() for row in sums] == [TRAIN, TRAIN, VALIDATION, TEST] * 10
    for row in sums:
        first, second = (numbers.index(word) for word in TEXTS[row][0].split() if word in numbers)
        if first + second < 10:
            assert TEXTS[row][1] == numbers[first + second]
    assert {EXAMPLES.subject_names[EXAMPLES.subjects[row]] for row in sums} == {"general questions"}


def test_rephrased_requests_are_of_the_tool_and_wrong_answers_call_others():
    def words(tokens):
        return " ".join(HELD.vocabulary[token] for token in tokens.tolist() if token).removeprefix("<bos> ")

    for row, asked in enumerate(HELD.inquiries.rephrased.inputs):
        right, *wrong = map(words, asked)
        question, answer = right.split(" <sep> ")
        known = [name.split(" ? ") for name in HELD.names]
        own = known.index([question, answer])
        assert HELD.subjects[own] == HELD.subjects[row]
        assert HELD.assignment[own] == (TEST if HELD.assignment[row] == VALIDATION else VALIDATION)
        assert len({right, *wrong}) == 6
        if HELD.topics[row] == 0:
            others = {each.split(" <sep> ")[1].split(" ( ")[0] for each in wrong}
            assert others <= set(HELD.subject_names) - {HELD.subject_names[HELD.subjects[row]]}
    held = list(map(words, HELD.inquiries.holdout.inputs))
    assert len(held) == 2 * 5
    assert not any(TASK.search(text)[1] in request for text in held for request, _ in TEXTS)


def test_the_same_section_has_the_same_tools_and_another_seed_others():
    assert fault_of_examples(EXAMPLES) == ""
    assert TOOLS.load(None).names == EXAMPLES.names
    assert TOOLS.model_copy(update={"seed": 4}).load(None).names != EXAMPLES.names
    assert TOOLS.train_size == (EXAMPLES.assignment == TRAIN).sum()
    with pytest.raises(ValueError, match="tools"):
        Tools.model_validate(TOOLS.model_dump() | {"tools": 201})
