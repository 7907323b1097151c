"""The objective of tuning: the gap closed, with validation for test utility."""

import numpy as np
import pytest

from benchmark.errors import BadScenario
from benchmark.metrics import Population, gap_closed
from benchmark.tasks.classification import Classification
from benchmark.tuning.objective import LOWEST, Objective

EXAMPLES, HIDDEN = 12, 3


def evidence(shift, models=64, seed=0, hidden=None, utility=0.8, test=0.1):
    """Evidence of Gaussian signals whose mean is `shift` at the examples, `hidden` (the same) at hidden inputs."""
    rng = np.random.default_rng([seed, models])
    hidden = shift if hidden is None else hidden
    return {
        "phi/forget": rng.normal(shift, 1, (models, EXAMPLES)),
        "hidden/phi": rng.normal(hidden, 1, (models, EXAMPLES, HIDDEN)),
        "hidden/contrasts": rng.normal(hidden, 1, (models, EXAMPLES, HIDDEN)),
        "utility/retain": np.full(models, utility),
        "utility/validation": np.full(models, utility),
        "utility/test": np.full(models, test),
        "utility/forget": np.full(models, utility),
    }


@pytest.fixture
def objective():
    return Objective(evidence(1, seed=1), evidence(0, seed=2), Classification())


@pytest.mark.seconds
def test_doing_nothing_closes_nothing_and_another_retrained_population_all(objective):
    for models in (8, 16, 64):
        nothing = {name: own[:models] for name, own in evidence(1, seed=1).items()}
        assert objective(nothing) == 0
        assert objective(evidence(0, models, seed=3)) == pytest.approx(1, abs=0.25 if models == 8 else 0.1)


@pytest.mark.seconds
def test_the_nearer_the_better_by_hidden_signals_too(objective):
    gaps = [objective(evidence(shift, seed=3)) for shift in (1.5, 0.6, 0.3, 0.1)]
    assert gaps == sorted(gaps)
    assert objective(evidence(0, seed=3, hidden=1)) < 0.5


@pytest.mark.seconds
def test_utility_counts_on_validation_and_not_on_test(objective):
    good = objective(evidence(0, seed=3, test=0.9))
    assert objective(evidence(0, seed=3, test=0.0)) == good
    assert objective(evidence(0, seed=3, utility=0.4)) < good / 2
    assert objective(evidence(9, seed=3, utility=0.0)) >= LOWEST


def test_it_is_the_gap_of_the_board_where_phi_is_all_that_there_is():
    sides = [evidence(shift, seed=seed, utility=0.7) for shift, seed in ((0.5, 3), (0, 2), (1, 1))]
    for each in sides:
        del each["hidden/phi"], each["hidden/contrasts"]
    unlearned, retrained, original = sides
    board = gap_closed(*(Population(each["phi/forget"], *[each["utility/retain"]] * 2) for each in sides))
    assert Objective(original, retrained, Classification())(unlearned) == pytest.approx(board.value)


@pytest.mark.seconds
def test_runs_share_originals_where_there_are_fewer_of_them():
    objective = Objective(evidence(1, 4, seed=1), evidence(0, seed=2), Classification())
    repeated = {name: np.concatenate([own, own]) for name, own in evidence(1, 4, seed=1).items()}
    assert objective(repeated) == 0


@pytest.mark.parametrize(
    ("original", "retrained", "sentence"),
    [
        (evidence(1), evidence(0, utility=0.0), "have retain accuracy 0%, so no ratio to it exists"),
        (evidence(0), evidence(0), "leak no more than retrained models do, so there is no gap to close"),
    ],
)
def test_where_nothing_can_be_judged_it_says_so(original, retrained, sentence):
    with pytest.raises(BadScenario, match=sentence):
        Objective(original, retrained, Classification())
