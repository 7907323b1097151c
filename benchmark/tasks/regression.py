"""Regression: one number per example, squared error, share of the variance explained; the signal is the residual."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BadData, BadScenario
from benchmark.tasks import TASKS
from benchmark.tasks.task import Floats, Task

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST = 1e4
"""Of |φ|: farther out the estimators lose a threshold's place in rounding."""
_SMALLEST = 1e-3
"""The least scale of an example, as a share of the typical residual."""


@TASKS.add
class Regression(Task):
    """A number to be predicted per example.

    Targets are standardised over train, so 0 is the train mean and 1 its standard deviation. What is stored are
    signed residuals, output − target; φ is relative to the retrained models' scale.
    """

    kind: Literal["regression"]

    predicts_numbers: ClassVar[bool] = True
    utility_name: ClassVar[str] = "explained variance"

    def check_targets(self, targets: "Tensor", class_names: tuple[str, ...], source: str) -> None:
        """Raise BenchError where targets are classes, not finite, or all the same."""
        if not targets.is_floating_point():
            raise BadScenario(
                f"{source} has classes as targets, but the task is {self.kind}, which needs numbers; "
                "take the section [task] out, or a source of numbers"
            )
        if odd := int((~targets.isfinite()).sum()):
            raise BadData(f"{source} has {odd} targets that are not finite numbers; correct them or take them out")
        if len(targets.unique()) < 2:
            raise BadData(
                f"{source} has the same target everywhere, expected numbers that differ; there is nothing to predict"
            )

    def prepare_targets(self, train: "Tensor", *others: "Tensor") -> "list[Tensor]":
        """Return all targets with the mean and standard deviation of train as zero and one."""
        mean, std = train.double().mean(), train.double().std(correction=0)
        if not std > 0:
            raise BadScenario("train has the same target everywhere, expected numbers that differ; change the split")
        return [((targets - mean) / std).float() for targets in (train, *others)]

    def losses(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the squared error per example."""
        return (outputs.squeeze(-1) - targets).square()

    def signal(self, outputs: NDArray, targets: NDArray) -> NDArray:
        """Return the signed residuals, output − target, in standard deviations of train's targets."""
        return outputs[..., 0] - targets

    def utility(self, outputs: NDArray, targets: NDArray) -> Floats:
        """Return 1 − MSE / MSE of predicting the train mean for everything, and 0 where that is negative.

        It is the share of the variance explained, with the train mean in the place of the split's own: predicting it
        needs no input, so a net that does is worth 0. A net that does worse is worth no less, because the score
        multiplies two ratios of utilities: two negative ones would make it positive. On a split whose targets are all
        the train mean, which has nothing to explain, every net is worth 0.
        """
        errors = np.square(outputs[..., 0].astype(np.float64) - targets).mean(axis=1)
        baseline = np.square(targets.astype(np.float64)).mean()
        return np.maximum(1 - errors / baseline, 0.0) if baseline > 0 else np.zeros(len(outputs))

    def phi(self, signal: Floats, retrained: Floats) -> Floats:
        """Return the signed residuals in units of the retrained models' standard deviation, example by example.

        The sign is turned so that up is from the retrained models' mean towards the target: where training on an
        example has drawn the output to its target, φ is higher, as the confidence of a class is. A scale is at least a
        thousandth of the retrained models' typical residual, so that an example on which they all agree divides by no
        zero; |φ| is cut off at 10,000.
        """
        typical = np.sqrt(np.square(retrained).mean())
        scale = np.maximum(retrained.std(axis=0), _SMALLEST * typical)
        scale = np.where(scale > 0, scale, 1.0)
        towards_target = np.where(retrained.mean(axis=0) > 0, -1.0, 1.0)
        return np.clip(towards_target * signal / scale, -_LARGEST, _LARGEST)
