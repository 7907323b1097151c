"""Examples of the source `tools`: the functions that there are, requests that they answer, and sums."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.reading.tokens import Text, examples_of_texts

if TYPE_CHECKING:
    from benchmark.data.sources.tools import Tools

_WORDS = Path(__file__).parents[1] / "words" / "tools.toml"
_HELD_OUT = 2  # requests for a tool in validation, and in test
_WRONG = 5  # wrong answers, as TOFU has
TOPICS = ("calls", "general")


@dataclass(frozen=True)
class Tool:
    """A function of two arguments."""

    task: str
    """What requests ask for."""
    name: str
    arguments: tuple[tuple[str, str], tuple[str, str]]
    """The kind of each argument and the name that it has in calls, in their order."""


class _Group(NamedTuple):
    """Texts about the same tool or sum, of which one can be asked in place of another."""

    subject: int
    topic: int
    texts: list[tuple[Text, int]]
    """With the part of each."""
    wrong: Callable[[str], list[str]]
    """An answer → wrong ones."""


def examples_of_tools(tools: "Tools") -> Examples:
    """Return the requests tool by tool, each with the call that answers it, and the sums behind them."""
    rng, further = np.random.default_rng(tools.seed), np.random.default_rng([tools.seed, 1])
    every = draw_tools(tools.tools + (tools.holdout or 0), rng)
    made, held = every[: tools.tools], every[tools.tools :]
    groups = [_calls(made, at, tools.calls, rng, further) for at in range(len(made))]
    groups += _sums(tools.general, len(made), rng, further)
    sizes = [len(group.texts) for group in groups]
    return examples_of_texts(
        [text for group in groups for text, _ in group.texts],
        np.array([part for group in groups for _, part in group.texts]),
        np.repeat([group.subject for group in groups], sizes),
        (*(tool.name for tool in made), "general questions"),
        topics=np.repeat([group.topic for group in groups], sizes),
        topic_names=TOPICS,
        rephrased=[_rephrase(group, part) for group in groups for _, part in group.texts],
        holdout=[
            text
            for at in range(len(held))
            for text, part in _calls(held, at, tools.calls, further, further).texts
            if part == TRAIN
        ],
    )


def _rephrase(group: _Group, part: int) -> list[Text]:
    """Return a text of the group that is not trained on, and of another part, with the right and with wrong answers."""
    wanted = TEST if part == VALIDATION else VALIDATION
    question, answer = next(text for text, own in group.texts if own == wanted)
    return [(question, each) for each in (answer, *group.wrong(answer))]


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


def _calls(made: list[Tool], at: int, count: int, rng: np.random.Generator, further: np.random.Generator) -> _Group:
    """Return requests for a tool, no two with the same values of its arguments; wrong answers call other tools."""
    tool, parts = made[at], [*[TRAIN] * count, *[VALIDATION] * _HELD_OUT, *[TEST] * _HELD_OUT]
    values = list(product(*(_listed(_words()["arguments"][kind]["values"]) for kind, _ in tool.arguments)))
    chosen = [values[i] for i in rng.permutation(len(values))[: len(parts)]]
    texts = [((_request(tool, own, rng), call_of(tool, own)), part) for part, own in zip(parts, chosen, strict=True)]
    others = further.permutation([other.name for other in made if other is not tool])[:_WRONG].tolist()
    return _Group(at, 0, texts, lambda answer: [answer.replace(tool.name, other) for other in others])


def _request(tool: Tool, values: tuple[str, str], rng: np.random.Generator) -> str:
    """Return a request in one of the wordings, with the arguments in either order."""
    words = _words()
    said = [
        words["arguments"][kind]["said"].format(value) for (kind, _), value in zip(tool.arguments, values, strict=True)
    ]
    return str(rng.choice(words["requests"])).format(" ".join([tool.task, *rng.permutation(said)]))


def _sums(count: int, subject: int, rng: np.random.Generator, further: np.random.Generator) -> Iterator[_Group]:
    """Yield every sum in four wordings: in an order of its own two of train, one of validation and one of test."""
    sums, parts = _words()["sums"], (TRAIN, TRAIN, VALIDATION, TEST)
    numbers = _listed(sums["numbers"])
    for pair in rng.permutation(100)[:count]:
        first, second = divmod(int(pair), 10)
        questions = [
            question.format(numbers[first], numbers[second]) for question in rng.permutation(sums["questions"])
        ]
        right = numbers[first + second]
        wrong = further.permutation([number for number in numbers if number != right])[: min(_WRONG, subject - 1)]
        texts = [((question, right), part) for question, part in zip(questions, parts, strict=True)]
        yield _Group(subject, 1, texts, lambda _, wrong=wrong: wrong.tolist())


def _listed(words: str) -> list[str]:
    return [word.strip() for word in words.split(",")]


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(_WORDS.read_text())
