"""Pixels on their way to a submission: through the exchange folder, into the loaders and back into the recipe."""

from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset, default_collate

from benchmark.sandbox.child.contract import loader
from benchmark.sandbox.child.examples import collect
from benchmark.sandbox.job import Job, read_job, write_job
from benchmark.scenario.schema import load_scenario
from benchmark.split import Normalisation, Split


@pytest.fixture
def split():
    generator = torch.Generator().manual_seed(0)
    return Split(
        inputs=torch.randint(0, 256, (12, 3, 4, 4), generator=generator, dtype=torch.uint8),
        targets=torch.arange(12) % 3,
        ids=100 + torch.arange(12),
        subjects=torch.arange(12) // 2,
        ages=30 + torch.arange(12),
        normalisation=Normalisation(torch.full((3, 1, 1), 0.01), torch.tensor([[[0.5]], [[0.25]], [[-1.0]]])),
    )


def test_pixels_become_floats_in_the_batch_and_floats_stay(split):
    seen = split.normalised(split.inputs)
    torch.testing.assert_close(seen[:, 1], split.inputs[:, 1] * 0.01 + 0.25)
    assert split.normalised(seen) is seen
    assert split.normalised(split.inputs.expand(2, 12, 3, 4, 4)).shape == (2, 12, 3, 4, 4)


def test_some_rows_keep_everything_that_is_known_of_them(split):
    for rows in (torch.tensor([7, 2]), split.ids == 107):
        part = split.at(rows)
        assert part.ids[0] == 107
        assert (part.subjects[0], part.ages[0], part.targets[0]) == (3, 37, 1)
        assert torch.equal(part.inputs[0], split.inputs[7])
        assert part.normalisation is split.normalisation


def test_a_split_survives_its_tensors_and_a_move(split):
    for copy in (Split.from_tensors(split.tensors()), split.to("cpu")):
        assert copy.tensors().keys() == split.tensors().keys()
        assert all(torch.equal(copy.tensors()[name], tensor) for name, tensor in split.tensors().items())
    bare = Split(split.inputs.float(), split.targets, split.ids)
    assert Split.from_tensors(bare.tensors()).normalisation is None


def test_what_lies_elsewhere_than_the_inputs_moves_too(split):
    """Batches of a submission's own loader that yields a GPU's tensors, and the normalisation that the CPU knows."""
    moved = replace(split, inputs=split.inputs.to("meta")).to("meta")
    assert {tensor.device.type for tensor in moved.tensors().values()} == {"meta"}
    assert moved.to("meta") is moved


def test_the_exchange_hands_over_pixels_architecture_and_recipe(split, tmp_path):
    scenario = load_scenario("cifar10")
    forget, validation = split.at(torch.arange(2)), split.at(torch.arange(12))
    about = scenario.architecture, scenario.recipe, scenario.task, 3, split, forget, validation
    write_job(tmp_path, Job(*about, torch.ones(3), refusal=torch.tensor([7, 5])))
    received = read_job(tmp_path)
    assert received.class_weights.tolist() == [1, 1, 1]
    assert received.refusal.tolist() == [7, 5]
    assert (received.architecture, received.recipe) == (scenario.architecture, scenario.recipe)
    assert received.retain.inputs.dtype == torch.uint8
    assert received.forget.subjects.tolist() == [0, 0]
    assert torch.equal(received.retain.normalised(received.retain.inputs), split.normalised(split.inputs))


@pytest.mark.parametrize("shuffle", [False, True])
def test_tuple_batches_are_what_the_net_sees(split, shuffle):
    inputs, targets = map(torch.cat, zip(*loader(split, 5, "tuple", shuffle=shuffle), strict=True))
    assert inputs.dtype == torch.float32
    expected = split.normalised(split.inputs)
    order = [next(row for row in range(12) if torch.equal(expected[row], image)) for image in inputs]
    assert sorted(order) == list(range(12))
    assert targets.tolist() == [row % 3 for row in order]
    assert shuffle or order == list(range(12))


def test_kaggle_batches_carry_real_ages_and_persons(split):
    (batch,) = loader(split, 12, "kaggle", shuffle=False)
    assert set(batch) == {"image", "image_id", "age_group", "age", "person_id"}
    assert torch.equal(batch["image"], split.normalised(split.inputs))
    assert batch["image_id"][3] == "103"
    assert (batch["age_group"][3], batch["age"][3], batch["person_id"][3]) == (0, 33, 1)
    unknown = Split(split.inputs, split.targets, split.ids, normalisation=split.normalisation)
    (batch,) = loader(unknown, 12, "kaggle", shuffle=False)
    assert (batch["age"][4], batch["person_id"][4]) == (1, 104)


@pytest.mark.parametrize("form", ["tuple", "kaggle"])
def test_a_batch_is_what_torch_makes_of_its_examples(split, form):
    examples = loader(split, 5, form, shuffle=False)
    own = DataLoader(examples.dataset, batch_size=5)  # takes batches apart and puts them together itself
    part = DataLoader(Subset(examples.dataset, range(12)), batch_size=5, collate_fn=examples.collate_fn)
    for start, *batches in zip((0, 5, 10), examples, own, part, strict=True):
        expected = default_collate([examples.dataset[row] for row in range(start, min(start + 5, 12))])
        for batch in batches:
            _assert_same(batch, expected)


def _assert_same(batch, expected):
    assert type(batch) is type(expected)
    assert len(batch) == len(expected)
    names = expected if isinstance(expected, dict) else range(len(expected))
    for name in names:
        if isinstance(expected[name], list):
            assert batch[name] == expected[name]
        else:
            assert batch[name].dtype == expected[name].dtype
            assert torch.equal(batch[name], expected[name])


def test_examples_and_batches_can_be_changed_in_place():
    split = Split(torch.rand(3, 4), torch.arange(3), torch.arange(3))
    before = split.at(torch.arange(3))
    examples = loader(split, 3, "tuple", shuffle=False)
    for part in (*next(iter(examples)), examples.dataset[1][0]):
        part.fill_(7)
    assert torch.equal(split.inputs, before.inputs)
    assert torch.equal(split.targets, before.targets)


@pytest.mark.parametrize("form", ["tuple", "kaggle"])
def test_the_recipe_gets_back_the_pixels_of_a_loader_or_a_part_of_it(split, form):
    examples = loader(split, 5, form, shuffle=True)
    assert torch.equal(collect(examples).inputs, split.inputs)
    part = DataLoader(Subset(Subset(examples.dataset, [3, 9, 4]), [2, 0]), batch_size=1)
    assert torch.equal(collect(part).inputs, split.inputs[[4, 3]])
    assert collect(part).targets.tolist() == [1, 0]


def test_the_recipe_takes_a_submissions_own_examples_as_they_are(split):
    own = DataLoader(TensorDataset(torch.ones(4, 3, 4, 4), torch.zeros(4, dtype=torch.long)), batch_size=3)
    taken = collect(own, split.normalisation)
    assert torch.equal(taken.normalised(taken.inputs), torch.ones(4, 3, 4, 4))
    assert torch.equal(taken.black, split.normalisation.offset)
