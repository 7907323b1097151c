"""Access to look-alikes in place of training examples: who asks to be forgotten brings one picture along."""

from typing import TYPE_CHECKING, Literal

from benchmark.data.access import Access, Given, everything_of, nothing_of
from benchmark.data.accesses import ACCESSES
from benchmark.errors import BadScenario
from benchmark.scenario.sections import Count

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.problem import Problem
    from benchmark.split import Split


@ACCESSES.add
class LookAlikes(Access):
    """No forget example: a few examples like them, which no model is trained on, and validation examples.

    One-shot unlearning of personal identities (1-SHUI, De Min et al. 2025, 2407.12069): the training data is gone, and
    a picture of each person says what is to be forgotten. Here that is a validation example of the same subject, or of
    the same class where not all subjects to forget are in validation: the nearest to any of the forget examples of
    that subject or class, by the Euclidean distance of inputs. It stays in the validation loader.
    """

    kind: Literal["look-alikes"]
    count: Count = 1
    """Of each subject or class in the forget set."""
    retain: bool = False
    """Whether submissions are given the retained examples."""

    @property
    def sentence(self) -> str:
        held = f"{self.count} validation example{'s' if self.count > 1 else ''} of each subject or class to forget"
        which = "forget example" if self.retain else "training example"
        return f"submissions are given no {which}: the forget loader holds {held}"

    def give(self, problem: "Problem") -> Given:
        """Return the look-alikes as the forget examples. Raises BenchError where validation has none of a group."""
        import torch

        if problem.task.has_sequences or problem.task.predicts_numbers:
            raise BadScenario(
                f"protocol.access.kind is {self.kind!r}, which takes classes of inputs that have a distance, but the "
                f"task is {problem.task.kind}; choose another access"
            )
        ours, theirs = _groups(problem.given, problem.validation)
        rows = []
        for group in ours.unique().tolist():
            held = (theirs == group).nonzero().flatten()
            if len(held) < self.count:
                raise BadScenario(
                    f"protocol.access.count is {self.count}, but validation has {len(held)} examples of a subject or "
                    "class that is to be forgotten; lower it, or enlarge validation"
                )
            near = _distances(problem.validation.at(held), problem.given.at(ours == group))
            rows.append(held[near.argsort(stable=True)[: self.count]])
        retain = problem.retain if self.retain else nothing_of(problem.retain)
        return everything_of(problem)._replace(retain=retain, forget=problem.validation.at(torch.cat(rows)))


def _groups(forget: "Split", validation: "Split") -> "tuple[Tensor, Tensor]":
    """Return the subject of each example of the two splits; its class where not all subjects to forget are in both."""
    import torch

    ours, theirs = forget.subjects, validation.subjects
    if ours is not None and theirs is not None and torch.isin(ours, theirs).all():
        return ours, theirs
    return forget.targets, validation.targets


def _distances(some: "Split", others: "Split") -> "Tensor":
    """Return the distance of each example to the nearest of the others, `[some]`."""
    import torch

    own, near = (split.normalised(split.inputs).flatten(1).float() for split in (some, others))
    return torch.cdist(own, near).amin(1)
