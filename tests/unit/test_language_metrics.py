"""Metrics of language models against hand-computed cases, and against scipy and scikit-learn."""

import numpy as np
import pytest
from scipy.stats import hmean, ks_2samp
from sklearn.metrics import roc_auc_score

from benchmark.metrics.evidence_pair import NEEDS, EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.membership import areas
from benchmark.metrics.scoring import values_of
from benchmark.metrics.subjects import subject_signals
from benchmark.metrics.truth import exact_log_p, log_p_values, log_p_values_of_all

LANGUAGE = [metric for metric in METRICS.values() if metric.group == "language"]
TRUTH = ("truth/forget", "truth/retain", "truth/test")
RNG = np.random.default_rng(0)


def logit(p):
    return np.log(np.asarray(p) / (1 - np.asarray(p)))


def evidence(shift=0.0, models=2, facts=4, **asked):
    """Return evidence of models in which every answer is fully said, and facts to forget are `shift` above others."""
    full = {f"said/{name}": np.ones((models, facts, 2)) for name in ("forget", "retain", "test", "rephrased")}
    rng = np.random.default_rng(int(10 * shift) + models)
    found = full | {
        "extraction/forget": np.tile([1.0, 0.5, 0, 0.5], (models, 1)),
        **{
            f"truth/{name}": np.log(np.tile([0.5, 2.0, 1.0, 0.25], (models, 1)))
            for name in ("forget", "retain", "test")
        },
        "phi/holdout": rng.normal(size=(models, facts)),
        "attack/forget": shift + rng.normal(size=(models, facts, 3)),
        "attack/holdout": rng.normal(size=(models, facts, 3)),
    }
    probes = {split: logit(np.full((models, facts), 0.5)) for split in ("retain", "test")}
    return ModelEvidence(shift + rng.normal(size=(models, facts)), {}, probes, asked=found | asked)


def value(name, unlearned, retrained=None, **others):
    pair = EvidencePair(unlearned, retrained or evidence(), resamples=20, **others)
    found = values_of(pair, [METRICS[name]])[name]
    assert not METRICS[name].interval or found.low <= found.value <= found.high
    return found.value


def test_tofu_means_are_of_the_papers_quantities():
    sure = ModelEvidence(logit([[0.9, 0.1], [0.5, 0.7]]), {}, {"retain": logit([[0.8], [0.6]])}, asked=evidence().asked)
    assert value("tofu_forget_probability", sure) == pytest.approx(0.55)
    assert value("tofu_retain_probability", sure) == pytest.approx(0.7)
    halves = evidence(**{"said/forget": np.array([[[0.5, 0.1]], [[0, 0.3]]]), "said/retain": np.full((2, 1, 2), 0.75)})
    assert value("tofu_forget_rouge", halves) == 0.25
    assert value("tofu_retain_rouge", halves) == 0.75
    assert value("tofu_forget_truth_ratio", evidence()) == pytest.approx((0.5 + 0.5 + 1 + 0.25) / 4)
    assert value("tofu_retain_truth_ratio", evidence()) == pytest.approx((0.5 + 0 + 0 + 0.75) / 4)


def test_model_utility_is_the_harmonic_mean_of_its_parts():
    assert value("tofu_model_utility", evidence()) == pytest.approx(hmean([0.5, 1, 1.25 / 4] * 2))
    silent = evidence(**{"said/test": np.zeros((2, 4, 2))})
    assert value("tofu_model_utility", silent) == pytest.approx(0, abs=1e-300)


@pytest.mark.parametrize("facts", [1, 7, 24])
def test_log_p_is_that_of_scipys_exact_test(facts):
    u, r = RNG.normal(size=(3, facts)), RNG.normal(0.7, 1, size=(4, facts)).round(1)
    u[0] = r[0]  # the same, and so with ties
    u[1] = r[:, 0].max() + 9  # apart
    found = log_p_values(u, r)
    for row, own in enumerate(u):
        for column, other in enumerate(r):
            expected = ks_2samp(own, other, method="exact").pvalue
            assert found[row, column] == pytest.approx(np.log10(expected), abs=1e-9)
    assert log_p_values_of_all(u, r)[2] == pytest.approx(np.log10(ks_2samp(u[2], r.ravel()).pvalue))
    assert exact_log_p(facts)[0] == 0


def test_p_values_too_small_for_a_float_have_a_logarithm():
    assert -602 < exact_log_p(1000)[1000] < -599  # 2 / C(2000, 1000)


def test_forget_quality_is_of_the_median_pair_and_its_spread_of_the_retrained_model_that_was_drawn():
    u, r = RNG.normal(size=(3, 12)), RNG.normal(0.5, 2, size=(5, 12))
    sides = (evidence(models=len(each), **{"truth/forget": each}) for each in (u, r))
    unlearned, retrained = sides
    table = np.log10([[ks_2samp(own, other).pvalue for other in r] for own in u])
    assert value("tofu_forget_quality", unlearned, retrained) == pytest.approx(np.median(table))
    assert value("tofu_forget_quality_spread", unlearned, retrained) == pytest.approx(table.std(axis=1).mean())
    whole = np.log10([ks_2samp(own, r.ravel()).pvalue for own in u])
    assert value("tofu_forget_quality_population", unlearned, retrained) == pytest.approx(np.median(whole))


def test_areas_are_scikit_learns_with_ties_too():
    scores, others = RNG.integers(0, 6, (3, 20)), RNG.integers(0, 5, (3, 15))
    truth = [1] * 20 + [0] * 15
    expected = [roc_auc_score(truth, [*own, *other]) for own, other in zip(scores, others, strict=True)]
    np.testing.assert_allclose(areas(scores, others), expected)


@pytest.mark.parametrize(("attack", "place"), [("loss", None), ("zlib", 0), ("min_k", 1), ("min_k_plus", 2)])
def test_attacks_compare_facts_to_forget_with_facts_never_taught(attack, place):
    own = evidence(shift=1)
    forget, holdout = (own.asked[f"attack/{name}"] for name in ("forget", "holdout"))
    pairs = (own.signals, own.asked["phi/holdout"]) if place is None else (forget[..., place], holdout[..., place])
    above = np.mean([[[a > b for a in u] for b in h] for u, h in zip(*pairs, strict=True)])
    assert value(f"{attack}_attack_auc", own) == pytest.approx(above)
    named = evidence(shift=1, **{"phi/members": holdout[..., 0] * 0 - 9, "attack/members": forget * 0 - 9})
    assert value(f"{attack}_attack_auc", named) == 0  # texts that the source names for it, in place of all


def test_the_privacy_leak_is_below_0_where_facts_are_known_and_above_where_they_are_unlikelier_than_unknown_ones():
    def attacked(*forget):
        scores = np.zeros((2, 4, 3))
        scores[..., 1] = forget
        return evidence(**{"attack/forget": scores, "attack/holdout": np.ones((2, 4, 3)) * 2.5})

    retrained = attacked(1, 2, 3, 4)  # area ½
    assert value("muse_privacy_leak", attacked(3, 4, 5, 6), retrained) == -1
    assert value("muse_privacy_leak", attacked(1, 2, 2, 4), retrained) == 0.5
    assert value("muse_privacy_leak", attacked(0, 1, 1, 2), retrained) == 1
    pair = EvidencePair(retrained, attacked(3, 4, 5, 6))
    assert "for a member" in values_of(pair, [METRICS["muse_privacy_leak"]])["muse_privacy_leak"].absent


def test_muse_memorisation_is_of_f1_and_other_metrics_of_recall():
    said = {
        "said/forget": np.array([[[1, 0.4], [0.5, 0.2]], [[0, 0], [0.6, 0.2]]]),
        "said/rephrased": np.full((2, 3, 2), [0.9, 0.3]),
        "said/test": np.full((2, 3, 2), [0.9, 0.7]),
        "said/retain": np.array([[[1, 1], [1, 1]], [[0.5, 0], [0.7, 0]]]),
    }
    own = evidence(**said)
    assert value("muse_verbatim", own) == pytest.approx(0.2)
    assert value("muse_verbatim", evidence(**said, **{"said/continued": np.full((2, 5, 2), 0.6)})) == pytest.approx(0.6)
    assert value("muse_knowledge", own) == pytest.approx(0.3)
    assert value("muse_utility", own) == pytest.approx(0.7)
    assert value("forgetting_ratio", own) == 0.5
    assert value("retention_ratio", own) == 0.75
    assert value("deviation_score", own) == pytest.approx(100 * np.sqrt(0.525**2 + 0.2**2))
    assert value("extraction_strength", own) == 0.5


def test_a_subjects_signal_is_of_the_geometric_mean_over_its_facts():
    p = np.array([[0.9, 0.4, 0.2], [0.5, 0.8, 0.1]])
    found = subject_signals(logit(p), ("ada", "bo", "ada"))
    np.testing.assert_allclose(found, logit(np.stack([np.sqrt(p[:, 0] * p[:, 2]), p[:, 1]], axis=1)))
    assert np.isfinite(subject_signals(np.full((2, 2), 1e4), ("ada", "ada"))).all()


def test_facts_that_leak_little_each_leak_together():
    models, subjects = 48, ("ada",) * 12 + ("bo",) * 12
    rng = np.random.default_rng(3)
    sides = [rng.normal(shift, 1, (models, 24)) for shift in (0.6, 0.0)]
    unlearned, retrained = (ModelEvidence(phi, asked=evidence(models=models).asked) for phi in sides)
    each = value("leak_phi", unlearned, retrained)
    assert value("subject_leak", unlearned, retrained, subjects=subjects) > each + 0.2
    assert value("detectable_subjects", unlearned, retrained, subjects=subjects) == 1
    assert value("detectable_subjects", retrained, retrained, subjects=subjects) == 0


NEAR = (True, False, True, False)


def test_harm_to_neighbours_is_what_they_lose_beyond_other_retained_facts():
    unlearned, retrained = (
        ModelEvidence(RNG.normal(size=(2, 3)), {}, {"retain": logit(p)}, asked=evidence().asked)
        for p in ([[0.2, 0.9, 0.4, 0.7], [0.4, 0.7, 0.2, 0.9]], [[0.9, 0.9, 0.8, 0.9], [0.8, 0.9, 0.9, 0.9]])
    )
    assert value("neighbour_probability", unlearned, retrained, neighbours=NEAR) == pytest.approx(0.3)
    assert value("neighbour_harm", unlearned, retrained, neighbours=NEAR) == pytest.approx(0.55 - 0.1)
    assert value("neighbour_harm", unlearned, unlearned, neighbours=NEAR) == 0
    nobody = values_of(EvidencePair(unlearned, retrained), [METRICS["neighbour_harm"]])["neighbour_harm"]
    assert nobody.absent == NEEDS["neighbours"]


def test_the_interval_of_harm_is_of_models_of_both_populations():
    rng = np.random.default_rng(1)
    unlearned, retrained = (
        ModelEvidence(rng.normal(size=(40, 3)), {}, {"retain": rng.normal(shift, 1, (40, 4))}, asked=evidence().asked)
        for shift in (0.0, 1.0)
    )
    pair = EvidencePair(unlearned, retrained, resamples=2000, neighbours=NEAR)
    found = values_of(pair, [METRICS["neighbour_harm"]])["neighbour_harm"]
    p = [1 / (1 + np.exp(-side.probes["retain"])) for side in (unlearned, retrained)]
    gaps = [side[:, [0, 2]].mean(axis=1) - side[:, [1, 3]].mean(axis=1) for side in p]
    error = np.sqrt(sum(gap.var() / len(gap) for gap in gaps))  # of the mean of independent models
    assert found.value == pytest.approx(gaps[1].mean() - gaps[0].mean())
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.1)


def test_models_that_give_no_answers_in_words_have_none_of_these_metrics():
    pictures = ModelEvidence(RNG.normal(size=(4, 3)))
    found = values_of(EvidencePair(pictures, pictures), LANGUAGE)
    assert {each.absent for each in found.values()} <= {NEEDS["answers"], NEEDS["subjects"]}
    plain = ("said/forget", "said/retain", "said/test", "extraction/forget", "attack/forget")
    bare = ModelEvidence(RNG.normal(size=(4, 4)), asked={name: evidence(models=4).asked[name] for name in plain})
    lacking = {
        name: each.absent
        for name, each in values_of(EvidencePair(bare, bare), LANGUAGE).items()
        if hasattr(each, "absent")
    }
    assert lacking["muse_knowledge"] == NEEDS["rephrased"]
    assert lacking["tofu_forget_quality"] == NEEDS["wrong_answers"]
    assert lacking["min_k_attack_auc"] == NEEDS["holdout"]
    assert not lacking.keys() & {"tofu_forget_rouge", "muse_verbatim", "extraction_strength", "deviation_score"}
