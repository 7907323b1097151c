"""Chance levels: does a utility say more than one and the same answer to everything would?"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.errors import BadScenario
from benchmark.results.values import Measured

if TYPE_CHECKING:
    from benchmark.data import Problem
    from benchmark.split import Split

_LEARNED = 0.1  # of the way from chance to no error; random answers and one lucky class stay below


class Chance(NamedTuple):
    """The utility that needs no inputs, in [0, 1], by split."""

    retain: float
    validation: float
    test: float


def chance_of(problem: "Problem") -> Chance:
    """Return the task's chance level on each split."""
    return Chance(*(_chance(getattr(problem, name), problem) for name in Chance._fields))


def _chance(split: "Split", problem: "Problem") -> float:
    weighted = problem.class_weights is not None
    return problem.task.chance(split.targets.cpu().numpy(), problem.outputs, weighted=weighted)


def never_learned(problem: "Problem", retain_utility: np.ndarray) -> str | None:
    """Return a sentence where originals know hardly more than chance, from their utilities on the retain set."""
    chance, utility = chance_of(problem).retain, float(np.mean(retain_utility))
    if utility - chance >= _LEARNED * (1 - chance):
        return None
    return (
        f"the originals have not learned: on the retain set their {problem.task.utility_name} is {utility:.1%}, and "
        f"that of one answer to everything {chance:.1%}; no method can be judged by them, so give the recipe more "
        "epochs or another learning rate"
    )


def at_chance(utilities: dict[str, float], chance: Chance, name: str = "accuracy") -> str | None:
    """Return the remark that utilities, by split, are not above chance; None where all are. `name`: the task's."""
    low = [split for split, utility in utilities.items() if utility <= getattr(chance, split)]
    if not low:
        return None
    parts = (f"{split} {utilities[split]:.1%}, chance {getattr(chance, split):.1%}" for split in low)
    return f"{name} is at chance ({'; '.join(parts)})"


def with_remarks(measured: Measured, problem: "Problem") -> Measured:
    """Return what metrics say, with what a reader has to know of the utilities."""
    values = {name: measured.value(f"{name}_accuracy") for name in ("retain", "test")}
    known = {name: value for name, value in values.items() if value is not None}
    remark = at_chance(known, chance_of(problem), problem.task.utility_name)
    return measured.model_copy(update={"remarks": [remark] if remark else []})


def check_measurable(name: str, problem: "Problem") -> None:
    """Raise BenchError when the problem of scenario `name` has a part without examples, or one class."""
    for part in ("retain", "forget", "validation", "test"):
        if not len(getattr(problem, part)):
            raise BadScenario(f"the {part} set of scenario {name} has no examples, expected at least 1; see its [data]")
    if problem.task.has_classes and problem.outputs < 2:
        raise BadScenario(f"scenario {name} has {problem.outputs} class, expected at least 2; there is nothing to tell")
