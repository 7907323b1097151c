"""Evidence that is kept of models: the published numbers from it are those from their logits, to the last bit."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from first_form import kept_first
from safetensors.numpy import save

from benchmark.data import load_problem
from benchmark.errors import BadScenario
from benchmark.metrics import logit_scaled_confidence, mean_classifier_mia, mean_classifier_mia_svm, quality_and_score
from benchmark.metrics.bootstrap import Population
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.kinds.classifier_mia import classifier_mia, classifier_mia_svm
from benchmark.results.evidence import ATTACKED, PATH, SPLITS, EvidenceForm, NonFiniteOutputs, concatenate
from benchmark.results.evidence1 import first_layouts, upgrade
from benchmark.runs.integrity import RECORD_LAYOUTS
from benchmark.scenario.schema import load_scenario
from benchmark.storage.blocks import objection
from benchmark.tasks import Task
from benchmark.tasks.classification import Classification
from benchmark.tasks.regression import Regression

MODELS, CLASSES = 20, 4
MORE_TEST = {"retain": 90, "forget": 13, "validation": 31, "test": 57}
MORE_FORGET = {"retain": 90, "forget": 41, "validation": 31, "test": 17}


def form_of(sizes, task=None, seed=0):
    rng = np.random.default_rng(sum(sizes.values()))
    return EvidenceForm(
        task or Classification(), {split: rng.integers(0, CLASSES, n) for split, n in sizes.items()}, seed
    )


def draw_logits(form, seed, models=MODELS, sureness=2.0):
    rng = np.random.default_rng(seed)
    drawn = {}
    for split, targets in form.targets.items():
        drawn[split] = rng.normal(0, 3, (models, len(targets), CLASSES)).astype(np.float32)
        drawn[split][:, np.arange(len(targets)), targets] += np.float32(sureness)
    return drawn


def keep(form, logits, indices=None):
    indices = range(len(logits["test"])) if indices is None else indices
    found = {}
    for split in SPLITS:
        found |= form.keep(split, logits[split], indices)
    return found


@pytest.mark.parametrize(
    ("sizes", "models"), [(MORE_TEST, MODELS), (MORE_FORGET, 5)], ids=["more test", "more forget, few models"]
)
@pytest.mark.seconds
def test_the_published_numbers_are_those_of_the_logits_to_the_last_bit(sizes, models):
    form = form_of(sizes)
    both = [draw_logits(form, seed, models) for seed in (1, 2)]
    unlearned, retrained = (model_evidence(each, each, form.task) for each in (keep(form, drawn) for drawn in both))
    phi = [logit_scaled_confidence(logits["forget"], form.targets["forget"]) for logits in both]
    accuracy = [
        {split: (logits[split].argmax(-1) == form.targets[split]).mean(axis=1) for split in SPLITS} for logits in both
    ]
    old = [Population(one, of["retain"], of["test"]) for one, of in zip(phi, accuracy, strict=True)]
    assert quality_and_score(unlearned.population, retrained.population).tolist() == quality_and_score(*old).tolist()
    assert all(unlearned.utility[split].tolist() == accuracy[0][split].tolist() for split in SPLITS)
    pair = EvidencePair(unlearned, retrained)
    assert [one.tolist() for one in pair.signals] == [one.tolist() for one in phi]
    attacked = [both[0][split][:ATTACKED] for split in ("forget", "test")]
    test_phi = logit_scaled_confidence(attacked[1], form.targets["test"])
    mia = mean_classifier_mia(phi[0][:ATTACKED], test_phi, seed=0)
    svm = mean_classifier_mia_svm(attacked[0], form.targets["forget"], attacked[1], form.targets["test"], seed=0)
    for metric, (value, low, high, attacked_models) in ((classifier_mia, mia), (classifier_mia_svm, svm)):
        found = metric.compute(pair)
        assert (found.value, found.low, found.high) == (value, low, high)
        assert attacked_models == min(models, ATTACKED)


def test_probes_are_as_many_examples_as_the_forget_set_drawn_once():
    form = form_of(MORE_TEST)
    assert {split: len(rows) for split, rows in form.probes.items()} == {"retain": 13, "validation": 13, "test": 13}
    assert all((np.diff(rows) > 0).all() for rows in form.probes.values())
    again, other = form_of(MORE_TEST), form_of(MORE_TEST, seed=1)
    assert all(rows.tolist() == again.probes[split].tolist() for split, rows in form.probes.items())
    assert all(rows.tolist() != other.probes[split].tolist() for split, rows in form.probes.items())
    assert len(form_of(MORE_FORGET).probes["test"]) == 17
    logits = draw_logits(form, 1)
    for split, rows in form.probes.items():
        phi = logit_scaled_confidence(logits[split], form.targets[split])[:, rows]
        np.testing.assert_allclose(keep(form, logits)[f"phi/{split}"], phi, rtol=2**-11, atol=1e-7)


def test_every_example_of_retain_is_in_the_probe_equally_often():
    counts = np.zeros(90)
    for seed in range(400):
        counts[form_of(MORE_TEST, seed=seed).probes["retain"]] += 1
    expected = 400 * 13 / 90
    assert (np.square(counts - expected) / expected).sum() < 130  # 99.9 % of χ² with 89 degrees, of dependent counts


@pytest.mark.parametrize("indices", [range(20), range(10, 30), range(16, 36), range(0)])
def test_blocks_have_the_arrays_that_are_said_of_them(indices):
    form = form_of(MORE_TEST)
    kept = keep(form, draw_logits(form, 1, len(indices)), indices)
    assert kept.keys() == form.layouts(indices).keys()
    assert objection(kept, form.layouts(indices), len(indices)) == ""
    assert ("attacked/test" in kept) == (len(indices) > 0 and indices[0] < ATTACKED)


def test_attacks_see_the_models_of_the_first_indices_in_whatever_blocks_they_lie():
    form = form_of(MORE_TEST)
    logits = draw_logits(form, 1)
    whole = keep(form, logits)
    blocks = [
        keep(form, {split: array[part] for split, array in logits.items()}, range(20)[part])
        for part in (slice(0, 7), slice(7, 14), slice(14, 20))
    ]
    together = concatenate(blocks, MODELS)
    assert together.keys() == whole.keys()
    assert all(np.array_equal(together[name], whole[name]) for name in whole)


# --- hidden signals


def test_hidden_signals_are_phi_and_a_contrast_of_the_logits_at_every_hidden_input_of_an_example():
    form = replace(form_of(MORE_TEST), perturbations=3, outputs=CLASSES)
    rng, targets = np.random.default_rng(1), form.targets["forget"]
    logits = rng.normal(0, 3, (5, 3 * len(targets), CLASSES)).astype(np.float32)
    contrasts = rng.normal(size=(3, CLASSES))
    kept = form.keep_hidden(logits, contrasts)
    assert objection(kept, form.hidden_layouts(), 5) == ""
    for view in range(3):
        own = logits[:, view * len(targets) : (view + 1) * len(targets)]
        phi = logit_scaled_confidence(own, targets)
        np.testing.assert_allclose(kept["hidden/phi"][..., view], phi, rtol=2**-11, atol=1e-7)
        np.testing.assert_allclose(kept["hidden/contrasts"][..., view], own @ contrasts[view], rtol=2**-10, atol=1e-4)
    assert form.layouts(range(5)).keys() == form_of(MORE_TEST).layouts(range(5)).keys() | kept.keys()


@pytest.mark.parametrize(("task", "outputs"), [(Regression(kind="regression"), 1), (Classification(), 2)])
def test_outputs_that_phi_says_all_of_have_no_contrasts(task, outputs):
    form = replace(form_of(MORE_TEST, task), perturbations=2, outputs=outputs)
    form = replace(form, targets={split: np.minimum(targets, 1) for split, targets in form.targets.items()})
    kept = form.keep_hidden(np.ones((5, 26, outputs), np.float32), np.zeros((2, outputs)))
    assert kept.keys() == form.hidden_layouts().keys() == {"hidden/phi"}


def test_blocks_without_hidden_signals_are_blocks_and_metrics_that_need_them_are_absent():
    form = replace(form_of(MORE_TEST), perturbations=2, outputs=CLASSES)
    logits = draw_logits(form, 1)
    kept = keep(form, logits)
    assert objection(kept, form.layouts(range(MODELS)), MODELS) == ""
    outputs = np.tile(logits["forget"], (1, 2, 1))
    more = kept | form.keep_hidden(outputs, np.ones((2, CLASSES)))
    assert objection(more, form.layouts(range(MODELS)), MODELS) == ""
    assert concatenate([more, kept], 2 * MODELS).keys() == kept.keys()
    whole, bare = (model_evidence(each, each, form.task) for each in (more, kept))
    assert whole.hidden.shape == whole.contrasts.shape == (MODELS, 13, 2)
    np.testing.assert_allclose(whole.hidden[..., 0], whole.signals, rtol=2**-11, atol=1e-7)
    assert EvidencePair(whole, whole).lacks(("hidden", "hidden_phi")) is None
    joined = EvidencePair(whole, whole).all_signals[0]
    assert np.array_equal(joined, np.concatenate([whole.signals[..., None], whole.hidden, whole.contrasts], axis=-1))
    assert "the unlearned ones none" in EvidencePair(bare, whole).lacks(("hidden",))
    for pair in (EvidencePair(whole, bare), EvidencePair(bare, bare)):
        assert pair.lacks(("hidden",)) is None
        assert "hidden inputs is not known" in pair.lacks(("hidden_phi",))
        assert np.array_equal(pair.all_signals[0][..., 0], pair.signals[0])
        assert pair.all_signals[0].shape[-1] == pair.all_signals[1].shape[-1] == 1


# --- the first form


@pytest.mark.parametrize("sizes", [MORE_TEST, MORE_FORGET], ids=["more test", "more forget"])
def test_a_block_of_the_first_form_becomes_what_is_kept_now_without_the_probe_of_retain(sizes):
    form = form_of(sizes)
    logits = draw_logits(form, 1)
    first, kept = kept_first(logits, form.targets), keep(form, logits)
    assert objection(first, first_layouts(form, CLASSES), MODELS) == ""
    record = {"run/index": np.arange(MODELS)}
    found = upgrade(form, {**{f"evidence/{name}": array for name, array in first.items()}, **record}, range(MODELS))
    assert found.keys() == (kept.keys() | record.keys()) - {"phi/retain"}
    for name in kept.keys() - {"phi/retain", "phi/validation"}:
        assert found[name].dtype == kept[name].dtype
        assert found[name].tolist() == kept[name].tolist(), name
    np.testing.assert_allclose(found["phi/validation"], kept["phi/validation"], rtol=2**-10)  # it was float32


def test_residuals_of_the_first_form_are_kept():
    form = form_of(MORE_TEST, Regression(kind="regression"))
    rng = np.random.default_rng(3)
    outputs = {split: rng.normal(0, 1, (5, n, 1)).astype(np.float32) for split, n in MORE_TEST.items()}
    first = {}
    for split, targets in form.targets.items():
        first[f"{split}_utility"] = form.task.utility(outputs[split], targets)
        first |= {f"{split}_signal": (outputs[split][..., 0] - targets).astype(np.float32)} if split != "retain" else {}
    assert objection(first, first_layouts(form, 1), 5) == ""
    found, kept = upgrade(form, first, range(5)), keep(form, outputs)
    assert found.keys() == kept.keys() - {"phi/retain"}
    np.testing.assert_allclose(found["phi/forget"], kept["phi/forget"], rtol=1e-6)
    assert "attacked/test" not in kept


def test_what_one_block_lacks_the_whole_lacks_and_metrics_that_need_it_are_absent():
    form = form_of(MORE_TEST)
    logits = draw_logits(form, 1)
    kept = keep(form, logits)
    old = upgrade(form, kept_first(logits, form.targets), range(MODELS))
    mixed = concatenate([kept, old], 2 * MODELS)
    assert kept.keys() - mixed.keys() == {"phi/retain"}
    new, aged = (model_evidence(each, each, form.task) for each in (kept, mixed))
    reason = "φ on the retain set is not known, as in evidence of an older form"
    assert EvidencePair(new, new).lacks(("retain_phi", "validation_phi", "test_phi", "features")) is None
    assert EvidencePair(new, aged).lacks(("retain_phi",)) == EvidencePair(aged, new).lacks(("retain_phi",)) == reason
    assert EvidencePair(aged, aged).lacks(("validation_phi", "test_phi", "features")) is None
    one, other = EvidencePair(new, new).probed("retain")
    assert one.shape == other.shape == (MODELS, 13)


# --- tasks that are not what they should be


class Odd(Task):
    kind: Literal["odd"] = "odd"

    def signal(self, outputs, targets):
        return outputs[..., 0]

    def utility(self, outputs, targets):
        return np.full(len(outputs), 0.5)


def test_a_task_has_to_write_no_more_than_signal_and_utility():
    form = form_of(MORE_TEST, Odd())
    logits = draw_logits(form, 1)
    kept = keep(form, logits)
    assert objection(kept, form.layouts(range(MODELS)), MODELS) == ""
    evidence = model_evidence(kept, kept, form.task)
    assert evidence.signals.tolist() == logits["forget"][..., 0].tolist()
    assert (
        EvidencePair(evidence, evidence).lacks(("features",)) == "it needs probabilities of classes, and there are none"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"utility": lambda self, outputs, targets: np.full(len(outputs), 1.5)},
            "the utility 1.5 to 1.5, expected numbers from 0 to 1",
        ),
        (
            {"utility": lambda self, outputs, targets: outputs[..., 0]},
            r"the utility of shape \(20, 90\), expected one",
        ),
        (
            {"signal": lambda self, outputs, targets: outputs},
            r"a signal of shape \(20, 13, 4\), expected one",
        ),
    ],
)
def test_a_task_that_returns_something_else_is_told_so(changes, sentence):
    form = form_of(MORE_TEST, type("Other", (Odd,), changes)())
    with pytest.raises(BadScenario, match=sentence):
        keep(form, draw_logits(form, 1))


def test_a_signal_that_is_not_finite_counts_as_an_overflow_of_those_models():
    form = form_of(MORE_TEST, Odd())
    logits = draw_logits(form, 1)
    logits["forget"][[3, 7], 5, 0] = np.inf
    with pytest.raises(NonFiniteOutputs) as caught:
        form.keep("forget", logits["forget"], range(MODELS))
    assert caught.value.models == [3, 7]
    logits["test"][...] = np.float32(1e30)
    assert np.isfinite(form.keep("test", logits["test"], range(MODELS))["phi/test"]).all()


def test_an_entry_on_digits_takes_about_a_megabyte():
    scenario = load_scenario("digits")
    form, size = load_problem(scenario).evidence_form, 0
    for block in scenario.blocks(scenario.protocol.models):
        indices = scenario.indices(block)
        layouts = form.layouts(indices) | {name: each for name, each in RECORD_LAYOUTS.items() if name != PATH}
        size += len(
            save(
                {
                    name: np.zeros((layout.models or len(indices), *layout.shape), layout.dtype)
                    for name, layout in layouts.items()
                }
            )
        )
    assert 1_000_000 < size < 1_115_000  # and 3 kB of manifest and outcome; 615 kB are hidden signals
