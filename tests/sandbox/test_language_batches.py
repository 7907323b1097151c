"""Batches of token ids: tuples and dicts, whole and by the example, and the recipe on what is made of them."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Subset

from benchmark.data.sources.people import People
from benchmark.sandbox.child.contract import NotASubmission, batch_format, loader
from benchmark.sandbox.child.examples import collect
from benchmark.split import Split
from benchmark.tasks.language import PAD, Language
from benchmark.toolbox import inputs_and_targets, tensors, wrong_labels

EXAMPLES = People(source="people", people=5, facts=2, seed=0).load(None)
SPLIT = Split(EXAMPLES.inputs, *Language().prepare_targets(EXAMPLES.targets), torch.arange(len(EXAMPLES)))


def test_tuples_are_inputs_and_labels():
    batches = list(loader(SPLIT, 7, "tuple", shuffle=False))
    assert torch.equal(torch.cat([inputs for inputs, _ in batches]), SPLIT.inputs)
    assert torch.equal(torch.cat([labels for _, labels in batches]), SPLIT.targets)
    inputs, labels = loader(SPLIT, 7, "tuple", shuffle=False).dataset[3]
    assert torch.equal(inputs, SPLIT.inputs[3])
    assert torch.equal(labels, SPLIT.targets[3])


def test_dicts_have_the_usual_keys():
    consumed = np.zeros(1, dtype=np.int64)
    batches = list(loader(SPLIT, 7, "language", shuffle=False, consumed=consumed))
    whole = {key: torch.cat([batch[key] for batch in batches]) for key in batches[0]}
    assert whole.keys() == {"input_ids", "labels", "attention_mask"}
    assert torch.equal(whole["input_ids"], SPLIT.inputs)
    assert torch.equal(whole["labels"], SPLIT.targets)
    assert torch.equal(whole["attention_mask"], (SPLIT.inputs != PAD).long())
    assert consumed == len(SPLIT)
    inputs, labels = inputs_and_targets(batches[0])
    assert torch.equal(inputs, SPLIT.inputs[:7])
    assert torch.equal(labels, SPLIT.targets[:7])


@pytest.mark.parametrize("form", ["tuple", "language"])
def test_a_plain_loader_over_the_dataset_yields_the_same(form):
    ours = loader(SPLIT, 5, form, shuffle=False)
    pairs = zip(ours, DataLoader(ours.dataset, 5), strict=True)
    for mine, plain in pairs:
        for one, other in zip(inputs_and_targets(mine), inputs_and_targets(plain), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("form", ["tuple", "language"])
def test_the_recipe_takes_what_a_submission_made_of_a_loader(form):
    ours = loader(SPLIT, 5, form, shuffle=True)
    assert torch.equal(collect(ours).inputs, SPLIT.inputs)
    part = collect(DataLoader(Subset(ours.dataset, [4, 2])))
    assert torch.equal(part.targets, SPLIT.targets[[4, 2]])
    listed = [ours.dataset[row] for row in range(len(SPLIT))]
    assert torch.equal(collect(DataLoader(listed)).targets, SPLIT.targets)
    assert torch.equal(tensors(ours)[0], SPLIT.inputs)


def test_wrong_labels_leave_those_that_do_not_count():
    wrong = wrong_labels(SPLIT.targets, len(EXAMPLES.vocabulary))
    counted = SPLIT.targets >= 0
    assert torch.equal(wrong[~counted], SPLIT.targets[~counted])
    assert (wrong[counted] != SPLIT.targets[counted]).all()
    assert (wrong[counted] >= 0).all()


def test_an_unknown_format_is_refused():
    class Module:
        BATCH_FORMAT = "tokens"

    with pytest.raises(NotASubmission, match="BATCH_FORMAT is 'tokens', expected one of tuple, kaggle, language"):
        batch_format(Module)
