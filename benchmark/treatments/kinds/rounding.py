"""Weights rounded, as when a net is deployed: unlearning that moved them by less than a step is undone."""

from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, State, treatment


@TREATMENTS.add
@treatment(after="rounding the weights to 8 bits")
def rounded_8(nets: State, given: Given) -> State:
    """Weight matrices are rounded to 8 bits, a scale for each.

    Symmetric round to nearest: 255 steps from −max |w| to max |w| of each matrix or kernel of each net; biases, norms
    and running averages stay. Source: Zhang et al. 2024 (2410.16454), who find that unlearned knowledge comes back.
    """
    return _round(nets, 8)


@TREATMENTS.add
@treatment(after="rounding the weights to 4 bits")
def rounded_4(nets: State, given: Given) -> State:
    """Weight matrices are rounded to 4 bits, a scale for each: 15 steps, otherwise as `rounded_8`."""
    return _round(nets, 4)


def _round(nets: State, bits: int) -> State:
    steps = 2 ** (bits - 1) - 1
    treated = dict(nets)
    for name, weights in nets.items():
        if is_matrix(nets, name):
            largest = weights.abs().flatten(1).amax(dim=1).clamp_min(1e-30)
            scale = (largest / steps).view(-1, *[1] * (weights.ndim - 1))
            treated[name] = (weights / scale).round() * scale
    return treated


def is_matrix(nets: State, name: str) -> bool:
    """Tell whether a tensor of the stack holds matrices or kernels, the bulk of the weights."""
    return nets[name].ndim > 2 and nets[name].is_floating_point()
