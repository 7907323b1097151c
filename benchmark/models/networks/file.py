"""A network of the user's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field

from benchmark.errors import BadScenario
from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS
from benchmark.scenario.sections import LARGEST_FILE, DataPath
from benchmark.storage.reading import read_file
from benchmark.text import reason_of

if TYPE_CHECKING:
    from torch import nn


@NETWORKS.add
class FileNet(Network):
    """A function of a Python file, called with the shape of an input and the number of classes.

    Of sequences these are `(context,)` and the size of the vocabulary.
    """

    name: Literal["file"] = "file"
    file: Annotated[DataPath, Field(pattern=r"^.+\.py:[A-Za-z_]\w*$")]
    """`path.py:function`, relative to the scenario's file. It must need nothing but itself and installed packages."""
    source: str | None = None
    """The file's text; loading the scenario puts it here, so that it is hashed and travels with the scenario."""

    reads_tokens: ClassVar[bool | None] = None

    @property
    def title(self) -> str:
        return self.file

    @property
    def has_experts(self) -> None:
        return None

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        from benchmark.models.user_code import build_from_source

        if self.source is None:
            raise BadScenario(f"architecture.file {self.file} has not been read; load the scenario from its file")
        return build_from_source(self.file, self.source, input_shape, classes)

    def filled_in(self, folder: Path) -> Self:
        if self.source is not None:
            return self
        path = folder / self.file.rpartition(":")[0]
        try:
            return self.model_copy(update={"source": read_file(path, LARGEST_FILE).decode()})
        except (OSError, ValueError) as error:
            raise BadScenario(
                f"architecture.file names {path}, which could not be read: {reason_of(error)}; give path.py:function"
            ) from None

    def try_out(self, input_shape: tuple[int, ...], classes: int, *, tokens: bool = False) -> None:
        """Train it for two batches too, in another process, because its code may do anything."""
        from benchmark.models.rehearsal import rehearse

        rehearse(self, input_shape, classes, tokens=tokens)
