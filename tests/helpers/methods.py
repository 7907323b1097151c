"""Tiny nets of every kind, tiny loaders and a quickly trained original, for the tests of the submissions."""

import copy
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import VisionTransformer

from benchmark.sandbox.child.contract import entry_point
from benchmark.tasks.classification import Classification

SUBMISSIONS = Path(__file__).parents[2] / "submissions"
SHAPE, CLASSES = (1, 8, 8), 10
RETAIN, FORGET, VALIDATION = 96, 16, 32


class Loaders(NamedTuple):
    retain: DataLoader
    forget: DataLoader
    validation: DataLoader


class Residual(nn.Module):
    """Two convolutions beside a shortcut, named as in torchvision's ResNet; a wider block projects its shortcut."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        stride = leaving // entering
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Identity()
        if stride > 1:
            projection = nn.Conv2d(entering, leaving, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(leaving))

    def forward(self, inputs: Tensor) -> Tensor:
        inside = self.relu(self.bn1(self.conv1(inputs)))
        return self.relu(self.bn2(self.conv2(inside)) + self.downsample(inputs))


def _mlp() -> nn.Module:
    hidden = [nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(16, CLASSES))


def _cnn() -> nn.Module:
    first = [nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(64, CLASSES))


def _resnet() -> nn.Module:
    stem = [nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES)]
    return nn.Sequential(*stem, Residual(8, 8), Residual(8, 16), *head)


def _vit() -> nn.Module:
    net = VisionTransformer(
        image_size=8, patch_size=4, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=CLASSES
    )
    net.conv_proj = nn.Conv2d(1, 16, 4, 4)  # torchvision's own wants three channels
    return net


tiny_nets: dict[str, Callable[[], nn.Module]] = {"mlp": _mlp, "cnn": _cnn, "resnet": _resnet, "vit": _vit}


def load(name: str) -> ModuleType:
    """`submissions/<name>/submission.py` as a module of its own, untouched by what other tests did to theirs."""
    spec = importlib.util.spec_from_file_location(f"submission_{name}", SUBMISSIONS / name / "submission.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tiny_loaders(batch_size: int = 16) -> Loaders:
    """Disjoint digits as 1×8×8 images in [0, 1]: retain 96 and forget 16, shuffled, and validation 32."""
    images, targets = _digits()
    loaders, start = [], 0
    for size, shuffle in ((RETAIN, True), (FORGET, True), (VALIDATION, False)):
        rows = slice(start, start + size)
        loaders.append(DataLoader(TensorDataset(images[rows], targets[rows]), batch_size, shuffle))
        start += size
    return Loaders(*loaders)


def original(kind: str) -> nn.Module:
    """A net of `tiny_nets[kind]` that has learned retain and forget set (nearly) by heart, in evaluation mode."""
    return copy.deepcopy(_trained(kind))


def unlearn(module: ModuleType, net: nn.Module, loaders: Loaders, seed: int = 0, **offers: object) -> nn.Module:
    """Calls the submission as the harness does, all randomness from `seed`, on `net` itself; returns the result."""
    torch.manual_seed(seed)
    weights = torch.ones(CLASSES)
    offers = {"class_weights": weights, "device": torch.device("cpu"), "seed": seed, "recipe": None} | offers
    offers.setdefault("loss", Classification().batch_loss(offers["class_weights"]))  # pyright: ignore[reportArgumentType]
    returned = entry_point(module, offers)(net, *loaders)
    return net if returned is None else returned


def run(
    submission: str | ModuleType,
    kind: str = "mlp",
    loaders: Loaders | None = None,
    seed: int = 0,
    **hyperparameters: object,
) -> tuple[nn.Module, nn.Module]:
    """The original and the unlearned net of a submission, by name or loaded, with values replaced as a tuner would."""
    module = load(submission) if isinstance(submission, str) else submission
    assert hyperparameters.keys() <= module.HYPERPARAMETERS.keys()
    module.HYPERPARAMETERS.update(hyperparameters)
    return original(kind), unlearn(module, original(kind), loaders or tiny_loaders(), seed)


@cache
def _digits() -> tuple[Tensor, Tensor]:
    images, targets = load_digits(return_X_y=True)
    return torch.tensor(images, dtype=torch.float32).view(-1, *SHAPE) / 16, torch.tensor(targets)


@cache
def _trained(kind: str) -> nn.Module:
    images, targets = _digits()
    images, targets = images[: RETAIN + FORGET], targets[: RETAIN + FORGET]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1000)  # not a seed of `unlearn`, whose first draws would repeat the initial weights
        net = tiny_nets[kind]().train()
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
        for _ in range(40):
            for rows in torch.randperm(len(images)).split(28):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(images[rows]), targets[rows]).backward()
                optimizer.step()
        optimizer.zero_grad()
    return net.eval()


def whole(loader):
    """All of a loader as one batch, in the dataset's order."""
    return next(iter(DataLoader(loader.dataset, batch_size=len(loader.dataset))))


def one_batch_loaders():
    return Loaders(*(DataLoader(loader.dataset, len(loader.dataset)) for loader in tiny_loaders()))


def relabelled(loader, targets):
    return DataLoader(TensorDataset(whole(loader)[0], targets), loader.batch_size, shuffle=True)


def weights_of(net):
    return {name: tensor.detach().clone() for name, tensor in net.named_parameters()}


def changed(before, after):
    """Names of the tensors of which anything differs."""
    return {name for name in before if not torch.equal(before[name], after[name])}


def ce(net, loader):
    """The mean cross-entropy on all of a loader."""
    inputs, targets = whole(loader)
    return F.cross_entropy(net(inputs), targets)


def slope(net, loss):
    """The gradient as one vector."""
    return torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(net.parameters()))])


def vector(net):
    return nn.utils.parameters_to_vector(net.parameters()).detach()


def spied(monkeypatch, module, name):
    """Every call's positional and named arguments; the function is still called."""
    calls, real = [], getattr(module, name)

    def spy(*args, **named):
        calls.append((args, named))
        return real(*args, **named)

    monkeypatch.setattr(module, name, spy)
    return calls
