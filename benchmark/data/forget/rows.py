"""Examples that the scenario lists itself."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet, Models
from benchmark.errors import BadScenario

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class RowsForget(ForgetSet):
    """The training examples that are these rows of the source."""

    kind: Literal["rows"]
    rows: Annotated[tuple[Annotated[int, Field(ge=0, le=10**9)], ...], Field(min_length=1)]

    def select(self, train: "TrainingSet", models: Models) -> "Tensor":
        import torch

        rows = torch.tensor(self.rows)
        absent = rows[~torch.isin(rows, train.ids)].tolist()
        if absent:
            raise BadScenario(
                f"forget.rows has {len(absent)} that are not in train, the first {absent[0]}, expected rows of the "
                "source that are; take them out"
            )
        return torch.isin(train.ids, rows)
