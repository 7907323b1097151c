"""The study: its variants on Gaussian φ whose order is known, and its files from stored evidence made by hand."""

import numpy as np
import pandas as pd
import pytest

from benchmark.data import load_problem
from benchmark.errors import BenchError
from benchmark.metrics import forgetting_quality, held_out_epsilon, published_epsilon
from benchmark.references.pool import Pool
from benchmark.runs.integrity import RECORD_LAYOUTS
from benchmark.runs.runs import Runs
from benchmark.session import Session
from benchmark.storage.block_store import write_block
from benchmark.study import evaluate_variants, quality_with_width, study, study_order
from benchmark.study import variants as module
from benchmark.submissions.source import find_submission

MODELS, EXAMPLES, SD = 128, 8, 2.0
SHIFTS = {"good": 0.3, "fair": 2.0, "poor": 5.0}


@pytest.fixture(scope="module", autouse=True)
def few_repetitions():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "REPETITIONS", 6)
        yield


def gaussian(seed, shift=0.0, models=MODELS):
    return np.random.default_rng(seed).normal(shift, SD, (models, EXAMPLES))


def variants(**changes):
    arguments = {
        "populations": {name: gaussian(i, shift) for i, (name, shift) in enumerate(SHIFTS.items(), start=10)},
        "retrained": gaussian(1),
        "calibration": gaussian(2),
        "utilities": dict.fromkeys(SHIFTS, 1.0),
        "delta": 1e-5,
        "originals": MODELS,
    }
    return evaluate_variants(**{**arguments, **changes})


@pytest.fixture(scope="module")
def rows():
    return variants()


def row(rows, family, value, models=MODELS):
    (found,) = rows[(rows.family == family) & (rows.value == value) & (rows.models == models)].itertuples()
    return found


def test_the_full_evaluation_is_the_published_scorer_and_agrees_with_itself(rows):
    full = row(rows, "models", "128")
    assert full.tau == 1.0
    assert full.repetitions == 1
    assert np.isnan(full.tau_low)
    expected = forgetting_quality(published_epsilon(gaussian(10, SHIFTS["good"]), gaussian(1)), MODELS)
    assert full.F_good == expected
    for family, value in (("attack", "both"), ("delta", "1e-05"), ("bucket", "0.5")):
        same = row(rows, family, value)
        assert (same.tau, same.F_good, same.null_F) == (1.0, full.F_good, full.null_F)


def test_well_separated_entries_keep_their_order_at_every_size(rows):
    sizes = rows[rows.family == "models"]
    assert list(sizes.models) == [32, 64, 128]
    assert (sizes.ranking == "good > fair > poor").all()


def test_entries_close_to_each_other_need_enough_models():
    close = {name: gaussian(seed, shift) for name, seed, shift in (("a", 50, 1.0), ("b", 51, 1.5), ("c", 52, 2.0))}
    rows = variants(populations=close, utilities=dict.fromkeys(close, 1.0))
    sizes = rows[rows.family == "models"].set_index("models")
    few, more = sizes.loc[32], sizes.loc[64]
    assert few.tau_low < few.tau <= few.tau_high
    assert few.tau < more.tau
    assert more.tau_high - more.tau_low < few.tau_high - few.tau_low


def test_subsets_are_the_same_every_time(rows):
    pd.testing.assert_frame_equal(variants(), rows)


def test_the_utility_decides_between_equals():
    same = gaussian(10, 1.0)
    rows = variants(populations={"a": same, "b": same}, utilities={"a": 0.8, "b": 0.9})
    assert (rows.ranking == "b > a").all()
    tied = variants(populations={"a": same, "b": same}, utilities={"a": 0.9, "b": 0.9})
    assert (tied.ranking == "a = b").all()


@pytest.mark.parametrize("value", ["single", "held-out"])
def test_other_attacks_are_less_biased_under_the_null(rows, value):
    assert row(rows, "attack", value).null_F >= row(rows, "models", "128").null_F


def test_the_lower_bound_is_not_biased_and_calibrated_is_one_by_construction(rows):
    assert row(rows, "estimate", "lower-bound").null_F == 1.0
    calibrated, full = row(rows, "estimate", "calibrated"), row(rows, "models", "128")
    assert calibrated.null_F == 1.0
    assert calibrated.F_fair == pytest.approx(full.F_fair / full.null_F)
    assert calibrated.ranking == full.ranking


def test_cost_counts_originals_and_retrained_models():
    rows = variants(originals=40)
    cost = rows[rows.family == "models"].set_index("models").trained
    assert cost.to_dict() == {32: 64, 64: 104, 128: 168}
    assert row(rows, "estimate", "calibrated").trained == 296


def test_one_original_is_compared_when_there_is_evidence(rows):
    assert "originals" not in set(rows.family)
    single = {name: gaussian(i, 5.0) for i, name in enumerate(SHIFTS, start=30)}
    compared = variants(one_original=single)
    one = row(compared, "originals", "1")
    assert one.trained == 1 + MODELS
    assert one.F_good < row(compared, "originals", "128").F_good


def test_parts_of_the_published_attacks_find_no_more_than_both():
    for seed, shift in enumerate((0.0, 1.0, 4.0)):
        unlearned, retrained = gaussian(seed, shift), gaussian(40 + seed)
        both = published_epsilon(unlearned, retrained, 1e-5)
        parts = [published_epsilon(unlearned, retrained, attacks=family) for family in ("single", "double")]
        assert (parts[0] <= both).all()
        np.testing.assert_array_equal(np.maximum(*parts), both)


def test_held_out_finds_nothing_in_equal_and_much_in_separated_samples():
    same, apart = gaussian(1, models=512), gaussian(2, 100.0, models=512)
    null = held_out_epsilon(gaussian(3, models=512), same, 1e-5)
    assert null.mean() < published_epsilon(gaussian(3, models=512), same).mean()
    np.testing.assert_allclose(held_out_epsilon(apart, same, 1e-5), np.log(513), rtol=1e-3)


@pytest.mark.parametrize("models", [4, 33, 128, 512])
def test_half_a_nat_is_the_published_bucket(models):
    epsilon = np.append(np.linspace(0, 8, 161), [50.0])
    assert quality_with_width(epsilon, models, 0.5) == forgetting_quality(epsilon, models)


def test_wider_buckets_are_more_lenient():
    epsilon = np.linspace(0, 8, 161)
    narrow, published, wide = (quality_with_width(epsilon, 512, width) for width in (0.25, 0.5, 1.0))
    assert narrow < published < wide
    assert quality_with_width(np.array([50.0]), 512, 1.0) == 0


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="1 entries, expected at least 2"):
        variants(populations={"good": gaussian(1)}, utilities={"good": 1.0})
    with pytest.raises(ValueError, match="fair has shape"):
        variants(populations={"good": gaussian(1), "fair": gaussian(1)[:5], "poor": gaussian(1)})
    with pytest.raises(ValueError, match="utilities is for"):
        variants(utilities={"good": 1.0})


@pytest.fixture
def scenario(miniature):
    return miniature.with_models(64)


@pytest.fixture
def stored(scenario, submit, workspace):
    """Writes random evidence of the pool and of two entries, without a model."""

    form = load_problem(scenario).evidence_form

    def evidence(seed, indices):
        rng = np.random.default_rng(seed)
        layouts = form.layouts(indices)
        arrays = {
            name: rng.normal(0, 1, (layout.models or len(indices), *layout.shape)).astype(layout.dtype)
            for name, layout in layouts.items()
        }
        return arrays | {name: rng.uniform(0.9, 1.0, len(indices)) for name in arrays if name.startswith("utility/")}

    def records(first, size):
        arrays = {name: np.zeros((size, *layout.shape), layout.dtype) for name, layout in RECORD_LAYOUTS.items()}
        return {**arrays, "run/index": np.arange(first, first + size)}

    def fill(store, role, seed, failed=0):
        with store.lock():
            if not store.is_current():
                with store.lock_manifest():
                    store.renew(lambda name: False)
            for block in scenario.blocks(scenario.protocol.models):
                name, size = f"{role}/{block:04d}", scenario.protocol.block - (failed if block == 0 else 0)
                arrays = evidence([seed, block], scenario.indices(block)[:size])
                if role == "unlearned":
                    arrays |= records(block * scenario.protocol.block, size)
                store.record(name, write_block(store.path(name), arrays))

    pool = Pool(Session(workspace), scenario)
    for seed, role in enumerate(("retrained", "calibration", "original")):
        fill(pool.store, role, seed)

    def entry(name, chosen=scenario, failed=0):
        submission = find_submission(submit("", name), workspace)
        fill(Runs(Pool(Session(workspace), chosen), submission).store, "unlearned", len(name), failed=failed)

    entry("one")
    entry("other")
    return entry


def test_study_writes_a_table_and_a_plot(scenario, stored, workspace):
    said, steps = [], []
    rows = study(
        Session(workspace, progress=lambda *step: steps.append(step), warn=said.append), scenario, ["one", "other"]
    )
    folder = workspace.results / "studies"
    assert sorted(path.name for path in folder.iterdir()) == [f"{scenario.label}.csv", f"{scenario.label}.png"]
    written = pd.read_csv(folder / f"{scenario.label}.csv")
    assert list(written.columns) == list(rows.columns)
    np.testing.assert_allclose(written.F_other, rows.F_other, rtol=1e-5)
    assert (folder / f"{scenario.label}.png").read_bytes().startswith(b"\x89PNG")
    assert steps[-1] == (module._LABEL, len(module.ESTIMATORS) * 2, len(module.ESTIMATORS) * 2)
    (sentence,) = said
    assert "one original against 64 is left out" in sentence
    assert "for one, other" in sentence


def test_study_finds_the_evidence_with_one_original_under_any_name(scenario, stored, workspace):
    protocol = scenario.protocol.model_copy(update={"originals": 1})
    single = scenario.model_copy(update={"name": "miniature-single", "protocol": protocol})
    stored("one", single)
    stored("other", single)
    rows = study(Session(workspace, warn=pytest.fail), scenario, ["one", "other"])
    assert list(rows[rows.family == "originals"].value) == ["1", "64"]


def test_an_entry_whose_failures_were_allowed_is_left_out(scenario, stored, workspace):
    stored("unlucky", failed=1)
    said = []
    rows = study(Session(workspace, warn=said.append), scenario, ["one", "unlucky", "other"])
    assert "F_other" in rows
    assert "F_unlucky" not in rows
    assert said[0] == "unlucky is left out: it has 63 of 64 runs, and a study needs all of them"
    with pytest.raises(BenchError, match="needs two or more; got one"):
        study(Session(workspace, warn=said.append), scenario, ["one", "unlucky"])


def test_missing_evidence_is_named_with_the_command_that_makes_it(scenario, stored, workspace, submit):
    submit("", "absent")
    command = r"`bench run --submission absent --scenario miniature\.toml --models 64`"
    with pytest.raises(BenchError, match=command):
        study(Session(workspace, warn=pytest.fail), scenario, ["one", "absent"])
    Pool(Session(workspace), scenario).store.path("calibration/0003").unlink()
    with pytest.raises(BenchError, match=r"`bench prepare --scenario miniature\.toml --models 64`"):
        study(Session(workspace, warn=pytest.fail), scenario, ["one", "other"])
    with pytest.raises(BenchError, match="needs two or more; got one"):
        study(Session(workspace, warn=pytest.fail), scenario, ["one"])


@pytest.mark.long
def test_the_study_of_the_order_writes_its_table(bench, scenario, stored, workspace):
    done = bench("study", "--order", "one", "other", "--models", "64")
    assert done.returncode == 0, done.stderr
    assert "tau_low" in done.stdout
    written = pd.read_csv(workspace.results / "studies" / f"order-{scenario.label}.csv")
    assert {"models", "tau", "tau_low", "tau_high"} <= set(written.columns)
    assert list(written.models)[-3:] == [16, 32, 64]
    assert f"order-{scenario.label}.csv" in done.stdout.replace("\n", "")


def test_the_study_of_the_order_says_what_it_cannot_do(bench, scenario, stored, workspace):
    with pytest.raises(BenchError, match="needs two or more; got one"):
        study_order(Session(workspace, warn=pytest.fail), scenario, ["one"])
    with pytest.raises(BenchError, match="N is 32, and a quarter of it orders nothing: --order takes at least 64"):
        study_order(Session(workspace, warn=pytest.fail), scenario.with_models(32), ["one", "other"])
    refused = bench("study", "--planted", "--order", scenario=None)
    assert refused.returncode == 2
    assert "--order came beside --planted" in refused.stderr
