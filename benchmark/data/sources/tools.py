"""Calls of made-up functions, made on the spot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.data.source import Source
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Seed

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class Tools(Source):
    """Requests that are answered by calls of made-up functions, with arguments; the subject is the tool.

    What is forgotten is the use of a tool, not single requests (ToolDelete, Cheng & Amiri 2025, 2502.01083). Validation
    and test have other requests for the same tools: other wordings or values. Their topic is `calls`; that of
    questions that have to do with no tool, and have to stay, is `general`.
    """

    source: Literal["tools"]
    tools: Annotated[int, Field(ge=3, le=200)]
    calls: Annotated[int, Field(ge=1, le=40)]
    """Requests for each tool that are trained on."""
    general: Annotated[int, Field(ge=0, le=100)]
    """Sums of two numbers below ten, each trained on in two wordings, and asked for in a third and a fourth."""
    holdout: Annotated[int, Field(ge=1, le=50)] | None = None
    """Further tools whose use no model is taught, for attacks that compare with them; absent: none."""
    seed: Seed

    in_package: ClassVar[bool] = True

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading.tools import examples_of_tools

        return examples_of_tools(self)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("tools", f"{self.tools} tools", f"{len(self.load(folder))} requests and sums, made on the spot")]

    @property
    def train_size(self) -> int:
        return self.tools * self.calls + 2 * self.general
