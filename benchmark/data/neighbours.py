"""Retained facts that lie near those to forget: what a method that overshoots harms first."""

from torch import Tensor

from benchmark.data.reading.examples import Examples
from benchmark.split import Split
from benchmark.tasks.language import answer_mask

_Fact = tuple[int, tuple[int, ...]]
"""A topic, and the tokens of an answer."""


def neighbour_mask(examples: Examples, retain: Split, forget: Split) -> Tensor | None:
    """Return which retained facts have the topic and answer of one to forget, or name a subject to forget, `[retain]`.

    So they share an attribute's value with somebody to forget, or lead to one by a relation. None where the source
    knows no topics or none of these facts is near.
    """
    if not examples.vocabulary or examples.topics is None or forget.subjects is None:
        return None
    number = {word: at for at, word in enumerate(examples.vocabulary)}
    named = [examples.subject_names[code].split() for code in forget.subjects.unique().tolist()]
    names = {tuple(number.get(word, -1) for word in name) for name in named}
    alike = set(_facts(examples, forget))
    near = [fact in alike or fact[1] in names for fact in _facts(examples, retain)]
    return Tensor(near).bool() if any(near) else None


def _facts(examples: Examples, split: Split) -> list[_Fact]:
    """Return the topic and the answer of each example, without its `<eos>`."""
    topics = examples.topics_of(split.ids)
    assert topics is not None  # the caller has looked
    answers = (row[mask].tolist()[:-1] for row, mask in zip(split.targets, answer_mask(split.targets), strict=True))
    return [(topic, tuple(answer)) for topic, answer in zip(topics.tolist(), answers, strict=True)]
