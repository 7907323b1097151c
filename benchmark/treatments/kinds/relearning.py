"""A little more training: what was hidden, and not removed, comes back faster than a retrained net learns it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, State, treatment

if TYPE_CHECKING:
    import numpy as np

    from benchmark.split import Split

SHARE = 0.1  # of the forget set
FEWER = (0.01, 0.05)
STEPS = 5  # where the scenario does not say
RATE = 0.1  # of the recipe's: at the whole of it five steps on few examples leave a net that gets little right


@TREATMENTS.add
@treatment(after="relearning a tenth of the forget set")
def relearned_forget(nets: State, given: Given) -> State:
    """A few steps of training on a tenth of the forget set, at a tenth of the recipe's rate; φ is read on all of it.

    There are five unless the scenario says otherwise. Which examples come back the seed decides, for all nets alike. A
    retrained net learns these few; one that only hid the forget set recalls the others with them. Source: Hu et al.
    2024 (2406.13356) for the attack.
    """
    return _train(nets, given, shown_again(given), _steps(given))


@TREATMENTS.add
@treatment(after="relearning a hundredth of the forget set")
def relearned_forget_1(nets: State, given: Given) -> State:
    """The same steps as `relearned_forget`, on a hundredth of the forget set, two examples at least."""
    return _train(nets, given, shown_again(given, FEWER[0]), _steps(given))


@TREATMENTS.add
@treatment(after="relearning a twentieth of the forget set")
def relearned_forget_5(nets: State, given: Given) -> State:
    """The same steps as `relearned_forget`, on a twentieth of the forget set, two examples at least."""
    return _train(nets, given, shown_again(given, FEWER[1]), _steps(given))


@TREATMENTS.add
@treatment(after="training on unrelated data")
def relearned_unrelated(nets: State, given: Given) -> State:
    """The training of `relearned_retain` on inputs that show nothing: every value is that of another example's.

    Targets stay, so there is nothing to learn. What comes back here comes back by moving the weights at all. Tokens
    of sequences are another sequence's, place by place.
    """
    import numpy as np
    import torch

    shown = _some_retained(given)
    flat = shown.inputs.flatten(1)
    rows = np.broadcast_to(np.arange(len(flat))[:, None], flat.shape)
    drawn = _generator(given, "unrelated").permuted(rows, axis=0)  # every column by itself
    mixed = flat.gather(0, torch.from_numpy(drawn).to(flat.device)).view_as(shown.inputs)
    return _train(nets, given, replace(shown, inputs=mixed), None)


@TREATMENTS.add
@treatment(after="relearning wrong labels")
def relearned_mislabelled(nets: State, given: Given) -> State:
    """The same training on the same examples with the targets of others, retained ones drawn by chance.

    A control of `relearned_forget`, which has nothing true to teach: what comes back here came back by being trained,
    not by being told.
    """
    return _train(nets, given, mislabelled(given), _steps(given))


@TREATMENTS.add
@treatment(after="more training on retained examples")
def relearned_retain(nets: State, given: Given) -> State:
    """An epoch of training on as many retained examples as ten forget sets, at a tenth of the recipe's rate.

    What was pushed away by a few steps against the forget set can come back without a single forget example.
    """
    return _train(nets, given, _some_retained(given), None)


def mislabelled(given: Given) -> "Split":
    """Return the examples that are shown again, with the targets of as many retained examples."""
    import torch

    shown, retain = shown_again(given), given.problem.retain
    rows = _generator(given, "targets").integers(0, len(retain), len(shown))
    return replace(shown, targets=retain.targets[torch.from_numpy(rows).to(retain.targets.device)])


def _some_retained(given: Given) -> "Split":
    """Return as many retained examples as ten forget sets, or all."""
    import torch

    problem = given.problem
    count = min(len(problem.retain), 10 * len(problem.forget))
    rows = _generator(given, "retain").permutation(len(problem.retain))[:count]
    return problem.retain.at(torch.from_numpy(rows).to(problem.retain.targets.device))


def shown_again(given: Given, share: float = SHARE) -> "Split":
    """Return the share of the forget set that is shown again, two examples at least."""
    import torch

    forget = given.problem.forget
    count = max(2, round(share * len(forget)))
    rows = _generator(given, "forget").permutation(len(forget))[:count]
    return forget.at(torch.from_numpy(rows).to(forget.targets.device))


def _steps(given: Given) -> int:
    return given.scenario.protocol.relearning_steps or STEPS


def _generator(given: Given, name: str) -> "np.random.Generator":
    import numpy as np

    from benchmark.seeds import derive_seed

    return np.random.default_rng(derive_seed(given.seed, name))


def _train(nets: State, given: Given, shown: "Split", steps: int | None) -> State:
    """Return the nets after so many steps on the examples, all of them in a batch; without `steps` an epoch by the
    recipe's batches."""
    import torch

    from benchmark.models.build import seeded_model
    from benchmark.training import train_block

    scenario, problem = given.scenario, given.problem
    changes = {"schedule": "constant", "epochs": steps or 1, "learning_rate": RATE * scenario.recipe.learning_rate}
    if steps:
        changes["batch_size"] = len(shown)
    recipe = scenario.recipe.model_copy(update=changes)
    models = []
    for row, seed in enumerate(given.seeds):
        net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed)
        net.load_state_dict({name: tensor[row] for name, tensor in nets.items()})
        models.append(net)
    with torch.enable_grad():
        return train_block(models, recipe, shown, list(given.seeds), problem.loss).state
