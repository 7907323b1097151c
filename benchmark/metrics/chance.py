"""Whether accuracies say more than one and the same answer to everything would."""

from typing import NamedTuple

import numpy as np

from benchmark.data import Problem
from benchmark.errors import BenchError
from benchmark.metrics.entry import Figures
from benchmark.split import Split

_LEARNED = 0.1  # of the way from chance to no error; random answers and one lucky class stay below


class Chance(NamedTuple):
    """The accuracy that needs no net, in [0, 1], by split."""

    retain: float
    validation: float
    test: float


def chance_of(problem: Problem) -> Chance:
    """Return the share of the most frequent class, or 1 in K where class weights make all classes count alike."""
    return Chance(*(_chance(getattr(problem, name), problem) for name in Chance._fields))


def _chance(split: Split, problem: Problem) -> float:
    if problem.class_weights is not None or not len(split):
        return 1 / problem.classes
    return float(np.bincount(split.targets.cpu().numpy()).max() / len(split))


def never_learned(problem: Problem, retain_accuracy: np.ndarray) -> str | None:
    """Return a sentence where originals know hardly more than chance, from their accuracies on the retain set."""
    chance, accuracy = chance_of(problem).retain, float(np.mean(retain_accuracy))
    if accuracy - chance >= _LEARNED * (1 - chance):
        return None
    return (
        f"the originals have not learned: on the retain set they are right in {accuracy:.1%}, and one answer to "
        f"everything would be in {chance:.1%}; no method can be judged by them, so give the recipe more epochs or "
        "another learning rate"
    )


def at_chance(accuracies: dict[str, float], chance: Chance) -> str | None:
    """Return the remark that accuracies, by split, are not above chance; None where all are."""
    low = [name for name, accuracy in accuracies.items() if accuracy <= getattr(chance, name)]
    if not low:
        return None
    parts = (f"{name} {accuracies[name]:.1%}, chance {getattr(chance, name):.1%}" for name in low)
    return f"accuracy is at chance ({'; '.join(parts)})"


def with_remarks(figures: Figures, problem: Problem) -> Figures:
    """Return the figures with what a reader has to know of their accuracies."""
    measured = {"retain": figures.retain_accuracy, "test": figures.test_accuracy}
    remark = at_chance({name: each.value for name, each in measured.items() if each}, chance_of(problem))
    return figures.model_copy(update={"remarks": [remark] if remark else []})


def check_measurable(name: str, problem: Problem) -> None:
    """Raise BenchError when the problem of scenario `name` has a part without examples, or a single class."""
    for part in ("retain", "forget", "validation", "test"):
        if not len(getattr(problem, part)):
            raise BenchError(f"the {part} set of scenario {name} has no examples, expected at least 1; see its [data]")
    if problem.classes < 2:
        raise BenchError(f"scenario {name} has {problem.classes} class, expected at least 2; there is nothing to tell")
