"""Learns, while the data is there, two losses by which one step each unlearns a class that a look-alike stands for.

Training: the net learns by the recipe, without a part of the data that look-alikes are drawn from. Then episodes play
requests: a class c and a look-alike x of it are drawn, and θ′ = θ − α∇h(log p_θ(x), c), θ″ = θ′ − α∇g(log p_θ′(x), c).
The nets h and g, small perceptrons, are trained by AdamW: h for KL(q ‖ p_θ′) on examples of c, q what the original says
of them without c, and g for CE(θ″) on examples of other classes. Unlearning is the two steps, on the look-alikes given.
Source: MetaUnlearn, De Min et al., "Unlearning Personal Data from a Single Image", TMLR 2025.
Adapted: there persons are forgotten, and h brings the loss on their pictures to that on unseen ones; a class that
nobody has seen has no such loss, so q takes its place. Where answers are sure, probabilities have no slope, so h and g
see their logarithms. What training keeps are the weights of h and g, and no example.
"""

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.func import functional_call

from benchmark.toolbox import at_rows, shards, tensors

TITLE = "MetaUnlearn"
REFERENCE = "De Min et al., TMLR 2025"
ACCESSES = ("look-alikes",)
# Chosen by hand on one net of digits.
HYPERPARAMETERS = {
    "parts": 10,  # of the data, one of which is for look-alikes
    "episodes": 100,
    "shown": 64,  # examples in an episode, of the class and of others
    "width": 32,
    "step": 0.1,  # α
    "meta_learning_rate": 1e-2,
}


def training(net, loader, recipe):
    apart = shards(loader, HYPERPARAMETERS["parts"], "look-alikes") == 0
    recipe(at_rows(loader, ~apart), net=net)
    net.eval()
    inputs, targets = tensors(loader)
    apart = apart.to(targets.device)
    losses = learned_losses(net, inputs)
    optimizers = [optim.AdamW(own.parameters(), lr=HYPERPARAMETERS["meta_learning_rate"]) for own in losses]
    for _ in range(HYPERPARAMETERS["episodes"]):
        label = targets[torch.randint(len(targets), ())]
        alike = drawn((targets == label) & apart, 1)
        forgotten = drawn((targets == label) & ~apart, HYPERPARAMETERS["shown"])
        kept = drawn((targets != label) & ~apart, HYPERPARAMETERS["shown"])
        if len(alike) and len(forgotten) and len(kept):
            asked = inputs[alike], targets[alike]
            play(net, losses, optimizers, asked, inputs[forgotten], (inputs[kept], targets[kept]))
    return {name: tensor.detach().clone() for name, tensor in losses.state_dict().items()}


def unlearning(net, retain_loader, forget_loader, val_loader, state):
    inputs, targets = tensors(forget_loader)
    losses = learned_losses(net, inputs)
    losses.load_state_dict(state)
    weights = dict(net.named_parameters())
    for loss in losses:
        weights = {name: own.detach() for name, own in step(net, weights, loss, inputs, targets).items()}
        weights = {name: own.requires_grad_() for name, own in weights.items()}
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.copy_(weights[name])
    return net


def play(net, losses, optimizers, asked, forgotten, kept):
    """Play a request for the class of the look-alike `asked`, and have both losses learn from how it ends."""
    weights, (inputs, targets) = dict(net.named_parameters()), asked
    with torch.no_grad():
        wanted = net(forgotten).index_fill(1, targets, -torch.inf).softmax(1)
    moved = step(net, weights, losses[0], inputs, targets)
    learn(optimizers[0], F.cross_entropy(functional_call(net, moved, (forgotten,)), wanted), losses[0])
    moved = {name: own.detach().requires_grad_() for name, own in moved.items()}
    moved = step(net, moved, losses[1], inputs, targets)
    learn(optimizers[1], F.cross_entropy(functional_call(net, moved, (kept[0],)), kept[1]), losses[1])


def drawn(mask, count):
    """Rows of a mask, `count` of them or all, drawn at random."""
    rows = mask.nonzero().flatten()
    return rows[torch.randperm(len(rows), device=rows.device)[:count]]


def learn(optimizer, outcome, loss):
    """Make a step of a learned loss down what came of it."""
    for parameter, slope in zip(loss.parameters(), torch.autograd.grad(outcome, list(loss.parameters())), strict=True):
        parameter.grad = slope
    optimizer.step()


def step(net, weights, loss, inputs, targets):
    """The weights after one step down a learned loss of the answers, differentiable by its own."""
    answers = functional_call(net, weights, (inputs,)).log_softmax(1)
    value = loss(torch.cat([answers, F.one_hot(targets, answers.shape[1])], dim=1)).mean()
    slopes = torch.autograd.grad(value, list(weights.values()), create_graph=True)
    return {
        name: own - HYPERPARAMETERS["step"] * slope for (name, own), slope in zip(weights.items(), slopes, strict=True)
    }


def learned_losses(net, inputs):
    """Two fresh perceptrons of an answer and its label: h and g."""
    with torch.no_grad():
        classes = net(inputs[:1]).shape[1]
    width = HYPERPARAMETERS["width"]
    return nn.ModuleList(
        nn.Sequential(
            nn.Linear(2 * classes, width),
            nn.LayerNorm(width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, 1),
            nn.Softplus(),
        )
        for _ in range(2)
    ).to(inputs.device)
