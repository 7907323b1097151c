"""Blocks of a transformer, its mixtures of experts, and what its layers see and say."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from benchmark.errors import BadScenario


def blocks_to(net: nn.Module, depth: float, count: int = 1) -> nn.ModuleList:
    """Return the `count` blocks of a transformer, or as many as there are, that end at `depth` (0 to 1; 1: the last).

    A net's blocks are the longest list of modules that lies in no other. Raises BadScenario where it has none.
    """
    lists = [module for module in net.modules() if isinstance(module, nn.ModuleList) and len(module)]
    inner = {part for each in lists for item in each for part in item.modules()}
    lists = [each for each in lists if each not in inner]
    if not lists:
        raise BadScenario("the net has no list of blocks, expected a transformer; choose a scenario with one")
    blocks = max(lists, key=len)
    end = max(math.ceil(depth * len(blocks)), 1)
    return nn.ModuleList(list(blocks)[max(end - count, 0) : end])


def perceptron(block: nn.Module) -> nn.ModuleList:
    """Return the two layers of a block's perceptron, the last linear ones in it: the one that widens, and back.

    Raises BadScenario where the block has a mixture of experts.
    """
    if any(map(_is_mixture, block.modules())):
        raise BadScenario(
            "the block has a mixture of experts, expected one perceptron; choose a scenario without experts"
        )
    return nn.ModuleList([layer for layer in block.modules() if isinstance(layer, nn.Linear)][-2:])


def mixtures(net: nn.Module) -> list[nn.Module]:
    """Return a net's mixtures of experts: modules with a `router`, `experts`, and the number of `active` ones.

    Raises BadScenario where it has none.
    """
    found = [module for module in net.modules() if _is_mixture(module)]
    if not found:
        raise BadScenario("the net has no mixture of experts, expected one; choose a scenario such as people-experts")
    return found


def _is_mixture(module: nn.Module) -> bool:
    return all(hasattr(module, name) for name in ("router", "experts", "active"))


def seen_by(net: nn.Module, layer: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return what enters a layer and what leaves it, `[rows, context, width]` each, while `net` computes on inputs."""
    seen: list[tuple[Tensor, Tensor]] = []
    hook = layer.register_forward_hook(lambda _, entering, leaving: seen.append((entering[0], _first(leaving))))
    try:
        net(inputs)
    finally:
        hook.remove()
    return seen[-1]


@contextmanager
def changed_output(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Within it `change` of a layer's output takes the output's place."""

    def put_in_its_place(_layer: nn.Module, _entering: tuple[Tensor, ...], leaving: Tensor) -> Tensor:
        return change(leaving)

    hook = layer.register_forward_hook(put_in_its_place)
    try:
        yield
    finally:
        hook.remove()


def _first(leaving: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return the hidden states, which a block of other libraries returns with more."""
    return leaving if isinstance(leaving, Tensor) else leaving[0]
