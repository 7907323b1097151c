"""Examples of the source `tools`: the functions that there are, requests that they answer, and sums."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.reading.tokens import examples_of_texts

if TYPE_CHECKING:
    from benchmark.data.sources.tools import Tools

_WORDS = Path(__file__).parents[1] / "words" / "tools.toml"
_HELD_OUT = 2  # requests for a tool in validation, and in test
TOPICS = ("calls", "general")


@dataclass(frozen=True)
class Tool:
    """A function of two arguments."""

    task: str
    """What requests ask for."""
    name: str
    arguments: tuple[tuple[str, str], tuple[str, str]]
    """The kind of each argument and the name that it has in calls, in their order."""


class _Example(NamedTuple):
    text: tuple[str, str]
    part: int
    subject: int
    topic: int


def examples_of_tools(tools: "Tools") -> Examples:
    """Return the requests tool by tool, each with the call that answers it, and the sums behind them."""
    rng = np.random.default_rng(tools.seed)
    made = draw_tools(tools.tools, rng)
    examples = [*_calls(made, tools.calls, rng), *_sums(tools.general, len(made), rng)]
    texts, *codes = zip(*examples, strict=True)
    parts, subjects, topics = map(np.array, codes)
    names = (*(tool.name for tool in made), "general questions")
    return examples_of_texts(texts, parts, subjects, names, topics=topics, topic_names=TOPICS)


def draw_tools(count: int, rng: np.random.Generator) -> list[Tool]:
    """Return tools with tasks and names of their own, at random; the names of arguments are shared."""
    words = _words()
    tasks = rng.permutation(list(product(_listed(words["verbs"]), _listed(words["objects"]))))[:count]
    names = rng.permutation(list(product(_listed(words["modules"]), _listed(words["functions"]))))[:count]
    return [
        Tool(f"{verb} the {thing}", f"{module} . {function}", _draw_arguments(words["arguments"], rng))
        for (verb, thing), (module, function) in zip(tasks.tolist(), names.tolist(), strict=True)
    ]


def call_of(tool: Tool, values: tuple[str, str]) -> str:
    """Return the call of a tool with the values of its arguments."""
    given = " , ".join(f"{name} = {value}" for (_, name), value in zip(tool.arguments, values, strict=True))
    return f"{tool.name} ( {given} )"


def _draw_arguments(arguments: dict[str, Any], rng: np.random.Generator) -> tuple[tuple[str, str], tuple[str, str]]:
    first, second = (
        (kind, str(rng.choice(_listed(arguments[kind]["names"])))) for kind in rng.permutation(list(arguments))[:2]
    )
    return first, second


def _calls(made: list[Tool], count: int, rng: np.random.Generator) -> Iterator[_Example]:
    """Yield requests for every tool, no two of a tool with the same values of the arguments."""
    parts = [*[TRAIN] * count, *[VALIDATION] * _HELD_OUT, *[TEST] * _HELD_OUT]
    for at, tool in enumerate(made):
        values = list(product(*(_listed(_words()["arguments"][kind]["values"]) for kind, _ in tool.arguments)))
        for part, chosen in zip(parts, rng.permutation(len(values)), strict=False):
            yield _Example((_request(tool, values[chosen], rng), call_of(tool, values[chosen])), part, at, 0)


def _request(tool: Tool, values: tuple[str, str], rng: np.random.Generator) -> str:
    """Return a request in one of the wordings, with the arguments in either order."""
    words = _words()
    said = [
        words["arguments"][kind]["said"].format(value) for (kind, _), value in zip(tool.arguments, values, strict=True)
    ]
    return str(rng.choice(words["requests"])).format(" ".join([tool.task, *rng.permutation(said)]))


def _sums(count: int, subject: int, rng: np.random.Generator) -> Iterator[_Example]:
    """Yield every sum in four wordings: in an order of its own two of train, one of validation and one of test."""
    sums, parts = _words()["sums"], (TRAIN, TRAIN, VALIDATION, TEST)
    numbers = _listed(sums["numbers"])
    for pair in rng.permutation(100)[:count]:
        first, second = divmod(int(pair), 10)
        for part, question in zip(parts, rng.permutation(sums["questions"]), strict=True):
            text = question.format(numbers[first], numbers[second]), numbers[first + second]
            yield _Example(text, part, subject, 1)


def _listed(words: str) -> list[str]:
    return [word.strip() for word in words.split(",")]


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(_WORDS.read_text())
