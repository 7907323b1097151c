"""Pools in one file: carried to another clone, united, and believed only once they are checked."""

import hashlib
import json
import shutil
import stat
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import REPOSITORY
from safetensors.numpy import load, save

from benchmark.bundle.pools import PoolContents, find_pool_faults
from benchmark.bundle.shipped import begin_with_shipped
from benchmark.metrics import detectable
from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak import measure_leak
from benchmark.metrics.leak_score import mean_leak
from benchmark.references.pool import Pool
from benchmark.references.secret import read_secret, write_secret
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace


@pytest.fixture
def exported(bench, workspace, tmp_path):
    """The file that `bench pool export` makes of the miniature's pool."""
    path = tmp_path / "miniature.zip"
    done = bench("pool", "export", path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def clone(workspace, monkeypatch, tmp_path):
    """A workspace with the same submissions and no pool; the current folder."""
    clone = Workspace(tmp_path / "clone")
    shutil.copytree(workspace.submissions, clone.submissions)
    monkeypatch.chdir(clone.root)
    return clone


@pytest.fixture
def untrained(monkeypatch):
    """Fails where a model would be trained."""

    def forbidden(*_, **__):
        pytest.fail("nothing is to be trained")

    monkeypatch.setattr("benchmark.references.models.train_block", forbidden)


def change(path, into, edit):
    """Write to `into` a file whose members, a list of (name, bytes), are edited."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(into, "w") as archive, warnings.catch_warnings(action="ignore"):  # the same name twice
        for name, content in edit(members):
            archive.writestr(name, content)
    return into


def said(done):
    assert "Traceback" not in done.stderr
    return " ".join((done.stdout + done.stderr).split())


def listed(path):
    with zipfile.ZipFile(path) as archive:
        return PoolContents.model_validate_json(archive.read("pool.json"))


def test_a_pool_goes_on_elsewhere_as_the_one_that_it_is(exported, clone, workspace, bench, miniature, untrained):
    assert stat.S_IMODE(exported.stat().st_mode) & 0o077 == 0  # it holds the secret
    assert f"{exported.name} is whole" in said(bench("pool", "verify", exported))
    done = bench("pool", "import", exported)
    assert done.returncode == 0, done.stderr
    there, here = (place.pool(miniature) for place in (workspace, clone))
    for path in there.rglob("*.safetensors"):
        assert (here / path.relative_to(there)).read_bytes() == path.read_bytes()
    assert read_secret(here) == read_secret(there)
    assert stat.S_IMODE((here / "secret").stat().st_mode) == 0o600
    pool = Pool(Session(clone, warn=pytest.fail), miniature)
    pool.prepare()  # nothing is missing
    own, other = (each.evidence("retrained") for each in (pool, Pool(Session(workspace), miniature)))
    assert np.array_equal(own["phi/forget"], other["phi/forget"])
    assert "imported 0 blocks" in said(bench("pool", "import", exported))  # all of it is here


def test_the_same_pool_makes_the_same_file(exported, bench, tmp_path):
    again = tmp_path / "again.zip"
    assert bench("pool", "export", again).returncode == 0
    assert again.read_bytes() == exported.read_bytes()


@pytest.mark.long
def test_with_evidence_alone_only_originals_are_trained(
    exported, clone, workspace, bench, miniature, tmp_path, monkeypatch
):
    alone = tmp_path / "evidence.zip"
    monkeypatch.chdir(workspace.root)
    assert bench("pool", "export", alone, "--evidence-only").returncode == 0
    assert not any("original" in name or "hidden" in name for name in listed(alone).members)
    assert alone.stat().st_size < exported.stat().st_size
    monkeypatch.chdir(clone.root)
    assert bench("pool", "import", alone).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in clone.pool(miniature).rglob("*.safetensors")}
    assert before
    done = bench("run", "finetune", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    new = {path.parent.name for path in clone.pool(miniature).rglob("*.safetensors") if path not in before}
    assert new == {"original", "hidden"}
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    card = next(clone.results.glob("scorecards/miniature-*/finetune.json"))
    assert json.loads(card.read_text())["commitment"] == Pool(Session(workspace), miniature).seeds.commitment


def test_another_pool_of_the_same_scenario_stays(exported, clone, bench, miniature):
    folder = clone.pool(miniature)
    folder.mkdir(parents=True)
    write_secret(folder, 64 * "1")
    done = bench("pool", "import", exported)
    assert done.returncode == 2
    assert "is a pool of your own, drawn from another secret" in said(done)
    assert [path.name for path in folder.iterdir()] == ["secret"]


def swap(members):
    other = dict(members)["calibration/0000.safetensors"]
    return [(name, other if "retrained/0000" in name else own) for name, own in members]


def relist(members, **changes):
    """Change members and the list of their checksums alike, as whoever forges a file would."""
    content = json.loads(dict(members)["pool.json"])
    found = {name: changes.get(name, own) for name, own in members if name != "pool.json"}
    found |= {name: own for name, own in changes.items() if name not in found}
    content["members"] = {name: hashlib.sha256(own).hexdigest() for name, own in found.items()}
    return [("pool.json", json.dumps(content).encode()), *found.items()]


def shrunk(members):
    block = load(dict(members)["retrained/0000.safetensors"])
    return save({name: array[:1] for name, array in block.items()})


FAULTS = {
    "a member is damaged": (lambda m: [(n, c[:-9] if "retrained/0001" in n else c) for n, c in m], "retrained/0001"),
    "two members changed places": (swap, "its checksum is not the one on the list"),
    "a member is another block": (
        lambda m: relist(m, **{"retrained/0000.safetensors": dict(m)["calibration/0000.safetensors"]}),
        "holds the block calibration/0000 in the place of retrained/0000",
    ),
    "arrays are too small": (lambda m: relist(m, **{"retrained/0000.safetensors": shrunk(m)}), "retrained/0000"),
    "a name leads elsewhere": (lambda m: relist(m, **{"../../evil.safetensors": b"x"}), "is surplus"),
    "a role is unknown": (lambda m: relist(m, **{"trained/0000.safetensors": b"x"}), "is surplus"),
    "a member stands twice": (lambda m: [*m, m[-1]], "is in it 2 times"),
    "the list is gone": (lambda m: m[1:], "is not an exported pool: pool.json is missing"),
    "the secret is none": (
        lambda m: [(n, json.dumps({**json.loads(c), "secret": "x"}).encode() if n == "pool.json" else c) for n, c in m],
        "is not an exported pool: pool.json: secret",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_visible_of_a_file_with_a_fault(fault, exported, clone, bench, miniature, tmp_path):
    edit, sentence = FAULTS[fault]
    wrong = change(exported, tmp_path / "wrong.zip", edit)
    for command in ("verify", "import"):
        done = bench("pool", command, wrong)
        assert done.returncode == 2
        assert sentence in said(done)
    assert not clone.pools.exists() or not list(clone.pools.rglob("*.safetensors"))
    assert read_secret(clone.pool(miniature)) is None


def test_what_is_no_file_of_a_pool_is_one_sentence(exported, clone, bench, tmp_path):
    (tmp_path / "text.zip").write_text("no zip")
    for given, sentence in (
        (("verify", tmp_path / "text.zip"), "is not an exported pool"),
        (("import", tmp_path / "absent.zip"), "give the path of a file that `bench pool export` wrote"),
        (("export", tmp_path), "is a folder, expected a file to write the pool to"),
        (("export", tmp_path / "new.zip"), "has no models to export; `bench prepare` trains them"),
        (("merge", exported, exported, "--to", tmp_path), "is a folder, expected a file to write the pool to"),
        (("merge", exported, "--to", tmp_path / "m.zip"), "came alone, expected two exported pools or more"),
    ):
        done = bench("pool", *given, **({"scenario": None} if "merge" in given else {}))
        assert done.returncode == 2, given
        assert sentence in said(done)
    assert not (tmp_path / "new.zip").exists()


def test_parts_of_a_pool_are_united_and_what_does_not_belong_is_refused(exported, clone, bench, miniature, tmp_path):
    def part(name, kept):
        return change(
            exported,
            tmp_path / name,
            lambda members: relist([(n, c) for n, c in members if n == "pool.json" or kept(n)]),
        )

    one = part("one.zip", lambda name: "retrained" not in name)
    other = part("other.zip", lambda name: "retrained" in name or "calibration/0000" in name)
    whole = tmp_path / "whole.zip"
    done = bench("pool", "merge", one, other, "--to", whole, scenario=None)
    assert done.returncode == 0, done.stderr
    assert "differ" not in done.stderr
    assert listed(whole).members == listed(exported).members
    assert not find_pool_faults(Session(clone), miniature, whole)

    def redrawn(members):
        content = {**json.loads(dict(members)["pool.json"]), "secret": 64 * "1"}
        return [("pool.json", json.dumps(content).encode()), *[own for own in members if own[0] != "pool.json"]]

    others = change(exported, tmp_path / "redrawn.zip", redrawn)
    done = bench("pool", "merge", one, others, "--to", tmp_path / "no.zip", scenario=None)
    assert (done.returncode, (tmp_path / "no.zip").exists()) == (2, False)
    assert "is of another secret, expected the pool of" in said(done)
    other_block = {"retrained/0000.safetensors": b"others"}
    another = change(exported, tmp_path / "another.zip", lambda members: relist(members, **other_block))
    done = bench("pool", "merge", exported, another, "--to", whole, scenario=None)
    assert "1 (retrained/0000.safetensors) differ between the files" in said(done)
    assert listed(whole).members == listed(exported).members


@pytest.mark.long
def test_retrained_models_of_another_secret_are_as_good(miniature, tmp_path):
    """Two pools' retrained models are draws of one population: nothing tells them apart, where originals stand out."""
    found = []
    for secret in ("2", "3"):
        workspace = Workspace(tmp_path / secret)
        scenario = miniature.with_models(64)
        workspace.pool(scenario).mkdir(parents=True)
        write_secret(workspace.pool(scenario), 64 * secret)
        pool = Pool(Session(workspace, warn=pytest.fail), scenario)
        pool.prepare()
        found.append((pool.evidence("retrained")["phi/forget"], pool.evidence("original")["phi/forget"]))
    (own, original), (other, _) = found
    assert not np.array_equal(own, other)
    rows = mean_leak(measure_leak(own, other))
    assert jackknife_estimate(rows[0], rows[1:]).low <= 0 <= jackknife_estimate(rows[0], rows[1:]).high
    assert not detectable(own, other)[1].any()
    leaking = mean_leak(measure_leak(original, other))
    assert jackknife_estimate(leaking[0], leaking[1:]).low > 0


@pytest.fixture
def shipped(exported, workspace, clone, bench, miniature, tmp_path, monkeypatch):
    """A clone in which the retrained models of the miniature ship."""
    monkeypatch.chdir(workspace.root)
    assert bench("pool", "export", clone.shipped_pool(miniature), "--evidence-only").returncode == 0
    monkeypatch.chdir(clone.root)
    return clone


@pytest.mark.long
def test_what_ships_is_not_trained_and_rows_say_that_everybody_can_know_its_secret(shipped, bench, miniature, tmp_path):
    done = bench("run", "finetune", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "the retrained models of miniature come with the package" in said(done)
    trained = {path.parent.name for path in shipped.pool(miniature).rglob("*.safetensors")}
    assert trained == {"original", "hidden", "retrained", "calibration"}
    card = json.loads(next(shipped.results.glob("scorecards/miniature-*/finetune.json")).read_text())
    assert (card["seeds"], card["commitment"]) == ("public", listed_commitment(shipped.shipped_pool(miniature)))
    assert "come with the package" not in bench("run", "finetune", "--jobs", "1").stderr  # it was begun
    refused = bench("prepare", "--own")
    assert (refused.returncode, "began with the retrained models that ship" in said(refused)) == (2, True)
    carried = tmp_path / "carried.zip"
    assert bench("pool", "export", carried).returncode == 0
    assert listed(carried).published
    shutil.rmtree(shipped.pools)
    assert bench("pool", "import", carried).returncode == 0
    assert Pool(Session(shipped), miniature).seeds.kind == "public"


def listed_commitment(path):
    return hashlib.sha256(listed(path).secret.encode()).hexdigest()


@pytest.mark.long
def test_a_pool_of_ones_own_has_a_secret_of_its_own(shipped, bench, miniature):
    done = bench("prepare", "--own", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "come with the package" not in done.stderr
    pool = Pool(Session(shipped), miniature)
    assert pool.seeds.kind == "secret"
    assert pool.seeds.commitment != listed_commitment(shipped.shipped_pool(miniature))


def test_a_shipped_file_that_is_damaged_costs_nothing_but_time(shipped, bench, miniature):
    shipped.shipped_pool(miniature).write_bytes(b"damaged")
    done = bench("prepare", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert "is not an exported pool" in said(done)
    assert "until then all models are trained here" in said(done)
    assert Pool(Session(shipped), miniature).seeds.kind == "secret"


def test_the_files_that_ship_are_whole_and_of_their_scenarios():
    files = sorted((REPOSITORY / "leaderboard/evidence/pools").glob("*.zip"))
    assert files
    for path in files:
        contents = listed(path)
        scenario = load_scenario(contents.scenario)
        assert path.name == f"{scenario.name}-{scenario.pool_hash}.zip"
        blocks = scenario.blocks(scenario.protocol.models)
        assert contents.blocks == sorted(f"{role}/{at:04d}" for role in ("calibration", "retrained") for at in blocks)
        assert not find_pool_faults(Session(Workspace(REPOSITORY)), scenario, path)


def test_two_that_begin_at_once_get_the_same_models(shipped, miniature):
    with ThreadPoolExecutor(2) as both:
        sessions = [Session(shipped, warn=lambda _: None) for _ in range(2)]
        begun = list(both.map(begin_with_shipped, sessions, [miniature] * 2))
    assert sorted(begun) == [False, True]
    pool = Pool(Session(shipped, warn=pytest.fail), miniature)
    assert pool.seeds.kind == "public"
    assert len(pool.evidence("retrained")["phi/forget"]) == miniature.protocol.models
