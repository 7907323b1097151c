"""The base class of networks: a section of the scenario that can build itself."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from benchmark.scenario.answers import Check, is_flag_or_none, is_text
from benchmark.scenario.sections import KIND_ANSWERS, Section

if TYPE_CHECKING:
    from torch import nn


def _is_module(network: Any, net: Any, *arguments: Any) -> str:
    from torch import nn

    return "" if isinstance(net, nn.Module) else f"a {type(net).__name__}, expected a torch.nn.Module"


class Network(Section):
    """A kind of network. A subclass narrows `name` to a Literal, adds its own keys and defines `build`.

    It lies in a file of `benchmark/models/networks/`, decorated with `NETWORKS.add`, or in another package that names
    it as an entry point of the group `unlearning_benchmark.network`. It imports torch only inside its methods.
    """

    name: str

    seam: ClassVar[str] = "network"
    answers: ClassVar[Mapping[str, Check]] = KIND_ANSWERS | {
        "title": is_text,
        "build": _is_module,
        "has_experts": is_flag_or_none,
    }

    reads_tokens: ClassVar[bool | None] = False
    """Whether inputs are token ids, `[batch, context]` int64, and outputs `[batch, context, outputs]`; None: either."""
    small: ClassVar[bool] = False
    """Whether a block of such nets trains faster on the CPU than one after another on a GPU."""

    @property
    def has_experts(self) -> bool | None:
        """Tell whether its layers have mixtures of experts, which some submissions are for; None where nobody knows."""
        return False

    @property
    def called(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """The name of the network in errors."""
        return self.name

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        """Return a fresh network for inputs of `input_shape` (without the batch) with `classes` outputs.

        torch's global generator initialises it. Raises BenchError when the network is not for such inputs.
        """
        raise NotImplementedError

    def try_out(self, input_shape: tuple[int, ...], classes: int, *, tokens: bool = False) -> None:
        """Raise BenchError unless the network can be built for such inputs and gives one output per class.

        `tokens`: inputs are token ids, and it is to give outputs for each of them.
        """
        from benchmark.models.build import check_build

        check_build(self, input_shape, classes, tokens=tokens)
