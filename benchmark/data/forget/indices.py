"""Examples that a file lists."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet, Models
from benchmark.data.on_disk import OnDisk
from benchmark.errors import BenchError
from benchmark.scenario.sections import DataPath

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.reading.examples import Row
    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class IndicesForget(OnDisk, ForgetSet):
    """The rows of the source that a file lists, or marks in a mask over the source or train: .npy, or text."""

    kind: Literal["indices"]
    file: DataPath

    reads_files: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return self.file

    def select(self, train: "TrainingSet", models: Models) -> "Tensor":
        import torch

        from benchmark.data.listed import listed_rows

        rows = listed_rows(train.folder / self.file, train.examples, train.ids.numpy())
        return torch.isin(train.ids, torch.from_numpy(rows))

    def files(self, folder: Path) -> dict[str, Path]:
        from benchmark.storage.places import expect_data

        return {self.file: expect_data(folder, self.file, "file", "forget.file", "a file of row numbers")}

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        try:
            self.files(folder)
        except BenchError as error:
            return [row(self.file, "a file of row numbers", str(error), "missing")]
        return [row(self.file, "a file of row numbers", True)]
