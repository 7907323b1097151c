"""Leak per class: the mean of its examples, intervals that hold for all classes together, where it is shown."""

import numpy as np
import pandas as pd
import pytest
from cards import card, with_gap, with_metrics
from cases import FEATURES, PARTS
from cases import LABELS as LABELS_OF_CASE
from scipy.stats import t

import benchmark
from benchmark.data import forget_labels, load_problem
from benchmark.leaderboard import leaderboard
from benchmark.leaderboard.comparison import compare
from benchmark.leaderboard.entry_plots import plot_classes
from benchmark.metrics.class_leak import class_leaks
from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence
from benchmark.metrics.jackknife import standard_error
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak import GROUPS, measure_leak
from benchmark.metrics.scoring import measure
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Absent, ClassLeak, Estimate

N = 32
LABELS = ("8", "3", "8", "9", "3", "8", "3", "3", "9", "10", "10", "10")


def pair_of(labels, models=N, seed=0, **shifts):
    """Return evidence of unlearned models whose examples of some classes, `c8=2.0`, are moved."""
    rng = np.random.default_rng(seed)
    moved = np.array([shifts.get(f"c{label}", 0.0) for label in labels or LABELS])
    sides = (ModelEvidence(rng.normal(shift, 1, (models, len(moved)))) for shift in (moved, 0.0 * moved))
    return EvidencePair(*sides, labels=labels, halves=20, resamples=20)


def test_a_class_has_the_mean_and_the_jackknife_of_its_examples():
    pair = pair_of(LABELS, c8=2.0)
    found = {each.name: each for each in class_leaks(pair)}
    assert {name: each.examples for name, each in found.items()} == {"8": 3, "3": 4, "10": 3}  # 9 has two
    leak = measure_leak(*pair.signals)
    for name, each in found.items():
        members = [at for at, label in enumerate(LABELS) if label == name]
        reach = t.ppf(1 - 0.05 / 3 / 2, GROUPS - 1) * standard_error(leak.replicates[:, members].mean(axis=1))
        mean = leak.examples[members].mean()
        assert (each.leak.value, each.leak.low, each.leak.high) == pytest.approx(
            (mean, mean - reach, mean + reach), abs=1e-3
        )


def test_the_worst_class_is_the_metric_and_comes_first_on_the_card():
    pair = pair_of(LABELS, c10=2.0)
    measured = measure(pair, [METRICS["worst_class_leak"]])
    assert measured.class_leaks[0].name == "10"
    assert measured.metrics["worst_class_leak"] == measured.class_leaks[0].leak
    assert measured.class_leaks[0].leak.low > max(each.leak.high for each in measured.class_leaks[1:])


@pytest.mark.parametrize(
    ("labels", "models", "reason"),
    [
        (None, N, "the classes of the forget examples are not known"),
        (("cat",) * 6, N, "all forget examples are of one class, cat: its leak is that of all"),
        (("a", "b", "c") * 2, N, "0 of 3 classes have 3 forget examples or more, expected two"),
        (("a", "a", "a", "b", "b"), N, "1 of 2 classes have 3 forget examples or more, expected two"),
        (("a", "b") * 3, 3, "it takes at least 4 models of either kind"),
    ],
)
@pytest.mark.seconds
def test_where_there_is_no_worst_class_the_card_says_why(labels, models, reason):
    measured = measure(pair_of(labels, models), [METRICS["worst_class_leak"]])
    assert measured.metrics["worst_class_leak"] == Absent(absent=reason)
    assert measured.class_leaks == ()


def test_forget_examples_have_the_names_of_their_classes(cases):
    """Classes are in the order of numbers, not of their digits."""
    labels, marked = np.array(["2", "10", "1", "30"])[LABELS_OF_CASE], np.zeros(200, dtype=bool)
    marked[[3, 4, 7, 9, 50]] = True
    np.save(cases.root / "forget.npy", marked)
    path = cases.arrays('kind = "indices"\nfile = "forget.npy"', inputs=FEATURES, targets=labels, split=PARTS)
    scenario = benchmark.load_scenario(str(path))
    ids = load_problem(scenario).forget.ids.tolist()
    assert forget_labels(scenario) == tuple(labels[ids])


def test_numbers_are_no_classes(cases):
    path = cases.arrays(inputs=FEATURES, targets=FEATURES[:, 0], split=PARTS, more='[task]\nkind = "regression"\n')
    assert forget_labels(benchmark.load_scenario(str(path))) is None


def entry(name, *leaks, seed=0):
    each = (
        ClassLeak(name=kind, examples=5, leak=Estimate(value=value, low=value - 0.1, high=value + 0.1))
        for kind, value in leaks
    )
    whole = with_metrics(with_gap(card(name, 0.1), 0.3, seed=seed), worst_class_leak=Estimate(value=0.5, low=0, high=1))
    return whole.model_copy(update={"class_leaks": tuple(each)})


def test_the_card_keeps_the_table_and_the_board_names_the_worst():
    whole = entry("a", ("7", 0.6), ("1", 0.2))
    assert Scorecard.model_validate(whole.content()).class_leaks == whole.class_leaks
    rows = leaderboard([whole, entry("old")]).set_index("submission")
    assert rows.loc["a", ["worst_class", "worst_class_leak"]].tolist() == ["7", 0.5]
    assert pd.isna(rows.loc["old", "worst_class"])


def test_two_entries_are_compared_class_by_class():
    rows, _ = compare(entry("a", ("7", 0.6), ("1", 0.2), ("4", 0.1)), entry("b", ("1", 0.5), ("7", 0.3)))
    found = {name: difference for name, *_, difference in rows if name.startswith("leak of class")}
    assert list(found) == ["leak of class 7", "leak of class 1"]
    assert found["leak of class 7"].value == pytest.approx(0.3)
    assert found["leak of class 1"].high - found["leak of class 1"].value == pytest.approx(0.1 * 2**0.5)


@pytest.mark.seconds
def test_an_entry_has_a_plot_of_its_classes(tmp_path):
    whole = entry("a", ("$7", 0.6), ("1$", 0.2))
    plot_classes(whole, [entry("identity", ("1$", 0.9), ("2", 0.5)), entry("retrain")], tmp_path / "classes.png")
    assert (tmp_path / "classes.png").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("shifts", [{}, {"c0": 1.0}, {f"c{k}": 0.3 * k for k in range(10)}])
def test_intervals_of_all_classes_hold_together_study(shifts):
    """Ten classes of five examples at N = 64; the truth is the mean over the pools. A minute in all."""
    labels = tuple(map(str, range(10))) * 5
    pools = [class_leaks(pair_of(labels, models=64, seed=seed, **shifts)) for seed in range(200)]
    truth = {
        name: np.mean([each.leak.value for pool in pools for each in pool if each.name == name]) for name in labels
    }
    held = np.mean([all(each.leak.low <= truth[each.name] <= each.leak.high for each in pool) for pool in pools])
    print(f"\n{shifts}: {held:.1%}")
    assert held >= 0.93
