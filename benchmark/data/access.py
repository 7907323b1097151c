"""Access: what a submission is given of the problem, where that is not everything.

Each kind is a section `[protocol.access]` of the scenario. It changes what loaders hold and nothing else: models train
on the same examples and are judged on the same, so scenarios that differ in access alone share a pool. Controls, and
the retraining that costs are measured by, are given everything.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from benchmark.scenario.answers import Check, is_text
from benchmark.scenario.sections import KIND_ANSWERS, Section
from benchmark.text import shown

if TYPE_CHECKING:
    from benchmark.data.problem import Problem
    from benchmark.split import Split

HIDDEN = -100
"""The target of an example whose label is hidden: torch's own `ignore_index`, so that its losses leave it out."""


class Given(NamedTuple):
    """The examples behind the three loaders of a submission; a loader without any is empty."""

    retain: "Split"
    forget: "Split"
    validation: "Split"


def everything_of(problem: "Problem") -> Given:
    """Return what submissions are given where a scenario says nothing of access."""
    return Given(problem.retain, problem.given, problem.validation)


def _are_given(access: Any, found: Any, problem: Any) -> str:
    from benchmark.split import Split

    if not isinstance(found, Given):
        return f"{shown(found)}, expected a Given"
    for name, split in found._asdict().items():
        if not isinstance(split, Split):
            return f"{shown(split)} as {name}, expected a Split"
        if split.inputs.dtype != problem.train.inputs.dtype or split.inputs.shape[1:] != problem.train.inputs.shape[1:]:
            return f"{name} with inputs {split.inputs.dtype} {tuple(split.inputs.shape)}, expected some like train's"
    return ""


ACCESS_ANSWERS: dict[str, Check] = KIND_ANSWERS | {"give": _are_given, "sentence": is_text}


class Access(Section):
    """Base of a kind of access. A subclass narrows `kind` to a Literal, adds its own keys and defines `give`.

    It lies in a file of `benchmark/data/accesses/`, decorated with `ACCESSES.add`, or in another package that names it
    as an entry point of the group `unlearning_benchmark.access`. It imports torch only inside its methods.
    """

    kind: str

    seam: ClassVar[str] = "access"
    answers: ClassVar[Mapping[str, Check]] = ACCESS_ANSWERS
    hides_labels: ClassVar[bool] = False
    """Whether some targets are HIDDEN."""

    @property
    def called(self) -> str:
        return self.kind

    @property
    def sentence(self) -> str:
        """Say what submissions are given, or not given; a footnote of the board."""
        return f"submissions have the access {self.kind}"

    def give(self, problem: "Problem") -> Given:
        """Return the examples behind the loaders; what is drawn is drawn by `problem.seed`, alike for all runs.

        Raises BenchError where the problem has nothing of the kind.
        """
        raise NotImplementedError


def nothing_of(split: "Split") -> "Split":
    """Return a split like another, without an example."""
    return split.at(slice(0, 0))
