"""Submissions on sequences: which run on a language model, unchanged, and what they do to it."""

import copy
from functools import cache

import pytest
import torch
from methods import SUBMISSIONS, load
from torch.utils.data import DataLoader, TensorDataset

from benchmark.data.sources.people import People
from benchmark.models.build import seeded_model
from benchmark.models.networks.gpt import Gpt
from benchmark.sandbox.child.contract import entry_point
from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.submissions.tasks import inapplicable
from benchmark.tasks.classification import Classification
from benchmark.tasks.language import Language
from benchmark.training import train_model

TASK = Language()
RUN_ON_TOKENS = (
    *("bad_teacher", "cf_k", "del_localized", "eu_k", "finetune", "finetune_starting_kit", "gradient_ascent"),
    *("identity", "kookmin", "l1_sparse", "neggrad_plus", "npo", "random_label", "retrain", "salun", "scrub"),
    *("simnpo", "ssd", "stochastic_teacher", "sun"),
)
STRONG = {
    "gradient_ascent": {"epochs": 9, "learning_rate": 1e-2},
    "neggrad_plus": {"alpha": 0.7, "learning_rate": 3e-2},
    "npo": {"epochs": 20, "learning_rate": 0.03},
    "simnpo": {"epochs": 20, "learning_rate": 0.1},
    "random_label": {"epochs": 10, "learning_rate": 3e-3},
    "salun": {"epochs": 20, "learning_rate": 0.05},
    "scrub": {"max_epochs": 5, "learning_rate": 1e-2},
    "bad_teacher": {"epochs": 10, "learning_rate": 1e-2},
    "ssd": {"alpha": 3.0},
}
"""Values with which a method brings the probability of an answer from 0.9 and more below 0.5, on the tiny model."""


@cache
def original():
    """Return a model that knows the facts of eight people, and the questions about them, the first two's apart."""
    source = People(source="people", people=8, facts=3, paraphrases=2, seed=0)
    examples = source.load(None)
    train = examples.assignment == 0
    (targets,) = TASK.prepare_targets(examples.targets[train])
    split = Split(examples.inputs[train], targets, torch.arange(len(targets)), examples.subjects[train])
    net = seeded_model(Gpt(width=16, layers=2, heads=2), (split.inputs.shape[1],), len(examples.vocabulary), 0)
    recipe = Recipe(optimizer="adam", learning_rate=1e-2, schedule="constant", epochs=25, batch_size=8)
    train_model(net, recipe, split, 0, TASK.loss())
    forgotten = split.subjects < 2
    return net, split.at(~forgotten), split.at(forgotten)


def loader(split):
    return DataLoader(TensorDataset(split.inputs, split.targets), 8, shuffle=True)


def run(name, **values):
    """Return the net that a submission makes of the original."""
    net, retain, forget = original()
    module = load(name)
    module.HYPERPARAMETERS.update(values) if hasattr(module, "HYPERPARAMETERS") else None

    def recipe(examples):
        fresh = seeded_model(Gpt(width=16, layers=2, heads=2), (retain.inputs.shape[1],), net.tokens.num_embeddings, 1)
        return fresh

    offers = {"loss": TASK.batch_loss(), "seed": 0, "class_weights": None, "recipe": recipe, "device": "cpu"}
    torch.manual_seed(0)
    net = copy.deepcopy(net)
    returned = entry_point(module, offers)(net, *map(loader, (retain, forget, retain)))
    return net if returned is None else returned


@torch.no_grad()
def probability(net, split):
    """Return the mean probability per token of the answers."""
    return torch.exp(-TASK.losses(net(split.inputs), split.targets)).mean().item()


def test_the_original_knows_its_facts():
    net, retain, forget = original()
    assert min(probability(net, retain), probability(net, forget)) > 0.9


def test_what_runs_on_tokens_is_what_uses_nothing_that_is_for_classes_alone():
    names = [folder.name for folder in sorted(SUBMISSIONS.iterdir()) if folder.is_dir()]
    assert tuple(name for name in names if inapplicable(SUBMISSIONS / name, TASK) is None) == RUN_ON_TOKENS


@pytest.mark.parametrize("name", RUN_ON_TOKENS)
def test_a_submission_returns_a_net_of_the_same_form(name):
    net = run(name)
    said = net(original()[1].inputs)
    assert said.isfinite().all()
    assert {key: tensor.shape for key, tensor in net.state_dict().items()} == {
        key: tensor.shape for key, tensor in original()[0].state_dict().items()
    }


@pytest.mark.parametrize("name", STRONG)
def test_a_method_forgets_more_of_the_forget_set_than_of_the_rest(name):
    net, (_, retain, forget) = run(name, **STRONG[name]), original()
    assert probability(net, forget) < 0.5
    assert probability(net, forget) < 0.9 * probability(net, retain)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('BATCH_FORMAT = "kaggle"\n', "its BATCH_FORMAT is 'kaggle', which has batches of pictures, but the task is l"),
        ("import torch.nn.functional as F\nloss = F.cross_entropy\n", "it uses cross_entropy, which is for classes"),
        ("from benchmark.toolbox import imitation\n", "it uses imitation, which is for inputs that are numbers, but"),
        ("from benchmark.toolbox import cross_entropy, kl, random_labels\n", None),
        ('BATCH_FORMAT = "language"\n', None),
        ("def imitation(): ...\n", None),
    ],
)
def test_a_source_shows_whether_it_is_for_tokens(tmp_path, source, sentence):
    (tmp_path / "submission.py").write_text(source + "def unlearning(net, retain_loader, class_weights): ...\n")
    found = inapplicable(tmp_path, TASK)
    assert found is None if sentence is None else found.startswith(sentence)


def test_batches_of_tokens_are_for_tokens(tmp_path):
    (tmp_path / "submission.py").write_text('BATCH_FORMAT = "language"\ndef unlearning(net, retain_loader): ...\n')
    said = inapplicable(tmp_path, Classification())
    assert said == "its BATCH_FORMAT is 'language', which has batches of tokens, but the task is classification"
