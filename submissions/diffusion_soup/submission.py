"""One net whose weights are the mean of nets that were each trained on a shard, all from the same first weights.

To forget, the nets whose shard is hit are trained again without the forget set, and the mean is taken anew. That is
exact.
Source: Diffusion Soup, Biggs et al., "Diffusion Soup: Model Merging for Text-to-Image Diffusion Models", ECCV 2024,
which merges fine-tuned copies of a pretrained net and leaves a shard out to forget it. Here nothing is pretrained, and
a shard that is hit keeps the rest of its examples. All members of an ensemble become that one net.
"""

import torch

from benchmark.toolbox import at_rows, fresh_copy, members, shards

TITLE = "Weight averaging over shards"
REFERENCE = "Diffusion Soup, Biggs et al., ECCV 2024"
TASKS = "any"
NETWORKS = "ensemble"
HYPERPARAMETERS = {
    "shards": 8,
}


def training(net, loader, recipe):
    first = {name: tensor.clone() for name, tensor in members(net)[0].state_dict().items()}
    trained = {number: train(net, first, number, loader, recipe) for number in range(HYPERPARAMETERS["shards"])}
    mix(net, trained)
    return flat(trained) | {f"first/{name}": tensor for name, tensor in first.items()}


def unlearning(net, retain_loader, forget_loader, val_loader, recipe, state):
    count = HYPERPARAMETERS["shards"]
    names = list(members(net)[0].state_dict())
    first = {name: state[f"first/{name}"] for name in names}
    trained = {number: {name: state[f"{number}/{name}"] for name in names} for number in range(count)}
    for number in shards(forget_loader, count).unique().tolist():
        trained[number] = train(net, first, number, retain_loader, recipe)
    mix(net, trained)
    return net


def train(net, first, number, loader, recipe):
    """Return the weights of a copy that has been trained on one shard."""
    copy = fresh_copy(members(net)[0])
    copy.load_state_dict(first)
    rows = shards(loader, HYPERPARAMETERS["shards"]) == number
    if rows.any():
        recipe(at_rows(loader, rows), net=copy)
    return {name: tensor.detach().clone() for name, tensor in copy.state_dict().items()}


def mix(net, trained):
    """Give every member the mean of all weights; counters, which are no numbers to average, are the first one's."""
    for name, tensor in trained[0].items():
        own = torch.stack([weights[name] for weights in trained.values()])
        mean = own.mean(0) if tensor.is_floating_point() else tensor
        for member in members(net):
            member.state_dict()[name].copy_(mean)


def flat(trained):
    """Return all weights under one name each."""
    return {f"{number}/{name}": tensor for number, own in trained.items() for name, tensor in own.items()}
