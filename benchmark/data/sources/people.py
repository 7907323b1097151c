"""Made-up people, with facts about each and several wordings of every question, made on the spot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.data.source import Source
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Seed

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


@SOURCES.add
class People(Source):
    """Facts about made-up people, as questions with answers; the subject of an example is the person.

    A fact has four wordings. In an order of its own, the first `paraphrases` of them are trained on, the third is in
    validation and the fourth in test. So validation and test ask for facts that a model was taught, in words that it
    knows from questions about others.
    """

    source: Literal["people"]
    people: Annotated[int, Field(ge=3, le=1600)]
    facts: Annotated[int, Field(ge=1, le=8)]
    """Attributes of each person, with 24 values each."""
    connectivity: Annotated[int, Field(ge=1, le=4)] | None = None
    """Relations of each person to others, such as friend: further facts, whose answers are names; absent: none."""
    paraphrases: Literal[1, 2] = 1
    """Wordings of a fact that are trained on."""
    seed: Seed

    in_package: ClassVar[bool] = True

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading.people import examples_of_people

        return examples_of_people(self)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("people", f"{self.people} people", f"{len(self.load(folder))} questions, made on the spot")]

    @property
    def train_size(self) -> int:
        return self.people * (self.facts + (self.connectivity or 0)) * self.paraphrases
