"""Sources of data: each is a section of the scenario that can read its examples and say how they are split."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from benchmark.data.answers import SOURCE_ANSWERS
from benchmark.data.on_disk import OnDisk
from benchmark.scenario.answers import Check
from benchmark.scenario.sections import Count, Section, Seed, Share, Side

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.reading.examples import Examples, Row
    from benchmark.data.splits import Rows
    from benchmark.split import Normalisation


PAIR = "pair"
"""The topic of sequences with two facts about a subject."""


class Source(Section):
    """Base of a kind of source. A subclass narrows `source` to a Literal, adds its own keys and defines `load`.

    It lies in a file of `benchmark/data/sources/`, decorated with `SOURCES.add`, or in another package that names it
    as an entry point of the group `unlearning_benchmark.source`. It imports torch only inside its methods. The classes
    below give it keys and methods that several sources share.
    """

    source: str

    seam: ClassVar[str] = "source"
    answers: ClassVar[Mapping[str, Check]] = SOURCE_ANSWERS

    in_package: ClassVar[bool] = False
    """Whether the data comes with an installed package, and so needs no data folder."""
    pictures: ClassVar[str] = ""
    """Whose pictures these are and under which licence, where pages may show them; empty where they may not."""
    own_split: ClassVar[str] = ""
    """The end of a sentence that says how users split such data themselves, where they can."""

    @property
    def called(self) -> str:
        return self.source

    def load(self, folder: Path) -> "Examples":
        """Read all examples from the data folder. Raises BenchError when something is missing or damaged."""
        raise NotImplementedError

    def load_numbers(self, folder: Path) -> "Examples":
        """Read all examples for a task that predicts numbers; here as `load`, for sources with targets of one kind."""
        return self.load(folder)

    def check(self, folder: Path) -> "list[Row]":
        """Return rows of `bench data check` about the files; none for a source that reads no files."""
        return []

    def split_rows(self, examples: "Examples") -> "tuple[Rows, Rows, Rows]":
        """Return the rows of train, validation and test: here as the source has them. Raises BenchError."""
        from benchmark.data.splits import own_split

        return own_split(examples, self)

    def normalisation(self, inputs: "Tensor") -> "Normalisation | None":
        """Return what the net sees of uint8 pixels; None for inputs that it sees as they are. Raises BenchError."""
        from benchmark.data.splits import normalisation

        return normalisation(inputs, self.source)

    @property
    def train_size(self) -> int | None:
        """The number of training examples, where the section alone says it."""
        return None

    @property
    def has_pairs(self) -> bool:
        """True where train has sequences with two facts about a subject, on the topic PAIR.

        So models can be asked for two facts, or shown one. Whole subjects are to be forgotten then.
        """
        return False

    @property
    def drops_duplicates(self) -> bool:
        """True to leave out all but one of the examples with identical inputs."""
        return False

    @property
    def is_standardised(self) -> bool:
        """True to bring every feature to mean 0 and standard deviation 1 over train."""
        return False


class Pixels(Source):
    """The scaling of pixels for the net: `(pixel · scale / 255 − mean) / std`."""

    scale: Literal[1, 255] = 1
    """What a white pixel is before `mean` and `std`, which are in the same unit and one number a channel."""
    mean: Annotated[tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...], Field(min_length=1)] | None = None
    std: Annotated[tuple[Annotated[float, Field(ge=1e-6, le=1e6)], ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _as_many_of_both(self) -> "Pixels":
        if self.mean and self.std and len(self.mean) != len(self.std):
            raise ValueError(
                f"data.mean has {len(self.mean)} numbers, data.std {len(self.std)}; expected as many of both"
            )
        return self

    def normalisation(self, inputs: "Tensor") -> "Normalisation | None":
        from benchmark.data.splits import normalisation

        return normalisation(inputs, self.source, self.scale, self.mean, self.std)


class Standardised(Source):
    """Features that may be standardised."""

    standardise: bool = False
    """Every feature to mean 0 and standard deviation 1 over train."""

    @property
    def is_standardised(self) -> bool:
        return self.standardise


class Counts(Source):
    """The number of examples of each split; splits are stratified by class."""

    train: Count
    validation: Count
    test: Count
    seed: Seed

    def size_of(self, part: str, size: int, available: int) -> tuple[str, str]:
        """Return a part with its key and size, as errors name it, and what to do where it is too small."""
        return f"data.{part} is {size}", f"raise data.{part}"

    def split_rows(self, examples: "Examples") -> "tuple[Rows, Rows, Rows]":
        from benchmark.data.splits import split_by_counts

        return split_by_counts(examples, self)

    @property
    def train_size(self) -> int | None:
        return self.train


class Shares(Source):
    """The shares of examples that come without a split; an existing split stays as it is."""

    validation: Share = 0.1
    test: Share = 0.1
    disjoint: bool = False
    """No subject in two of train, validation and test; the shares are then of the subjects."""
    seed: Seed = 0
    duplicates: Literal["drop"] | None = None
    """Of examples with the very same inputs, drop keeps the first, and none where their labels differ; absent: all."""

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> "Shares":
        if self.validation + self.test >= 1:
            raise ValueError(
                f"data.validation and data.test add up to {self.validation + self.test:g}, expected below 1"
            )
        return self

    def size_of(self, part: str, size: int, available: int) -> tuple[str, str]:
        """Return a part with its key and size, as errors name it, and what to do where it is too small."""
        if part == "train":
            return f"data.validation and data.test leave {size} of {available} examples to train", "lower one of them"
        share = self.validation if part == "validation" else self.test
        return f"data.{part} is {share}, which is {size} of {available} examples", f"raise data.{part} or add examples"

    def split_rows(self, examples: "Examples") -> "tuple[Rows, Rows, Rows]":
        from benchmark.data.splits import split_by_shares

        return split_by_shares(examples, self)

    @property
    def drops_duplicates(self) -> bool:
        return self.duplicates == "drop"


class Files(OnDisk, Source):
    """Files that nobody publishes a checksum of."""

    place_key: ClassVar[str] = ""
    """The key that names the file, or the folder of the files, if there is one."""

    @property
    def title(self) -> str:
        return self.source

    def _may_be_there(self, folder: Path) -> bool:
        # Not Path's, which raises on some names.
        return not self.place_key or os.path.exists(folder / getattr(self, self.place_key))


class Pictures(Pixels, Shares, Files):
    """Pictures in files."""

    size: Side
    """Images are resized to size × size pixels."""
    channels: Literal[1, 3] = 3
