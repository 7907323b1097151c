"""The scenario that is tuned on: of the judged one's kind, with models and a forget set of its own."""

import numpy as np
import torch

from benchmark.data import load_problem
from benchmark.data.choice import expect_choice
from benchmark.data.forget_set import ForgetSet, select_from
from benchmark.data.loading import load_training_set
from benchmark.scenario.schema import Scenario
from benchmark.seeds import derive_seed

MODELS = 64


def tuning_scenario(scenario: Scenario, models: int | None = None) -> Scenario:
    """Data, splits, architecture, recipe and rules of `scenario`; another forget set, other originals and retrained
    models: so many, by default N, but at most MODELS.

    But for their number it does not depend on N. Raises BenchError when data is missing.
    """
    seed = derive_seed(scenario.pool_hash, "tuning")
    protocol = scenario.protocol
    models = models or min(MODELS, protocol.models)
    once = {"requests": None, "request": None}  # values are found as for one request
    originals = None if protocol.originals is None else min(protocol.originals, models)
    return scenario.model_copy(
        update={
            "name": f"{scenario.name}-tuning",
            "description": f"What {scenario.name} is tuned on: another forget set, other models.",
            "forget": _other_forget_set(scenario, seed),
            "protocol": protocol.model_copy(update=once | {"models": models, "originals": originals, "seed": seed}),
        }
    )


def _other_forget_set(scenario: Scenario, seed: int) -> ForgetSet:
    """Return a forget set of the same kind and size, disjoint from the judged one where a few draws can be.

    Other classes; other subjects; the examples that come next by the judged one's scores; or other examples at random,
    also where a file lists the judged ones.
    """
    problem = load_problem(scenario)
    judged = torch.isin(problem.train.ids, problem.forget.ids)
    train = load_training_set(scenario)
    kept = expect_choice(scenario).scores if scenario.forget.asks_models else {}
    scores = {name: np.array(own) for name, own in kept.items()}
    draws = scenario.forget.runners_up(train, judged, scores) or scenario.forget.others(train, judged, seed)
    return min(draws, key=lambda draw: int((select_from(draw, train).mask & judged).sum()))
