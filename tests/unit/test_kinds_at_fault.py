"""Kinds that return what they must not: one sentence names the kind, and nothing else is touched."""

import inspect
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.data.access import Access, Given
from benchmark.data.forget_set import ForgetSet, Selection
from benchmark.data.loading import read_examples
from benchmark.data.manipulation import Manipulation
from benchmark.data.on_disk import OnDisk
from benchmark.data.reading.examples import Examples, fault_of_examples
from benchmark.data.source import Source
from benchmark.errors import BadScenario
from benchmark.metrics.evidence_pair import ModelEvidence, model_evidence
from benchmark.metrics.metric import Metric
from benchmark.models.build import check_build
from benchmark.models.network import Network
from benchmark.registry import plugin_at_fault
from benchmark.scenario.kinds import tags_of
from benchmark.scenario.sections import Section
from benchmark.split import Split
from benchmark.tasks import Task
from benchmark.tasks.classification import Classification
from benchmark.tasks.regression import Regression

INPUTS, TARGETS = torch.zeros(6, 3), torch.arange(6) % 2
OUTPUTS, CLASSES = np.zeros((2, 6, 3)), TARGETS.numpy()
MANIPULATED = {
    "relabel": [
        (None, "None, expected a tensor of int64, one label for each of 6 examples"),
        (TARGETS[:3], "expected a tensor of int64, one label for each of 6"),
        (TARGETS + 1, "labels from 1 to 2, expected 0 to 1"),
    ],
    "mark": [
        (INPUTS[:2], r"expected inputs of torch.float32, \(6, 3\)"),
        (INPUTS / 0, "inputs that are not finite"),
    ],
    "eligible": [(TARGETS, "expected a mask: a tensor of bools, one for each of 6 examples")],
}


def kind_of(base, **members):
    """Return a section of a kind, mine, that an author derives from a seam's base class with these members."""
    key = {"source": "source", "network": "name"}.get(base.seam, "kind")
    about = {"__module__": "their_kinds", "__qualname__": "Mine", "__annotations__": {key: Literal["mine"]}}
    return type(base)("Mine", (base,), about | members)(**{key: "mine"})


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (None, "a NoneType, expected Examples"),
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
    for method, of_numbers in (("load", Classification()), ("load_numbers", Regression(kind="regression"))):
        source = kind_of(Source, **{method: lambda self, folder: found})
        with pytest.raises(BadScenario, match=f"the source mine gave {sentence}.*; change its `{method}`"):
            read_examples(source, Path(), of_numbers)


EXAMPLES, LARGER = (Split(inputs, TARGETS, TARGETS) for inputs in (INPUTS, torch.zeros(6, 4)))
ROWS = [np.arange(2), np.arange(2, 4), np.arange(4, 6)]
WRONG = {
    Task: {
        "outputs": ([(("a", "b"),)], ["2", 0, True, None]),
        "strata": ([(TARGETS,)], [TARGETS[:5], TARGETS.int(), CLASSES, 3]),
        "prepare_targets": (
            [(TARGETS, TARGETS)],
            [None, [TARGETS], [TARGETS, TARGETS[:5]], [TARGETS, CLASSES], [TARGETS, TARGETS / 0]],
        ),
        "losses": ([(torch.zeros(6, 3), TARGETS)], [None, torch.zeros(5), torch.zeros(6, 1)]),
        "loss": ([()], [None]),
        "batch_loss": ([()], [3]),
        "readout": ([(INPUTS[None], TARGETS)], [None, INPUTS, OUTPUTS[:1]]),
        "signal": ([(OUTPUTS, CLASSES)], [None, np.zeros((2, 5)), [[1], [1, 2]], np.full((2, 6), "a")]),
        "utility": ([(OUTPUTS, CLASSES)], [1.0, np.full(2, 1.5), -np.ones(2), np.ones((2, 1))]),
        "features": ([(OUTPUTS[0], CLASSES)], [None, np.zeros((6, 2)), np.zeros(6)]),
        "phi": ([(OUTPUTS[0], OUTPUTS[0])], [None, OUTPUTS, OUTPUTS[0] * np.nan]),
        "chance": ([(CLASSES, 3)], ["a", None, 1.5, np.nan, np.zeros(2)]),
        "perturbations": ([(INPUTS,)], [None, "abc", ["a"]]),
        "inquire": ([(SimpleNamespace(count=2), {})], [None, "abc"]),
        "inquiry_shapes": ([({},)], [None, {"said": 3}]),
    },
    Source: {
        "load": ([(Path(),)], [None, (INPUTS, TARGETS)]),
        "load_numbers": ([(Path(),)], [None]),
        "split_rows": (
            [(Examples(INPUTS, TARGETS, ("a", "b")),)],
            [None, ROWS[:2], [*ROWS[:2], np.arange(5, 7)], [ROWS[0], *ROWS[:2]], [[0], [1], [2]]],
        ),
        "normalisation": ([(torch.zeros(6, 1, 2, 2),)], [1.0, (torch.ones(1, 1, 1), torch.ones(1, 1, 1))]),
        "check": ([(Path(),)], [None, [{"what": "x"}], ["x"]]),
        "files": ([(Path(),)], [None, {"a": "a"}]),
        "title": (None, [None]),
        "train_size": (None, ["5", 0]),
        "has_pairs": (None, [None]),
        "drops_duplicates": (None, [None]),
        "is_standardised": (None, [1]),
    },
    ForgetSet: {
        "select": (
            [(TARGETS, None)],
            [
                None,
                TARGETS,
                CLASSES > 0,
                TARGETS[:5] > 0,
                Selection(TARGETS > 0, {"a": np.zeros(5)}),
                Selection(TARGETS > 0, {"a": [[1], [1, 2]]}),
                Selection(TARGETS > 0, {"a": np.full(6, np.nan)}),
                Selection(TARGETS > 0, 3),  # pyright: ignore[reportArgumentType]
                Selection(TARGETS > 0, {}, TARGETS),
                Selection(TARGETS > 0, {}, TARGETS == 0),
                Selection(TARGETS > 0, {}, TARGETS > 0),
            ],
        ),
        "check": ([(Path(),)], [None]),
        "files": ([(Path(),)], [None]),
        "title": (None, [3]),
        "others": ([(TARGETS, TARGETS > 0, 1)], [None, [], ["random"]]),
        "runners_up": ([(TARGETS, TARGETS > 0, {})], [None, ["random"]]),
        "stand_in": ([(TARGETS,)], [None, "random"]),
        "drops_elsewhere": (None, [None]),
        "parts_subjects": (None, [None]),
        "choice": (None, [3]),
        "with_choice": ([("0" * 64,)], [None]),
    },
    Access: {
        "give": (
            [(SimpleNamespace(train=EXAMPLES),)],
            [None, (EXAMPLES, EXAMPLES, EXAMPLES), Given(EXAMPLES, None, EXAMPLES), Given(EXAMPLES, EXAMPLES, LARGER)],
        ),
        "sentence": (None, [3, None]),
    },
    Network: {"build": ([((3,), 2)], [None, nn.Linear]), "title": (None, [3]), "has_experts": (None, [3])},
}
"""By seam and method: the arguments that it is called with, None for a property, and answers that are refused."""
CASES = [(base, name, calls, bad) for base, own in WRONG.items() for name, (calls, bads) in own.items() for bad in bads]
NAMES = [f"{base.seam} {name}" for base, name, *_ in CASES]


def ask(kind, name, calls, **options):
    """Call a method with the arguments of its case, or read a property, which has none."""
    return getattr(kind, name) if calls is None else getattr(kind, name)(*calls[0], **options)


@pytest.mark.parametrize(("base", "name", "calls", "answer"), CASES, ids=NAMES)
@pytest.mark.seconds
def test_a_wrong_answer_names_the_kind_and_its_method(base, name, calls, answer):
    member = property(lambda self: answer) if calls is None else lambda self, *given, **named: answer
    options = {"weighted": False} if name == "chance" else {}
    with pytest.raises(BadScenario, match=rf"the {base.seam} mine gave .*expected .*; change its `{name}`"):
        ask(kind_of(base, **{name: member}), name, calls, **options)


@pytest.mark.parametrize("base", WRONG)
def test_every_section_is_filled_in_and_checked_by_its_checksum(base):
    for name in ("filled_in", "checksum_rows"):
        with pytest.raises(BadScenario, match=rf"the {base.seam} mine gave None, .*; change its `{name}`"):
            getattr(kind_of(base, **{name: lambda self, folder: None}), name)(Path())


SILENT = {
    "check_targets",
    "verify",
    "check_size",
    "try_out",
    "size_of",
}  # they return nothing, or the end of a sentence
OURS = {"kinds", "families", "called", "answers"}


@pytest.mark.parametrize("base", WRONG)
def test_every_method_that_an_author_may_write_is_checked(base):
    """Walk the seam: what its base classes define in public has a check, and the check a case above."""
    methods = {
        name
        for kind in (*base.__mro__, *([OnDisk] if "files" in base.answers else []))
        if issubclass(kind, Section)
        for name, member in vars(kind).items()
        if not name.startswith(("_", "model_")) and (inspect.isroutine(member) or isinstance(member, property))
    }
    assert methods - SILENT - OURS == base.answers.keys()
    assert base.answers.keys() == WRONG[base].keys() | {"filled_in", "checksum_rows"}


def test_answers_of_another_shape_than_a_task_says_are_told_so():
    wrong = {"inquire": lambda self, models, asked: {"said": np.zeros((2, 4))}}
    task = kind_of(Task, **wrong, inquiry_shapes=lambda self, asked: {"said": (3,)})
    with pytest.raises(BadScenario, match=r"said of shape \(2, 4\), expected models first, .*\(2, 3\)"):
        task.inquire(SimpleNamespace(count=2), {})


def test_right_answers_pass_unchanged():
    class Whole(Classification):
        def strata(self, targets):
            return super().strata(targets)

        def chance(self, targets, outputs, *, weighted):
            return super().chance(targets, outputs, weighted=weighted)

    ours, theirs = Classification(), Whole(kind="classification")
    assert theirs.strata(TARGETS) is TARGETS
    assert theirs.chance(CLASSES, 3, weighted=False) == ours.chance(CLASSES, 3, weighted=False) == 0.5
    assert Whole.chance.__name__ == "chance"
    assert not hasattr(Task.chance, "__wrapped__")  # what the base says is ours


def test_examples_of_every_form_are_taken():
    for targets, names in ((TARGETS, ("a", "b")), (TARGETS.float(), ()), (TARGETS.double(), ())):
        for inputs in (INPUTS, INPUTS.double(), torch.zeros(6, 1, 2, 2, dtype=torch.uint8)):
            assert not fault_of_examples(Examples(inputs, targets, names))


@pytest.mark.parametrize(
    ("losses", "sentence"),
    [
        (
            lambda outputs: outputs.mean(),
            r"the task classification gave losses \(\), expected one per example, \(2, 4\)",
        ),
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
    with pytest.raises(BadScenario, match=r"the task classification gave .*, expected .*; change its `phi`"):
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
        (lambda layer: None, "the network mine gave a NoneType, expected a torch.nn.Module; change its `build`"),
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


def test_the_package_of_a_kind_is_named(theirs):
    mine = kind_of(Task, __module__="their_metric", outputs=lambda self, class_names: "two")
    with pytest.raises(
        BadScenario,
        match="the task mine of the installed package their-kinds gave 'two', expected a whole number from 1; change "
        "its `outputs`",
    ):
        mine.outputs(("a", "b"))


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


@pytest.mark.parametrize(
    ("method", "answer", "sentence"), [(method, *each) for method, cases in MANIPULATED.items() for each in cases]
)
def test_a_manipulation_that_gives_no_examples_is_told_so(method, answer, sentence):
    members = {"relabel": lambda self, split, names: 1 - split.targets, method: lambda self, *arguments: answer}
    about = {"__module__": "their_kinds", "__qualname__": "Mine", "__annotations__": {"kind": Literal["mine"]}}
    spoil = type(Manipulation)("Mine", (Manipulation,), about | members)(kind="mine", share=0.5, seed=0)
    split = Split(INPUTS, TARGETS, TARGETS)
    with pytest.raises(BadScenario, match=f"the manipulation mine gave .*{sentence}.*; change its `{method}`"):
        spoil.manipulate(split, spoil.choose(split, ("a", "b")), ("a", "b"))
