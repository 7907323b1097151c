"""Suspicion: every replayed run is named, whatever hides it cheaply; honest entries are left in peace."""

import time

import numpy as np
import pytest
from cards import measured_with

from benchmark.metrics import interval, logit_scaled_confidence, quality_and_score
from benchmark.metrics.bootstrap import Population, quality_and_score_of_halves
from benchmark.metrics.suspicion import IMPOSSIBLE, replayed_runs, retrains, suspicions
from benchmark.results.evidence import round_phi
from benchmark.results.values import Ceiling, Estimate, Resampled
from benchmark.submissions.files import LARGEST_TEXT, data_files

RNG = np.random.default_rng(0)


def evidence_of(models, forget=10, test=20, classes=5):
    """Logits on the forget, the test and the validation set."""
    sizes = {"forget": forget, "test": test, "validation": test}
    logits = {split: RNG.normal(0, 3, (models, size, classes)).astype(np.float32) for split, size in sizes.items()}
    return {**logits, "run/index": np.arange(models)}


def replay(evidence, source, rows, of, change=lambda logits: logits):
    for split in ("forget", "test", "validation"):
        evidence[split][rows] = change(source[split][of])


def replays(runs, populations):
    return replayed_runs(as_stored(runs), [as_stored(each) for each in populations])


def as_stored(evidence):
    """Return the evidence of logits, of which every fifth is the true class's."""
    phi = {
        f"phi/{split}": logit_scaled_confidence(evidence[split], np.arange(evidence[split].shape[1]) % 5)
        for split in ("forget", "test", "validation")
    }
    rounded = {name: array if name == "phi/forget" else round_phi(array) for name, array in phi.items()}
    return {**rounded, "run/index": evidence["run/index"]}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda logits: logits, True),
        (lambda logits: logits + 0.0009 * RNG.choice([-1, 1], logits.shape), True),
        (lambda logits: logits + 7.0, True),  # no probability changes
        (lambda logits: logits + RNG.normal(0, 9, (*logits.shape[:-1], 1)), True),
        (lambda logits: logits + 0.004 * RNG.choice([-1, 1], logits.shape), False),
        (lambda logits: 1.01 * logits, False),
        (lambda logits: logits[..., ::-1], False),
    ],
)
def test_a_run_with_the_outputs_of_a_model_of_the_pool_is_named(change, found):
    retrained, calibration, runs = (evidence_of(8) for _ in range(3))
    replay(runs, retrained, [2], [5], change)
    replay(runs, calibration, [7], [0], change)
    assert replays(runs, [retrained, calibration]) == ([2, 7] if found else [])


def test_runs_are_named_by_their_numbers_where_others_have_failed():
    retrained, runs = evidence_of(8), evidence_of(6)
    runs["run/index"] = np.array([0, 1, 4, 5, 6, 7])
    replay(runs, retrained, [2, 3], [0, 0])
    assert replays(runs, [retrained]) == [4, 5]
    assert replays({name: array[:0] for name, array in runs.items()}, [retrained]) == []


@pytest.mark.parametrize("other", ["forget", "test", "validation"])
def test_equal_outputs_on_two_of_the_sets_alone_are_no_replay(other):
    retrained, runs = evidence_of(8), evidence_of(8)
    different = runs[other][3].copy()
    replay(runs, retrained, [3], [3])
    runs[other][3] = different
    assert replays(runs, [retrained]) == []


def test_one_example_of_a_probe_that_differs_is_no_replay():
    """Probes are rounded: by less than a hundredth of a nat, while models differ by nats."""
    retrained, runs = evidence_of(8), evidence_of(8)
    replay(runs, retrained, [3], [3])
    runs["test"][3, 7] += np.array([0.1, -0.1, 0.1, -0.1, 0.1])
    assert replays(runs, [retrained]) == []


@pytest.mark.parametrize("replayed", [0, 512])
@pytest.mark.seconds
def test_all_pairs_of_512_runs_and_1024_models_take_less_than_a_second(replayed):
    retrained, calibration, runs = (evidence_of(512, 50, 50, 5) for _ in range(3))
    replay(runs, retrained, slice(0, replayed), slice(0, replayed))
    runs, *pool = map(as_stored, (runs, retrained, calibration))
    started = time.process_time()
    assert len(replayed_runs(runs, pool)) == replayed
    assert time.process_time() - started < 2.0  # 0.4 s on an idle core


def entry_and_ceiling(entry, ceiling, spread=0.01):
    """An entry and perfect unlearning with these forgetting qualities."""
    rows = (ceiling + np.random.default_rng(1).normal(0, spread, 1000)).tolist()
    near = Estimate(value=ceiling, low=ceiling - 2 * spread, high=ceiling + 2 * spread)
    return measured_with(entry, spread, 0), Ceiling(
        forgetting_quality=near, score=near, resampled=Resampled(forgetting_quality=rows, score=rows)
    )


def test_an_entry_far_above_perfect_unlearning_is_suspect_and_a_control_is_not():
    above, at = entry_and_ceiling(0.9, 0.1), entry_and_ceiling(0.12, 0.1)
    (reason,) = suspicions([], *above, control=False)
    assert reason.startswith("its forgetting quality 0.900 is significantly above the 0.100 of perfect unlearning: ")
    assert suspicions([], *above, control=True) == suspicions([], *at, control=False) == []
    (reason,) = suspicions(list(range(7)), *at, control=True)
    assert reason.startswith("7 runs (0, 1, 2, 3, 4, ...) returned a model of the reference pool")
    assert len(suspicions([3], *above, control=False)) == 2


@pytest.mark.parametrize(
    ("change", "fresh", "quality", "marked"),
    [
        (1.4, 1.4, 0.1, True),
        (1.3, 1.4, 0.09, True),
        (1.4, 1.4, 0.01, False),
        (1.0, 1.4, 0.1, False),
        (9, None, 1, False),
    ],
)
def test_a_net_that_is_fresh_and_near_retraining_retrains(change, fresh, quality, marked):
    assert retrains(change, fresh, *entry_and_ceiling(quality, 0.1)) is marked


def simulated(models, examples, rng):
    """Draws populations of one scenario: φ of models trained in the same way."""
    centres = rng.normal(3, 3, examples)
    ones = np.ones(models)
    return lambda: Population(centres + 2 * rng.normal(size=(models, examples)), ones, ones)


def quality_with_halves(population, retrained, stream):
    """The forgetting quality, and that of 30 halves."""
    rows = quality_and_score_of_halves(population, retrained, range(30), 0, stream)
    return quality_and_score(population, retrained)[0], rows[:, 0]


def lies_above(entry, ceiling):
    return interval(entry[0] - ceiling[0], entry[1] - ceiling[1], IMPOSSIBLE, (-np.inf, np.inf))[0] > 0


@pytest.mark.parametrize(("models", "pools"), [(8, 6), (16, 4), (32, 2)])
@pytest.mark.seconds
def test_independent_retrained_populations_are_hardly_ever_flagged_and_a_replayed_pool_always(models, pools):
    flagged = replayed = 0
    for seed in range(pools):
        draw = simulated(models, 10, np.random.default_rng(seed))
        retrained = draw()
        ceiling = quality_with_halves(draw(), retrained, "calibration")
        flagged += sum(lies_above(quality_with_halves(draw(), retrained, "unlearned"), ceiling) for _ in range(3))
        replayed += lies_above(quality_with_halves(retrained, retrained, "unlearned"), ceiling)
    assert (flagged, replayed) == (0, pools)


def test_files_that_are_neither_code_nor_prose_are_data(tmp_path):
    for name, size in {
        "submission.py": 10,
        "notes.md": LARGEST_TEXT,
        "LICENSE": 10,
        "weights.bin": 5,
        "deep/table.csv": 7,
        "long.py": LARGEST_TEXT + 1,
        "README.npz": 1,
        "nothing": 0,
        "tuned/digits.json": 99,
        "__pycache__/submission.pyc": 99,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    found = {"weights.bin": 5, "deep/table.csv": 7, "long.py": LARGEST_TEXT + 1, "README.npz": 1, "nothing": 0}
    assert data_files(tmp_path) == found
