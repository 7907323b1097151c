"""Treatments: what the harness does to a net after unlearning, before it looks at it.

A net can answer like a retrained one and still hold what it was told to forget: a few steps of training, or rounded
weights, bring it back. So unlearned, retrained, calibration and original models are all treated alike, and the gap
closed is measured once more. A treatment is added by one file. Inside the package it lies in
`benchmark/treatments/kinds/`:

    from benchmark.treatments import TREATMENTS
    from benchmark.treatments.treatment import Given, State, treatment


    @TREATMENTS.add
    @treatment(after="halving all weights")
    def halved(nets: State, given: Given) -> State:
        \"\"\"All weights are halved.\"\"\"
        return {name: tensor / 2 for name, tensor in nets.items()}

One that changes what nets see in place of the nets is made by `input_treatment`, of a function of a batch of inputs,
and one that asks other questions about what is to be forgotten by `question_treatment`. An installed package brings the
same function, without `TREATMENTS.add`, as an entry point of the group `unlearning_benchmark.treatment`. It imports
torch only inside its functions.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data import Problem
    from benchmark.scenario.schema import Scenario
    from benchmark.split import Split

State = Mapping[str, "Tensor"]
"""Names of parameters and buffers → `[models, ...]`."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Given(NamedTuple):
    """All that a treatment is given beside the nets: the same for all populations."""

    scenario: "Scenario"
    problem: "Problem"
    """On the device of the nets."""
    seeds: Sequence[int]
    """Of each net: of its index, so that model i of every population is treated alike."""
    seed: int
    """Of what all nets share, such as which examples are shown again; the same for all treatments."""


Apply = Callable[[State, Given], State]
Change = Callable[["Tensor", Given], "Tensor"]
"""Inputs `[n, ...]` as nets see them → the same number and shape of changed ones, each by itself."""
Ask = Callable[[Given], "Split | None"]
"""→ the examples that stand in the place of the forget examples, of the same shapes; None where there are none."""


Suits = Callable[["Scenario"], bool]
"""Tells whether nets of a scenario are treated so."""


def of_all(scenario: "Scenario") -> bool:
    """Return True: nets of every scenario are treated so."""
    return True


def of_sequences(scenario: "Scenario") -> bool:
    """Tell whether the nets are models of sequences."""
    return scenario.task.has_sequences


def of_pairs(scenario: "Scenario") -> bool:
    """Tell whether the nets are trained on sequences with two facts."""
    return scenario.task.has_sequences and scenario.data.has_pairs


def of_whole_classes(scenario: "Scenario") -> bool:
    """Tell whether all examples of some classes are to be forgotten."""
    return scenario.forget.whole_classes


def leave(nets: State, given: Given) -> State:
    """Return the nets as they are."""
    return nets


@dataclass(frozen=True)
class Treatment:
    """Something that is done to nets after unlearning, or to all inputs that they see.

    `apply` takes the nets of a block and returns them treated, and changes nothing of what it got; `change` does so
    with a batch of inputs; `ask` gives other questions in the place of the forget examples. `after`: completes "gap
    closed after ...". `version`: another one where the same nets would be treated otherwise; stored evidence of an
    earlier version is made anew. `suits`: of which scenarios it treats nets.
    """

    name: str
    apply: Apply
    after: str
    summary: str
    description: str = ""
    version: int = 1
    change: Change | None = None
    ask: Ask | None = None
    suits: Suits = of_all

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"the treatment's name is {self.name!r}, expected up to 40 lower-case letters, digits and _, beginning "
                "with a letter"
            )
        if not self.summary:
            raise ValueError(f"the treatment {self.name} has no summary; give its function a docstring")


def treatment(*, after: str, name: str = "", version: int = 1, suits: Suits = of_all) -> Callable[[Apply], Treatment]:
    """Make a treatment of a function: its name is the function's, its summary and description are the docstring's."""

    def make(apply: Apply) -> Treatment:
        return Treatment(name or apply.__name__, apply, after, *_said_of(apply), version, suits=suits)

    return make


def question_treatment(
    *, after: str, name: str = "", version: int = 1, suits: Suits = of_sequences
) -> Callable[[Ask], Treatment]:
    """Make a treatment of a function of what is given: the nets stay, and are asked other questions."""

    def make(ask: Ask) -> Treatment:
        return Treatment(name or ask.__name__, leave, after, *_said_of(ask), version, ask=ask, suits=suits)

    return make


def input_treatment(*, after: str, name: str = "", version: int = 1) -> Callable[[Change], Treatment]:
    """Make a treatment of a function of inputs: the nets stay, and all examples that they are read at are changed."""

    def make(change: Change) -> Treatment:
        return Treatment(name or change.__name__, leave, after, *_said_of(change), version, change)

    return make


def _said_of(function: Callable[..., object]) -> tuple[str, str]:
    """Return the summary and the description in a docstring."""
    summary, _, description = cleandoc(function.__doc__ or "").partition("\n\n")
    return " ".join(summary.split()), description


def names_of(kind: object) -> tuple[str, ...]:
    """Return the name of a treatment. Raises ValueError on what is none."""
    if not isinstance(kind, Treatment):
        raise ValueError(f"it brings a {type(kind).__name__}, expected a Treatment")
    return (kind.name,)
