"""Hidden inputs: perturbations of the forget examples that no submission can know.

They are drawn from the pool's secret, and the same for all models of a pool. A submission is given the forget examples,
and can set the outputs there to whatever it likes; what training on an example has left around it is not so easily
undone. A task says which perturbations suit its inputs (`Task.perturbations`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.errors import BadScenario
from benchmark.split import Split

if TYPE_CHECKING:
    from benchmark.data.problem import Problem

_MOST = 10_000  # hidden inputs of a problem: a third more than what is evaluated anyway, of a large forget set
_CANDIDATES = 1024  # retained examples among which neighbours are looked for
_NEAREST = 5
_NOISE = 0.5  # standard deviations of the retained inputs
_TOWARDS = (0.25, 0.5)  # shares of the way to a neighbour
_SHIFT = 1 / 16  # of an image's sides, and at least a pixel


@dataclass(frozen=True)
class Surroundings:
    """The forget examples as nets see them, and what perturbations need beside them."""

    inputs: Tensor
    """`[examples, ...]` float32, or int64 token ids."""
    retained: Tensor
    """Some retained examples, `[candidates, ...]`."""
    nearest: Tensor
    """The rows of the retained examples nearest to each forget example, `[examples, nearest]`."""
    nearest_across: Tensor
    """The same of those with another target."""
    black: Tensor
    """The value of a black pixel, to be broadcast over an example."""

    @property
    def spread(self) -> Tensor:
        """The standard deviation of the retained inputs: of all pixels together, of each feature by itself."""
        return self.retained.std() if self.inputs.ndim > 2 else self.retained.std(dim=0)


@dataclass(frozen=True)
class HiddenInputs:
    """The inputs at which a pool's models are read, and which no submission knows."""

    split: Split
    """`[perturbations · examples, ...]`, as nets see them, with the targets of the forget examples."""
    contrasts: NDArray[np.float64]
    """Coefficients `[perturbations, outputs]` of combinations of the outputs at each; they add up to 0."""


Perturbation = Callable[[Surroundings, np.random.Generator], Tensor]
"""Surroundings and a source of chance → one input per forget example, `[examples, ...]`, as nets see them."""


def shift(near: Surroundings, rng: np.random.Generator) -> Tensor:
    """Return images moved by a step in one of eight directions, with black where nothing was."""
    height, width = near.inputs.shape[-2:]
    down, right = (max(1, round(side * _SHIFT)) for side in (height, width))
    corners = np.array([(top, left) for top in range(3) for left in range(3) if (top, left) != (1, 1)])
    chosen = corners[rng.integers(len(corners), size=len(near.inputs))] * (down, right)
    framed = torch.nn.functional.pad(near.inputs - near.black, (right, right, down, down))
    moved = [
        image[..., top : top + height, left : left + width]
        for image, (top, left) in zip(framed, chosen.tolist(), strict=True)
    ]
    return torch.stack(moved) + near.black


def add_noise(near: Surroundings, rng: np.random.Generator) -> Tensor:
    """Return inputs with Gaussian noise of half the spread of the retained ones."""
    noise = torch.from_numpy(rng.standard_normal(near.inputs.shape).astype(np.float32))
    return near.inputs + _NOISE * near.spread * noise


def mix(near: Surroundings, rng: np.random.Generator) -> Tensor:
    """Return inputs a quarter to a half of the way to one of the nearest retained examples."""
    return _mix(near, near.nearest, rng)


def mix_across(near: Surroundings, rng: np.random.Generator) -> Tensor:
    """Return the same towards one of the nearest retained examples with another target."""
    return _mix(near, near.nearest_across, rng)


def _mix(near: Surroundings, nearest: Tensor, rng: np.random.Generator) -> Tensor:
    count = len(near.inputs)
    rows = nearest[torch.arange(count), torch.from_numpy(rng.integers(nearest.shape[1], size=count))]
    share = torch.from_numpy(rng.uniform(*_TOWARDS, size=count).astype(np.float32))
    return near.inputs + share.view(-1, *[1] * (near.inputs.ndim - 1)) * (near.retained[rows] - near.inputs)


IMAGES: Sequence[Perturbation] = (shift, mix_across, add_noise, shift, mix, add_noise)
FEATURES: Sequence[Perturbation] = (mix_across, add_noise, mix, add_noise, mix_across, add_noise)


def perturbations_of(inputs: Tensor) -> Sequence[Perturbation]:
    """Return the perturbations of images `[n, channels, height, width]` or features `[n, ...]`; none of other types."""
    if inputs.dtype != torch.uint8 and not inputs.is_floating_point():
        return ()
    return IMAGES if inputs.ndim == 4 else FEATURES


def chosen_perturbations(problem: "Problem") -> Sequence[Perturbation]:
    """Return the task's perturbations, the first ones only where there are many forget examples."""
    return problem.task.perturbations(problem.forget.inputs)[: max(1, _MOST // len(problem.forget))]


def draw_hidden_inputs(problem: "Problem", seed: int) -> HiddenInputs | None:
    """Return every perturbation of all forget examples, one after the other, where the problem lies; the same anywhere.

    None where the task has no perturbations. Raises BadScenario where one returns something else than inputs.
    """
    perturbations = chosen_perturbations(problem)
    if not perturbations:
        return None
    rng, count = np.random.default_rng(seed), len(perturbations)
    contrasts = rng.standard_normal((count, problem.outputs))
    contrasts -= contrasts.mean(axis=1, keepdims=True)
    near = _surroundings(problem, rng)
    views = torch.cat([_checked(problem, each(near, rng)) for each in perturbations])
    forget = problem.forget.to("cpu")
    split = Split(views, torch.cat([forget.targets] * count), torch.cat([forget.ids] * count))
    return HiddenInputs(split.to(problem.forget.targets.device), contrasts)


def _surroundings(problem: "Problem", rng: np.random.Generator) -> Surroundings:
    retain, forget = problem.retain.to("cpu"), problem.forget.to("cpu")
    rows = torch.from_numpy(rng.permutation(len(retain))[:_CANDIDATES])
    inputs, retained = forget.normalised(forget.inputs), retain.normalised(retain.inputs[rows])
    if not problem.task.has_sequences:
        inputs, retained = inputs.float(), retained.float()
    # In float64, so that another machine's rounding does not choose other neighbours.
    distances = torch.cdist(inputs.flatten(1).double(), retained.flatten(1).double())
    same = (forget.targets[:, None] == retain.targets[rows]).view(*distances.shape, -1).all(dim=2)
    across = distances.masked_fill(same, torch.inf)
    nearest = [each.topk(min(_NEAREST, len(rows)), largest=False).indices for each in (distances, across)]
    return Surroundings(inputs, retained, *nearest, black=replace(forget, inputs=inputs).black)


def _checked(problem: "Problem", view: Tensor) -> Tensor:
    expected = (len(problem.forget), *problem.input_shape)
    has_type = view.dtype == torch.int64 if problem.task.has_sequences else view.is_floating_point()
    if tuple(view.shape) != expected or not has_type or not view.isfinite().all():
        wanted = "token ids" if problem.task.has_sequences else "finite floats"
        raise BadScenario(
            f"a perturbation of the task {problem.task.kind} gave {view.dtype} of shape {tuple(view.shape)}, expected "
            f"{wanted} {expected}; change its `perturbations`"
        )
    return view
