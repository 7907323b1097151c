"""Sharded, isolated, sliced and aggregated training: only what has seen a forget example is trained again.

Every member of the ensemble is trained on a shard of its own, slice after slice: on the first, then on the first two,
and so on, with a copy of its weights kept before each. To forget, members whose shard is hit go back to the copy before
the first slice that is, and are trained on from there without the forget set. That is exact: the same as had they never
seen it.
Source: SISA, Bourtoule et al., "Machine Unlearning", IEEE S&P 2021. Shards and slices are by the content of examples,
not by their order. With R slices a stage has 2/(R + 1) of the recipe's epochs there, so that slicing costs no training;
here that is of the 30 epochs of digits.
"""

from benchmark.toolbox import at_rows, members, shards

TITLE = "SISA"
REFERENCE = "Bourtoule et al., IEEE S&P 2021"
TASKS = "any"
NETWORKS = "ensemble"
HYPERPARAMETERS = {
    "slices": 2,
    "epochs": 20,  # of each stage
}


def training(net, loader, recipe):
    kept = {}
    for number, member in enumerate(members(net)):
        kept |= train(member, number, 0, loader, net, recipe)
    return kept


def unlearning(net, retain_loader, forget_loader, val_loader, recipe, state):
    hit = divide(forget_loader, net)
    for number, member in enumerate(members(net)):
        if stages := hit[1][hit[0] == number].tolist():
            first = min(stages)
            member.load_state_dict(copy_at(number, first, state))
            train(member, number, first, retain_loader, net, recipe)
    return net


def train(member, number, first, loader, net, recipe):
    """Train a member from a stage on; return copies of its weights before each stage."""
    shard, piece = divide(loader, net)
    kept = {}
    for stage in range(first, HYPERPARAMETERS["slices"]):
        kept |= {f"{number}/{stage}/{name}": tensor.clone() for name, tensor in member.state_dict().items()}
        rows = (shard == number) & (piece <= stage)
        if rows.any():
            recipe(at_rows(loader, rows), net=member, epochs=HYPERPARAMETERS["epochs"])
    return kept


def divide(loader, net):
    """Return the shard and the slice of every example."""
    return shards(loader, len(members(net))), shards(loader, HYPERPARAMETERS["slices"], "slices")


def copy_at(number, stage, state):
    """Return a member's weights as they were before a stage."""
    prefix = f"{number}/{stage}/"
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
