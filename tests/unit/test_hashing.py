"""Hashes: no two lists of parts, folders, nets or evidence that differ share one by how they are built."""

import numpy as np
import pytest
import torch
from conftest import REPOSITORY

from benchmark.results.scorecard import evidence_hash_of
from benchmark.runs.integrity import Unlearned, integrity_of, records_of
from benchmark.scenario.schema import load_scenario
from benchmark.storage.hashing import array_parts, digest_bytes, digest_of
from benchmark.storage.workspace import Workspace
from benchmark.submissions.files import hash_of, short_hash_of
from benchmark.submissions.source import find_submission


def test_a_hash_has_128_bits():
    assert len(digest_of("a", [b"b"])) == 32
    assert digest_of("a", [b"b"]) == digest_bytes("a", [b"b"]).hex()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("t", [b"ab", b"c"]), ("t", [b"a", b"bc"])),
        (("t", [b"", b"a"]), ("t", [b"a", b""])),
        (("t", [b"a"]), ("t", [b"a", b""])),
        (("t", [b"a"]), ("ta", [])),
        (("submission", [b"a"]), ("evidence", [b"a"])),
    ],
)
def test_parts_and_tags_cannot_be_shifted_into_one_another(one, other):
    assert digest_of(*one) != digest_of(*other)


def test_a_link_is_not_two_empty_folders(tmp_path):
    """The first version hashed both to the same bytes: names and targets each ended in a zero byte."""
    link, folders = tmp_path / "link", tmp_path / "folders"
    link.mkdir()
    (link / "a").symlink_to("b")
    for name in "ab":
        (folders / name).mkdir(parents=True)
    assert short_hash_of(link, {}) == short_hash_of(folders, {})
    assert hash_of(link, {}) != hash_of(folders, {})


def test_evidence_that_differs_in_type_or_shape_has_another_hash():
    zeros = np.zeros((2, 3), np.float32)
    hashes = {
        evidence_hash_of({"forget_logits": array})
        for array in (zeros, zeros.reshape(3, 2), zeros.astype(np.int32), np.zeros((1, 3)))
    }
    assert len(hashes) == 4
    assert all(len(found) == 32 for found in hashes)
    assert evidence_hash_of({"a": zeros, "run/seconds": zeros}) == evidence_hash_of({"a": zeros})
    assert array_parts("a", zeros.T) != array_parts("a", zeros)


def test_runs_are_told_apart_by_128_bits():
    nets = [{"w": torch.tensor([[1.0, 2.0]])}, {"w": torch.tensor([[1.0], [2.0]])}, {"w": torch.tensor([[1.0, 2.0]])}]
    runs = [Unlearned(i, {"w": torch.zeros(1, 2) + i}, net, 0.0, (1, 1, 1)) for i, net in enumerate(nets)]
    for run in runs:
        run.original["w"] = run.original["w"].reshape(run.weights["w"].shape)
    records = records_of(runs, "sandbox")
    assert records["run/digest"].shape == records["run/original"].shape == (3, 16)
    assert records_of([], "sandbox")["run/digest"].shape == (0, 16)
    found = integrity_of(records, (1, 1, 1), deterministic=True)
    assert (found.unchanged_runs, found.repeated_runs) == (0, 2)


def test_records_of_the_first_version_still_name_the_shipped_submissions():
    workspace, digits = Workspace(REPOSITORY), load_scenario("digits")
    for entry in ("finetune", "identity", "finetune+tuned"):
        submission = find_submission(entry, workspace, digits)
        assert submission.is_named_by(submission.hash)
        assert submission.is_named_by(short_hash_of(submission.folder, submission.hyperparameters))
        assert not submission.is_named_by(submission.hash[:12])
        assert not submission.is_named_by("0" * 32)
