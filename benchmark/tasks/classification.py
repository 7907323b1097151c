"""Classification: one logit per class, cross-entropy, accuracy; the signal is the logit-scaled confidence."""

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BadData, BadScenario
from benchmark.tasks import TASKS
from benchmark.tasks.task import Floats, Loss, Task

if TYPE_CHECKING:
    from torch import Tensor


@TASKS.add
class Classification(Task):
    """Prediction of classes."""

    kind: Literal["classification"] = "classification"

    has_classes: ClassVar[bool] = True
    utility_name: ClassVar[str] = "accuracy"
    feature_count: ClassVar[int] = 3

    def check_targets(self, targets: "Tensor", class_names: tuple[str, ...], source: str) -> None:
        """Raise BenchError where targets are numbers, or all of one class."""
        if targets.is_floating_point():
            raise BadScenario(
                f"{source} has numbers to be predicted, but the task is {self.kind}, which needs classes; "
                'give the scenario a section [task] with kind = "regression"'
            )
        if len(present := targets.unique()) < 2:
            found = f"the one class {class_names[present[0]]}" if len(present) else "no class"
            raise BadData(
                f"{source} has {len(targets)} examples and {found}, expected two classes or more; "
                "add examples of another class"
            )

    def losses(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the cross-entropy per example."""
        import torch.nn.functional as F

        # Classes go second because torch's log-softmax is several times faster over a dimension that is not the last.
        return F.cross_entropy(outputs.movedim(-1, 1), targets, reduction="none")

    def loss(self, class_weights: "Tensor | None" = None) -> Loss:
        """Return the mean (weighted) cross-entropy of each model's batch, summed over the models."""
        if type(self).losses is not Classification.losses:  # a task that derives from this one has a loss of its own
            return super().loss(class_weights)
        import torch.nn.functional as F

        def reduce(logits: "Tensor", targets: "Tensor") -> "Tensor":
            # The very gradients of `Task.loss`; without weights in four fifths of the time.
            logits = logits.movedim(-1, 1)
            if class_weights is None:
                return F.cross_entropy(logits, targets, reduction="sum") / targets.shape[-1]
            losses = F.cross_entropy(logits, targets, weight=class_weights, reduction="none")
            return (losses.sum(dim=-1) / class_weights[targets].sum(dim=-1)).sum()

        return reduce

    def batch_loss(self, class_weights: "Tensor | None" = None) -> Loss:
        """Return torch's own (weighted) mean cross-entropy, to the last bit."""
        if type(self).losses is not Classification.losses:
            return super().batch_loss(class_weights)
        import torch.nn.functional as F

        return lambda outputs, targets: F.cross_entropy(outputs, targets, weight=class_weights)

    def signal(self, outputs: NDArray, targets: NDArray) -> Floats:
        """Return the logit-scaled confidence of the true class in nats."""
        from benchmark.metrics.statistic import logit_scaled_confidence

        return logit_scaled_confidence(outputs, targets)

    def utility(self, outputs: NDArray, targets: NDArray) -> Floats:
        """Return the share of the examples that each model gets right; nan where there are no examples."""
        if not len(targets):
            return np.full(len(outputs), np.nan)
        return (outputs.argmax(axis=-1) == targets).mean(axis=1)

    def features(self, outputs: NDArray, targets: NDArray) -> Floats:
        """Return confidence, entropy and modified entropy, `[examples, 3]`."""
        from benchmark.metrics.classifiers import svm_features

        return svm_features(outputs, targets)

    def chance(self, targets: NDArray, outputs: int, *, weighted: bool) -> float:
        """Return the share of the most frequent class, or 1 in K where weights make all classes count alike."""
        if weighted or not len(targets):
            return 1 / outputs
        return float(np.bincount(targets).max() / len(targets))
