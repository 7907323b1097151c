"""Blocks of the first form, with logits, on the disk: read, scored as before, never trained again or set aside."""

import numpy as np
import pytest
from first_form import kept_first, write_first

from benchmark.data import load_problem
from benchmark.errors import BadRecord
from benchmark.metrics import logit_scaled_confidence, mean_classifier_mia_svm, quality_and_score
from benchmark.metrics.bootstrap import Population
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.kinds.classifier_mia import classifier_mia_svm
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.pool import Pool
from benchmark.results.evidence import SPLITS
from benchmark.runs.integrity import RECORD_LAYOUTS
from benchmark.runs.runs import Runs
from benchmark.session import Session
from benchmark.storage import block_store as storage
from benchmark.storage.block_store import block_bytes, write_block
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission

ROLES = ("original", "retrained", "calibration", "unlearned")


def draw(problem, seed, models):
    rng = np.random.default_rng(seed)
    return {
        split: rng.normal(0, 3, (models, len(getattr(problem, split)), problem.outputs)).astype(np.float32)
        for split in SPLITS
    }


def silent(workspace):
    return Session(workspace, progress=lambda *_: None, warn=pytest.fail)


@pytest.fixture
def old(workspace, miniature):
    """The pool and the runs of identity as the first version left them, and the logits that they were made of."""
    pool, problem = Pool(silent(workspace), miniature), load_problem(miniature)
    targets = {split: getattr(problem, split).targets.numpy() for split in SPLITS}
    runs = Runs(pool, find_submission("identity", workspace, miniature))
    with runs.store.lock(), runs.store.lock_manifest():
        runs.store.renew(lambda name: False)
    size, logits = miniature.protocol.block, {}
    for number, role in enumerate(ROLES):
        blocks = [draw(problem, [number, block], size) for block in (0, 1)]
        logits[role] = {split: np.concatenate([block[split] for block in blocks]) for split in SPLITS}
        for block, drawn in enumerate(blocks):
            name, arrays = f"{role}/{block:04d}", kept_first(drawn, targets)
            if role == "unlearned":
                records = {key: np.zeros((size, *layout.shape), layout.dtype) for key, layout in RECORD_LAYOUTS.items()}
                write_first(runs.store, name, arrays | records | {"run/index": np.arange(4) + 4 * block})
                continue
            weights = {key: array for key, array in pool.store.read(name).items() if key.startswith("weights/")}
            write_first(pool.store, name, {f"evidence/{key}": array for key, array in arrays.items()} | weights)
    return pool, runs, logits, targets


def population_of(logits, targets):
    """The first version's reading of logits."""
    right = {split: (logits[split].argmax(-1) == targets[split]).mean(axis=1) for split in SPLITS}
    phi = logit_scaled_confidence(logits["forget"], targets["forget"])
    return Population(phi, right["retain"], right["test"])


def test_old_evidence_gives_the_numbers_that_it_gave(old, miniature):
    pool, runs, logits, targets = old
    evidence, retrained = runs.evidence(), pool.evidence("retrained")
    unlearned, reference = (model_evidence(each, retrained, miniature.task) for each in (evidence, retrained))
    expected = [population_of(logits[role], targets) for role in ("unlearned", "retrained")]
    assert (
        quality_and_score(unlearned.population, reference.population).tolist() == quality_and_score(*expected).tolist()
    )
    forget, test = (logits["unlearned"][split] for split in ("forget", "test"))
    attack = mean_classifier_mia_svm(forget, targets["forget"], test, targets["test"], seed=0)
    assert classifier_mia_svm.compute(EvidencePair(unlearned, reference)).value == attack.accuracy
    assert evidence["run/index"].tolist() == list(range(8))
    assert (unlearned.probes.keys(), reference.probes.keys()) == ({"validation", "test"}, {"validation", "test"})


def test_old_originals_are_not_trained_again_and_nothing_old_is_set_aside(old, workspace, trained_pool, miniature):
    pool, runs, _, _ = old
    before, said = pool.store.finished(), []
    Pool(Session(workspace, warn=said.append), miniature).prepare()
    assert ["hidden signals" in sentence for sentence in said] == [True]
    after = pool.store.finished()
    assert {name for name in before if after[name] != before[name]} == {
        f"{role}/{block:04d}" for role in ("retrained", "calibration") for block in (0, 1)
    }
    Pool(Session(workspace, progress=lambda *_: pytest.fail("trained"), warn=pytest.fail), miniature).prepare()
    assert runs.discard_damaged() == {}
    whole = Pool(silent(Workspace(trained_pool)), miniature)
    assert all(np.array_equal(array, whole.original(5)[name]) for name, array in pool.original(5).items())


def test_an_old_block_can_be_written_in_the_present_form(old):
    pool, runs, _, _ = old
    for store, name in ((pool.store, "retrained/0001"), (runs.store, "unlearned/0000")):
        converted = store.read(name)
        content = block_bytes(name, converted)
        assert store.fault_of(name, content) == ""
        store.adopt({name: content})
        again = store.read(name)
        assert again.keys() == converted.keys()
        assert all(np.array_equal(again[key], converted[key]) for key in again)


def test_old_and_new_blocks_make_one_population(old, workspace, trained_pool, miniature):
    pool, _, logits, targets = old
    new = Pool(silent(Workspace(trained_pool)), miniature).store.read("retrained/0001")
    pool.store.record("retrained/0001", write_block(pool.store.path("retrained/0001"), new))
    mixed = pool.evidence("retrained")
    phi = logit_scaled_confidence(logits["retrained"]["forget"], targets["forget"])
    assert np.array_equal(mixed["phi/forget"], np.concatenate([phi[:4], new["phi/forget"]]))
    assert "phi/retain" not in mixed
    assert len(mixed["attacked/test"]) == 8


def test_a_damaged_old_block_is_named(old):
    pool, _, logits, targets = old
    short = {split: array[:4] if split != "test" else array[:4, :9] for split, array in logits["retrained"].items()}
    first = kept_first(short, {**targets, "test": targets["test"][:9]})
    write_first(pool.store, "retrained/0000", {f"evidence/{key}": array for key, array in first.items()})
    with pytest.raises(BadRecord, match=r"has test_logits as float32 \(4, 9, 10\), expected float32 \(4, 100, 10\)"):
        pool.evidence("retrained")
    write_first(pool.store, "original/0000", {f"evidence/{key}": array for key, array in first.items()})
    with pytest.raises(BadRecord, match="has test_logits as"):
        pool.evidence("original")


def test_a_block_of_a_later_version_is_refused_and_left_where_it_is(workspace, miniature, monkeypatch):
    pool = Pool(silent(workspace), miniature)
    arrays = pool.store.read("retrained/0000")
    with monkeypatch.context() as later:
        later.setattr(storage, "FORM", 3)
        pool.store.record("retrained/0000", write_block(pool.store.path("retrained/0000"), arrays))
    with pytest.raises(BadRecord, match=r"is of form 3, which a later version wrote, expected 2 at most"):
        pool.prepare()
    assert pool.store.path("retrained/0000").exists()


# --- what every board knows without a run


def test_doing_nothing_is_what_the_runs_of_identity_leave(finished, miniature):
    pool = Pool(silent(finished), miniature)
    runs = Runs(pool, find_submission("identity", finished, miniature)).evidence()
    originals, found = pool.evidence("original"), do_nothing(pool)
    assert originals.keys() == {name for name in runs if not name.startswith("run/")}
    assert all(np.array_equal(originals[name], runs[name]) for name in originals)
    expected = model_evidence(runs, pool.evidence("retrained"), miniature.task)
    assert np.array_equal(found.unlearned.signals, expected.signals)
    assert found.lacks(("utility", "features", "retain_phi", "validation_phi", "test_phi")) is None
    assert found.delta == miniature.protocol.delta


def test_runs_that_share_originals_share_what_doing_nothing_leaves(workspace, miniature):
    protocol = miniature.protocol.model_copy(update={"originals": 3})
    few = do_nothing(Pool(silent(workspace), miniature.model_copy(update={"protocol": protocol})))
    every = do_nothing(Pool(silent(workspace), miniature))
    shared = [0, 1, 2, 0, 1, 2, 0, 1]
    assert np.array_equal(few.unlearned.signals, every.unlearned.signals[shared])
    assert np.array_equal(few.unlearned.utility["test"], every.unlearned.utility["test"][shared])
    assert few.unlearned.attacked is None


def test_perfect_unlearning_is_the_calibration_models(workspace, miniature):
    pool = Pool(silent(workspace), miniature)
    found = unlearn_perfectly(pool)
    assert np.array_equal(found.unlearned.signals, pool.evidence("calibration")["phi/forget"])
    assert np.array_equal(found.retrained.signals, pool.evidence("retrained")["phi/forget"])
