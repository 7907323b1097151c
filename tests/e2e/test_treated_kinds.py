"""Treatments on every task and kind of network: nets of a miniature come back whole, and each of them is looked at."""

import numpy as np
import pytest
import torch
from datasets import miniature

from benchmark.data import load_problem
from benchmark.evidence import stack
from benchmark.models.build import seeded_model
from benchmark.storage.blocks import objection
from benchmark.treated import treated_evidence_of, treated_layouts
from benchmark.treatments import TREATMENTS, treatments_for
from benchmark.treatments.treatment import Given

MODELS = 2


@pytest.mark.parametrize("name", ["people", "people-experts", "diabetes", "fashion", "digits-cnn", "digits-patch"])
@pytest.mark.long
def test_every_treatment_takes_every_kind_of_net(name, tmp_path, monkeypatch):
    scenario = miniature(name, tmp_path / "data", monkeypatch)
    problem = load_problem(scenario)
    nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in range(MODELS)]
    state = stack([net.state_dict() for net in nets])
    found = treated_evidence_of(scenario, problem, state, range(MODELS), 3)
    assert objection(found, treated_layouts(problem, scenario), MODELS) == ""
    for treatment in treatments_for(scenario):
        assert np.isfinite(found[f"{treatment}/phi/forget"]).all()
    with torch.no_grad():
        fitted = TREATMENTS["new_head"].apply(state, Given(scenario, problem, range(MODELS), 3))
    assert any(not torch.equal(fitted[key], state[key]) for key in state)
