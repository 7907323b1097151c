"""Prompts with a second fact, on whole populations: retraining closes all of the gap, and there is one to close."""

import numpy as np
import pytest
import torch
from conftest import REPOSITORY

import benchmark
from benchmark.data import load_problem
from benchmark.models.build import seeded_model
from benchmark.scenario.schema import load_scenario
from benchmark.training import train_block
from benchmark.treated import treated_evidence_of
from benchmark.treatments import TREATMENTS

MODELS, BLOCK = 24, 12
NAMES = ("few_shot", "in_context", "joined")
FEWER = {
    "people = 60": "people = 16",
    "holdout = 6": "holdout = 3",
    "count = 6": "count = 3",
    "width = 48": "width = 32",
}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """Evidence of originals, retrained models and as many again, on 16 people of whom three are to be forgotten."""
    text = (REPOSITORY / "benchmark/scenarios/people-pairs.toml").read_text()
    for own, fewer in FEWER.items():
        assert own in text
        text = text.replace(own, fewer)
    path = tmp_path_factory.mktemp("pairs") / "few-pairs.toml"
    path.write_text(text)
    scenario = load_scenario(str(path))
    problem = load_problem(scenario)
    treatments = {name: TREATMENTS[name] for name in NAMES}
    return {
        role: treated_evidence_of(scenario, problem, train(scenario, problem, role), range(MODELS), 5, treatments)
        for role in ("original", "retrained", "calibration")
    }


def train(scenario, problem, role):
    """Return the weights of the models of a role, `[models, ...]`."""
    blocks = []
    for first in range(0, MODELS, BLOCK):
        seeds = [scenario.seed(role, first + index) for index in range(BLOCK)]
        nets = [seeded_model(scenario.architecture, problem.input_shape, problem.outputs, seed) for seed in seeds]
        blocks.append(train_block(nets, scenario.recipe, problem.examples_of(role), seeds, problem.loss).state)
    return {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}


@pytest.mark.slow  # 2 CPU minutes
@pytest.mark.parametrize("name", NAMES)
def test_retraining_closes_the_gap_that_originals_leave_when_asked_so(name, evidence):
    phi = {role: np.asarray(own[f"{name}/phi/forget"], dtype=np.float64) for role, own in evidence.items()}
    found = benchmark.gap_closed(phi["calibration"], phi["retrained"], phi["original"])
    apart = benchmark.leak(phi["original"], phi["retrained"]).mean()
    print(f"{name}: retraining closes {found}, originals leak {apart:.2f}")
    assert found.low <= 1.05
    assert found.high >= 0.95
    assert apart > 0.4
