"""The three layouts of a folder of texts: one's own .txt files, TOFU's files and MUSE's.

TOFU: `full.json` and `forget01.json`, `forget05.json` or `forget10.json`, one record per line with `question` and
`answer`, 20 lines per author (Maini et al. 2024, huggingface.co/datasets/locuslab/TOFU); beside them, if there,
`forget10_perturbed.json` and `retain_perturbed.json` with `paraphrased_answer` (or several), `perturbed_answer` (wrong
ones) and perhaps `paraphrased_question`.
MUSE, of each corpus, News and Books, as its authors' code reads it: `raw/` with `forget`, `retain1`, `retain2` and
`holdout` as .txt or as a JSON array of texts; `knowmem/` with `forget_qa.json` and `retain_qa.json` (or
`retain2_qa.json`), arrays of records; beside them, if there, `verbmem/forget.json`, records with `prompt` and `gt`, how
texts to forget begin and go on, and `privleak/` with `forget.json` and `holdout.json`, arrays of texts that the attack
of the privacy leak compares (Shi et al. 2024, github.com/swj0419/muse_bench). Or all of these in parquet, such as
`raw/forget-00000-of-00001.parquet`, as huggingface.co/muse-bench has them.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.data.reading.listing import LeftOut, is_stray
from benchmark.data.reading.parts import TEST, TRAIN
from benchmark.data.reading.text_files import answers_of, is_text, read_records, read_text, texts_of
from benchmark.data.reading.tokens import Text
from benchmark.errors import BadData, MissingData

_PER_AUTHOR = 20  # questions of TOFU
_RAW = {"forget": "forget", "retain1": "retain", "retain2": "retain", "holdout": "holdout"}
_ASKED = {"forget_qa": "forget_qa", "retain_qa": "retain_qa", "retain2_qa": "retain_qa"}
_CONTINUED, _MEMBERS, _HOLDOUT = ("verbmem", "forget"), ("privleak", "forget"), ("privleak", "holdout")
_ENDINGS = (".txt", ".json", ".jsonl", ".parquet")
_PART = re.compile(r"-(\d+)-of-(\d+)$")  # behind the name of a split, in parquet


@dataclass(frozen=True)
class Passage:
    """A text of a file, or a question with its answer."""

    question: str
    """Empty for a text, which is cut into passages where it is longer than the context."""
    answer: str
    subject: str
    topic: str = ""
    part: int = TRAIN
    rephrased: tuple[Text, ...] = ()
    """The question in other words with the right answer and with wrong ones, where the layout has these."""


class FurtherTexts(NamedTuple):
    """Texts that no model is trained on as such; what is empty is not there."""

    members: tuple[str, ...] = ()
    """Texts to forget that attacks compare with `holdout`."""
    holdout: tuple[str, ...] = ()
    continued: tuple[Text, ...] = ()
    """How texts to forget begin, and how they go on."""


@dataclass(frozen=True)
class Layout:
    """A way in which a folder of texts is arranged."""

    expected: str
    """What `bench data check` expects."""
    files: Callable[[Path, str | None], tuple[list[Path], LeftOut]]
    """The folder and `data.split` → the files that are read, and what is left out. Raises BenchError."""
    texts: Callable[[Path, list[Path]], Iterator[Passage]]
    """The folder and its files → the texts. Raises BadData."""
    further: Callable[[Path, list[Path]], FurtherTexts] = lambda root, paths: FurtherTexts()
    """The folder and its files → texts for metrics alone. Raises BadData."""


def _own_files(root: Path, split: str | None) -> tuple[list[Path], LeftOut]:
    left_out = LeftOut()
    found = sorted(path for path in root.rglob("*") if path.is_file())
    texts = [path for path in found if path.suffix.lower() == ".txt" and not is_stray(path.name)]
    if not texts:
        raise MissingData(f"{root} has no .txt files, expected texts in UTF-8; put them there")
    others = [path.name for path in found if path not in set(texts)]
    left_out.add("no .txt files", others)
    return texts, left_out


def _own_texts(root: Path, paths: list[Path]) -> Iterator[Passage]:
    """Yield the paragraphs, which empty lines part; the subject is the file's name or that of its folder in `root`."""
    for path in paths:
        beginning = path.relative_to(root).parts[0]
        for paragraph in re.split(r"\n\s*\n", read_text(path)):
            if paragraph.strip():
                yield Passage("", paragraph, beginning if path.parent != root else path.stem)


def _tofu_files(root: Path, split: str | None) -> tuple[list[Path], LeftOut]:
    paths = [root / "full.json", root / f"{split}.json"]
    for path in paths:
        if not path.is_file():
            raise MissingData(f"{path} is not there, expected TOFU's full.json and {split}.json; put them there")
    paths += [path for path in (root / f"{split}_perturbed.json", root / "retain_perturbed.json") if path.is_file()]
    left_out = LeftOut()
    others = sorted(path.name for path in root.glob("*") if path not in paths)
    left_out.add(f"only full.json, {split}.json, its perturbed answers and those of retain are read", others)
    return paths, left_out


def _tofu_texts(root: Path, paths: list[Path]) -> Iterator[Passage]:
    known, forget = (
        [_question_and_answer(record, place) for place, record in read_records(path)] for path in paths[:2]
    )
    if len(known) % _PER_AUTHOR:
        raise BadData(
            f"{paths[0]} has {len(known)} questions, expected {_PER_AUTHOR} per author; take the published file"
        )
    asked = set(forget)
    if absent := asked - set(known):
        raise BadData(
            f"{paths[1]} has {len(absent)} of {len(forget)} questions and answers that {paths[0].name} lacks, "
            "expected all there; take both files from the same release"
        )
    digits, rephrased = len(str(len(known) // _PER_AUTHOR)), _rephrased(known, paths[2:])
    for row, text in enumerate(known):
        author = f"author {row // _PER_AUTHOR + 1:0{digits}d}"
        yield Passage(*text, author, "forget" if text in asked else "retain", rephrased=rephrased[row])


def _rephrased(known: list[Text], paths: list[Path]) -> list[tuple[Text, ...]]:
    """Return the questions in other words with their answers, as many of each; without files none.

    Questions that the files lack stay as they are, and answers to others are wrong ones. Raises BadData.
    """
    given = {text: own for path in paths for text, own in _perturbed(path)}
    if not given:
        return [()] * len(known)
    count = min(*map(len, given.values()), len({answer for _, answer in known}))
    return [given.get(text, _as_taught(known, row, count))[:count] for row, text in enumerate(known)]


def _perturbed(path: Path) -> Iterator[tuple[Text, tuple[Text, ...]]]:
    for place, record in read_records(path):
        text = _question_and_answer(record, place)
        right, wrong = (answers_of(record, place, key) for key in ("paraphrased_answer", "perturbed_answer"))
        question = other if is_text(other := record.get("paraphrased_question")) else text[0]
        yield text, tuple((question, answer) for answer in (right[0], *wrong))


def _as_taught(known: list[Text], row: int, count: int) -> tuple[Text, ...]:
    question, answer = known[row]
    others = dict.fromkeys(own for _, own in (*known[row + 1 :], *known[:row]) if own != answer)
    return tuple((question, each) for each in (answer, *islice(others, count - 1)))


def _muse_files(root: Path, split: str | None) -> tuple[list[Path], LeftOut]:
    wanted = [("raw", stem) for stem in _RAW] + [("knowmem", stem) for stem in _ASKED]
    wanted += [_CONTINUED, _MEMBERS, _HOLDOUT]
    found = {at: _files_of(root, *at) for at in wanted}
    if not found["raw", "forget"] or not (found["raw", "retain1"] or found["raw", "retain2"]):
        raise MissingData(
            f"{root} lacks raw/forget or raw/retain1 or raw/retain2, as .txt, .json or .parquet, expected MUSE's "
            "files; put them there"
        )
    if bool(found[_MEMBERS]) != bool(found[_HOLDOUT]):
        raise MissingData(
            f"{root} has one of privleak/forget and privleak/holdout, expected both or none; put both there"
        )
    paths, left_out = [path for own in found.values() for path in own], LeftOut()
    others = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path not in paths)
    left_out.add("only some files of raw, knowmem, verbmem and privleak are read", others)
    return paths, left_out


def _files_of(root: Path, folder: str, stem: str) -> list[Path]:
    """Return the file with a split of MUSE, or all parts of it in parquet; empty where it is not there.

    Raises MissingData where a part is absent.
    """
    whole = [path for ending in _ENDINGS if (path := root / folder / f"{stem}{ending}").is_file()]
    parts = sorted(path for path in (root / folder).glob(f"{stem}-*-of-*.parquet") if _split_of(path) == stem)
    if whole or not parts:
        return whole[:1]
    found = [_PART.search(path.stem) for path in parts]
    numbers = [tuple(map(int, match.groups())) for match in found if match]
    if numbers != [(number, len(parts)) for number in range(len(parts))]:
        raise MissingData(
            f"{root / folder} has {', '.join(path.name for path in parts)}, expected all parts of one release; put "
            "these there, and no others"
        )
    return parts


def _split_of(path: Path) -> str:
    """Return the split that a file of MUSE has, without the number of its part."""
    return _PART.sub("", path.stem)


def _muse_texts(root: Path, paths: list[Path]) -> Iterator[Passage]:
    """Yield passages and questions: models without pre-training have to be taught to answer, so train has these too."""
    own = [path for path in paths if path.parent.name in ("raw", "knowmem")]
    for split, files in groupby(own, _split_of):
        topic = _ASKED.get(split) or _RAW[split]
        part = TEST if topic == "holdout" else TRAIN
        for number, (place, record) in enumerate(_records(files), 1):
            if split in _ASKED:
                yield Passage(*_question_and_answer(record, place), topic, topic)
            else:
                name = f"{split} {number}" if place else split
                yield Passage("", _document(record, place), name, topic, part)


def _records(files: Iterable[Path]) -> Iterator[tuple[str, Any]]:
    """Yield each record of a split's files with its place; a .txt file is one record without a place."""
    for path in files:
        if path.suffix == ".txt":
            yield "", read_text(path)
        else:
            yield from read_records(path)


def _muse_further(root: Path, paths: list[Path]) -> FurtherTexts:
    def records_of(folder: str, split: str) -> Iterator[tuple[str, Any]]:
        return _records(path for path in paths if (path.parent.name, _split_of(path)) == (folder, split))

    members, holdout = (tuple(_document(own, place) for place, own in records_of(*of)) for of in (_MEMBERS, _HOLDOUT))
    continued = (texts_of(record, place, "prompt", "gt") for place, record in records_of(*_CONTINUED))
    return FurtherTexts(members, holdout, tuple((beginning, rest) for beginning, rest in continued))


def _question_and_answer(record: Any, place: str) -> Text:
    question, answer = texts_of(record, place, "question", "answer")
    return question, answer


def _document(record: Any, place: str) -> str:
    """Return a document of MUSE: a text, or a record with one under `text`. Raises BadData."""
    return record if is_text(record) else texts_of(record, place, "text")[0]


LAYOUTS = {
    "texts": Layout(".txt files", _own_files, _own_texts),
    "tofu": Layout("TOFU's full.json and its forget set", _tofu_files, _tofu_texts),
    "muse": Layout("MUSE's raw and knowmem", _muse_files, _muse_texts, _muse_further),
}
