"""Base class of tasks: the loss a recipe trains, the membership signals, utility, the form of outputs and targets.

To add a task, write one file:

1. Derive a class from `Task` (or from `Classification` or `Regression`) with `kind: Literal["mine"]`. It is the section
   `[task]` of a scenario; further fields are keys of that section, frozen and hashed.
2. Write `losses`, in torch: the loss per example, which the recipe averages over a batch.
3. Write `signal`, in numpy: one number per (model, example) that is unusual where the model was trained on the example.
4. Write `utility`, in numpy: one number per model from 0 to 1, higher is better, 0 where nothing was learned.
   The harness does the rest: it takes them on every split, draws the probes, stores, and reads again.
5. Override `check_targets`, `prepare_targets` and `outputs` where the targets are neither classes nor plain numbers,
   and `perturbations` where the inputs are neither images nor features. A task of sequences has `has_sequences`, a
   target per token, and what it needs of the outputs in `readout`.
6. Decorate the class with `@TASKS.add`, or register it from another package in its `pyproject.toml`:
   `[project.entry-points."unlearning_benchmark.task"]`, `mine = "package.module:Mine"`.
7. Test it as tests/unit/test_tasks.py does. Import torch inside methods only: scenarios are read without it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, get_args

import numpy as np
from numpy.typing import NDArray

from benchmark.scenario.answers import Check
from benchmark.scenario.sections import KIND_ANSWERS, Section
from benchmark.tasks.answers import TASK_ANSWERS

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.asked import Asked
    from benchmark.data.perturbing import Perturbation
    from benchmark.inquiring import Respondent

Loss = Callable[["Tensor", "Tensor"], "Tensor"]
"""Outputs and targets → a scalar to descend on."""

Floats = NDArray[np.float64]


class Task(Section):
    """The task that a scenario's models are trained for and judged by.

    A *split* is one of retain, forget, validation and test. Outputs are `[models, examples, outputs]`, targets
    `[examples]`; of sequences they are `[models, examples, context, outputs]` and `[examples, context]`.
    """

    kind: str

    seam: ClassVar[str] = "task"
    answers: ClassVar[Mapping[str, Check]] = KIND_ANSWERS | TASK_ANSWERS

    has_classes: ClassVar[bool] = False
    """Whether targets are classes: class weights, class forget sets and metrics of classes are for these tasks only."""
    has_sequences: ClassVar[bool] = False
    """Whether inputs are token ids and targets a label per token, both `[examples, context]`."""
    predicts_numbers: ClassVar[bool] = False
    """Whether sources that can tell numbers from names, such as a CSV file, read targets as numbers."""
    utility_name: ClassVar[str] = "utility"
    feature_count: ClassVar[int] = 0
    """The number of `features` that the classifier MIAs see of an example."""

    @property
    def called(self) -> str:
        return self.kind

    @classmethod
    def kinds(cls) -> tuple[str, ...]:
        """Return the names that a scenario file calls the task by."""
        return get_args(cls.model_fields["kind"].annotation)

    @classmethod
    def families(cls) -> frozenset[str]:
        """Return its own kinds and those of the tasks that it derives from."""
        return frozenset(name for each in cls.__mro__ if issubclass(each, Task) for name in each.kinds())

    # --- data

    def check_targets(self, targets: "Tensor", class_names: tuple[str, ...], source: str) -> None:
        """Raise BenchError where a source's targets are none that the task can be trained on."""

    def outputs(self, class_names: tuple[str, ...]) -> int:
        """Return the size of a network's last layer: one per class, or one where the source knows no classes.

        Of sequences the names are the vocabulary.
        """
        return len(class_names) or 1

    def strata(self, targets: "Tensor") -> "Tensor | None":
        """Return the group `[n]` of every example that is spread evenly over the splits; None for no groups."""
        return None if targets.is_floating_point() else targets

    def prepare_targets(self, train: "Tensor", *others: "Tensor") -> "list[Tensor]":
        """Return the targets of train and of the other splits as nets are trained on them."""
        return [train, *others]

    # --- training

    def losses(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the loss per example, `[..., examples]`, of outputs `[..., examples, outputs]`, by torch."""
        raise NotImplementedError(f"{type(self).__name__} has no losses")

    def loss(self, class_weights: "Tensor | None" = None) -> Loss:
        """Return what a recipe descends on: the mean loss of each model's batch, summed over the models.

        So no model sees another's gradient. It takes outputs `[models, batch, ...]` and targets `[models, batch, ...]`;
        with class weights `[classes]` the mean is a weighted one.
        """

        def reduce(outputs: "Tensor", targets: "Tensor") -> "Tensor":
            losses = self.losses(outputs, targets)
            if class_weights is None:
                return losses.sum() / losses.shape[-1]
            weights = class_weights[targets]
            return ((weights * losses).sum(dim=-1) / weights.sum(dim=-1)).sum()

        return reduce

    def batch_loss(self, class_weights: "Tensor | None" = None) -> Loss:
        """Return the (weighted) mean loss of outputs and targets, `[batch, ...]` each: what submissions get."""

        def reduce(outputs: "Tensor", targets: "Tensor") -> "Tensor":
            losses = self.losses(outputs, targets)
            if class_weights is None:
                return losses.mean()
            weights = class_weights[targets]
            return (weights * losses).sum() / weights.sum()

        return reduce

    # --- evidence: what is kept of the models' outputs

    def readout(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return what `signal` and `utility` need of outputs `[models, examples, ...]`, by torch; here all of them.

        Where logits of every token would fill the memory, a few numbers per token, `[models, examples, ...]`.
        """
        return outputs

    def signal(self, outputs: NDArray, targets: NDArray) -> NDArray:
        """Return the membership signal as it is stored, one finite number per (model, example), `[models, examples]`.

        It says of one model what can be said without the others; what is relative to them belongs into `phi`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no signal")

    def utility(self, outputs: NDArray, targets: NDArray) -> Floats:
        """Return one number per model, `[models]`, from 0 to 1: higher is better, 0 where nothing was learned.

        The score multiplies ratios of it, so it must not be negative: two models of negative utility would have a
        positive ratio.
        """
        raise NotImplementedError(f"{type(self).__name__} has no utility")

    def features(self, outputs: NDArray, targets: NDArray) -> NDArray:
        """Return what the classifier MIAs see of one model, `[examples, feature_count]`; outputs `[examples, outputs]`.

        A task without a `feature_count` has none, and those attacks are absent.
        """
        raise NotImplementedError(f"{type(self).__name__} has no features")

    def perturbations(self, inputs: "Tensor") -> "Sequence[Perturbation]":
        """Return what makes hidden inputs of the forget examples, most telling first; none for no hidden signals.

        Here shifts, noise and mixtures with retained examples for images, noise and mixtures for features. `inputs`:
        those of the forget set, as stored.
        """
        from benchmark.data.perturbing import perturbations_of

        return perturbations_of(inputs)

    def inquire(self, models: "Respondent", asked: "Mapping[str, Asked]") -> Mapping[str, NDArray]:
        """Return what is kept for metrics of the task's own, by name, `[models, ...]`; here nothing.

        `models` answer what is `asked`: see benchmark/data/asked.py.
        """
        return {}

    def inquiry_shapes(self, asked: "Mapping[str, Asked]") -> Mapping[str, tuple[int, ...]]:
        """Return the shapes of what `inquire` returns, without their dimension of models."""
        return {}

    # --- metrics: how what is kept is read, without torch

    def phi(self, signal: Floats, retrained: Floats) -> Floats:
        """Return φ, which attacks threshold, of stored signals `[models, examples]`.

        `retrained`: the retrained models' signals on the same examples, for a φ that is read relative to them.
        """
        return signal

    def chance(self, targets: NDArray, outputs: int, *, weighted: bool) -> float:
        """Return the utility that needs no inputs, such as that of one answer to everything.

        `weighted`: the recipe weights the classes.
        """
        return 0.0
