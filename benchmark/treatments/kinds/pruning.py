"""Small weights removed, as when a net is made lighter."""

from benchmark.treatments import TREATMENTS
from benchmark.treatments.kinds.rounding import is_matrix
from benchmark.treatments.treatment import Given, State, treatment

SHARE = 0.3


@TREATMENTS.add
@treatment(after="pruning 30 % of the weights")
def pruned(nets: State, given: Given) -> State:
    """The 30 % smallest weights of every matrix or kernel are set to zero, by magnitude.

    Source: Han et al. 2015 (1506.02626) for pruning by magnitude; Jia et al. 2023 (2304.04934) for what sparsity does
    to unlearning.
    """
    treated = dict(nets)
    for name, weights in nets.items():
        if is_matrix(nets, name):
            magnitudes = weights.abs().flatten(1)
            count = int(SHARE * magnitudes.shape[1])
            order = magnitudes.argsort(dim=1, stable=True).argsort(dim=1)
            treated[name] = weights.flatten(1).where(order >= count, 0).view_as(weights)
    return treated
