"""A user's texts, and the files that TOFU and MUSE publish."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from benchmark.data.source import Files, Shares
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import DataPath

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class TextFolder(Shares, Files):
    """Texts in a folder, cut into passages: .txt files, or TOFU's or MUSE's files as they are published.

    `texts`: the subject of a passage is the file, or the folder in `folder` that it lies in. `tofu`: questions and
    answers; the subject is the author, the topic `forget` or `retain` as `split` says. `muse`: passages and questions;
    the topics are `forget`, `retain`, `forget_qa` and `retain_qa`, and `holdout` is test.
    """

    source: Literal["text_folder"]
    folder: DataPath
    place_key: ClassVar[str] = "folder"
    layout: Literal["texts", "tofu", "muse"] = "texts"
    split: Annotated[str, Field(pattern=r"^forget\d\d$")] | None = None
    """TOFU's forget set, such as forget10."""
    context: Annotated[int, Field(ge=8, le=4096)]
    """Tokens of the longest sequence, `<bos>` and the like among them."""
    words: Annotated[int, Field(ge=16, le=50_000)] | None = None
    """The size of the vocabulary: the most frequent words of train, in small letters, and punctuation."""
    tokenizer: DataPath | None = None
    """A tokenizer's file in the format of the package tokenizers, in place of `words`."""

    @model_validator(mode="after")
    def _one_vocabulary_and_a_split_for_tofu(self) -> "TextFolder":
        if (self.words is None) == (self.tokenizer is None):
            raise ValueError("data needs one of words (how many) and tokenizer (a file), not none and not both")
        if (self.split is None) == (self.layout == "tofu"):
            raise ValueError("data.split, such as forget10, belongs to data.layout = 'tofu', and to no other")
        return self

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import text_folder

        return text_folder.load(self, folder)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import text_folder

        return text_folder.files(self, folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import text_folder

        return text_folder.check(self, folder)
