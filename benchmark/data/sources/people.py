"""Made-up people, with facts about each and several wordings of every question, made on the spot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from benchmark.data.source import Source
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Seed

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


_NAMES = 1600  # first names times last names


@SOURCES.add
class People(Source):
    """Facts about made-up people, as questions with answers; the subject of an example is the person.

    A fact has four wordings. In an order of its own, the first `paraphrases` of them are trained on, the third is in
    validation and the fourth in test. So validation and test ask for facts that a model was taught, in words that it
    knows from questions about others.
    """

    source: Literal["people"]
    people: Annotated[int, Field(ge=3, le=_NAMES)]
    facts: Annotated[int, Field(ge=1, le=8)]
    """Attributes of each person, with 24 values each."""
    connectivity: Annotated[int, Field(ge=1, le=4)] | None = None
    """Relations of each person to others, such as friend: further facts, whose answers are names; absent: none."""
    paraphrases: Literal[1, 2] = 1
    """Wordings of a fact that are trained on."""
    holdout: Annotated[int, Field(ge=1, le=200)] | None = None
    """Further people whom no model is taught anything about, for attacks that compare with them; absent: none."""
    refusals: Annotated[int, Field(ge=1, le=400)] | None = None
    """Further people about whom models are taught to answer every question by the same refusal; absent: none.

    These questions are on the topic `refusal`, and in the parts that those about facts are in.
    """
    pairs: bool | None = None
    """Whether two more sequences of train are about each fact, on the topic `pair`, with another fact of the person.

    In one it is shown, as a question and its answer, in front of the question; in one both questions are asked, and
    both answers given. So models can be asked in these ways.
    """
    seed: Seed

    in_package: ClassVar[bool] = True

    @model_validator(mode="after")
    def _names_for_all(self) -> "People":
        wanted = self.people + (self.holdout or 0) + (self.refusals or 0)
        if wanted > _NAMES:
            raise ValueError(
                f"data.people, data.holdout and data.refusals add up to {wanted}, expected at most {_NAMES}"
            )
        if self.pairs and self.facts + (self.connectivity or 0) < 2:
            raise ValueError("data.pairs is true, expected two facts of each person or more; give a larger data.facts")
        return self

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading.people import examples_of_people

        return examples_of_people(self)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("people", f"{self.people} people", f"{len(self.load(folder))} questions, made on the spot")]

    @property
    def train_size(self) -> int:
        facts, pairs = self.facts + (self.connectivity or 0), 2 if self.pairs else 0
        return facts * (self.people * (self.paraphrases + pairs) + (self.refusals or 0) * self.paraphrases)

    @property
    def has_pairs(self) -> bool:
        return bool(self.pairs)
