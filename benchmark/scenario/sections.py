"""The sections of a scenario file that come in kinds: where the data is from, what is forgotten.

A kind has only the keys that it can use. What a later version adds is None where it is absent, and counts for no hash.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from benchmark.text import shown

LARGEST_FILE = 1 << 22  # bytes of a scenario's or a network's file

# The upper bounds refuse nothing that could be meant: beyond them a number overflows somewhere.
Count = Annotated[int, Field(ge=1, le=10**9)]
Side = Annotated[int, Field(ge=1, le=16_384)]
"""Pixels along one side of an image."""
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(gt=0, lt=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=1000)]
_PART = 255  # bytes of a file's name


def _path(text: str) -> str:
    parts = [part for part in text.split("/") if len(part.encode()) > _PART]
    if parts or "\0" in text:
        raise ValueError(
            f"the path {shown(text)} can be no file's, expected names of at most {_PART} bytes without NUL"
        )
    return text


DataPath = Annotated[Name, AfterValidator(_path)]
"""Relative to the data folder (`--data-dir`, BENCH_DATA, by default data/ in the workspace), or absolute."""


class Section(BaseModel):
    """Strict: no key more than declared, no type but the one declared, no infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


# --- where the examples come from


class _Pixels(Section):
    """The scaling of pixels for the net: `(pixel · scale / 255 − mean) / std`."""

    scale: Literal[1, 255] = 1
    """What a white pixel is before `mean` and `std`, which are in the same unit and one number a channel."""
    mean: Annotated[tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...], Field(min_length=1)] | None = None
    std: Annotated[tuple[Annotated[float, Field(ge=1e-6, le=1e6)], ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _as_many_of_both(self) -> "_Pixels":
        if self.mean and self.std and len(self.mean) != len(self.std):
            raise ValueError(
                f"data.mean has {len(self.mean)} numbers, data.std {len(self.std)}; expected as many of both"
            )
        return self


class _OnDisk(Section):
    """Files that nobody publishes a checksum of: the scenario holds one of its own, and with it the hash does."""

    sha256: Sha256 | None = None
    """Of the names and contents of all files read; where it is absent, loading the scenario works it out."""


class Shares(Section):
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


class _Counts(Section):
    """The number of examples of each split; splits are stratified by class."""

    train: Count
    validation: Count
    test: Count
    seed: Seed


class Digits(_Counts):
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels."""

    source: Literal["digits"]


class BreastCancer(_Counts):
    """scikit-learn's 569 patients with 30 measurements each."""

    source: Literal["breast_cancer"]
    standardise: bool = False
    """Every feature to mean 0 and standard deviation 1 over train."""


class Diabetes(_Counts):
    """scikit-learn's 442 patients with 10 measurements each; the target is a number, for the task regression."""

    source: Literal["diabetes"]
    standardise: bool = False
    """Every feature to mean 0 and standard deviation 1 over train."""


class Cifar(_Pixels):
    """torchvision's CIFAR: train is all of its training set, `validation` images are drawn from its test set."""

    source: Literal["cifar10", "cifar100"]
    validation: Count
    seed: Seed


class CasiaSurf(_Pixels, _OnDisk):
    """CASIA-SURF as the competition read, labelled and split it."""

    source: Literal["casia_surf"]
    folder: DataPath = "casia-surf"
    size: Side
    """Images are resized to size × size pixels."""
    age_groups: Annotated[int, Field(ge=2, le=1000)]
    """Classes: groups of equal width between the youngest and the oldest."""
    seed: Seed


class Femnist(_Pixels, Shares, _OnDisk):
    """FEMNIST as LEAF's JSON or as parquet: 62 characters of 28×28 pixels, subjects are their writers."""

    source: Literal["femnist"]
    folder: DataPath = "femnist"
    writers: Count | None = None
    """Only the first so many, in the order of their names."""


class Celeba(_Pixels):
    """torchvision's CelebA in its own split, which shares no identity; subjects are the identities."""

    source: Literal["celeba"]
    attribute: Name
    """The one of the 40 attributes that is to be told, e.g. Smiling."""
    size: Side
    """The middle square of an image is resized to size × size pixels."""


class _Images(_Pixels, Shares, _OnDisk):
    size: Side
    """Images are resized to size × size pixels."""
    channels: Literal[1, 3] = 3


class ImageFolder(_Images):
    """A folder with a folder of pictures for every class, or one for train, test and, if known, validation."""

    source: Literal["image_folder"]
    folder: DataPath


class Manifest(_Images):
    """A CSV file with the columns path (from the file's own folder) and label, and, if known, subject and split."""

    source: Literal["manifest"]
    file: DataPath


class Npz(_Pixels, Shares, _OnDisk):
    """An .npz file with the arrays inputs and targets, and, if known, subjects and split."""

    source: Literal["npz"]
    file: DataPath
    standardise: bool = False
    """Every feature to mean 0 and standard deviation 1 over train."""


class Csv(Shares, _OnDisk):
    """A CSV file with a column of labels and columns of numbers, and, if known, columns with subjects and the split."""

    source: Literal["csv"]
    file: DataPath
    label: Name = "label"
    """The column with the labels."""
    subject: Name | None = None
    """The column with the subjects; absent: subject, if there is one."""
    split: Name | None = None
    """The column with the words train, validation and test; absent: split, if there is one."""
    ignore: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Columns that are no features."""
    standardise: bool = False
    """Every feature to mean 0 and standard deviation 1 over train."""


Data = Annotated[
    Digits | BreastCancer | Diabetes | Cifar | CasiaSurf | Femnist | Celeba | ImageFolder | Manifest | Csv | Npz,
    Field(discriminator="source"),
]


# --- what has to be forgotten


class RandomForget(Section):
    """`size` training examples, drawn at random."""

    kind: Literal["random"]
    size: Count
    seed: Seed


class ClassForget(Section):
    """All training examples of some classes, by name."""

    kind: Literal["class"]
    classes: Annotated[tuple[str, ...], Field(min_length=1)]


class SubjectForget(Section):
    """All training examples of some subjects: `subjects` by name, or `count` of those in train."""

    kind: Literal["subject"]
    subjects: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    count: Count | None = None
    """The first so many in the order of their names or, with a seed, drawn at random."""
    seed: Seed | None = None

    @model_validator(mode="after")
    def _one_way_of_choosing(self) -> "SubjectForget":
        if (self.subjects is None) == (self.count is None):
            raise ValueError("forget needs one of subjects (names) and count (how many), not none and not both")
        if self.subjects and self.seed is not None:
            raise ValueError("forget.seed is for forget.count, expected none beside forget.subjects")
        return self


class IndicesForget(Section):
    """The rows of the source that a file lists, or marks in a mask over the source or train: .npy, or text."""

    kind: Literal["indices"]
    file: DataPath
    sha256: Sha256 | None = None
    """Of the file; where it is absent, loading the scenario works it out."""


Forget = Annotated[RandomForget | ClassForget | SubjectForget | IndicesForget, Field(discriminator="kind")]
