"""Exact methods: what is left after unlearning is, bit for bit, what training without the forget set gives."""

import itertools

import numpy as np
import pytest
import torch
from conftest import REPOSITORY
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox
from benchmark.data import load_problem
from benchmark.models.build import seeded_model, state_of
from benchmark.runs.trainer import TrainingSet
from benchmark.sandbox.child.call import call_training, call_unlearning
from benchmark.sandbox.job import job_of
from benchmark.scenario.schema import load_scenario

EXACT = "sisa", "safe", "diffusion_soup"
SEED = 7


@pytest.fixture(scope="module")
def scenario():
    shipped = load_scenario("digits-exact")
    recipe = shipped.recipe.model_copy(update={"epochs": 2})
    return shipped.model_copy(update={"recipe": recipe})


def trained(scenario, name, role):
    """Train a model of a role in this process; return the net and what the training keeps."""
    problem = load_problem(scenario)
    job = job_of(scenario, problem, "cpu", TrainingSet(role=role))
    net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, SEED)
    kept = call_training(job, REPOSITORY / f"submissions/{name}", net, SEED, {}, np.zeros(3, np.int64))
    return net, kept


def unlearned(scenario, name, net, kept):
    """Return the net after the forget set was asked for, in this process."""
    job = job_of(scenario, load_problem(scenario), "cpu", None)
    consumed = np.zeros(3, np.int64)
    returned = call_unlearning(job, REPOSITORY / f"submissions/{name}", net, SEED, {}, consumed, state=kept)
    return net if returned is None else returned


def dataset_of(split):
    return TensorDataset(split.normalised(split.inputs), split.targets)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.seconds
def test_unlearning_gives_what_training_without_the_forget_set_gives(name, scenario):
    original, kept = trained(scenario, name, "original")
    before = state_of(original)
    after = state_of(unlearned(scenario, name, original, kept))
    retrained, _ = trained(scenario, name, "retrained")
    assert any(not torch.equal(before[key], tensor) for key, tensor in after.items())
    for key, tensor in retrained.state_dict().items():
        assert torch.equal(after[key], tensor), key


@pytest.mark.parametrize(("name", "most"), [("sisa", 1), ("safe", 2)])
@pytest.mark.seconds
def test_one_example_costs_the_members_that_have_seen_it(name, most, scenario):
    few = scenario.model_copy(update={"forget": scenario.forget.model_copy(update={"size": 1})})
    original, kept = trained(few, name, "original")
    before = state_of(original)
    after = state_of(unlearned(few, name, original, kept))
    changed = {key.split(".")[1] for key, tensor in after.items() if not torch.equal(before[key], tensor)}
    assert len(changed) == most


@pytest.mark.seconds
def test_clpu_drops_the_nets_of_tasks_that_are_hit_and_trains_none(scenario):
    few = scenario.model_copy(update={"forget": scenario.forget.model_copy(update={"size": 3})})
    original, kept = trained(few, "clpu", "original")
    before = [state_of(member) for member in original.members]
    hit = set(toolbox.shards(DataLoader(dataset_of(load_problem(few).forget), 8), 8).tolist())
    after = [state_of(member) for member in unlearned(few, "clpu", original, kept).members]
    assert 0 < len(hit) < 8

    def same(one, other):
        return all(torch.equal(one[key], other[key]) for key in one)

    left = [before[number] for number in range(8) if number not in hit]
    for number in range(8):
        assert same(after[number], before[number]) == (number not in hit)
        assert any(same(after[number], own) for own in left)


@pytest.mark.seconds
def test_where_all_tasks_are_hit_clpu_is_trained_as_without_the_forget_set(scenario):
    two = scenario.model_copy(update={"architecture": scenario.architecture.model_copy(update={"members": 2})})
    after = state_of(unlearned(two, "clpu", *trained(two, "clpu", "original")))
    retrained, _ = trained(two, "clpu", "retrained")
    for key, tensor in retrained.state_dict().items():
        assert torch.equal(after[key], tensor), key


@pytest.mark.seconds
def test_members_of_s3t_go_back_to_before_a_slice_that_is_hit(scenario):
    few = scenario.model_copy(update={"forget": scenario.forget.model_copy(update={"size": 1})})
    original, kept = trained(few, "s3t", "original")
    after = unlearned(few, "s3t", original, kept)
    stages = []
    for number, stage in itertools.product(range(8), range(8)):
        own = {key: kept[f"{number}/{stage}/{key}"] for key in after.members[number].state_dict()}
        if all(torch.equal(own[key], tensor) for key, tensor in after.members[number].state_dict().items()):
            stages.append(stage)
    assert sorted(stages) == list(range(1, 8))  # the member that begins with that slice has become the one with most
