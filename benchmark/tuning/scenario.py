"""The scenario that is tuned on: of the judged one's kind, with models and a forget set of its own."""

import numpy as np
import torch

from benchmark.data import data_folder, load_problem
from benchmark.data.forget import forget_mask
from benchmark.data.loading import read_examples
from benchmark.data.sources import Examples
from benchmark.scenario.schema import Scenario
from benchmark.scenario.sections import ClassForget, Forget, IndicesForget, RandomForget, SubjectForget
from benchmark.seeds import derive_seed

MODELS = 64
_DRAWS = 100  # forget sets to choose the one from that has the least in common with the judged one


def tuning_scenario(scenario: Scenario, models: int | None = None) -> Scenario:
    """Data, splits, architecture, recipe and rules of `scenario`; another forget set, other originals and retrained
    models: so many, by default N, but at most MODELS.

    But for their number it does not depend on N. Raises BenchError when data is missing.
    """
    seed = derive_seed(scenario.pool_hash, "tuning")
    protocol = scenario.protocol
    models = models or min(MODELS, protocol.models)
    originals = None if protocol.originals is None else min(protocol.originals, models)
    return scenario.model_copy(
        update={
            "name": f"{scenario.name}-tuning",
            "description": f"What {scenario.name} is tuned on: another forget set, other models.",
            "forget": _other_forget_set(scenario, seed),
            "protocol": protocol.model_copy(update={"models": models, "originals": originals, "seed": seed}),
        }
    )


def _other_forget_set(scenario: Scenario, seed: int) -> Forget:
    """Return a forget set of the same kind and size, disjoint from the judged one where a few draws can be.

    Other classes; other subjects; other examples at random, also where a file lists the judged ones.
    """
    forget, problem = scenario.forget, load_problem(scenario)
    if isinstance(forget, ClassForget):
        return _other_classes(scenario, forget, seed)
    seeds = (derive_seed(seed, "forget", draw) for draw in range(_DRAWS))
    if isinstance(forget, SubjectForget):
        count = forget.count or len(forget.subjects or ())
        draws: list[Forget] = [SubjectForget(kind="subject", count=count, seed=own) for own in seeds]
    else:
        size = len(problem.forget) if isinstance(forget, IndicesForget) else forget.size
        draws = [RandomForget(kind="random", size=size, seed=own) for own in seeds]
    train = problem.train
    judged = torch.isin(train.ids, problem.forget.ids)
    unnamed = Examples(train.inputs, train.targets, class_names=())  # numbers are drawn, so no names are looked up
    return min(draws, key=lambda draw: int((forget_mask(train, unnamed, draw, data_folder()) & judged).sum()))


def _other_classes(scenario: Scenario, forget: ClassForget, seed: int) -> ClassForget:
    """Draw classes of train other than the judged ones, as many as those if there are enough."""
    names = read_examples(scenario.data, data_folder(), scenario.task).class_names
    present = {names[code] for code in load_problem(scenario).train.targets.unique().tolist()}
    others = sorted(present - set(forget.classes))
    drawn = np.random.default_rng(seed).permutation(len(others))[: len(forget.classes)]
    return ClassForget(kind="class", classes=tuple(others[i] for i in sorted(drawn)))
