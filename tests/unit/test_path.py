"""Nets that a run yields on its way: the file they come in, what is kept of them, and the area along the path."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from benchmark.metrics.evidence_pair import NEEDS, EvidencePair, ModelEvidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.kinds.path import area_along
from benchmark.metrics.scoring import values_of
from benchmark.results.evidence import PATH
from benchmark.runs.integrity import RECORD_LAYOUTS, Unlearned, records_of
from benchmark.sandbox.child.call import follow
from benchmark.sandbox.messages import MOST_YIELDED
from benchmark.sandbox.weights import append_net, expected_of, read_yielded
from benchmark.storage.blocks import objection

NAN = np.nan


@pytest.mark.parametrize(
    ("deletion", "utility", "area"),
    [
        ([0, 1], [1, 1], 1.0),
        ([0, 1], [1, 0], 0.5),
        ([0, 0.5, 1], [1, 0.8, 0.2], 0.45 + 0.25),
        ([0.1, 0.1], [0.9, 0.7], 0.0),
        ([0, 0.6, 0.4], [1, 0.8, 0.6], 0.54 - 0.14),  # it turns back
        ([0, 0.6, 0.6, 0], [1, 1, 0.5, 0.5], 0.3),  # the area that it encloses
        ([0.2, 0.7, 1], [0.8, NAN, 0.4], 0.8 * 0.6),  # nobody knows where it was in between
        ([0.2, NAN, NAN], [0.8, NAN, NAN], NAN),
    ],
)
def test_an_area_is_that_of_the_trapezoids(deletion, utility, area):
    path = np.stack([1 - np.array(deletion, dtype=float), np.array(utility, dtype=float)], axis=1)
    assert area_along(path) == pytest.approx(area, nan_ok=True)
    padded = np.concatenate([path, np.full((3, 2), NAN)])
    assert area_along(padded) == pytest.approx(area, nan_ok=True)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8), st.floats(0, 1))
@pytest.mark.seconds
def test_a_point_on_the_way_changes_no_area_and_the_way_back_undoes_it(points, share):
    path = np.array(points)
    between = (1 - share) * path[0] + share * path[1]
    assert area_along(np.insert(path, 1, between, axis=0)) == pytest.approx(area_along(path), abs=1e-12)
    assert area_along(np.concatenate([path, path[::-1]])) == pytest.approx(0, abs=1e-12)


def measured(path):
    phi = np.zeros((2, 3))
    pair = EvidencePair(ModelEvidence(phi, path=path), ModelEvidence(phi), resamples=50)
    return values_of(pair, [METRICS["upcore_area"]])["upcore_area"]


def test_the_metric_is_the_mean_over_runs_with_an_interval():
    falling = [[1, 1], [0, 0], [NAN, NAN]]
    found = measured(np.array([falling, [[1, 1], [0.5, 1], [0, 1]]]))
    assert found.value == pytest.approx(0.75)
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(1.0))


def test_the_metric_is_absent_where_not_every_run_yields():
    nothing = np.full((3, 2), NAN)
    for path in (None, np.stack([nothing, np.ones((3, 2))]), np.stack([nothing, nothing])):
        assert measured(path).absent == NEEDS["path"]
    alone = np.array([[[1, 1], [NAN, NAN]], [[1, 1], [0, 0]]])
    assert measured(alone).absent == "a run has no two nets on its path whose utility is known"


def test_paths_are_records_of_runs_and_nothing_where_no_run_yields():
    net = {"w": torch.zeros(2)}
    plain = [Unlearned(i, net, net, 0.0, (1, 1, 1)) for i in range(3)]
    path = np.array([[1.0, 0.9], [0.5, NAN], [0.1, 0.8]])
    runs = [plain[0], Unlearned(1, net, net, 0.0, (1, 1, 1), path=path), plain[2]]
    assert PATH not in records_of(plain, "sandbox")
    records = records_of(runs, "sandbox")
    assert np.isnan(records[PATH][[0, 2]]).all()
    np.testing.assert_allclose(records[PATH][1, :3], path, rtol=1e-6)
    assert not objection(records, RECORD_LAYOUTS, 3)
    records[PATH][1, 0, 0] = 1.5
    assert objection(records, RECORD_LAYOUTS, 3) == f"has numbers in {PATH} outside of 0 to 1"


def steps(*yielded, returned=None):
    yield from yielded
    return returned


@pytest.mark.parametrize(
    ("yielded", "returned", "counts"),
    [(("a", "b"), None, "b"), (("a", "b"), "c", "c"), ((None,), None, None), ((), "c", "c"), ((), None, None)],
)
def test_what_is_returned_counts_or_else_what_is_yielded_last(yielded, returned, counts):
    seen = []
    assert follow(steps(*yielded, returned=returned), seen.append) == counts
    assert seen == list(yielded)


NETS = [nn.Linear(2, 3) for _ in range(3)]
EXPECTED = expected_of(NETS[0])
LARGE = 10**6


@pytest.fixture(name="file")
def write_file(tmp_path):
    """A file of three nets, and their bytes."""
    path = tmp_path / "yielded.nets"
    contents = [save(net.state_dict()) for net in NETS]
    for each in contents:
        assert append_net(path, each, LARGE)
    return path, contents


def test_nets_come_back_in_order(file):
    found = read_yielded(file[0], EXPECTED)
    assert all(torch.equal(own["weight"], net.weight) for own, net in zip(found, NETS, strict=True))
    file[0].write_bytes(b"")
    assert read_yielded(file[0], EXPECTED) == []


def test_a_net_that_does_not_fit_is_not_written(file):
    path, contents = file
    size = path.stat().st_size
    assert not append_net(path, contents[0], size + len(contents[0]) + 7)
    assert path.stat().st_size == size
    assert append_net(path, contents[0], size + len(contents[0]) + 8)


def framed(content):
    return len(content).to_bytes(8, "little") + content


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda whole: whole[:-1], "after 2 yielded nets comes something that is none"),
        (lambda whole: whole + b"x", "after 3 yielded nets comes something that is none"),
        (lambda whole: whole + b"\xff" * 8, "after 3 yielded nets comes something that is none"),
        (lambda whole: whole[: len(whole) // 3] * (MOST_YIELDED + 1), "after 10 yielded nets comes something that is"),
        (
            lambda whole: whole + framed(b"{}" * 40),
            "of net 4 that was yielded: the run returned a file that is not saf",
        ),
        (
            lambda whole: whole + framed(save(nn.Linear(2, 4).state_dict())),
            r"of net 4 .*: weight is \(4, 2\) of torch.float",
        ),
        (lambda whole: whole + framed(save({"weight": torch.zeros(3, 2)})), "of net 4 .*: .* bias is missing"),
        (
            lambda whole: whole + framed(save({"weight": torch.zeros(3, 2), "bias": torch.full((3,), torch.inf)})),
            "of net 4 that was yielded: bias holds values that are not finite",
        ),
    ],
)
def test_what_is_none_of_the_nets_is_refused(change, sentence, file):
    path = file[0]
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=sentence):
        read_yielded(path, EXPECTED)


def test_a_file_that_is_too_large_is_not_read(file):
    with open(file[0], "ab") as opened:
        opened.truncate(10**9)  # a hole, which takes no room
    with pytest.raises(ValueError, match="the run returned 1,000,000,000 bytes, more than its net can have"):
        read_yielded(file[0], EXPECTED)
