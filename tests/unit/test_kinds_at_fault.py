"""Kinds that return what they must not: one sentence names the kind, and nothing else is touched."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.forget_set import ForgetSet
from benchmark.data.reading.examples import Examples, check_examples
from benchmark.errors import BadData, BadScenario
from benchmark.metrics.evidence_pair import ModelEvidence, model_evidence
from benchmark.metrics.metric import Metric
from benchmark.models.build import check_build
from benchmark.models.network import Network
from benchmark.registry import plugin_at_fault
from benchmark.scenario.kinds import tags_of
from benchmark.tasks.classification import Classification

INPUTS, TARGETS = torch.zeros(6, 3), torch.arange(6) % 2


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (None, "gave a NoneType, expected Examples"),
        (Examples(INPUTS, TARGETS[:5], ("a", "b")), r"targets of shape \(5,\), expected one for each of 6"),
        (Examples(INPUTS, TARGETS, ("a",)), "targets from 0 to 1, expected 0 to 0"),
        (Examples(INPUTS, TARGETS - 1, ("a", "b")), "targets from -1 to 0, expected 0 to 1"),
        (Examples(INPUTS, TARGETS.int(), ("a", "b")), "targets torch.int32, expected a tensor of int64"),
        (Examples(INPUTS, TARGETS.numpy(), ("a", "b")), "targets as ndarray, expected a tensor"),
        (Examples(INPUTS / 0, TARGETS, ("a", "b")), "inputs that are not finite"),
        (Examples(INPUTS, TARGETS, ("a", "b"), subjects=TARGETS[None]), r"subjects of shape \(1, 6\)"),
    ],
)
def test_a_source_that_returns_no_examples_is_told_so(found, sentence):
    with pytest.raises(BadData, match=f"the source mine gave .*{sentence}|the source mine {sentence}"):
        check_examples(found, "mine")


def test_examples_of_every_form_are_taken():
    for targets, names in ((TARGETS, ("a", "b")), (TARGETS.float(), ()), (TARGETS.double(), ())):
        for inputs in (INPUTS, INPUTS.double(), torch.zeros(6, 1, 2, 2, dtype=torch.uint8)):
            examples = Examples(inputs, targets, names)
            assert check_examples(examples, "mine") is examples


@pytest.mark.parametrize(
    ("losses", "sentence"),
    [
        (lambda outputs: outputs.mean(), r"gave losses \(\), expected one per example, \(2, 4\)"),
        (lambda outputs: None, "gave losses NoneType"),
        (lambda outputs: outputs[..., 0].detach(), "without a gradient"),
    ],
)
def test_a_task_with_other_losses_is_told_so(losses, sentence):
    class Odd(Classification):
        def losses(self, outputs, targets):
            return losses(outputs)

    outputs = torch.zeros(2, 4, 3, requires_grad=True)
    for loss in (Odd().loss(), Odd().batch_loss()):
        with pytest.raises(BadScenario, match=sentence):
            loss(outputs, torch.zeros(2, 4, dtype=torch.int64))


@pytest.mark.parametrize("change", [lambda phi: phi[:, :2], lambda phi: phi * np.nan, lambda phi: phi + 1e30])
def test_a_task_with_another_phi_is_told_so(change):
    class Odd(Classification):
        def phi(self, signal, retrained):
            return change(signal)

    evidence = {f"utility/{split}": np.ones(4) for split in ("retain", "forget", "validation", "test")}
    evidence["phi/forget"] = np.ones((4, 5))
    with pytest.raises(BadScenario, match=r"gave φ of shape .* on the forget set, expected \(4, 5\)"):
        model_evidence(evidence, evidence, Odd())


def test_a_metric_cannot_change_what_the_next_one_reads():
    phi = np.ones((4, 5))
    evidence = ModelEvidence(phi, {"test": phi[0]}, {"test": phi})
    for array in (evidence.signals, evidence.utility["test"], evidence.probes["test"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    phi[0] = 2  # the caller's array stays the caller's


def test_a_value_per_example_is_no_column():
    with pytest.raises(ValueError, match="has a value per example, no column; give it no heading"):
        Metric(name="mine", compute=lambda evidence: 0.0, summary="Mine.", per_example=True, heading="mine")


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (lambda layer: nn.Sequential(layer, layer), "mine returned a net whose layers share weights"),
        (lambda layer: None, "mine returned a NoneType, expected a torch.nn.Module"),
        (lambda layer: nn.Flatten(), "mine returned a net without parameters"),
    ],
)
def test_a_network_that_cannot_be_kept_is_told_so(net, sentence):
    class Mine(Network):
        def build(self, input_shape, classes):
            return net(nn.Linear(3, 3))

    with pytest.raises(BadScenario, match=sentence):
        check_build(Mine(name="mine"), (3,), 3)


def test_a_kind_without_its_method_is_refused():
    from typing import Literal

    class Mine(ForgetSet):
        kind: Literal["mine"]

    assert tags_of(ForgetSet, "kind")(Mine) == ("mine",)
    with pytest.raises(ValueError, match="Mine has no select, expected a method of that name"):
        tags_of(ForgetSet, "kind", "select")(Mine)


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    about = tmp_path / "their_kinds-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-kinds\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[unlearning_benchmark.metric]\nplum = their_metric:plum\n")
    (tmp_path / "their_metric.py").write_text("def plum(call):\n    return call()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("their_metric")
    del sys.modules["their_metric"]


def test_whose_code_raised_is_known_from_the_traceback(theirs):
    for ours, culprit in (
        (lambda: 1 / 0, ""),
        (lambda: theirs.plum(lambda: 1 / 0), "the metric plum of the installed"),
    ):
        with pytest.raises(ZeroDivisionError) as raised:
            ours()
        found = plugin_at_fault(raised.value)
        assert found == (culprit and f"{culprit} package their-kinds, their_metric.py line 2")
        from_another_process = RuntimeError("failed")
        from_another_process.__cause__ = raised.value
        assert plugin_at_fault(from_another_process) == found
