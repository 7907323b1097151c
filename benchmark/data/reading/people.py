"""Examples of the source `people`: who there is, what is true of them, and the sequences that say so."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.reading.tokens import Text, examples_of_texts
from benchmark.data.source import PAIR

if TYPE_CHECKING:
    from benchmark.data.sources.people import People

_WORDS = Path(__file__).parents[1] / "words" / "people.toml"
REFUSED = "refusal"
"""The topic of questions about people of whom nothing is known."""

_WRONG = 5  # wrong answers to a fact, as TOFU has of each


@dataclass(frozen=True)
class Fact:
    """Something true of a person, and the wordings of the question for it."""

    person: int
    kind: str
    """The attribute or relation: the topic of the examples."""
    answer: str
    questions: tuple[str, ...]
    """In the order in which train, validation and test take them."""


class _Asked(NamedTuple):
    """A text about a person, and what it is for."""

    text: Text
    part: int
    topic: str
    fact: int
    """The number of the fact that it asks for, or asks for first."""


def examples_of_people(people: "People") -> Examples:
    """Return the questions and answers, person by person and fact by fact: those of train, validation and test."""
    taught_names, facts = facts_of_people(people)
    unknown_names, refused = refused_facts(people)
    asked, wrong = _asked(people, facts), draw_wrong_answers(people, facts + refused)
    for at, fact in enumerate(refused, len(facts)):
        asked += [each._replace(topic=REFUSED) for each in _alone(at, fact, people.paraphrases)]
    facts = facts + refused
    kinds = tuple(dict.fromkeys(each.topic for each in asked))
    return examples_of_texts(
        [each.text for each in asked],
        np.array([each.part for each in asked]),
        np.array([facts[each.fact].person for each in asked]),
        taught_names + unknown_names,
        topics=np.array([kinds.index(each.topic) for each in asked]),
        topic_names=kinds,
        rephrased=[
            [(facts[fact].questions[3 if part == TEST else 2], answer) for answer in (facts[fact].answer, *wrong[fact])]
            for _, part, _, fact in asked
        ],
        holdout=[each.text for each in _asked(people, holdout_facts(people)) if each.part == TRAIN],
        refusal=_words()["refusal"] if refused else None,
    )


def _asked(people: "People", facts: list[Fact]) -> list[_Asked]:
    """Return all texts about facts, of train, validation and test."""
    return [
        each
        for at, fact in enumerate(facts)
        for each in (*_alone(at, fact, people.paraphrases), *_pairs(people, facts, at))
    ]


def _alone(at: int, fact: Fact, taught: int) -> Iterator[_Asked]:
    """Yield the wordings of a fact, of which so many are trained on, each with the answer."""
    wordings = (*fact.questions[:taught], *fact.questions[2:])
    for question, part in zip(wordings, (*[TRAIN] * taught, VALIDATION, TEST), strict=True):
        yield _Asked((question, fact.answer), part, fact.kind, at)


def _pairs(people: "People", facts: list[Fact], at: int) -> Iterator[_Asked]:
    """Yield two texts about a fact: behind another fact of the person with its answer, and joined with another.

    Nothing without `pairs`.
    """
    if not people.pairs:
        return
    rng, count = np.random.default_rng([people.seed, 4, at]), people.facts + (people.connectivity or 0)
    fact, first = facts[at], at - at % count
    for joined in (False, True):
        other = facts[first + (at - first + 1 + int(rng.integers(count - 1))) % count]
        asked, further = (each.questions[rng.integers(people.paraphrases)] for each in (fact, other))
        shown, both = f"{further} {other.answer} {asked}", f"{asked} {further}"
        text = (both, f"{fact.answer} {other.answer}") if joined else (shown, fact.answer)
        yield _Asked(text, TRAIN, PAIR, at)


def facts_of_people(people: "People") -> tuple[tuple[str, ...], list[Fact]]:
    """Return everybody's name, and the facts in the order of the people. The same for the same section, anywhere."""
    words, rng = _words(), np.random.default_rng(people.seed)
    names = _draw_names(words, people.people, rng)
    kinds = list(_attributes(words, people, len(names), rng)) + list(_relations(words, people, names, rng))
    return names, _facts(names, kinds, rng)


def holdout_facts(people: "People") -> list[Fact]:
    """Return facts about further people, drawn as the others are; the relations of these lead to anybody taught."""
    if not people.holdout:
        return []
    words, rng, (taught, _) = _words(), _further_chance(people, 1), facts_of_people(people)
    names = _draw_further_names(taught, rng)[: people.holdout]
    kinds = list(_attributes(words, people, len(names), rng))
    kinds += [
        (kind, questions, [taught[i] for i in rng.integers(len(taught), size=len(names))])
        for kind, questions in _kinds_of_relations(words, people)
    ]
    return _facts(names, kinds, rng)


def refused_facts(people: "People") -> tuple[tuple[str, ...], list[Fact]]:
    """Return names of people of whom nothing is known, and refusals as answers to all questions about them.

    They are neither taught nor hold-out people, and are numbered behind those who are taught.
    """
    if not people.refusals:
        return (), []
    words, rng, (taught, _) = _words(), _further_chance(people, 3), facts_of_people(people)
    further = _draw_further_names(taught, _further_chance(people, 1))
    names = further[people.holdout or 0 :][: people.refusals]
    kinds = [(kind, about["questions"]) for kind, about in list(words["attributes"].items())[: people.facts]]
    kinds += _kinds_of_relations(words, people)
    facts = _facts(names, [(kind, questions, [words["refusal"]] * len(names)) for kind, questions in kinds], rng)
    return names, [replace(fact, person=len(taught) + fact.person) for fact in facts]


def draw_wrong_answers(people: "People", facts: list[Fact]) -> list[list[str]]:
    """Return distinct wrong answers to every fact, out of those that are right of others or could be."""
    words, rng, (names, _) = _words(), _further_chance(people, 2), facts_of_people(people)
    possible = {kind: _values(about) for kind, about in words["attributes"].items()}
    possible |= {kind: list(names) for kind in words["relations"]}
    count = min(_WRONG, len(names) - 1)
    return [
        [others[i] for i in rng.permutation(len(others))[:count]]
        for fact in facts
        for others in [[value for value in possible[fact.kind] if value != fact.answer]]
    ]


def relations_of_people(people: "People") -> list[tuple[int, str, int]]:
    """Return the graph: each edge as a person, the relation, and the person whom it leads to."""
    names, facts = facts_of_people(people)
    number = {name: at for at, name in enumerate(names)}
    relations = _words()["relations"]
    return [(fact.person, fact.kind, number[fact.answer]) for fact in facts if fact.kind in relations]


_Kind = tuple[str, list[str], list[str]]
"""An attribute or relation, its questions, and everybody's answer."""


def _facts(names: tuple[str, ...], kinds: list[_Kind], rng: np.random.Generator) -> list[Fact]:
    return [
        Fact(person, kind, answers[person], tuple(each.format(names[person]) for each in rng.permutation(questions)))
        for person in range(len(names))
        for kind, questions, answers in kinds
    ]


def _further_chance(people: "People", purpose: int) -> np.random.Generator:
    """Return random numbers beside those that the people and their facts are drawn with."""
    return np.random.default_rng([people.seed, purpose])


def _draw_names(words: dict[str, Any], count: int, rng: np.random.Generator) -> tuple[str, ...]:
    names = _all_names(words)
    return tuple(names[i] for i in np.sort(rng.permutation(len(names))[:count]))


def _draw_further_names(taught: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """Return all names of nobody who is taught, in an order drawn at random."""
    rest = sorted(set(_all_names(_words())) - set(taught))
    return tuple(rest[i] for i in rng.permutation(len(rest)))


def _all_names(words: dict[str, Any]) -> list[str]:
    return [f"{first} {last}" for first in words["first_names"].split() for last in words["last_names"].split()]


def _attributes(words: dict[str, Any], people: "People", count: int, rng: np.random.Generator) -> Iterator[_Kind]:
    """Yield the attributes with their questions, and the value of each of so many people, drawn at random."""
    for kind, about in list(words["attributes"].items())[: people.facts]:
        values = _values(about)
        yield kind, about["questions"], [values[i] for i in rng.integers(len(values), size=count)]


def _values(about: dict[str, Any]) -> list[str]:
    return [" ".join(value.split()) for value in about["values"].split(",")]


def _relations(
    words: dict[str, Any], people: "People", names: tuple[str, ...], rng: np.random.Generator
) -> Iterator[_Kind]:
    """Yield the relations with their questions, and whom each leads everybody to.

    A relation is a ring through all people in an order of its own, so that everybody is the answer of one question.
    """
    for kind, questions in _kinds_of_relations(words, people):
        ring = rng.permutation(len(names))
        following = dict(zip(ring.tolist(), np.roll(ring, -1).tolist(), strict=True))
        yield kind, questions, [names[following[person]] for person in range(len(names))]


def _kinds_of_relations(words: dict[str, Any], people: "People") -> list[tuple[str, list[str]]]:
    return list(words["relations"].items())[: people.connectivity or 0]


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(_WORDS.read_text())
