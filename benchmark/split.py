"""Some examples of a problem. Apart from the rest of it, because workers know nothing more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value")

_PER_EXAMPLE = ("inputs", "targets", "ids", "subjects", "ages")


@dataclass(frozen=True)
class Normalisation:
    """The scaling of stored pixels for a net: `pixels · gain + offset`, both `[channels, 1, 1]` float32."""

    gain: Tensor
    offset: Tensor


@dataclass(frozen=True)
class Split:
    """`inputs` `[n, ...]` are uint8 pixels as stored, float32 as the net sees them, or int64 token ids."""

    inputs: Tensor
    targets: Tensor
    """`[n]` int64 classes, float32 numbers to be predicted, or `[n, context]` int64 labels of tokens."""
    ids: Tensor
    """`[n]` int64: rows of the source."""
    subjects: Tensor | None = None
    """`[n]` int64, where the source knows whose examples they are."""
    ages: Tensor | None = None
    """`[n]` int64 years, where the source knows them."""
    normalisation: Normalisation | None = None
    """Of the pixels; with float inputs it only says what a black pixel is."""
    changed: Callable[[Tensor], Tensor] | None = None
    """What is done to a batch of inputs, example by example, before a net sees them; it is not stored."""

    def __len__(self) -> int:
        return len(self.targets)

    def at(self, rows: Tensor | slice) -> "Split":
        """Some of the examples: a mask, row numbers in the order wanted, or a slice."""
        return replace(self, **{name: tensor[rows] for name, tensor in self._present().items()})

    def and_then(self, other: "Split") -> "Split":
        """Return these examples followed by those of another split that has the same of each."""
        more = other._present()
        return replace(self, **{name: torch.cat([tensor, more[name]]) for name, tensor in self._present().items()})

    def to(self, device: torch.device | str) -> "Split":
        """Return the same examples on a device; themselves, where they lie there already."""
        own = [*self._present().values(), *(vars(self.normalisation).values() if self.normalisation else ())]
        if all(tensor.device == torch.device(device) for tensor in own):
            return self
        there = Split.from_tensors({name: tensor.to(device) for name, tensor in self.tensors().items()})
        return replace(there, changed=self.changed)

    def normalised(self, inputs: Tensor) -> Tensor:
        """Return a batch `[..., *input shape]` of this split's inputs as the net sees it.

        Pixels become floats here and nowhere earlier: a batch at a time, in training and evaluation alike.
        """
        if inputs.dtype == torch.uint8 and self.normalisation is not None:
            inputs = inputs * self.normalisation.gain + self.normalisation.offset
        return inputs if self.changed is None else self.changed(inputs)

    @property
    def black(self) -> Tensor:
        """The value of a black pixel among `inputs`, to be broadcast over `[channels, height, width]`."""
        if self.inputs.dtype == torch.uint8 or self.normalisation is None:
            return torch.zeros((), dtype=self.inputs.dtype, device=self.inputs.device)
        return self.normalisation.offset

    def tensors(self) -> dict[str, Tensor]:
        """Everything there is, by name, to be stored and read again by `from_tensors`."""
        # Copies, because the splits of a problem share theirs and a safetensors file holds nothing twice.
        shared = (
            {name: tensor.clone() for name, tensor in vars(self.normalisation).items()} if self.normalisation else {}
        )
        return {**self._present(), **shared}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "Split":
        """Return the split that `tensors` came from."""
        normalisation = Normalisation(tensors["gain"], tensors["offset"]) if "gain" in tensors else None
        return cls(*map(tensors.get, _PER_EXAMPLE), normalisation=normalisation)  # pyright: ignore[reportArgumentType]

    def _present(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in _PER_EXAMPLE if getattr(self, name) is not None}


def under(prefix: str, named: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values whose names begin with `prefix`, under the names without it."""
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
