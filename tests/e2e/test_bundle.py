"""Evidence in one file: a clone without a pool scores, studies and compares what it holds, and believes none of it."""

import hashlib
import json
import shutil
import warnings
import zipfile

import numpy as np
import pytest
from safetensors.numpy import load, save

from benchmark.bundle.archive import LIST
from benchmark.bundle.unpacking import find_faults, unpack_evidence
from benchmark.references.controls import do_nothing
from benchmark.references.pool import Pool, reference_store
from benchmark.references.secret import read_seeds, write_published
from benchmark.results.board_file import read_cards
from benchmark.session import Session
from benchmark.storage.workspace import Workspace


@pytest.fixture
def bundle(bench, finished, miniature):
    """The bundle that `bench evidence pack` makes of the runs of identity and finetune."""
    done = bench("evidence", "pack")
    assert done.returncode == 0, done.stderr
    assert "packed 2 entries" in done.stdout
    return finished.bundle(miniature)


@pytest.fixture
def clone(bundle, finished, monkeypatch, tmp_path):
    """A workspace with the same submissions and the bundle, and nothing else; the current folder."""
    clone = Workspace(tmp_path / "clone")
    shutil.copytree(finished.submissions, clone.submissions)
    monkeypatch.chdir(clone.root)
    return clone


@pytest.fixture
def untrained(monkeypatch):
    """Fails where anything would be trained or run."""

    def forbidden(*_, **__):
        pytest.fail("nothing is to be trained or run")

    monkeypatch.setattr("benchmark.references.models.train_block", forbidden)
    monkeypatch.setattr("benchmark.sandbox.process.Process", forbidden)


def change(bundle, path, edit):
    """Write to `path` a bundle whose members, a list of (name, bytes), are edited."""
    with zipfile.ZipFile(bundle) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):  # the same name twice
        for name, content in edit(members):
            archive.writestr(name, content)
    return path


def listed_again(members):
    """Give the list the checksums that the members have, as somebody would who changes them on purpose."""
    about = json.loads(dict(members)[LIST])
    about["members"] = {name: hashlib.sha256(content).hexdigest() for name, content in members if name != LIST}
    return [(LIST, json.dumps(about).encode()), *((name, content) for name, content in members if name != LIST)]


def with_member(name, edit):
    return lambda members: listed_again(
        [(each, edit(content) if each == name else content) for each, content in members]
    )


def with_array(change, name=None):
    """Change an array of a block: by default the first of its evidence."""

    def edit(content):
        size = int.from_bytes(content[:8], "little")
        about = json.loads(content[8 : 8 + size])["__metadata__"]
        arrays = load(content)
        key = name or min(
            key for key, array in arrays.items() if array.dtype.kind == "f" and not key.startswith("run/")
        )
        return save({**arrays, key: change(arrays[key])}, metadata=about)

    return edit


def test_a_clone_without_a_pool_scores_studies_and_compares_the_same(
    bench, bundle, clone, finished, miniature, untrained, monkeypatch
):
    monkeypatch.chdir(finished.root)
    assert bench("score").returncode == 0
    before = {card.submission: card for card in read_cards(finished.results, pytest.fail)}
    compared, studied = bench("compare", "identity", "finetune").stdout, json.loads(bench("study", "--json").stdout)
    monkeypatch.chdir(clone.root)
    for command in (("evidence", "verify", str(bundle)), ("evidence", "unpack", str(bundle)), ("score",)):
        done = bench(*command)
        assert done.returncode == 0, done.stderr
    assert {card.submission: card for card in read_cards(clone.results, pytest.fail)} == before
    assert bench("compare", "identity", "finetune").stdout == compared
    assert json.loads(bench("study", "--json").stdout) == studied


def test_seeds_that_everybody_knows_are_public_in_a_clone_too(bench, finished, clone, miniature, monkeypatch):
    monkeypatch.chdir(finished.root)
    write_published(finished.pool(miniature), read_seeds(finished.pool(miniature), miniature.pool_hash).commitment)
    assert bench("evidence", "pack").returncode == 0
    monkeypatch.chdir(clone.root)
    assert bench("evidence", "unpack", finished.bundle(miniature)).returncode == 0
    seeds = read_seeds(clone.pool(miniature), miniature.pool_hash)
    assert (seeds.kind, seeds.secret, seeds.published) == ("public", None, True)
    assert bench("score").returncode == 0
    assert {card.seeds for card in read_cards(clone.results, pytest.fail)} == {"public"}


def test_a_bundle_is_not_written_over_a_folder(bench, finished, tmp_path):
    refused = bench("evidence", "pack", str(tmp_path))
    assert refused.returncode == 2
    assert "is a folder, expected a file to write the bundle to" in " ".join(refused.stderr.split())


def test_a_clone_knows_what_doing_nothing_leaves(bench, bundle, clone, finished, miniature, untrained):
    assert bench("evidence", "unpack", str(bundle)).returncode == 0
    there, here = (do_nothing(Pool(Session(workspace), miniature)) for workspace in (finished, clone))
    np.testing.assert_array_equal(here.signals[0], there.signals[0])
    np.testing.assert_array_equal(here.unlearned.utility["test"], there.unlearned.utility["test"])
    with zipfile.ZipFile(bundle) as archive:
        names = [name for name in archive.namelist() if name != LIST and name.endswith(".safetensors")]
        assert not [key for name in names for key in load(archive.read(name)) if key.startswith("weights/")]


def test_shipped_rows_are_scored_where_their_evidence_lies(bench, bundle, clone, finished, untrained):
    """The board came with the clone, and its evidence with the bundle."""
    shutil.copytree(finished.results / "scorecards", clone.shipped / "scorecards")
    assert "no entry of" in bench("score").stderr
    assert bench("evidence", "unpack", str(bundle)).returncode == 0
    done = bench("score")
    assert done.returncode == 0, done.stderr
    assert {card.submission for card in read_cards(clone.results, pytest.fail)} == {"identity", "finetune"}


def test_a_bundle_has_neither_originals_nor_secret_and_always_the_same_bytes(bench, bundle, finished, miniature):
    first = bundle.read_bytes()
    assert bench("evidence", "pack").returncode == 0
    assert bundle.read_bytes() == first
    secret = (finished.pool(miniature) / "secret").read_bytes()
    assert secret not in first
    assert b"weights/" not in first
    assert b"original/" not in first


def test_words_of_a_submission_are_in_no_bundle(bench, finished, miniature, submit):
    submit(
        "import torch\ncalls = 0\n"
        "def unlearning(net, a, b, c, seed):\n    if seed % 4 == 0: raise ValueError('patient zero')\n    return net\n"
    )
    bench("run", "newcomer", "--allow-failures", "2")
    bench("evidence", "pack")
    assert b"patient" not in finished.bundle(miniature).read_bytes()


def test_a_pool_of_evidence_trains_nothing_and_takes_no_runs(bench, bundle, clone, miniature):
    bench("evidence", "unpack", str(bundle))
    kept = {path: path.read_bytes() for path in clone.pools.rglob("*") if path.is_file()}
    for command in (("prepare",), ("run", "finetune", "--time-again")):
        refused = bench(*command)
        assert refused.returncode == 2
        assert "holds the evidence of reference models, and neither weights nor secret" in refused.stderr
    assert {path: path.read_bytes() for path in kept} == kept


def test_a_pool_of_ones_own_is_kept(bench, bundle, finished, miniature, tmp_path):
    folder = finished.pool(miniature)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = bench("evidence", "unpack", str(bundle))  # of this very pool
    assert again.returncode == 0, again.stderr
    assert "unpacked 0 entries" in again.stdout
    assert "2 (finetune, identity) of the entries are here and whole already" in " ".join(again.stderr.split())
    assert {path: path.read_bytes() for path in before} == before
    (folder / "secret").write_text(64 * "8")
    refused = bench("evidence", "unpack", str(bundle))
    assert refused.returncode == 2
    assert "is a pool of your own" in refused.stderr


def test_what_is_damaged_or_unfinished_here_is_unpacked_again(bench, bundle, clone, miniature):
    bench("evidence", "unpack", str(bundle))
    whole = {path: path.read_bytes() for path in clone.root.rglob("*.safetensors")}
    retrained = clone.pool(miniature) / "retrained" / "0000.safetensors"
    runs = next(clone.evidence.rglob("finetune-*/unlearned/0001.safetensors"))
    for path in (retrained, runs):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        refused = bench("score", "finetune")
        assert refused.returncode == 2
        assert "`bench evidence unpack` brings it back" in refused.stderr
        assert "unpacked" in bench("evidence", "unpack", str(bundle)).stdout
        assert {path: path.read_bytes() for path in whole} == whole
    next(clone.evidence.rglob("identity-*/runs.json")).unlink()
    assert "unpacked 1 entries" in bench("evidence", "unpack", str(bundle)).stdout
    assert bench("score").returncode == 0


def test_unpacking_that_was_interrupted_goes_on(bundle, clone, miniature, bench):
    def interrupt(label, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack_evidence(Session(clone, progress=interrupt), miniature, bundle)
    assert unpack_evidence(Session(clone), miniature, bundle) == ["finetune", "identity"]
    assert bench("score").returncode == 0


def test_bundles_of_one_pool_with_other_numbers_of_models_are_unpacked_together(bench, bundle, clone, miniature):
    """The pool of two scenarios that differ in N alone is one: the second bundle adds what it has more."""
    bench("evidence", "unpack", str(bundle))
    pool = reference_store(Session(clone), miniature, read_seeds(clone.pool(miniature), miniature.pool_hash))
    before = pool.finished()
    pool.discard(["retrained/0001", "calibration/0001"])  # as if N had been 4
    assert bench("evidence", "unpack", str(bundle)).returncode == 0
    assert pool.finished() == before


def test_evidence_made_with_another_pool_is_neither_replaced_nor_taken_for_the_bundles(bench, bundle, clone, miniature):
    bench("evidence", "unpack", str(bundle))
    manifest = next(clone.evidence.rglob("finetune-*/manifest.json"))
    content = manifest.read_text().replace(read_seeds(clone.pool(miniature), miniature.pool_hash).commitment, 64 * "1")
    manifest.write_text(content)
    refused = bench("evidence", "unpack", str(bundle))
    assert refused.returncode == 2
    assert "holds evidence that was made with another pool" in " ".join(refused.stderr.split())
    assert manifest.read_text() == content
    elsewhere = ("--out", str(clone.root / "elsewhere"))
    assert "unpacked 2 entries" in bench("evidence", "unpack", str(bundle), *elsewhere).stdout
    assert bench("score", *elsewhere).returncode == 0


RUNS = "entries/finetune/unlearned/0001.safetensors"
RETRAINED = "references/retrained/0000.safetensors"


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda members: [(name, content) for name, content in members if name != RUNS], f"{RUNS} is missing"),
        (lambda members: [*members, ("../../elsewhere", b"")], "../../elsewhere is surplus"),
        (lambda members: listed_again([*members, ("/etc/passwd", b"")]), "/etc/passwd is surplus"),
        (lambda members: [*members, (RUNS, b"other")], f"{RUNS} is in it 2 times, expected once"),
        (lambda members: [(n, c[:-1] + b"?" if n == RUNS else c) for n, c in members], f"{RUNS} is damaged: its check"),
        (with_member(RUNS, lambda _: b"text"), f"{RUNS} is no file of arrays"),
        (with_member(RETRAINED, with_array(lambda array: array * np.float32("inf"))), "are not finite"),
        (with_member(RUNS, with_array(lambda array: array[:, :3])), f"{RUNS} has "),
        (with_member(RUNS, with_array(lambda index: index - 4, "run/index")), "holds other runs than 4 to 7"),
        (with_member("entries/finetune/runs.json", lambda _: b"{}"), "runs.json is no outcome of runs"),
    ],
)
def test_what_is_wrong_with_a_bundle_is_said_and_nothing_is_unpacked(edit, sentence, bench, bundle, clone, miniature):
    path = change(bundle, clone.root / "bundle.zip", edit)
    found = find_faults(Session(clone), miniature, path)
    assert any(sentence in fault for fault in found), found
    shown = bench("evidence", "verify", str(path))
    assert shown.returncode == 2
    assert sentence in shown.stdout
    refused = bench("evidence", "unpack", str(path))
    assert refused.returncode == 2
    assert "was not unpacked" in refused.stderr
    assert {each.name for each in clone.root.iterdir()} <= {"submissions", "bundle.zip", "leaderboard", "data"}
    assert not list(clone.root.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path, bundle: None, "there is no bundle"),
        (lambda path, bundle: path.write_text("text"), "is not a bundle"),
        (lambda path, bundle: zipfile.ZipFile(path, "w").close(), "bundle.json is missing"),
        (
            lambda path, bundle: change(
                bundle, path, lambda members: [(LIST, b"[" * 9), *(each for each in members if each[0] != LIST)]
            ),
            "is not a bundle: bundle.json",
        ),
        (lambda path, bundle: path.write_bytes(bundle.read_bytes()[:-99]), "is not a bundle"),
    ],
)
def test_what_is_no_bundle_is_refused(make, sentence, bench, bundle, clone):
    path = clone.root / "bundle.zip"
    make(path, bundle)
    for command in ("verify", "unpack"):
        refused = bench("evidence", command, str(path))
        assert refused.returncode == 2
        assert sentence in refused.stderr


def test_a_bundle_of_another_scenario_is_refused(bench, bundle, clone):
    refused = bench("evidence", "unpack", str(bundle), "--models", "16")
    assert refused.returncode == 2
    assert "name its scenario by --scenario, and its N by --models" in refused.stderr


def test_only_deflated_and_plain_members_are_read(bench, bundle, clone, miniature):
    path = clone.root / "bundle.zip"

    def repacked(method):
        with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w", method) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name), None if name != LIST else zipfile.ZIP_STORED)
        return find_faults(Session(clone), miniature, path)

    assert repacked(zipfile.ZIP_STORED) == repacked(zipfile.ZIP_DEFLATED) == []
    faults = repacked(zipfile.ZIP_LZMA)
    assert faults
    assert all("is compressed by another method" in fault for fault in faults)


def test_a_member_that_unpacks_to_more_than_a_block_is_not_read(bundle, clone, miniature):
    path = clone.root / "bundle.zip"
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) if name == LIST else bytes(2**26 + 1))
            if name != LIST:
                break
    assert any("holds more than" in fault for fault in find_faults(Session(clone), miniature, path))
