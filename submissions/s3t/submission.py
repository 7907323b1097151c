"""Slices that are learned one after another in several orders, so that forgetting one is to go back before it.

Every member is trained on one slice at a time, each in an order of its own that begins with another slice, and what it
was before each slice is kept. To forget, a member goes back to before the first slice that is hit, and trains nothing;
members that have nothing left become the one that has most. Where no member has anything left, all are trained anew.
Source: S3T, Chowdhury et al., "Towards Scalable Exact Machine Unlearning Using Parameter-Efficient Fine-Tuning", ICLR
2025. There a slice trains adapters of its own on a pretrained net; here nothing is pretrained, and a slice trains all
weights. What is left has not seen the forget set, but it is not what training on all the rest would give: it has not
seen the later slices either.
"""

from benchmark.toolbox import at_rows, members, shards

TITLE = "S3T-like sliced training"
REFERENCE = "Chowdhury et al., ICLR 2025"
TASKS = "any"
NETWORKS = "ensemble"
HYPERPARAMETERS = {
    "slices": 8,
    "epochs": 30,  # on each slice
}


def training(net, loader, recipe):
    kept, piece, count = {}, shards(loader, HYPERPARAMETERS["slices"]), len(members(net))
    for number, member in enumerate(members(net)):
        for stage, part in enumerate(order(number, count)):
            kept |= {f"{number}/{stage}/{name}": tensor.clone() for name, tensor in member.state_dict().items()}
            if (piece == part).any():
                recipe(at_rows(loader, piece == part), net=member, epochs=HYPERPARAMETERS["epochs"])
    return kept


def unlearning(net, retain_loader, forget_loader, val_loader, recipe, state):
    hit, count = set(shards(forget_loader, HYPERPARAMETERS["slices"]).tolist()), len(members(net))
    if not hit:
        return net
    left = [next(stage for stage, part in enumerate(order(number, count)) if part in hit) for number in range(count)]
    best = max(range(count), key=left.__getitem__)
    for number, member in enumerate(members(net)):
        source = number if left[number] or not left[best] else best
        before = f"{source}/{left[source]}/"
        member.load_state_dict({name: state[before + name] for name in member.state_dict()})
    if not left[best]:
        training(net, retain_loader, recipe)
    return net


def order(number, count):
    """Return the slices in the order of a member."""
    slices = HYPERPARAMETERS["slices"]
    first = number * slices // count
    return [(first + place) % slices for place in range(slices)]
