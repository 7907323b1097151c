"""Tasks: classification as it always was, regression by its definitions, and what a task of one's own has to say."""

from typing import Literal

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import softmax

from benchmark.errors import BenchError
from benchmark.metrics.classifiers import svm_features
from benchmark.scenario.schema import load_scenario
from benchmark.tasks import TASKS, Task
from benchmark.tasks.classification import Classification
from benchmark.tasks.regression import Regression

RNG = np.random.default_rng(0)
LOGITS = RNG.integers(-9, 9, (3, 7, 4)).astype(np.float32)
LABELS = RNG.integers(0, 4, 7)
REGRESSION = Regression(kind="regression")
WEIGHTS = [None, torch.tensor([0.5, 1.0, 4.0, 2.0])]


class Absolute(Classification):
    """Another loss for classes."""

    kind: Literal["absolute"] = "absolute"

    def losses(self, outputs, targets):
        return (F.one_hot(targets, outputs.shape[-1]) - outputs).abs().sum(dim=-1)


class Plain(Task):
    """No more than a task has to have."""

    kind: Literal["plain"] = "plain"

    def losses(self, outputs, targets):
        return (outputs[..., 0] - targets).abs()

    def signal(self, outputs, targets):
        return -np.abs(outputs[..., 0] - targets)

    def utility(self, outputs, targets):
        return 1 / (1 + np.abs(outputs[..., 0] - targets).mean(axis=1))


# --- classification


def first_version(logits, targets, class_weights):
    """The loss as it was before there were tasks."""
    logits = logits.transpose(1, 2)
    if class_weights is None:
        return F.cross_entropy(logits, targets, reduction="sum") / targets.shape[1]
    losses = F.cross_entropy(logits, targets, weight=class_weights, reduction="none")
    return (losses.sum(dim=1) / class_weights[targets].sum(dim=1)).sum()


def gradient(loss, outputs, targets):
    outputs = outputs.clone().requires_grad_()
    return torch.autograd.grad(loss(outputs, targets), outputs)[0]


@pytest.mark.parametrize("weights", WEIGHTS, ids=["plain", "weighted"])
def test_the_recipe_descends_on_the_first_versions_very_gradients(weights):
    logits, targets = torch.randn(5, 33, 4), torch.randint(4, (5, 33))
    before = gradient(lambda *given: first_version(*given, weights), logits, targets)
    assert torch.equal(gradient(Classification().loss(weights), logits, targets), before)
    assert torch.equal(gradient(Task.loss(Classification(), weights), logits, targets), before)


@pytest.mark.parametrize("weights", WEIGHTS, ids=["plain", "weighted"])
def test_the_offered_loss_is_torchs_cross_entropy(weights):
    logits, targets = torch.randn(33, 4), torch.randint(4, (33,))
    found = gradient(Classification().batch_loss(weights), logits, targets)
    expected = gradient(lambda *given: F.cross_entropy(*given, weight=weights), logits, targets)
    assert torch.equal(found, expected)
    general = gradient(Task.batch_loss(Classification(), weights), logits, targets)
    assert torch.allclose(general, expected, rtol=1e-6)


def test_signal_utility_and_features_of_classification():
    task = Classification()
    right = softmax(LOGITS.astype(np.float64), axis=-1)[:, np.arange(7), LABELS]
    np.testing.assert_allclose(task.signal(LOGITS, LABELS), np.log(right / (1 - right)), rtol=1e-6)
    assert task.utility(LOGITS, LABELS).tolist() == (LOGITS.argmax(-1) == LABELS).mean(axis=1).tolist()
    assert task.features(LOGITS[0], LABELS).tolist() == svm_features(LOGITS[0], LABELS).tolist()
    assert task.features(LOGITS[0], LABELS).shape == (7, task.feature_count)
    assert task.phi(right, np.zeros(0)) is right
    assert np.isnan(task.utility(LOGITS[:, :0], LABELS[:0])).all()


def test_a_task_that_derives_from_classification_trains_on_its_own_loss():
    logits, targets = torch.randn(2, 5, 4), torch.randint(4, (2, 5))
    expected = gradient(lambda z, t: Absolute().losses(z, t).sum() / 5, logits, targets)
    assert torch.equal(gradient(Absolute().loss(), logits, targets), expected)
    assert Absolute().families() == {"absolute", "classification"}


# --- regression


def test_utility_is_the_share_of_variance_that_the_train_mean_leaves_and_never_negative():
    targets = np.array([-1.0, 1.0, 2.0, -2.0], dtype=np.float32)
    outputs = np.stack([targets, 0 * targets, targets / 2, -targets])[..., None]
    assert REGRESSION.utility(outputs, targets).tolist() == [1.0, 0.0, 0.75, 0.0]


def test_the_signal_of_regression_is_the_signed_residual():
    targets = RNG.normal(size=6).astype(np.float32)
    outputs = RNG.normal(size=(4, 6, 1)).astype(np.float32)
    assert REGRESSION.signal(outputs, targets).tolist() == (outputs[..., 0] - targets).tolist()
    assert REGRESSION.feature_count == 0


def test_phi_is_the_residual_over_the_retrained_models_scale_and_rises_towards_the_target():
    retrained = RNG.normal([2.0, -2.0, 0.5], [0.5, 0.1, 3.0], (400, 3))
    unlearned = np.tile([1.0, -1.0, 0.5], (5, 1))  # the first two half under-unlearned
    phi, own = (REGRESSION.phi(residuals, retrained) for residuals in (unlearned, retrained))
    np.testing.assert_allclose(own.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(np.abs(phi[0]), np.abs([1.0, -1.0, 0.5] / retrained.std(axis=0)), rtol=1e-5)
    assert (phi[0, :2] > own[:, :2].mean(axis=0) + 1).all()


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_an_example_on_which_retrained_models_agree_divides_by_no_zero(constant):
    retrained = np.full((4, 2), constant)
    retrained[:, 1] += np.array([0, 1, 2, 3]) * (constant > 0)
    phi = REGRESSION.phi(np.full((4, 2), 1e30), retrained)
    assert np.isfinite(phi).all()
    assert np.abs(phi).max() == 1e4
    assert np.isfinite(REGRESSION.phi(retrained, retrained)).all()


def test_targets_are_standardised_over_train():
    train, test = REGRESSION.prepare_targets(torch.tensor([1.0, 3.0]), torch.tensor([5.0]))
    assert (train.tolist(), test.tolist(), test.dtype) == ([-1.0, 1.0], [3.0], torch.float32)
    with pytest.raises(BenchError, match="train has the same target everywhere, expected numbers that differ"):
        REGRESSION.prepare_targets(torch.ones(3), torch.zeros(2))


@pytest.mark.parametrize(
    ("task", "targets", "sentence"),
    [
        (REGRESSION, torch.arange(3), "has classes as targets, but the task is regression, which needs numbers"),
        (REGRESSION, torch.tensor([1.0, torch.nan]), "has 1 targets that are not finite numbers"),
        (REGRESSION, torch.ones(3), "has the same target everywhere"),
        (Classification(), torch.rand(3), "has numbers to be predicted, but the task is classification"),
        (Classification(), torch.zeros(3, dtype=torch.long), "has 3 examples and the one class a, expected two"),
        (Classification(), torch.zeros(0, dtype=torch.long), "has 0 examples and no class, expected two"),
    ],
)
def test_targets_that_are_none_for_the_task_are_refused(task, targets, sentence):
    with pytest.raises(BenchError, match=sentence):
        task.check_targets(targets, ("a", "b"), "mine")


# --- a task of one's own, and the scenario's section


def test_losses_signal_and_utility_make_a_task():
    outputs, targets = torch.randn(2, 5, 1), torch.randn(2, 5)
    assert Plain().loss()(outputs, targets).item() == pytest.approx(
        (outputs[..., 0] - targets).abs().mean(dim=1).sum().item()
    )
    signal = Plain().signal(outputs.numpy(), targets[0].numpy())
    np.testing.assert_allclose(signal, -(outputs[..., 0] - targets[0]).abs().numpy(), rtol=1e-6)
    assert Plain().phi(signal, signal) is signal
    assert (Plain().outputs(()), Plain().outputs(("a", "b", "c"))) == (1, 3)
    assert (Plain().strata(torch.rand(3)), Plain().strata(torch.arange(3)).tolist()) == (None, [0, 1, 2])
    assert Plain().chance(targets[0].numpy(), 1, weighted=False) == 0


def test_every_shipped_task_is_found_by_its_kind():
    assert TASKS["classification"] is Classification
    assert TASKS["regression"] is Regression


HASHES = {"digits": "f1ae3288bb17", "digits-cnn": "de50bdaa284e"}


@pytest.mark.parametrize(("name", "expected"), HASHES.items())
def test_hashes_are_as_before_there_were_tasks(name, expected):
    scenario = load_scenario(name)
    assert scenario.hash == expected
    assert scenario.task == Classification()
    assert "task" not in scenario.published()


def written(tmp_path, more="", base="digits"):
    path = tmp_path / "mine.toml"
    path.write_text(f'base = "{base}"\nname = "mine"\ndescription = ""\n{more}')
    return load_scenario(str(path))


def test_classification_in_words_is_the_same_scenario_and_regression_another(tmp_path):
    plain = written(tmp_path)
    assert written(tmp_path, '[task]\nkind = "classification"\n') == plain
    other = written(tmp_path, '[task]\nkind = "regression"\n')
    assert len({other.hash, other.pool_hash, plain.hash, plain.pool_hash}) == 4
    assert other.published()["task"] == {"kind": "regression"}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ('[task]\nkind = "regresion"\n', r"task\.kind is 'regresion', expected .*'regression' \(did you mean"),
        ("[task]\n", r"task\.kind is missing; add it"),
        (
            '[task]\nkind = "regression"\nloss = "mae"\n',
            r"task\.loss is not a key this version knows.*accepted here: kind",
        ),
        ("[task]\nkind = 3\n", r"task\.kind is '3', expected 'classification', 'language' or"),
        ('task = "regression"\n', r"task is 'regression'"),
        (
            '[task]\nkind = "regression"\n[recipe]\nclass_weights = true\n',
            r"recipe\.class_weights is true, but the task regression has no classes; take it out",
        ),
    ],
)
def test_a_task_that_cannot_be_is_refused_in_a_sentence(tmp_path, more, sentence):
    with pytest.raises(BenchError, match=sentence):
        written(tmp_path, more)
