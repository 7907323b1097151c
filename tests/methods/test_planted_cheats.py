"""Cheats that aim at φ of the forget examples and forget nothing: what nobody can aim at sees them, φ alone does not.

They get what a submission gets, an original and the forget loader. `scripts/study_cheats.py` prints the numbers.
"""

from dataclasses import replace

import pytest
from planted import cheats, leaks, run_cheat, treated_anew, treated_cheat
from shared_fixtures import write_secret

from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import Estimate
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.pool import Pool
from benchmark.references.treated import treated_reference
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace

MOST_CLOSED = 0.3
BY_TABLE = ["table", "table, last layer"]


@pytest.fixture(scope="module", params=[32, pytest.param(512, marks=pytest.mark.slow)])
def pool(request, tmp_path_factory):
    """A pool of digits, with a secret that is always the same: of 32 models one of another may close 0.3 by chance."""
    workspace, scenario = Workspace(tmp_path_factory.mktemp("planted")), load_scenario("digits")
    write_secret(workspace, scenario.with_models(request.param))
    found = Pool(Session(workspace), scenario.with_models(request.param))
    found.prepare()
    return found


@pytest.fixture(scope="module")
def nothing(pool):
    return leaks(do_nothing(pool))


@pytest.mark.parametrize(
    "name", [*BY_TABLE, "noise 0.02", "noise 0.05", "noise 0.1", "logits × 0.5", "logits × 0.7", "logits × 0.9"]
)
def test_a_cheat_closes_little_of_the_gap(pool, nothing, name):
    combined, alone = leaks(run_cheat(pool, cheats(pool)[name]))
    assert 1 - combined / nothing[0] < MOST_CLOSED
    if name in BY_TABLE:
        assert 1 - alone / nothing[1] > 0.9


def test_retraining_closes_all_of_it(pool, nothing):
    for found, gap in zip(leaks(unlearn_perfectly(pool)), nothing, strict=True):
        assert abs(found) < 0.1 * gap


@pytest.mark.long
def test_a_new_last_layer_brings_back_what_a_changed_one_hides(pool):
    """All other treatments leave it, and retraining, where they are."""
    pool.prepare_treated()
    reference = treated_reference(pool)
    evidence = {
        "hidden": treated_cheat(pool, cheats(pool)["table, last layer"]),
        "retrained": treated_anew(pool),
    }
    after = {
        who: {name: METRICS["gap_closed_phi"].compute(pair) for name, pair in reference.pairs(own)}
        for who, own in evidence.items()
    }
    assert after["hidden"]["new_head"].value < MOST_CLOSED
    assert after["hidden"]["rounded_8"].value > 0.9
    inside = {
        who: METRICS["representation_gap_closed"].compute(
            replace(do_nothing(pool), representations=reference.inside(own))
        )
        for who, own in evidence.items()
    }
    assert inside["hidden"].value == pytest.approx(0, abs=0.01)  # which changes nothing there
    assert inside["retrained"].low <= 1 <= inside["retrained"].high
    known = [found for found in after["retrained"].values() if isinstance(found, Estimate)]
    assert len(known) >= 10  # after the others doing nothing is too near to retraining
    for found in known:  # with slack for so many intervals at once
        assert abs(found.value - 1) < 2 * (found.high - found.value)


@pytest.mark.long
def test_the_nearest_class_tells_a_suppressed_answer_from_one_that_was_never_learned(tmp_path):
    workspace, scenario = Workspace(tmp_path), load_scenario("digits-class").with_models(32)
    write_secret(workspace, scenario)
    pool = Pool(Session(workspace), scenario)
    pool.prepare()
    pool.prepare_treated()
    reference = treated_reference(pool)

    def closed(own):
        pairs = dict(reference.pairs(own))
        return [METRICS["gap_closed_phi"].compute(pairs[name]) for name in ("rounded_8", "nearest_class")]

    own_class, neighbour = closed(treated_cheat(pool, cheats(pool)["table, last layer"]))
    assert own_class.value > 0.8
    assert neighbour.high < own_class.low
    assert neighbour.value < 0.8
    for found in closed(treated_anew(pool)):
        assert abs(found.value - 1) < 2 * (found.high - found.value)


def test_at_the_hidden_inputs_models_decide_as_retrained_ones_if_retrained_and_otherwise_if_nothing_is_done(pool):
    perfect, nothing = (METRICS["hidden_disagreement"].compute(of(pool)) for of in (unlearn_perfectly, do_nothing))
    assert abs(perfect.value) < 0.1 * nothing.value
    assert perfect.high < nothing.low
