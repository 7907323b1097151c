"""The order by fewer models, on populations whose order is known."""

import numpy as np
import pytest

from benchmark.metrics.evidence_pair import ModelEvidence
from benchmark.metrics.leak import leak
from benchmark.metrics.leak_score import gap_closed
from benchmark.study.ordering import ORDERS, deal_models, measure_orders, take_models

MODELS, EXAMPLES = 64, 3


def evidence(seed, shift=0.0, hidden=0.0, utility=1.0):
    """Return models whose φ and one hidden signal are Gaussian, moved by so many standard deviations."""
    found = np.random.default_rng(seed).normal([shift, hidden], 1, (MODELS, EXAMPLES, 2))
    utilities = {split: np.full(MODELS, utility) for split in ("retain", "test")}
    return ModelEvidence(found[..., 0], utilities, hidden=found[..., 1:])


RETRAINED, ORIGINAL, CALIBRATION = evidence(0), evidence(1, 3, 3), evidence(2)
ENTRIES = {
    "poor": evidence(3, 2.5, 2.5),
    "good": evidence(4, 0.2, 0.2),
    "useless": evidence(5, 0.2, 0.2, utility=0.7),
    "aimed": evidence(6, 0.2, 3.4),
}


@pytest.fixture(scope="module")
def rows():
    return measure_orders(ENTRIES, RETRAINED, ORIGINAL, CALIBRATION, 1e-5).set_index(["order", "models"])


@pytest.mark.long
def test_entries_far_apart_keep_their_order_with_fewer_models(rows):
    assert list(rows.index) == [(order, models) for order in ORDERS for models in (16, 32, 64)]
    assert list(rows["parts"]) == [4, 2, 1] * 3
    assert (rows["tau_low"] <= rows["tau"]).all()
    assert (rows["tau"] <= rows["tau_high"]).all()
    assert rows.loc[("gap_closed", 16), "tau"] == rows.loc[("gap_closed", 64), "tau"] == 1


def test_fewer_models_separate_fewer_pairs(rows):
    whole = rows[rows["parts"] == 1]
    assert (whole["found"] == whole["pairs"]).all()
    for order in ("gap_closed", "gap_closed_phi"):
        few, more, most = rows.loc[order, "found"]
        assert 0 < few < more <= most


def test_what_only_hidden_signals_show_is_a_difference_by_all_signals_alone(rows):
    """Find `aimed` as bad as `poor` by all signals, and as good as `good` by φ alone."""
    assert rows.loc[("gap_closed", 64), "pairs"] == 5
    assert rows.loc[("gap_closed_phi", 64), "pairs"] == 5
    assert rows.loc[("gap_closed", 64), "mean"] < rows.loc[("gap_closed_phi", 64), "mean"] - 0.15


def test_values_are_those_of_the_public_functions_on_the_same_models(rows):
    sides = [each.population for each in (RETRAINED, ORIGINAL, CALIBRATION)]
    whole = [gap_closed(each.population, *sides).value for each in ENTRIES.values()]
    assert rows.loc[("gap_closed_phi", 64), "mean"] == pytest.approx(np.mean(whole))

    def score(side, kept, factor=1.0):
        return factor * (1 - leak(*(take_models(each, kept).signals for each in (side, RETRAINED))).mean())

    parts = []
    for kept in deal_models(MODELS, 4):
        nothing, perfect = (score(end, kept) for end in (ORIGINAL, CALIBRATION))
        scores = [score(side, kept, 0.7**2 if name == "useless" else 1) for name, side in ENTRIES.items()]
        parts += [(each - nothing) / (perfect - nothing) for each in scores]
    assert rows.loc[("gap_closed_phi", 16), "mean"] == pytest.approx(np.mean(parts))


@pytest.mark.long
def test_where_there_is_no_gap_only_the_score_orders():
    found = measure_orders({"poor": ENTRIES["poor"]}, RETRAINED, evidence(7), CALIBRATION, 1e-5)
    assert set(found["order"]) == {"score"}
