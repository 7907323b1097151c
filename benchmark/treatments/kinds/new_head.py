"""The last layer fitted anew: what the layers below still tell of the forget set, whatever the last one makes of it."""

from typing import TYPE_CHECKING

from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, State, treatment

if TYPE_CHECKING:
    from torch import Tensor, nn

    from benchmark.split import Split

EXAMPLES = 500


@TREATMENTS.add
@treatment(after="fitting the last layer anew")
def new_head(nets: State, given: Given) -> State:
    """The last linear layer is replaced by one that is fitted to 500 retained examples: a probe of the layers below.

    It begins at zero, and takes 50 steps of Adam at a rate of 0.1 on the scenario's loss, on all examples at once. A
    net whose last layer alone was changed is then what its original becomes. Nets that do not end in a linear layer
    stay as they are. Source: Alain & Bengio 2016 (1610.01644) for linear probes.
    """
    import numpy as np
    import torch

    from benchmark.models.build import skeleton
    from benchmark.seeds import derive_seed
    from benchmark.training.heads import fit_heads

    scenario, problem = given.scenario, given.problem
    net = skeleton(scenario.architecture, problem.input_shape, problem.outputs).eval()
    if (last := _last_linear(net)) is None:
        return nets
    name, layer = last
    rows = np.random.default_rng(derive_seed(given.seed, "head")).permutation(len(problem.retain))[:EXAMPLES]
    shown = problem.retain.at(torch.from_numpy(rows).to(problem.retain.targets.device))
    found = [_features(net, layer, _row(nets, row), shown) for row in range(len(given.seeds))]
    if any(each is None for each in found):
        return nets
    features = torch.stack([each for each in found if each is not None])
    weights, biases = fit_heads(features, shown.targets, problem.loss, problem.outputs)
    treated = dict(nets) | {f"{name}.weight": weights.mT.contiguous()}
    if layer.bias is not None:
        treated[f"{name}.bias"] = biases[:, 0]
    return treated


def _last_linear(net: "nn.Module") -> "tuple[str, nn.Linear] | None":
    """Return the layer that gives the outputs, with its name, if it is linear and its weights are its own."""
    from torch import nn

    found = [(name, layer) for name, layer in net.named_modules() if isinstance(layer, nn.Linear)]
    if not found or found[-1][0] not in _last_names(net):
        return None
    return found[-1]


def _last_names(net: "nn.Module") -> set[str]:
    """Return the names of the last module that has parameters of its own."""
    own = [name for name, module in net.named_modules() if list(module.parameters(recurse=False))]
    return set(own[-1:])


def _row(nets: State, row: int) -> dict[str, "Tensor"]:
    return {name: tensor[row] for name, tensor in nets.items()}


def _features(net: "nn.Module", layer: "nn.Linear", state: dict[str, "Tensor"], shown: "Split") -> "Tensor | None":
    """Return what one net's last layer is given on the examples, `[examples, ..., features]`.

    None where what it returns is not what the net returns.
    """
    import torch
    from torch import Tensor, nn
    from torch.func import functional_call

    seen: list[tuple[Tensor, Tensor]] = []

    def see(_: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        seen.append((inputs[0], outputs))

    handle = layer.register_forward_hook(see)
    try:
        returned = functional_call(net, state, (shown.normalised(shown.inputs),))
    finally:
        handle.remove()
    return seen[-1][0].detach() if seen and torch.equal(seen[-1][1], returned) else None
