"""Members that share shards with their neighbours on a ring: better nets, and more of them to train again.

Member i is trained on its own shard and on those of the next `degree` members. To forget, every member that has seen a
forget example is trained again from its first weights, without the forget set. That is exact.
Source: SAFE, Dukler et al., "SAFE: Machine Unlearning With Shard Graphs", ICCV 2023. Their shard graph is found by how
well shards go together, and their members are light adapters on one large net; here it is a ring of whole nets.
"""

from benchmark.toolbox import at_rows, members, shards

TITLE = "SAFE-like shard graph"
REFERENCE = "Dukler et al., ICCV 2023"
TASKS = "any"
NETWORKS = "ensemble"
HYPERPARAMETERS = {
    "degree": 1,  # of the neighbours whose shards a member sees too
}


def training(net, loader, recipe):
    kept = {f"{number}/{name}": tensor.clone() for number, name, tensor in weights(net)}
    train(net, range(len(members(net))), loader, recipe)
    return kept


def unlearning(net, retain_loader, forget_loader, val_loader, recipe, state):
    count = len(members(net))
    hit = shards(forget_loader, count)
    again = [number for number in range(count) if seen_by(number, hit, count).any()]
    for number in again:
        first = {name: state[f"{number}/{name}"] for name in members(net)[number].state_dict()}
        members(net)[number].load_state_dict(first)
    train(net, again, retain_loader, recipe)
    return net


def train(net, numbers, loader, recipe):
    """Train some members on all that they see of a loader."""
    count = len(members(net))
    shard = shards(loader, count)
    for number in numbers:
        rows = seen_by(number, shard, count)
        if rows.any():
            recipe(at_rows(loader, rows), net=members(net)[number])


def seen_by(number, shard, count):
    """Return which examples a member sees, by their shards."""
    return (shard - number) % count <= HYPERPARAMETERS["degree"]


def weights(net):
    """Yield every member's number, and its tensors with their names."""
    for number, member in enumerate(members(net)):
        for name, tensor in member.state_dict().items():
            yield number, name, tensor
