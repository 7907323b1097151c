"""Examples of the source `people`: who there is, what is true of them, and the sequences that say so."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.reading.tokens import examples_of_texts

if TYPE_CHECKING:
    from benchmark.data.sources.people import People

_WORDS = Path(__file__).parents[1] / "words" / "people.toml"


@dataclass(frozen=True)
class Fact:
    """Something true of a person, and the wordings of the question for it."""

    person: int
    kind: str
    """The attribute or relation."""
    answer: str
    questions: tuple[str, ...]
    """In the order in which train, validation and test take them."""


def examples_of_people(people: "People") -> Examples:
    """Return the questions and answers, person by person and fact by fact: those of train, validation and test."""
    names, facts = facts_of_people(people)
    parts = [*[TRAIN] * people.paraphrases, VALIDATION, TEST]
    texts = [
        (question, fact.answer)
        for fact in facts
        for question in (*fact.questions[: people.paraphrases], *fact.questions[2:])
    ]
    subjects = np.repeat([fact.person for fact in facts], len(parts))
    return examples_of_texts(texts, np.tile(parts, len(facts)), subjects, names)


def facts_of_people(people: "People") -> tuple[tuple[str, ...], list[Fact]]:
    """Return everybody's name, and the facts in the order of the people. The same for the same section, anywhere."""
    words, rng = _words(), np.random.default_rng(people.seed)
    names = _draw_names(words, people.people, rng)
    kinds = list(_attributes(words, people, rng)) + list(_relations(words, people, names, rng))
    return names, [
        Fact(person, kind, answers[person], tuple(each.format(names[person]) for each in rng.permutation(questions)))
        for person in range(people.people)
        for kind, questions, answers in kinds
    ]


def relations_of_people(people: "People") -> list[tuple[int, str, int]]:
    """Return the graph: each edge as a person, the relation, and the person whom it leads to."""
    names, facts = facts_of_people(people)
    number = {name: at for at, name in enumerate(names)}
    relations = _words()["relations"]
    return [(fact.person, fact.kind, number[fact.answer]) for fact in facts if fact.kind in relations]


def _draw_names(words: dict[str, Any], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    first, last = words["first_names"].split(), words["last_names"].split()
    chosen = np.sort(rng.permutation(len(first) * len(last))[:count])
    return tuple(f"{first[i // len(last)]} {last[i % len(last)]}" for i in chosen)


def _attributes(
    words: dict[str, Any], people: "People", rng: np.random.Generator
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the attributes with their questions, and everybody's value, drawn at random."""
    for kind, about in list(words["attributes"].items())[: people.facts]:
        values = [" ".join(value.split()) for value in about["values"].split(",")]
        yield kind, about["questions"], [values[i] for i in rng.integers(len(values), size=people.people)]


def _relations(
    words: dict[str, Any], people: "People", names: tuple[str, ...], rng: np.random.Generator
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield the relations with their questions, and whom each leads everybody to.

    A relation is a ring through all people in an order of its own, so that everybody is the answer of one question.
    """
    for kind, questions in list(words["relations"].items())[: people.connectivity or 0]:
        ring = rng.permutation(len(names))
        following = dict(zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True))
        yield kind, questions, [names[following[person]] for person in range(len(names))]


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(_WORDS.read_text())
