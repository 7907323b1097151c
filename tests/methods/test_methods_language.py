"""Submissions on sequences: which run on a language model, unchanged, and what they do to it."""

import pytest
from facts import TASK, original, original_of, probability, run
from methods import SUBMISSIONS

from benchmark.submissions.parsing import defines_function
from benchmark.submissions.tasks import inapplicable
from benchmark.tasks.classification import Classification

RUN_ON_TOKENS = (
    *("bad_teacher", "cf_k", "del_localized", "eu_k", "finetune", "finetune_starting_kit", "gradient_ascent"),
    *("identity", "kookmin", "l1_sparse", "neggrad_plus", "npo", "random_label", "retrain", "salun", "scrub"),
    *("simnpo", "ssd", "stochastic_teacher", "sun"),
)
FOR_TOKENS_ALONE = (
    *(
        "dpo",
        "flat",
        "grad_diff",
        "idk",
        "kl_minimisation",
        "llmu",
        "lunar",
        "mechanistic",
        "memflex",
        "relearn",
        "rmu",
    ),
    *("task_arithmetic", "unstar", "uoe", "upcore", "wagle", "whp"),
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


def test_the_original_knows_its_facts():
    net, retain, forget = original()
    assert min(probability(net, retain), probability(net, forget)) > 0.9


def test_what_runs_on_tokens_is_what_uses_nothing_that_is_for_classes_alone():
    names = [folder.name for folder in sorted(SUBMISSIONS.iterdir()) if folder.is_dir()]
    fitting = {name for name in names if inapplicable(SUBMISSIONS / name, TASK) is None}
    fitting -= {name for name in names if defines_function(SUBMISSIONS / name, "training")}  # test_exact_methods.py
    assert fitting == {*RUN_ON_TOKENS, *FOR_TOKENS_ALONE}


@pytest.mark.parametrize("name", FOR_TOKENS_ALONE)
def test_a_method_for_tokens_is_not_for_classes(name):
    said = inapplicable(SUBMISSIONS / name, Classification())
    assert said == "it is for the task language, but this scenario's is classification"


@pytest.mark.parametrize("name", [*RUN_ON_TOKENS, *FOR_TOKENS_ALONE])
def test_a_submission_returns_a_net_of_the_same_form(name):
    net = run(name)
    before, retain, _ = original_of(name)
    assert net(retain.inputs).isfinite().all()
    assert {key: tensor.shape for key, tensor in net.state_dict().items()} == {
        key: tensor.shape for key, tensor in before.state_dict().items()
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
