"""Examples of the source `text_folder`: passages of texts, and questions with answers, in some vocabulary."""

import math
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.labels import encode_labels
from benchmark.data.reading.parts import TEST
from benchmark.data.reading.text_layouts import LAYOUTS, FurtherTexts, Passage
from benchmark.data.reading.tokens import Coding, Text, examples_of_texts, plain_words, train_coding
from benchmark.data.splits import draw_parts
from benchmark.errors import BadData, BadMachine, BenchError, MissingData
from benchmark.storage.places import expect_data
from benchmark.tasks.language import SPECIAL
from benchmark.text import shown

if TYPE_CHECKING:
    from benchmark.data.sources.text_folder import TextFolder

Split = Callable[[str], Sized]
"""A text → its tokens."""

_LARGEST_VOCABULARY = 100_000
_OF_QUESTIONS = 3  # <bos>, <sep> and <eos>
_OF_PASSAGES = 2


def load(data: "TextFolder", folder: Path) -> Examples:
    """Return the passages and questions in the order of the files. Raises BenchError."""
    root, layout = _root(data, folder), LAYOUTS[data.layout]
    paths, left_out = layout.files(root, data.split)
    texts: Iterable[Passage] = layout.texts(root, paths)
    coding = None
    if data.tokenizer is not None:
        coding = read_tokenizer(expect_data(folder, data.tokenizer, "file", "data.tokenizer", "a tokenizer"))
    split = coding.encode if coding else str.split
    further = layout.further(root, paths)
    if not coding:
        texts, further = map(_plain, texts), _plain_further(further)
    fitting = list(_fitting(texts, split, data.context))
    examples = _examples(data, fitting, _fitting_further(further, split, data.context), coding)
    return replace(examples, left_out=left_out.sentences())


def _examples(data: "TextFolder", found: list[Passage], further: FurtherTexts, coding: Coding | None) -> Examples:
    """Return passages that fit as examples; what is test is held out for attacks as well, unless other texts are.

    Without a `coding` the words of train are the vocabulary. Raises BenchError.
    """
    subjects, subject_names = encode_labels([text.subject for text in found])
    topics, topic_names = encode_labels([text.topic for text in found])
    has_topics = any(topic_names)
    texts, held = [(text.question, text.answer) for text in found], [text for text in found if text.part == TEST]
    parts = draw_parts(data, subjects, np.array([text.part for text in found]) if held else None)
    return examples_of_texts(
        texts,
        parts,
        subjects.numpy(),
        subject_names,
        topics=topics.numpy() if has_topics else None,
        topic_names=topic_names if has_topics else (),
        coding=coding or train_coding(texts, parts, data.words or 0),
        rephrased=[text.rephrased for text in found] if all(text.rephrased for text in found) else (),
        holdout=[("", text) for text in further.holdout] or [(text.question, text.answer) for text in held],
        members=[("", text) for text in further.members],
        continued=further.continued,
    )


def _pairs(text: Passage) -> tuple[Text, ...]:
    """Return every question and answer of a passage."""
    return ((text.question, text.answer), *text.rephrased)


def _plain(text: Passage) -> Passage:
    """Return a passage in words in small letters."""
    (question, answer), *rephrased = (tuple(map(plain_words, pair)) for pair in _pairs(text))
    return replace(text, question=question, answer=answer, rephrased=tuple(rephrased))


def _plain_further(texts: FurtherTexts) -> FurtherTexts:
    members, holdout = (tuple(map(plain_words, own)) for own in texts[:2])
    continued = ((plain_words(beginning), plain_words(rest)) for beginning, rest in texts.continued)
    return FurtherTexts(members, holdout, tuple(continued))


def _fitting_further(texts: FurtherTexts, split: Split, context: int) -> FurtherTexts:
    """Return texts cut to the context: into passages, and to the end of a beginning and as much of how it goes on."""
    most = context - _OF_PASSAGES
    members, holdout = (tuple(piece for text in own for piece in cut(text, split, most)) for own in texts[:2])
    halves = most // 2, most - most // 2
    continued = ((cut(begin, split, halves[0])[-1], cut(rest, split, halves[1])[0]) for begin, rest in texts.continued)
    return FurtherTexts(members, holdout, tuple(continued))


def files(data: "TextFolder", folder: Path) -> dict[str, Path]:
    """Return the files that are read by names that do not depend on the data folder. Raises BenchError."""
    root = _root(data, folder)
    found = {str(path.relative_to(root)): path for path in LAYOUTS[data.layout].files(root, data.split)[0]}
    if data.tokenizer is not None:
        tokenizer = expect_data(folder, data.tokenizer, "file", "data.tokenizer", "a tokenizer")
        found[f"tokenizer {tokenizer.name}"] = tokenizer
    return found


def check(data: "TextFolder", folder: Path) -> list[Row]:
    expected = LAYOUTS[data.layout].expected
    try:
        examples = load(data, folder)
    except BenchError as error:
        return [row(data.folder, expected, str(error), "missing" if isinstance(error, MissingData) else "damaged")]
    return [row(data.folder, expected, f"{len(examples)} passages and questions, {len(examples.vocabulary)} tokens")]


def read_tokenizer(path: Path) -> Coding:
    """Return the coding of a tokenizer's file, without the special tokens that it adds itself. Raises BenchError."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise BadMachine(
            "data.tokenizer needs the package tokenizers, which is not installed; "
            "pip install 'unlearning-benchmark[text]', or use data.words"
        ) from None
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises nothing more special
        raise BadData(f"{path} is no tokenizer ({error}), expected a file of the package tokenizers") from None
    known = {at: token for token, at in tokenizer.get_vocab(with_added_tokens=True).items()}
    if not known or max(known) >= _LARGEST_VOCABULARY:
        size = max(known, default=-1) + 1
        raise BadData(f"{path} has {size} tokens, expected 1 to {_LARGEST_VOCABULARY}; train a smaller tokenizer")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vocabulary = (*SPECIAL, *(known.get(at, f"<{at}>") for at in range(max(known) + 1)))

    def encode(text: str) -> list[int]:
        return [len(SPECIAL) + at for at in tokenizer.encode(text, add_special_tokens=False).ids]

    return Coding(vocabulary, encode)


def _root(data: "TextFolder", folder: Path) -> Path:
    return expect_data(folder, data.folder, "folder", "data.folder", LAYOUTS[data.layout].expected)


def _fitting(texts: Iterable[Passage], split: Split, context: int) -> Iterator[Passage]:
    """Yield the questions, which have to fit into the context, and the passages of texts. Raises BadData."""
    texts = list(texts)
    asked = [pair for text in texts if text.question for pair in _pairs(text)]
    sizes = [len(split(question)) + len(split(answer)) + _OF_QUESTIONS for question, answer in asked]
    if sizes and max(sizes) > context:
        longest, _ = asked[int(np.argmax(sizes))]
        raise BadData(
            f"{sum(size > context for size in sizes)} of {len(asked)} questions and answers have up to {max(sizes)} "
            f"tokens, such as {shown(longest)}, expected at most data.context ({context}); raise it"
        )
    for text in texts:
        for passage in [text.answer] if text.question else cut(text.answer, split, context - _OF_PASSAGES):
            yield replace(text, answer=passage)


def cut(text: str, split: Split, most: int) -> list[str]:
    """Return a text in pieces of at most `most` tokens, cut between words, about equally long.

    Raises BadData where a single word has more.
    """
    size = len(split(text))
    if size <= most:
        return [text]
    words = text.split()
    if len(words) < 2:
        raise BadData(f"the word {shown(text)} has {size} tokens, expected at most {most}; raise data.context")
    step = math.ceil(len(words) / math.ceil(size / most))
    step = min(step, len(words) - 1)
    return [
        piece
        for start in range(0, len(words), step)
        for piece in cut(" ".join(words[start : start + step]), split, most)
    ]
