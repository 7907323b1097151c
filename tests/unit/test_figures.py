"""All metrics, on populations whose answer is known."""

import re
import tempfile
from functools import cache, partial

import numpy as np
import pytest

from benchmark import metrics as scoring
from benchmark.metrics import resampling as module
from benchmark.metrics.evidence_pair import Cost, EvidencePair, model_evidence
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.resampling import _resample_chunk as resample_chunk
from benchmark.metrics.resampling import resampling
from benchmark.metrics.scoring import ceiling_of, measure
from benchmark.results.evidence import EvidenceForm
from benchmark.results.values import Measured
from benchmark.tasks.classification import Classification

MODELS, FORGET, TEST, CLASSES = 64, 12, 60, 4
TASK = Classification()
RESAMPLES = 60


def evidence(seed, shift=0.0, models=MODELS):
    """Return the evidence of models whose margin on the forget set is Gaussian, moved by `shift`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 0.1, (models, FORGET, CLASSES))
    logits[:, :, 0] += rng.normal(1 + shift, 1, (models, FORGET))
    test = rng.normal(0, 1, (models, TEST, CLASSES))
    return keep({"forget": logits, "test": test}, retain=rng.uniform(0.9, 0.95, models))


def keep(logits, test=TEST, **utilities):
    """Return the evidence of logits by split, with the utilities of other splits."""
    targets = {"forget": np.zeros(FORGET, int), "test": np.arange(test) % CLASSES}
    form = EvidenceForm(TASK, {"retain": targets["test"], "validation": targets["test"], **targets}, seed=0)
    found = {"utility/validation": np.full(len(logits["test"]), 0.9)}
    for split, array in logits.items():
        found |= form.keep(split, array.astype(np.float32), range(len(array)))
    return found | {f"utility/{split}": values for split, values in utilities.items()}


CLASSIFIERS = {"classifier_mia", "classifier_mia_svm", "tug_of_war_mia"}
WITHOUT_CLASSIFIERS = [metric for metric in all_metrics() if metric.name not in CLASSIFIERS]


def measure_all(entry, retrained=None, calibration=None, metrics=WITHOUT_CLASSIFIERS):
    """The metrics on these populations; by default without the classifier MIAs, which take longer than all others."""
    ceiling = usual_ceiling() if retrained is calibration is None else ceiling_between(retrained, calibration)
    retrained = retrained or evidence(1)
    unlearned, reference = (model_evidence(each, retrained, TASK) for each in (entry, retrained))
    rows = halves(unlearned, reference, "unlearned")
    cost = Cost(0.5, 0.1, 3 * 2**20)
    few = {"halves": RESAMPLES, "resamples": RESAMPLES}
    pair = EvidencePair(unlearned, reference, 1e-5, ceiling, lambda: rows, cost, original=reference, **few)
    return measure(pair, metrics)


def ceiling_between(retrained=None, calibration=None):
    sides = retrained or evidence(1), calibration or evidence(2)
    reference, calibrated = (model_evidence(each, sides[0], TASK) for each in sides)
    return ceiling_of(calibrated, reference, 1e-5, halves(calibrated, reference, "calibration"))


usual_ceiling = cache(ceiling_between)


def only(*names):
    """The metrics of these names, for a test that asks for no other."""
    return [METRICS[name] for name in names]


RATIOS = only(
    *("score", "normalised_score", "clipped_score", "forgetting_quality", "normalised_quality", "epsilon"),
    *("retain_ratio", "test_ratio"),
)


def halves(entry, reference, stream):
    quiet = lambda *_: None  # noqa: E731
    pair = entry.population, reference.population
    with resampling(*pair, stream, 1e-5, RESAMPLES, 1, quiet) as rows:
        return rows()


def population(found):
    return model_evidence(found, found, TASK).population


@pytest.fixture(scope="module")
def perfect():
    return measure_all(evidence(3), metrics=None)


@pytest.fixture(scope="module")
def leaking():
    return measure_all(evidence(4, shift=6.0))


@pytest.mark.seconds
def test_perfect_unlearning_reaches_its_ceiling(perfect):
    assert perfect.estimate("normalised_quality").low < 1 < perfect.estimate("normalised_quality").high
    assert perfect.estimate("normalised_score").low < 1 < perfect.estimate("normalised_score").high
    assert perfect.value("epsilon_lower_bound_examples") == 0
    assert perfect.value("detectable") <= 0.1
    assert perfect.estimate("ulira_auc").low < 0.5 < perfect.estimate("ulira_auc").high
    assert perfect.estimate("forget_gap").low < 0 < perfect.estimate("forget_gap").high


@pytest.mark.seconds
def test_a_leak_shows_in_every_metric(leaking, perfect):
    assert leaking.estimate("normalised_quality").high < 0.5
    assert leaking.value("epsilon_lower_bound_examples") == FORGET
    assert leaking.value("largest_epsilon_lower_bound") > 0.5
    assert leaking.value("detectable") == 1
    assert (leaking.value("under_unlearned"), leaking.value("over_unlearned")) == (1, 0)
    assert leaking.estimate("ulira_accuracy").low > 0.9
    assert leaking.estimate("ruli_auc").low > 0.9
    assert leaking.estimate("mean_klom").low > perfect.estimate("mean_klom").high
    assert min(leaking.per_example("effect")) > 0.95


def test_metrics_are_those_of_the_public_functions(perfect):
    u, r = (population(evidence(seed)).confidences for seed in (3, 1))
    epsilon = scoring.published_epsilon(u, r)
    assert perfect.per_example("epsilon") == epsilon.tolist()
    assert perfect.value("forgetting_quality") == scoring.forgetting_quality(epsilon, MODELS)
    assert perfect.per_example("p_values") == scoring.detectable(u, r)[0].tolist()
    assert perfect.value("retain_ratio") == pytest.approx(
        evidence(3)["utility/retain"].mean() / evidence(1)["utility/retain"].mean()
    )
    assert perfect.value("clipped_score") <= perfect.estimate("score").value + 1e-12


def wrong_on_the_test_set(found, models=slice(None)):
    """The same evidence, but no answer of these models is the test label."""
    return wrong(found, "test", models)


def wrong_on_the_retain_set(found, models=slice(None)):
    return wrong(found, "retain", models)


def wrong(found, split, models):
    accuracy = found[f"utility/{split}"].copy()
    accuracy[models] = 0
    return {**found, f"utility/{split}": accuracy}


@pytest.mark.parametrize(("name", "spoil"), [("test", wrong_on_the_test_set), ("retain", wrong_on_the_retain_set)])
@pytest.mark.seconds
def test_where_the_retrained_are_never_right_there_is_no_ratio_and_no_score(name, spoil, perfect):
    found = measure_all(evidence(3), retrained=spoil(evidence(1)), metrics=RATIOS)
    reason = f"the retrained models have {name} accuracy 0, so there is no ratio to it"
    for metric in ("score", "normalised_score", f"{name}_ratio", "clipped_score"):
        assert found.value(metric) is None
        assert found.why_absent(metric) == reason
    assert found.estimate("forgetting_quality") == perfect.estimate("forgetting_quality")
    assert found.estimate("normalised_quality") == perfect.estimate("normalised_quality")
    assert found.per_example("epsilon") == perfect.per_example("epsilon")
    other = "retain" if name == "test" else "test"
    assert found.estimate(f"{other}_ratio") == perfect.estimate(f"{other}_ratio")
    assert set(found.resampled.score) == {None}
    assert Measured.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(("name", "spoil"), [("test", wrong_on_the_test_set), ("retain", wrong_on_the_retain_set)])
@pytest.mark.seconds
def test_where_too_many_halves_have_no_ratio_there_is_no_score(name, spoil):
    found = measure_all(evidence(3), retrained=spoil(evidence(1), slice(2, None)), metrics=only("score"))
    assert found.value("score") is None
    assert re.search(f"have {name} accuracy 0 in [0-9]+% of the resamples", found.why_absent("score"))


@pytest.mark.seconds
def test_a_few_halves_without_a_ratio_are_left_out_of_the_interval():
    """Against halves taken, scored and left out one by one."""
    entry, retrained = evidence(3), wrong_on_the_retain_set(evidence(1), slice(6, None))
    found = measure_all(entry, retrained, metrics=only("score"))
    u, r = (population(each) for each in (entry, retrained))
    scores, without = [], 0
    for b in range(RESAMPLES):
        kept = [np.random.default_rng([0, stream, b]).permutation(MODELS)[: MODELS // 2] for stream in (0, 2)]
        below = r.retain_accuracy[kept[1]].mean() * r.test_accuracy[kept[1]].mean()
        if below == 0:
            without += 1
            continue
        epsilon = scoring.published_epsilon(u.confidences[kept[0]], r.confidences[kept[1]])
        above = u.retain_accuracy[kept[0]].mean() * u.test_accuracy[kept[0]].mean()
        scores.append(scoring.forgetting_quality(epsilon, MODELS // 2) * above / below)
    assert 0 < without <= RESAMPLES // 20, "or the test is of nothing"
    assert found.resampled.score.count(None) == without
    reach = 1.959964 * 1.1 * np.std(scores, ddof=1)
    assert found.estimate("score").high == pytest.approx(found.estimate("score").value + reach)
    assert found.estimate("score").low == pytest.approx(max(0, found.estimate("score").value - reach))


def test_a_single_half_without_a_ratio_costs_nobody_the_score():
    rows = np.linspace(0.1, 0.2, 1000)
    rows[17] = np.nan
    assert len(scoring.existing(rows)) == 999
    assert scoring.existing(np.where(np.arange(1000) < 50, np.nan, rows)) is not None
    assert scoring.existing(np.where(np.arange(1000) < 51, np.nan, rows)) is None


@pytest.mark.seconds
def test_accuracies_that_nobody_measured_leave_the_other_metrics(perfect):
    unknown = {**evidence(3), "utility/retain": np.full(MODELS, np.nan)}
    chosen = [*RATIOS, *only("retain_accuracy", "test_accuracy", "p_values")]
    found = measure_all(unknown, metrics=chosen)
    assert found.why_absent("retain_accuracy") == "the unlearned models have no retain accuracy"
    assert (found.value("retain_accuracy"), found.value("retain_ratio"), found.value("score")) == (None, None, None)
    assert found.estimate("test_accuracy") == perfect.estimate("test_accuracy")
    assert found.per_example("p_values") == perfect.per_example("p_values")
    never = {**evidence(1), "utility/retain": np.full(MODELS, np.nan)}
    against = measure_all(evidence(3), retrained=never, metrics=only("score"))
    assert against.why_absent("score") == "the retrained models have no retain accuracy"


@pytest.mark.seconds
def test_without_test_examples_there_is_no_test_accuracy(perfect):
    none = keep({"test": np.zeros((MODELS, 0, CLASSES))}, test=0)
    empty = [{**evidence(seed), **none} for seed in (3, 1, 2)]
    found = measure_all(*empty, metrics=only("test_accuracy", "classifier_mia", "forgetting_quality"))
    assert found.why_absent("test_accuracy") == "the unlearned models have no test accuracy"
    assert found.why_absent("classifier_mia").startswith("it takes at least 10 forget and 10 test")
    assert found.estimate("forgetting_quality") == perfect.estimate("forgetting_quality")


@pytest.mark.seconds
def test_a_ceiling_of_nothing_has_no_share():
    found = measure_all(evidence(3), calibration=evidence(2, shift=60.0), metrics=[*RATIOS, *only("ceiling")])
    assert found.value("ceiling") == 0
    assert found.value("score") is not None
    assert found.why_absent("normalised_score") == "perfect unlearning gets 0 here, so there is no share of it"
    assert found.why_absent("normalised_quality") == found.why_absent("normalised_score")


@pytest.mark.seconds
def test_few_models_have_reasons_in_the_place_of_metrics_they_cannot_support(perfect):
    few = measure_all(evidence(3, models=8), evidence(1, models=8), evidence(2, models=8))
    assert (
        few.value("epsilon_lower_bound_examples")
        is few.value("largest_epsilon_lower_bound")
        is few.value("normalised_score")
        is few.value("normalised_quality")
        is None
    )
    assert few.value("ulira_tpr_at_1") is few.value("ruli_tpr_at_01") is None
    assert (
        few.why_absent("epsilon_lower_bound_examples")
        == "N = 8 can prove no leak of 12 examples; it takes N = 19 or more"
    )
    assert few.why_absent("ulira_tpr_at_1") == "96 scores have no false positive rate of 1.0%; it takes N = 9 or more"
    assert few.value("score") is not None
    assert few.value("detectable") is not None
    assert perfect.value("epsilon_lower_bound_examples") == 0
    others = {
        metric.name
        for metric in all_metrics()
        if {"triggered", "own_training"} & set(metric.needs) or metric.group in ("language", "treatments")
    }
    assert perfect.absent().keys() == {
        *("ulira_tpr_at_01", "ruli_tpr_at_01", "gap_closed", "gap_closed_phi", "retain_leak", "worst_class_leak"),
        *("hidden_disagreement", "upcore_area"),
        *others,
    }


def test_every_interval_holds_its_value(perfect, leaking):
    for record in (perfect, leaking):
        found = {name: record.estimate(name) for name in record.metrics if record.estimate(name)}
        assert len(found) >= 15
        for name, estimate in found.items():
            assert estimate.low <= estimate.value <= estimate.high, name


def told_chunk(folder, *arguments):
    """`_resample_chunk`, which leaves a file behind."""
    tempfile.mkstemp(dir=folder)
    return resample_chunk(*arguments)


def resampled(u, r, delta=1e-5, count=120):
    with resampling(u, r, "unlearned", delta, count, 1, lambda *_: None) as rows:
        return rows()


def test_an_exception_beside_the_resamples_begins_no_more_of_them(tmp_path, monkeypatch):
    u, r = (population(evidence(seed)) for seed in (3, 1))
    monkeypatch.setattr(module, "_resample_chunk", partial(told_chunk, tmp_path))
    with (
        pytest.raises(ZeroDivisionError, match="beside"),
        resampling(u, r, "unlearned", 1e-5, 1000, 1, lambda *_: None),
    ):
        raise ZeroDivisionError("beside")
    assert len(list(tmp_path.iterdir())) < 10  # of 20
    assert resampled(u, r, count=50).shape == (50, 2)


def test_delta_reaches_the_resamples():
    u, r = (population(evidence(seed, shift)) for seed, shift in ((3, 2.0), (1, 0.0)))
    small, large = (resampled(u, r, delta, 20) for delta in (1e-5, 0.3))
    assert (large[:, 0] > small[:, 0]).all()
