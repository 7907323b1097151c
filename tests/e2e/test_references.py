"""Laws 1 and 2: a pool is a pure function of its scenario, and survives whatever happens to it."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from shared_fixtures import CROSS_ENTROPY

from benchmark.data import load_problem
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.errors import BenchError
from benchmark.metrics import logit_scaled_confidence
from benchmark.models.build import seeded_model
from benchmark.references import building
from benchmark.references import pool as references
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.pool import Pool
from benchmark.results.evidence import HIDDEN
from benchmark.session import Session
from benchmark.storage.block_store import write_block
from benchmark.storage.workspace import Workspace
from benchmark.training import train_model


def quiet(*_):
    pass


def blocks_of(pool):
    return {
        str(path.relative_to(pool.store.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in pool.store.folder.rglob("*.safetensors")
    }


def with_the_secret_of(workspace, root, scenario):
    """A workspace at `root` whose pool is to be trained from the same secret."""
    other = Workspace(root)
    folder = other.pool(scenario)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(workspace.pool(scenario) / "secret", folder / "secret")
    return other


def test_the_pool_lies_where_the_design_says(workspace, miniature):
    pool = Pool(Session(workspace), miniature)
    assert pool.store.folder == workspace.root / "reference_models" / f"miniature-{miniature.pool_hash}"
    assert set(blocks_of(pool)) == {
        f"{role}/000{b}.safetensors" for role in ("original", "retrained", "calibration", "hidden") for b in (0, 1)
    }


def test_a_second_preparation_trains_nothing(workspace, miniature):
    before = blocks_of(Pool(Session(workspace), miniature))
    Pool(Session(workspace, progress=lambda *_: pytest.fail("trained"), warn=pytest.fail), miniature).prepare()
    assert blocks_of(Pool(Session(workspace), miniature)) == before


def test_a_rebuilt_pool_is_bit_identical(workspace, miniature, tmp_path):
    again = Pool(Session(with_the_secret_of(workspace, tmp_path / "again", miniature), 2, warn=pytest.fail), miniature)
    again.prepare()
    assert blocks_of(again) == blocks_of(Pool(Session(workspace), miniature))


def test_a_larger_n_keeps_the_blocks_of_a_smaller_one(workspace, miniature, tmp_path):
    larger = with_the_secret_of(workspace, tmp_path / "large", miniature)
    large = Pool(Session(larger, warn=pytest.fail), miniature.with_models(12))
    large.prepare()
    small = Pool(Session(workspace), miniature)
    assert blocks_of(small).items() < blocks_of(large).items()
    assert [len(pool.evidence("retrained")["phi/forget"]) for pool in (small, large)] == [8, 12]


def put(name, change):
    """Write a block again, with its checksum on record, from what `change` makes of its arrays."""

    def damage(store):
        arrays = change(store.read(name)) if change else store.read("original/0000")
        store.record(name, write_block(store.path(name), arrays))

    return damage


def first_is(key, value):
    def change(arrays):
        array = arrays[key].copy()
        array.flat[0] = value
        return arrays | {key: array}

    return change


@pytest.mark.parametrize(
    ("name", "damage", "fault"),
    [
        ("retrained/0000", put("retrained/0000", None), r"holds weights/\d\.\w+, expected no weights"),
        (
            "retrained/0001",
            put("retrained/0001", lambda arrays: {key: array[:3] for key, array in arrays.items()}),
            r"holds 3 models in \w+/\w+, expected \d",
        ),
        (
            "calibration/0000",
            put("calibration/0000", lambda arrays: arrays | {"phi/test": arrays["phi/test"][:, :9]}),
            r"has phi/test as float16 \(4, 9\), expected float16 \(4, 10\)",
        ),
        (
            "calibration/0001",
            put("calibration/0001", first_is("phi/validation", np.nan)),
            "has numbers in phi/validation that are not finite",
        ),
        (
            "retrained/0000",
            put("retrained/0000", first_is("utility/retain", 1.5)),
            "has numbers in utility/retain outside of 0 to 1",
        ),
        (
            "original/0001",
            put("original/0001", lambda arrays: {k: a for k, a in arrays.items() if k != "weights/1.bias"}),
            r"has no array weights/1\.bias",
        ),
        (
            "original/0000",
            put("original/0000", lambda arrays: arrays | {"weights/1.bias": arrays["weights/1.bias"].astype("f8")}),
            r"has weights/1\.bias as float64 \(4, 16\), expected float32 \(4, 16\)",
        ),
        (
            "original/0001",
            put("original/0001", lambda arrays: {k: a for k, a in arrays.items() if k != "phi/test"}),
            "has no array phi/test",
        ),
    ],
)
def test_a_block_that_holds_something_else_is_named_and_made_anew(name, damage, fault, workspace, miniature):
    said = []
    pool = Pool(Session(workspace, warn=said.append), miniature)
    before = blocks_of(pool)
    damage(pool.store)
    with pytest.raises(BenchError, match=fault):
        pool.store.read(name)
    pool.prepare()
    assert blocks_of(pool) == before
    (sentence,) = said
    assert re.search(f"{name}.safetensors {fault}; set aside as {name[-4:]}.damaged, training it again", sentence)


def test_roles_that_were_swapped_are_named_and_made_anew(workspace, miniature):
    said = []
    pool = Pool(Session(workspace, warn=said.append), miniature)
    before = blocks_of(pool)
    known = pool.store.finished()
    one, other = "retrained/0000", "calibration/0000"
    contents = {name: pool.store.path(name).read_bytes() for name in (one, other)}
    for name, from_the in ((one, other), (other, one)):
        pool.store.path(name).write_bytes(contents[from_the])
        pool.store.record(name, known[from_the])
    with pytest.raises(BenchError, match=f"holds the block {other} in the place of {one}"):
        pool.evidence("retrained")
    pool.prepare()
    assert len(said) == 2
    assert blocks_of(pool) == before


def test_a_damaged_block_is_named_and_rebuilt_bit_identically(workspace, miniature):
    said = []
    pool = Pool(Session(workspace, warn=said.append), miniature)
    before = blocks_of(pool)
    path = pool.store.path("retrained/0001")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    pool.prepare()
    assert blocks_of(pool) == before
    assert len(said) == 1
    assert "retrained/0001.safetensors is damaged" in said[0]
    assert path.with_suffix(".damaged").exists()


@pytest.mark.parametrize("delay", [0.0, 2.5, 4.0, 5.0])
def test_a_pool_killed_at_any_moment_is_completed_bit_identically(
    delay, workspace, miniature, miniature_file, tmp_path
):
    root = with_the_secret_of(workspace, tmp_path / "killed", miniature).root
    code = (
        "import sys; from pathlib import Path; from benchmark.references.pool import Pool; "
        "from benchmark.scenario.schema import load_scenario; from benchmark.session import Session; "
        "from benchmark.storage.workspace import Workspace; "
        "print('go', flush=True); "
        "Pool(Session(Workspace(Path(sys.argv[2])), warn=print), load_scenario(sys.argv[1])).prepare()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(miniature_file), str(root)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout.readline() == b"go\n"
    process.stdout.close()
    time.sleep(delay / 10)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    pool = Pool(Session(Workspace(root), warn=pytest.fail), miniature)
    pool.prepare()
    assert blocks_of(pool) == blocks_of(Pool(Session(workspace), miniature))


@pytest.mark.long
def test_two_processes_on_one_pool_do_not_corrupt_it(workspace, miniature, miniature_file, tmp_path):
    root = with_the_secret_of(workspace, tmp_path / "shared", miniature).root
    (root / "submissions").mkdir(parents=True)
    command = [sys.executable, "-m", "benchmark.cli", "prepare", "--scenario", str(miniature_file), "--jobs", "1"]
    both = [subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in "ab"]
    assert [process.wait(120) for process in both] == [0, 0]
    assert blocks_of(Pool(Session(Workspace(root)), miniature)) == blocks_of(Pool(Session(workspace), miniature))


def test_two_that_prepare_one_pool_share_its_blocks_out(miniature, tmp_path, monkeypatch):
    trained = []
    meeting = threading.Barrier(2, timeout=60)  # which breaks if one has to wait for the other to finish

    def trained_block(block, device):
        if threading.get_ident() not in {who for who, *_ in trained}:
            meeting.wait()
        trained.append((threading.get_ident(), block.role, *block.seeds))
        return {HIDDEN: np.zeros(1)}

    monkeypatch.setattr(references, "train_models", trained_block)
    monkeypatch.setattr(references, "evaluate_originals_block", lambda *_: {HIDDEN: np.zeros(1)})
    monkeypatch.setattr(building, "PAUSE", 0.01)
    pools = [Pool(Session(Workspace(tmp_path), warn=quiet), miniature) for _ in "ab"]
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda pool: pool.prepare(), pools))
    assert len({who for who, *_ in trained}) == 2
    seeds = Pool(Session(Workspace(tmp_path)), miniature).seeds
    assert sorted(tuple(models) for _, *models in trained) == sorted(
        (role, *(seeds.of(role, index) for index in miniature.indices(block)))
        for role in ("original", "retrained", "calibration")
        for block in (0, 1)
    )
    assert len(blocks_of(pools[0])) == len(pools[0].store.finished()) == 8


def test_what_another_process_has_claimed_is_awaited_and_taken_over_when_it_dies(workspace, miniature, monkeypatch):
    said, looks = [], []
    pool = Pool(Session(workspace, warn=said.append), miniature)
    before = blocks_of(pool)
    pool.store.discard(["retrained/0001"])
    monkeypatch.setattr(building, "time", SimpleNamespace(sleep=looks.append))
    with ThreadPoolExecutor(1) as other:
        with pool.store.claim("retrained/0001") as ours:
            assert ours
            done = other.submit(pool.prepare)
            while len(looks) < 3:
                assert not done.done()
        # The claim has ended, as it does when its process is killed, and the block is still missing.
        assert done.result(60) is None
    assert said == [f"another process is training models of {pool.store.folder.name} too; the blocks are shared out"]
    assert blocks_of(pool) == before


def test_the_evidence_is_what_a_model_trained_alone_shows(workspace, miniature):
    problem = load_problem(miniature)
    pool = Pool(Session(workspace), miniature)
    for role, split in (("original", problem.train), ("retrained", problem.retain)):
        seed = pool.seed(role, 5)
        net = seeded_model(miniature.architecture, problem.input_shape, problem.outputs, seed)
        train_model(net, miniature.recipe, split, seed, CROSS_ENTROPY)
        evidence = {name: array[5] for name, array in pool.evidence(role).items()}
        for name in ("forget", "retain", "validation", "test"):
            examples = getattr(problem, name)
            with torch.no_grad():
                outputs = net(examples.inputs).numpy()
            right = outputs.argmax(1) == examples.targets.numpy()
            assert evidence[f"utility/{name}"] == pytest.approx(right.mean(), abs=0.011), name
            phi = logit_scaled_confidence(outputs, examples.targets.numpy())
            kept = phi if name == "forget" else phi[problem.evidence_form.probes[name]]
            np.testing.assert_allclose(evidence[f"phi/{name}"], kept, rtol=1e-2, atol=1e-3, err_msg=name)


def test_hidden_signals_are_those_of_the_models_at_the_inputs_of_the_pools_secret(workspace, miniature):
    problem, pool = load_problem(miniature), Pool(Session(workspace), miniature)
    hidden = draw_hidden_inputs(problem, pool.hidden_seed)
    for role, split in (("original", problem.train), ("retrained", problem.retain)):
        net = seeded_model(miniature.architecture, problem.input_shape, problem.outputs, pool.seed(role, 5))
        train_model(net, miniature.recipe, split, pool.seed(role, 5), CROSS_ENTROPY)
        with torch.no_grad():
            outputs = net(hidden.split.inputs).numpy()
        phi = logit_scaled_confidence(outputs, hidden.split.targets.numpy())
        kept = pool.evidence(role)["hidden/phi"][5]
        np.testing.assert_allclose(kept.T.flatten(), phi, rtol=1e-2, atol=1e-2)


def forget_hidden(pool, names):
    """Write blocks as the version before hidden signals did."""
    for name in names:
        arrays = {key: array for key, array in pool.store.read(name).items() if not key.startswith("hidden/")}
        pool.store.record(name, write_block(pool.store.path(name), arrays))


def test_retrained_models_without_hidden_signals_count_until_they_are_trained_again(workspace, miniature):
    said = []
    pool = Pool(Session(workspace, warn=said.append), miniature)
    before = blocks_of(pool)
    originals = {name: before[name] for name in before if name.startswith("original/")}
    forget_hidden(pool, ["retrained/0000", "calibration/0001"])
    pool.store.discard(["hidden/0000", "hidden/0001"])
    assert {role: "hidden/phi" in pool.evidence(role) for role in miniature.roles} == dict.fromkeys(
        miniature.roles, False
    )
    assert do_nothing(pool).lacks(("utility", "retain_phi")) is None
    pool.prepare()
    assert [sentence.partition(";")[0].partition(" have ")[2] for sentence in said] == [
        "no hidden signals, which earlier versions did not keep"
    ]
    assert blocks_of(pool) == before
    assert {name: blocks_of(pool)[name] for name in originals} == originals
    assert do_nothing(pool).lacks(("hidden",)) is unlearn_perfectly(pool).lacks(("hidden",)) is None


def test_only_originals_keep_their_weights(workspace, miniature):
    pool = Pool(Session(workspace), miniature)
    assert set(pool.original(0)) == {"1.weight", "1.bias", "3.weight", "3.bias"}
    assert not any(name.startswith("weights/") for name in pool.store.read("retrained/0000"))


def test_an_original_is_its_row_of_its_block(workspace, miniature):
    pool = Pool(Session(workspace), miniature)
    block = pool.store.read("original/0001")
    own = pool.original(miniature.protocol.block + 2)
    assert all(np.array_equal(tensor.numpy(), block[f"weights/{name}"][2]) for name, tensor in own.items())
    few = miniature.model_copy(update={"protocol": miniature.protocol.model_copy(update={"originals": 2})})
    assert torch.equal(Pool(Session(workspace), few).original(7)["1.bias"], pool.original(1)["1.bias"])
    with pytest.raises(BenchError, match="missing or damaged"):
        pool.store.row("original/0099", 0, "weights/")


def test_a_diverging_recipe_is_an_error_of_one_sentence(miniature, tmp_path):
    recipe = miniature.recipe.model_copy(update={"learning_rate": 1e12, "momentum": 0.99})
    pool = Pool(Session(Workspace(Path(tmp_path)), warn=pytest.fail), miniature.model_copy(update={"recipe": recipe}))
    with pytest.raises(BenchError, match=r"diverged; lower recipe\.learning_rate"):
        pool.prepare()


def test_the_calibration_models_are_a_second_independent_retrained_population(workspace, miniature):
    pool = Pool(Session(workspace), miniature)
    first, second = (pool.evidence(role)["phi/forget"] for role in ("retrained", "calibration"))
    assert first.shape == second.shape
    assert not np.isclose(first, second).all(axis=1).any()
    assert abs(first.mean() - second.mean()) < 0.5
