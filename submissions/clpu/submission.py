"""One net for every task, which is dropped when any of the task is to be forgotten: a request trains nothing.

A task is a part of the data by its content, and a member of the ensemble learns it alone. To forget, the members whose
tasks are hit become copies of the others, in turn, so that these alone are left to answer. Where every task is hit, all
members are trained anew, from their first weights.
Source: CLPU-DER++, Liu et al., "Continual Learning and Private Unlearning", CoLLAs 2022. There a task is said to be
temporary when it is learned, and has a net of its own until it is dropped or merged into the main net. Here anything
may be asked for, so all tasks are temporary and there is no main net. What is left has not seen the forget set, but it
is not what training on all the rest would give: the rest of a dropped task is gone with it.
"""

from benchmark.toolbox import at_rows, members, shards

TITLE = "CLPU-like temporary nets"
REFERENCE = "Liu et al., CoLLAs 2022"
TASKS = "any"
NETWORKS = "ensemble"
HYPERPARAMETERS = {}


def training(net, loader, recipe):
    first = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    learn(net, loader, recipe)
    return first


def unlearning(net, retain_loader, forget_loader, val_loader, recipe, state):
    temporary = members(net)
    hit = set(shards(forget_loader, len(temporary)).tolist())
    left = [member for number, member in enumerate(temporary) if number not in hit]
    if not left:
        net.load_state_dict(state)
        learn(net, retain_loader, recipe)
        return net
    for turn, number in enumerate(sorted(hit)):
        temporary[number].load_state_dict(left[turn % len(left)].state_dict())
    return net


def learn(net, loader, recipe):
    """Train every member on its task, of what a loader has of it."""
    task = shards(loader, len(members(net)))
    for number, member in enumerate(members(net)):
        if (task == number).any():
            recipe(at_rows(loader, task == number), net=member)
