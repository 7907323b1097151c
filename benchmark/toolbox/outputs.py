"""Outputs of nets: features, distances to a teacher, accuracy."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmark.toolbox.derivatives import Loss
from benchmark.toolbox.layers import classifier
from benchmark.toolbox.loaders import inputs_and_targets, some, tensors


def logits_and_features(net: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits [examples, classes] and penultimate features [examples, width]: what enters the classifier."""
    seen: list[Tensor] = []
    hook = classifier(net).register_forward_pre_hook(lambda _, entering: seen.append(entering[0]))
    try:
        logits = net(inputs)
    finally:
        hook.remove()
    return logits, seen[-1]


def features(net: nn.Module, inputs: Tensor) -> Tensor:
    """Penultimate features [examples, width]."""
    return logits_and_features(net, inputs)[1]


@torch.no_grad()
def all_features(net: nn.Module, loader: DataLoader) -> tuple[Tensor, Tensor]:
    """Penultimate features [examples, width] and targets [examples] of a whole loader, in the same order."""
    batches = [(features(net, inputs), targets) for inputs, targets in map(inputs_and_targets, some(loader))]
    found, targets = zip(*batches, strict=True)
    return torch.cat(found), torch.cat(targets)


def kl(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """KL(teacher ‖ student) of softmax(logits / temperature), the mean over the batch in nats.

    Both are logits [examples, classes], or of tokens [examples, context, classes], each of which counts as an example.
    Nothing is multiplied by temperature²: methods that want it do.
    """
    both = (logits.flatten(0, -2) for logits in (student, teacher))
    student, teacher = (F.log_softmax(logits / temperature, dim=1) for logits in both)
    return F.kl_div(student, teacher, log_target=True, reduction="batchmean")


def imitation(net: nn.Module, teacher: nn.Module, noise: float) -> Loss:
    """The mean squared difference of the two nets' logits on inputs with added N(0, noise²), the same for both."""

    def loss(inputs: Tensor, _: Tensor) -> Tensor:
        seen = inputs + noise * torch.randn_like(inputs)
        return F.mse_loss(net(seen), teacher(seen))

    return loss


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader) -> float:
    """Return the share of a loader's examples that `net`, in the mode it is in, gets right."""
    right = [net(inputs).argmax(1) == targets for inputs, targets in map(inputs_and_targets, loader)]
    return torch.cat(right).float().mean().item()


def unseen_accuracy(net: nn.Module, retain_targets: Tensor, forget_loader: DataLoader, val_loader: DataLoader) -> float:
    """Return the accuracy to expect on the forget set of a net that never saw it, for methods that stop there.

    It is `net`'s accuracy on validation data, and 0 for forget examples of a class that the retain set lacks.
    """
    known = torch.isin(tensors(forget_loader)[1], retain_targets)
    return accuracy(net, val_loader) * known.float().mean().item()
