"""Batches of a submission's loaders and their datasets, as torchvision's and the competition's."""

import random
from collections import Counter

import pytest
import torch
from torch import nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
)

from benchmark.sandbox.child import examples as examples_module
from benchmark.sandbox.child.batches import whole_batches
from benchmark.sandbox.child.contract import loader
from benchmark.sandbox.child.examples import KaggleDataset, TupleDataset
from benchmark.scenario.schema import load_scenario
from benchmark.split import Normalisation, Split
from benchmark.submissions.template import _TEMPLATE
from benchmark.toolbox import rebatched, subset

NUMBERS = ("age_group", "age", "person_id")


def split_of(size: int, shape: tuple[int, ...] = (3, 4, 4)) -> Split:
    channels = torch.ones(shape[0], 1, 1)
    return Split(
        torch.randint(0, 256, (size, *shape), dtype=torch.uint8),
        torch.arange(size) % 3,
        torch.arange(size) + 100,
        subjects=torch.arange(size) // 2,
        ages=torch.arange(size) + 30,
        normalisation=Normalisation(channels / 255, channels * 0),
    )


def ways_to_take_one_out(dataset):
    """Example 4, however one gets at it."""
    halves = random_split(dataset, [6, 6], torch.Generator().manual_seed(0))
    half = next(half for half in halves if 4 in half.indices)
    return {
        "index": dataset[4],
        "negative index": dataset[-8],
        "tensor as index": dataset[torch.tensor(4)],
        "iteration": list(dataset)[4],
        "Subset": Subset(dataset, [1, 4])[1],
        "Subset of a Subset": Subset(Subset(dataset, range(2, 8)), [2])[0],
        "random_split": half[half.indices.index(4)],
        "ConcatDataset": ConcatDataset([dataset, dataset])[16],
        "many at once": dataset.__getitems__([3, 4])[1],
        "own collate": next(iter(DataLoader(dataset, batch_size=12, collate_fn=list)))[4],
        "part with own collate": next(iter(DataLoader(Subset(dataset, [2, 4]), batch_size=2, collate_fn=list)))[1],
    }


def test_an_examples_label_is_an_int_and_its_picture_a_tensor():
    split = split_of(12)
    for way, (picture, label) in ways_to_take_one_out(TupleDataset(split)).items():
        assert (type(label), label) == (int, 1), way
        assert torch.equal(picture, split.normalised(split.inputs[4])), way


def test_an_example_of_the_competitions_form_has_ints_a_string_and_a_tensor():
    split = split_of(12)
    for way, example in ways_to_take_one_out(KaggleDataset(split)).items():
        assert {name: example[name] for name in NUMBERS} == {"age_group": 1, "age": 34, "person_id": 2}, way
        assert {type(example[name]) for name in NUMBERS} == {int}, way
        assert example["image_id"] == "104", way
        assert torch.equal(example["image"], split.normalised(split.inputs[4])), way


@pytest.mark.parametrize("known", [True, False])
def test_classes_can_be_counted_and_weighed(known):
    split = split_of(31) if known else Split(torch.rand(31, 4), torch.arange(31) % 3, torch.arange(31))
    expected = {0: 11, 1: 10, 2: 10}
    assert Counter(label for _, label in TupleDataset(split)) == expected
    dataset = KaggleDataset(split)
    assert Counter(example["age_group"] for example in dataset) == expected
    counts = Counter(dataset[row]["age_group"] for row in range(len(dataset)))
    weights = [1 / counts[example["age_group"]] for example in dataset]
    sampler = WeightedRandomSampler(weights, 300, generator=torch.Generator().manual_seed(0))
    (drawn,) = DataLoader(dataset, batch_size=300, sampler=sampler)
    assert min(Counter(drawn["age_group"].tolist()).values()) > 70


@pytest.mark.parametrize("form", ["tuple", "kaggle"])
def test_batches_stay_tensors_also_those_of_a_submissions_own_loaders(form):
    dataset = loader(split_of(12), 5, form, shuffle=False).dataset
    for batches in (
        loader(split_of(12), 5, form, shuffle=True),
        DataLoader(dataset, 5),
        DataLoader(Subset(dataset, [3, 4]), 2),
    ):
        batch = next(iter(batches))
        labels = [batch[name] for name in NUMBERS] if form == "kaggle" else [batch[1]]
        assert {(type(label), label.dtype) for label in labels} == {(torch.Tensor, torch.int64)}


@pytest.mark.parametrize("kind", [TupleDataset, KaggleDataset])
def test_looking_past_the_end_counts_no_example(kind):
    dataset = kind(split_of(4))
    assert len(list(dataset)) == 4
    assert dataset.consumed.item() == 4


@pytest.mark.parametrize("kind", [TupleDataset, KaggleDataset])
@pytest.mark.parametrize("rows", [[1, 2], torch.tensor([1, 2]), slice(2), "1"])
def test_several_rows_are_no_index(kind, rows):
    with pytest.raises(TypeError):
        kind(split_of(4))[rows]


def _shuffled(batch):
    random.shuffle(batch)
    return batch


def _replaced(batch):
    batch[0] = batch[1]
    return [*batch[:1], batch.pop()]


LIST_USES = {
    "itself": (lambda batch: batch, 5),
    "shuffled": (_shuffled, 5),
    "replaced and popped": (_replaced, 2),
    "added": (lambda batch: batch + batch[:2], 7),
    "repeated": (lambda batch: batch * 2, 10),
    "sorted in place": (lambda batch: [batch.sort(key=lambda each: -each[1]), batch][1], 5),
    "appended": (lambda batch: [batch.append(batch[0]), batch][1], 6),
}


def _given(form, collate_fn):
    given = loader(split_of(5), 5, form, shuffle=False)
    given.collate_fn = collate_fn
    return given


LOADERS = {
    "of its own": lambda form, own: DataLoader(loader(split_of(5), 5, form, shuffle=False).dataset, 5, collate_fn=own),
    "over a part": lambda form, own: DataLoader(Subset(KINDS[form](split_of(9)), range(5)), 5, collate_fn=own),
    "given, with another collate_fn": _given,
    "with the given batch_sampler": lambda form, own: DataLoader(
        KINDS[form](split_of(5)), batch_sampler=_given(form, None).batch_sampler, collate_fn=own
    ),
}
KINDS = {"tuple": TupleDataset, "kaggle": KaggleDataset}


@pytest.mark.parametrize("way", LOADERS)
@pytest.mark.parametrize("form", KINDS)
def test_a_collate_function_of_a_submissions_own_gets_a_list(form, way):
    for what, (own, size) in LIST_USES.items():
        if form == "kaggle" and what.startswith("sorted"):
            continue  # dicts have no order
        (batch,) = LOADERS[way](form, own)
        assert (type(batch), len(batch)) == (list, size), what
        kinds = {(type(each), type(each["image"] if form == "kaggle" else each[0])) for each in batch}
        assert kinds == {(dict if form == "kaggle" else tuple, torch.Tensor)}, what


class Mixed(TupleDataset):
    def __getitems__(self, rows):
        batch = super().__getitems__(rows)
        batch.append((torch.zeros(3, 4, 4), 7))
        return batch


def test_a_dataset_around_the_given_one_gets_a_list_too():
    given = loader(split_of(4), 4, "tuple", shuffle=False)
    (batch,) = DataLoader(Mixed(split_of(4)), 4, collate_fn=given.collate_fn)
    assert batch[1].tolist() == [0, 1, 2, 0, 7]


@pytest.mark.parametrize("form", KINDS)
def test_torchs_collate_function_and_the_given_one_make_the_same_batches(form):
    given = loader(split_of(9), 4, form, shuffle=False)
    for dataset in (given.dataset, Subset(given.dataset, [5, 2, 3, 8, 8])):
        theirs, ours = (list(DataLoader(dataset, 4, collate_fn=f)) for f in (default_collate, given.collate_fn))
        for one, other in zip(theirs, ours, strict=True):
            assert list(one) == list(other) if form == "kaggle" else len(one) == len(other) == 2
            for name in one if form == "kaggle" else (0, 1):
                is_tensor = isinstance(one[name], torch.Tensor)
                assert torch.equal(one[name], other[name]) if is_tensor else one[name] == other[name]


def test_only_loaders_with_another_collate_function_take_batches_apart(monkeypatch):
    given = loader(split_of(9), 4, "tuple", shuffle=False)
    monkeypatch.setattr(examples_module, "_pairs", lambda columns: pytest.fail("taken apart"))
    assert sizes(given) == [4, 5]
    part = Subset(Subset(given.dataset, range(7)), range(6))
    assert sizes(DataLoader(part, 3, collate_fn=given.collate_fn)) == [3, 3]
    assert sizes(rebatched(given, 8)) == [9]


def sizes(batches) -> list[int]:
    return [len(batch[0]) for batch in batches]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("examples", "batch_size", "expected"),
    [
        (9, 4, [4, 5]),
        (5, 4, [5]),
        (8, 4, [4, 4]),
        (10, 4, [4, 4, 2]),
        (7, 2, [2, 2, 3]),
        (3, 64, [3]),
        (65, 64, [65]),
        (3, 1, [1, 1, 1]),
        (2, 1, [1, 1]),
        (1, 4, [1]),
        (1, 1, [1]),
    ],
)
def test_no_last_batch_is_of_one_example(examples, batch_size, expected, shuffle):
    given = loader(split_of(examples), batch_size, "tuple", shuffle=shuffle)
    assert sizes(given) == expected
    assert (len(given), given.batch_size) == (len(expected), batch_size)


def test_every_split_and_batch_size_up_to_a_dozen():
    for examples in range(2, 13):
        for batch_size in range(2, 14):  # batches of one are wanted by who asks for them
            given = loader(split_of(examples, (1, 1, 1)), batch_size, "kaggle", shuffle=True)
            seen = [batch["image_id"] for batch in given]
            assert len(seen) == len(given)
            assert len(seen[-1]) > 1
            assert sorted(sum(seen, [])) == sorted(str(100 + row) for row in range(examples))  # noqa: RUF017


def test_loaders_that_submissions_make_with_the_toolbox_are_no_different():
    given = loader(split_of(9), 4, "tuple", shuffle=True)
    assert sizes(rebatched(given)) == [4, 5]
    assert sizes(rebatched(given, 8, shuffle=False)) == [9]
    assert sizes(subset(given, 5)) == [5]
    assert rebatched(given).batch_size == subset(given, 5).batch_size == 4


def test_a_loader_tells_how_it_samples():
    assert isinstance(loader(split_of(9), 4, "tuple", shuffle=True).sampler, RandomSampler)
    assert isinstance(loader(split_of(9), 4, "tuple", shuffle=False).sampler, SequentialSampler)


def test_shuffling_is_torchs_own():
    dataset = TensorDataset(torch.arange(10))
    torch.manual_seed(3)
    expected = [batch[0].tolist() for batch in DataLoader(dataset, batch_size=4, shuffle=True)]
    torch.manual_seed(3)
    given = whole_batches(dataset, 4, True, torch.utils.data.default_collate)
    assert [batch[0].tolist() for batch in given] == expected


def test_worker_processes_get_the_same_batches():
    given = loader(split_of(9), 4, "tuple", shuffle=False)
    alone = DataLoader(given.dataset, batch_sampler=given.batch_sampler, collate_fn=given.collate_fn, num_workers=1)
    assert sizes(alone) == [4, 5]


@pytest.mark.seconds
def test_the_template_trains_a_resnet_with_one_example_left_over():
    random.seed(0)
    module: dict = {}
    exec(_TEMPLATE.format(name="mine"), module)
    net = load_scenario("cifar10").architecture.build((3, 32, 32), 3)
    assert any(isinstance(part, nn.BatchNorm2d) for part in net.modules())
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    loaders = [loader(split_of(size, (3, 32, 32)), 4, "tuple", shuffle=True) for size in (5, 1, 1)]
    module["unlearning"](net, *loaders)
    assert any(not torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
