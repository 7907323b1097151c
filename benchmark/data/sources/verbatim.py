"""Passages of authors whose works are in the public domain, from Debian's fortunes."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from benchmark.data.source import Files, Shares
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Count

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


OWN = "fortunes"
"""The folder in the data folder."""
PACKAGED = Path("/usr/share/games/fortunes")
"""Folder of Debian's packages."""


@SOURCES.add
class Verbatim(Shares, Files):
    """Passages to be said word for word after their first words, which are the question; the subject is the author.

    Validation and test are passages that are never trained on. Of Debian's packages fortunes and fortunes-min those
    whose attribution names an author in `benchmark/data/words/authors.toml`, all of whom died before 1926.
    """

    source: Literal["verbatim"]
    longest: Annotated[int, Field(ge=8, le=512)]
    """Tokens of the longest passages: words in small letters, and punctuation. Longer ones are left out."""
    prompt: Annotated[int, Field(ge=1, le=7)]
    """Tokens of a passage's beginning that are the question. Of passages that begin alike there is one."""
    holdout: Count | None = None
    """Passages, drawn at random, that are in no part, for attacks that compare with them; absent: none."""
    words: Annotated[int, Field(ge=16, le=50_000)]
    """The size of the vocabulary: the most frequent words of train; all others are unknown."""

    def _may_be_there(self, folder: Path) -> bool:
        return any(map(os.path.exists, (folder / OWN, PACKAGED)))

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading import verbatim

        return verbatim.load(self, folder)

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.data.reading import verbatim

        return verbatim.files(folder)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading import verbatim

        return verbatim.check(self, folder)
