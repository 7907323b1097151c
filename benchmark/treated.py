"""Evidence of treated nets: φ on the forget set and utilities, after each treatment.

Kept apart from the evidence of the nets as they are, in blocks of their own, so that populations and boards without
treatments stay as they were. The arrays, `[models, ...]` each, are `<treatment>/phi/forget`, float16 as φ of the
probes is, and `<treatment>/utility/<split>`, float64. Beside them stands what the nets as they are make of the forget
set inside, REPRESENTATION.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data import Problem
from benchmark.data.problem import PARTS
from benchmark.errors import BadScenario
from benchmark.evidence import evidence_of
from benchmark.metrics.representation import alignment_vectors
from benchmark.models.build import skeleton
from benchmark.models.inside import features_of
from benchmark.models.user_code import user_code
from benchmark.results.evidence import SPLITS, NonFiniteOutputs, round_phi
from benchmark.scenario.schema import Scenario
from benchmark.seeds import derive_seed
from benchmark.storage.blocks import Layout
from benchmark.storage.workspace import Arrays
from benchmark.treatments import treatments_for
from benchmark.treatments.treatment import Ask, Given, State, Treatment

REPRESENTATION = "representation"
"""Names the array of what nets make of the forget set inside, float16 `[models, pairs]`."""

_LOOKED_AT = 64  # forget examples: 4 kB a model


@torch.no_grad()
def treated_evidence_of(
    scenario: Scenario,
    problem: Problem,
    state: dict[str, Tensor],
    indices: Sequence[int],
    seed: int,
    treatments: Mapping[str, Treatment] | None = None,
) -> Arrays:
    """Return the evidence of stacked weights `[models, ...]` after every treatment.

    `indices`: of the models; `seed`: the pool's own; `treatments`: by default all that there are for the scenario. A
    net whose outputs overflow once it is treated counts as useless, and as sure of every forget example.
    """
    found: Arrays = {}
    own = derive_seed(seed, "treatment")
    given = Given(scenario, problem, [derive_seed(own, index) for index in indices], own)
    found[REPRESENTATION] = _representations(scenario, problem, state)
    for name, treatment in sorted((treatments_for(scenario) if treatments is None else treatments).items()):
        kept = _evidence_after(treatment, given, state)
        found |= {f"{name}/phi/forget": round_phi(kept["phi/forget"])}
        found |= {f"{name}/utility/{split}": kept[f"utility/{split}"] for split in SPLITS}
    return found


def treated_layouts(
    problem: Problem, scenario: Scenario, treatments: Mapping[str, Treatment] | None = None
) -> dict[str, Layout]:
    """Return the arrays of a block of treated nets, by default by all treatments that there are for the scenario."""
    treatments = treatments_for(scenario) if treatments is None else treatments
    form = problem.evidence_form.layouts(())
    phi = Layout("float16", form["phi/forget"].shape)
    one = {"phi/forget": phi} | {f"utility/{split}": form[f"utility/{split}"] for split in SPLITS}
    examples = min(len(problem.forget), _LOOKED_AT)
    pairs = Layout("float16", (examples * (examples + 1) // 2,), may_be_nan=True)
    return {REPRESENTATION: pairs} | {f"{name}/{key}": own for name in sorted(treatments) for key, own in one.items()}


def _representations(scenario: Scenario, problem: Problem, state: State) -> NDArray[np.float16]:
    """Return `alignment_vectors` of all nets on the first forget examples, `[models, pairs]`, or nan."""
    net = skeleton(scenario.architecture, problem.input_shape, problem.outputs).eval()
    split = problem.forget.at(torch.arange(min(len(problem.forget), _LOOKED_AT)))
    rows = []
    for row in range(len(next(iter(state.values())))):
        try:
            features = features_of(net, {name: tensor[row] for name, tensor in state.items()}, split)
            rows.append(alignment_vectors(features.double().cpu().numpy()))
        except BadScenario:  # no linear layer, or features that overflow
            rows.append(np.full(len(split) * (len(split) + 1) // 2, np.nan))
    return np.array(rows, dtype=np.float16)


def _evidence_after(treatment: Treatment, given: Given, state: State) -> Arrays:
    treated = _treat(treatment, given, state)
    if treatment.change:
        given = given._replace(problem=_changed(treatment, given))
    if treatment.ask:
        given = given._replace(problem=_ask_other(treatment.ask, treatment.name, given))
    try:
        return evidence_of(given.scenario, given.problem, treated)
    except NonFiniteOutputs:
        pass
    # One at a time: an overflow on one split tells nothing about the next.
    rows = []
    for row in range(len(next(iter(state.values())))):
        try:
            rows.append(evidence_of(given.scenario, given.problem, _row(treated, row)))
        except NonFiniteOutputs:
            rows.append(_of_no_use(given.problem))
    return {name: np.concatenate([each[name] for each in rows]) for name in _of_no_use(given.problem)}


def _changed(treatment: Treatment, given: Given) -> Problem:
    """Return the problem with the inputs that nets see changed.

    Raises BadScenario, when a net is shown some, where a treatment raises or gives other shapes than it got.
    """
    about, problem = f"the treatment {treatment.name}", given.problem

    def change(inputs: Tensor) -> Tensor:
        assert treatment.change is not None
        with user_code(about):
            found = treatment.change(inputs, given)
        if not _is_like(found, inputs):
            raise BadScenario(f"{about} returned other inputs, expected a tensor of the shape and type it got")
        return found

    return replace(problem, **{name: replace(getattr(problem, name), changed=change) for name in PARTS})


def _ask_other(ask: Ask, name: str, given: Given) -> Problem:
    """Return the problem with other questions in the place of the forget examples, or as it is where there are none.

    Raises BadScenario where a treatment raises, or asks other than one question for each of them.
    """
    about, forget = f"the treatment {name}", given.problem.forget
    with user_code(about):
        asked = ask(given)
    if asked is None:
        return given.problem
    if not (_is_like(asked.inputs, forget.inputs) and _is_like(asked.targets, forget.targets)):
        raise BadScenario(f"{about} asked other questions than expected, one of the same shape for each forget example")
    return replace(given.problem, forget=asked)


def _of_no_use(problem: Problem) -> Arrays:
    """Return what is kept of a net whose outputs overflow: an entry gains nothing by nets that no training survives."""
    certain = np.full((1, len(problem.forget)), np.finfo(np.float16).max, dtype=np.float64)
    return {"phi/forget": certain} | {f"utility/{split}": np.zeros(1) for split in SPLITS}


def _treat(treatment: Treatment, given: Given, state: State) -> dict[str, Tensor]:
    """Return the treated nets. Raises BadScenario where a treatment raises, or returns other tensors than it got."""
    about = f"the treatment {treatment.name}"
    with user_code(about):
        treated = dict(treatment.apply(state, given))
    wrong = [name for name in {*state, *treated} if not _is_like(treated.get(name), state.get(name))]
    if wrong:
        raise BadScenario(f"{about} returned another {min(wrong)}, expected tensors of the names and shapes it got")
    return treated


def _is_like(one: object, other: Tensor | None) -> bool:
    return isinstance(one, Tensor) and other is not None and (one.shape, one.dtype) == (other.shape, other.dtype)


def _row(state: State, row: int) -> dict[str, Tensor]:
    return {name: tensor[row : row + 1] for name, tensor in state.items()}
