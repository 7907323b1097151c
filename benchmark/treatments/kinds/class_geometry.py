"""The class that a forgotten class is taken for: suppressed, a class leaves other neighbours than if it never was."""

from typing import TYPE_CHECKING

from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, of_whole_classes, question_treatment

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.split import Split

NETS = 8
"""Nets that are trained without the forget set, to see what they take it for."""


@TREATMENTS.add
@question_treatment(after="asking for the nearest class", suits=of_whole_classes)
def nearest_class(given: Given) -> "Split":
    """φ of a forgotten class's examples is read of the class that nets without it take most of them for.

    Eight nets are trained for that on the retain set, by the recipe. An answer that was merely suppressed leaves its
    probability to other classes than a net would that never saw the class. Our form of the class membership inference
    attack (CMIA) of Ebrahimpour-Boroojeny et al., ICML 2026: they learn to tell the nearest class by the outputs of
    retrained nets, and compare how often an unlearned net's forgotten examples pass for it; here φ of that class stands
    for what is learned, and populations are compared.
    """
    from dataclasses import replace

    forget = given.problem.forget
    taken_for, nearest = _answers_without(given), forget.targets.clone()
    for label in forget.targets.unique():
        own = forget.targets == label
        nearest[own] = taken_for[:, own].flatten().mode().values
    return replace(forget, targets=nearest)


def _answers_without(given: Given) -> "Tensor":
    """Return the classes that nets without the forget set take its examples for, `[nets, examples]`."""
    import torch

    from benchmark.evidence import outputs_of
    from benchmark.models.build import seeded_model, skeleton
    from benchmark.seeds import derive_seed
    from benchmark.training import StackedModel, train_block

    scenario, problem = given.scenario, given.problem
    about = scenario.architecture, problem.input_shape, problem.outputs
    seeds = [derive_seed(given.seed, "nearest class", index) for index in range(NETS)]
    nets = [seeded_model(*about, seed).to(problem.retain.targets.device) for seed in seeds]
    with torch.enable_grad():
        state = train_block(nets, scenario.recipe, problem.retain, seeds, problem.loss).state
    outputs = outputs_of(StackedModel.from_state(skeleton(*about).eval(), state), problem.forget, problem.task)
    return torch.from_numpy(outputs).argmax(-1).to(problem.forget.targets.device)
