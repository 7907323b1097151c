"""The secret of a pool: drawn once, never shown, and models of two secrets are never mixed."""

import hashlib
import json
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from benchmark.errors import BenchError
from benchmark.references.pool import Pool
from benchmark.references.secret import make_secret, read_secret
from benchmark.results.outcome import has_evidence
from benchmark.results.scorecard import Scorecard
from benchmark.runs.runs import Runs
from benchmark.seeds import Seeds, derive_seed
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission

DRAWN = ("retrained", "calibration")


def quiet(*_):
    pass


def manifest(pool):
    return json.loads((pool.store.folder / "manifest.json").read_text())


def make_public(pool):
    """Make a pool look like one of the first version, with models from public seeds."""
    folder = pool.store.folder
    (folder / "secret").unlink(missing_ok=True)
    content = manifest(pool)
    content.pop("commitment", None)
    content["blocks"] = {name: own for name, own in content["blocks"].items() if name.startswith("original/")}
    (folder / "manifest.json").write_text(json.dumps(content))
    public = Pool(Session(Workspace(folder.parents[1]), warn=pytest.fail), pool.scenario, kind="public")
    public.prepare()
    return public


def test_seeds_follow_from_the_secret_except_those_of_originals():
    one, other, public = Seeds("aa", "00"), Seeds("aa", "01"), Seeds("aa")
    assert one.of("retrained", 3) == derive_seed("aa", "00", "retrained", 3)
    for role in (*DRAWN, "unlearned", "retrain", "nothing", "order"):
        assert len({seeds.of(role, 0) for seeds in (one, other, public)}) == 3
        assert one.of(role, 0) == Seeds("aa", "00").of(role, 0) != one.of(role, 1)
    assert one.of("original", 3) == other.of("original", 3) == public.of("original", 3)
    assert "00" not in repr(one)
    assert (one.kind, public.kind, public.commitment) == ("secret", "public", "")


def test_a_pool_holds_its_secret_for_its_user_and_publishes_the_commitment(workspace, miniature, bench):
    pool = Pool(Session(workspace), miniature)
    path = pool.store.folder / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = path.read_text()
    assert len(secret) == 64
    assert pool.seeds.secret == secret
    assert manifest(pool)["commitment"] == pool.seeds.commitment
    assert hashlib.sha256(path.read_bytes()).hexdigest() == pool.seeds.commitment
    done = bench("run", "--submission", "finetune")
    assert done.returncode == 0, done.stderr
    assert secret not in done.stdout + done.stderr
    for each in workspace.root.rglob("*"):
        if each.is_file() and each != path:
            assert secret.encode() not in each.read_bytes(), each
    own = next(each for each in workspace.root.rglob("finetune.json") if miniature.label in str(each))
    card = Scorecard.read(own)
    assert (card.seeds, card.commitment) == ("secret", pool.seeds.commitment)


def test_no_two_pools_share_retrained_models_but_all_share_originals(workspace, miniature, tmp_path):
    one = Pool(Session(workspace), miniature)
    other = Pool(Session(Workspace(tmp_path / "other"), warn=pytest.fail), miniature)
    other.prepare()
    assert one.seeds.commitment != other.seeds.commitment
    assert np.array_equal(*(pool.evidence("original")["phi/forget"] for pool in (one, other)))
    assert one.hidden_seed != other.hidden_seed
    first, second = (pool.evidence("original")["hidden/phi"] for pool in (one, other))
    assert not np.isclose(first, second, atol=1e-3).all(axis=(1, 2)).any()
    for role in DRAWN:
        first, second = (pool.evidence(role)["phi/forget"] for pool in (one, other))
        assert not np.isclose(first, second, atol=1e-3).all(axis=1).any()


@pytest.mark.long
def test_of_many_processes_that_begin_a_pool_one_draws_the_secret(miniature_file, tmp_path):
    code = (
        "import sys; from pathlib import Path; from benchmark import references; "
        "from benchmark.references.pool import Pool; from benchmark.scenario.schema import load_scenario; "
        "from benchmark.session import Session; from benchmark.storage.workspace import Workspace; "
        "session = Session(Workspace(Path(sys.argv[2])), warn=print); "
        "pool = Pool(session, load_scenario(sys.argv[1])); print('go', flush=True); "
        "sys.stdin.readline(); pool._settle(); print(pool.seeds.commitment)"
    )
    command = [sys.executable, "-c", code, str(miniature_file), str(tmp_path)]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdout.readline() == "go\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    commitments = {process.communicate(timeout=60)[0] for process in started}
    assert len(commitments) == 1
    assert len(commitments.pop().strip()) == 64


@pytest.mark.parametrize("change", ["gone", "another", "damaged"])
def test_models_of_another_secret_count_as_missing(change, workspace, miniature):
    pool = Pool(Session(workspace), miniature)
    before = {role: pool.evidence(role)["phi/forget"] for role in ("original", *DRAWN)}
    pool_hidden = pool.evidence("original")["hidden/phi"]
    path = pool.store.folder / "secret"
    if change == "gone":
        path.unlink()
    elif change == "another":
        make_secret(pool.store.folder)
    else:
        path.write_text("not hexadecimal")
    said = []
    changed = Pool(Session(workspace, warn=said.append), miniature)
    with pytest.raises(BenchError, match="were drawn from another secret than it holds; `bench prepare` trains them"):
        changed.evidence("retrained")
    changed.prepare()
    assert len(said) == 1
    assert said[0].endswith("another secret than it holds; they count as missing and are trained again")
    assert read_secret(pool.store.folder) == changed.seeds.secret != pool.seeds.secret
    assert manifest(changed)["commitment"] == changed.seeds.commitment
    assert np.array_equal(changed.evidence("original")["phi/forget"], before["original"])
    assert not np.array_equal(changed.evidence("original")["hidden/phi"], pool_hidden)
    for role in DRAWN:
        assert not np.isclose(changed.evidence(role)["phi/forget"], before[role], atol=1e-3).all(axis=1).any()
    Pool(Session(workspace, progress=lambda *_: pytest.fail("trained"), warn=pytest.fail), miniature).prepare()


def test_a_block_that_was_trained_from_an_earlier_secret_is_not_recorded(workspace, miniature):
    slow = Pool(Session(workspace), miniature)
    (slow.store.folder / "secret").unlink()
    Pool(Session(workspace, warn=quiet), miniature).prepare()
    before = manifest(slow)
    slow.store.record("retrained/0000", "0" * 64)
    assert manifest(slow) == before


def test_a_secret_that_cannot_be_read_is_one_sentence_and_stays(workspace, miniature, monkeypatch):
    folder = Pool(Session(workspace), miniature).store.folder
    (folder / "secret").unlink()
    (folder / "secret").mkdir()
    with pytest.raises(BenchError, match=r"secret cannot be read \(Is a directory\), expected the secret of a pool"):
        Pool(Session(workspace), miniature)


def test_a_pool_of_the_first_version_is_used_as_it_is(workspace, miniature, bench):
    public = make_public(Pool(Session(workspace), miniature))
    assert not (public.store.folder / "secret").exists()
    pool = Pool(Session(workspace, warn=pytest.fail), miniature)
    pool.store.discard(["retrained/0001"])  # also where something is missing of it
    pool.prepare()
    assert pool.seeds == Seeds(miniature.pool_hash)
    assert pool.seed("retrained", 5) == miniature.seed("retrained", 5)
    assert "commitment" not in manifest(pool)
    done = bench("run", "--submission", "finetune", "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["seeds"], json.loads(done.stdout)["commitment"]) == ("public", "")


def test_a_finished_pool_on_a_read_only_disk_is_read(workspace, miniature, monkeypatch):
    monkeypatch.setattr("benchmark.storage.block_store.hold", lambda *_: pytest.fail("took a lock"))
    pool = Pool(Session(workspace, warn=pytest.fail), miniature)
    pool.prepare()
    assert len(pool.evidence("retrained")["phi/forget"]) == 8


def test_runs_that_began_with_another_secret_are_made_again(workspace, miniature, bench):
    assert bench("run", "--submission", "finetune").returncode == 0
    submission = find_submission("finetune", workspace)
    assert has_evidence(miniature, submission, workspace)
    first = Runs(Pool(Session(workspace), miniature), submission).evidence()
    (Pool(Session(workspace), miniature).store.folder / "secret").unlink()
    assert not has_evidence(miniature, submission, workspace)
    done = bench("score", "--submission", "finetune")
    assert done.returncode == 2
    assert "there are no complete runs of finetune" in done.stderr
    done = bench("run", "--submission", "finetune")
    assert done.returncode == 0, done.stderr
    assert "the runs of finetune on record began with another secret; they are made again" in done.stderr
    second = Runs(Pool(Session(workspace), miniature), submission).evidence()
    assert not np.array_equal(first["phi/forget"], second["phi/forget"])
    assert second["run/index"].tolist() == list(range(8))


def test_the_environment_of_a_worker_holds_no_secret(workspace, miniature):
    assert Pool(Session(workspace), miniature).seeds.secret not in json.dumps(dict(os.environ))
