"""Examples and subjects that are forgotten, and who is in which split."""

import json

import numpy as np
import pytest
from datasets import miniature

from benchmark.data import load_problem
from benchmark.errors import BenchError
from benchmark.scenario.schema import Scenario, _filled_in, load_scenario


def test_subjects_to_forget_can_be_named(tmp_path, monkeypatch):
    scenario = miniature("faces-manifest", tmp_path, monkeypatch)
    problem = load_problem(forgetting(scenario, kind="subject", subjects=["p3", "p11"]))
    names = sorted(f"p{i}" for i in range(12))
    assert set(problem.forget.subjects.tolist()) == {names.index("p3"), names.index("p11")}
    assert not set(problem.retain.subjects.tolist()) & set(problem.forget.subjects.tolist())
    with pytest.raises(BenchError, match=r"forget\.subjects has 'p99', expected names among p0, p1, p10"):
        load_problem(forgetting(scenario, kind="subject", subjects=["p99"]))


@pytest.mark.parametrize("suffix", [".npy", ".txt"])
def test_rows_to_forget_can_be_listed_in_a_file(suffix, tmp_path, monkeypatch):
    scenario = miniature("cifar10", tmp_path, monkeypatch)
    path = tmp_path / f"forget_idx{suffix}"
    _write_rows(path, [59, *range(10)])
    by_file = forgetting(scenario, kind="indices", file=path.name)
    assert sorted(load_problem(by_file).forget.ids.tolist()) == [*range(10), 59]
    _write_rows(path, [58, *range(10)])
    other = forgetting(scenario, kind="indices", file=path.name)
    assert other.pool_hash != by_file.pool_hash
    assert sorted(load_problem(other).forget.ids.tolist()) == [*range(10), 58]
    assert sorted(load_problem(by_file).forget.ids.tolist()) == [*range(10), 59]  # read before the file changed
    path.write_bytes(path.read_bytes()[:-1] if suffix == ".npy" else b"5 3 1.5")
    with pytest.raises(BenchError, match="could not be read"):
        load_problem(forgetting(scenario, kind="indices", file=path.name))


def _write_rows(path, rows):
    np.save(path, rows) if path.suffix == ".npy" else path.write_text("\n".join(map(str, rows)))


@pytest.mark.seconds
def test_a_forget_set_must_be_some_and_not_all_of_train(tmp_path, monkeypatch):
    scenario = miniature("image-folder", tmp_path, monkeypatch)
    for changes, sentence in (
        ({"kind": "random", "size": 80, "seed": 0}, "80 of 80 training examples"),
        ({"kind": "class", "classes": ["ants", "bees"]}, "80 of 80 training examples"),
        ({"kind": "class", "classes": ["wasps"]}, "'wasps', expected names among ants, bees"),
        ({"kind": "subject", "count": 1}, "the data knows no subjects"),
    ):
        with pytest.raises(BenchError, match=sentence):
            load_problem(forgetting(scenario, **changes))


@pytest.mark.seconds
def test_disjoint_splits_share_no_subject(tmp_path, monkeypatch):
    scenario = miniature("faces-manifest", tmp_path, monkeypatch)
    disjoint = scenario.model_copy(update={"data": scenario.data.model_copy(update={"disjoint": True})})
    problem = load_problem(disjoint)
    parts = [set(split.subjects.tolist()) for split in (problem.train, problem.validation, problem.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    assert load_problem(disjoint).test.ids.tolist() == problem.test.ids.tolist()
    path = tmp_path / "faces" / "faces.csv"
    lines = path.read_text().splitlines()
    parts = [f"{line},{'train' if i % 3 else 'test'}" for i, line in enumerate(lines[1:])]
    path.write_text("\n".join([f"{lines[0]},split", *parts]))
    data = load_scenario("faces-manifest").data.model_copy(update={"disjoint": True})
    with pytest.raises(BenchError, match="subject p0 in two parts"):
        load_problem(scenario.model_copy(update={"data": data}))


def test_numbers_of_the_normalisation_must_fit_the_channels(tmp_path, monkeypatch):
    scenario = miniature("npz", tmp_path, monkeypatch)
    data = scenario.data.model_copy(update={"mean": (0.5, 0.5, 0.5)})
    with pytest.raises(BenchError, match=r"data\.mean has 3 numbers, expected 1, one a channel"):
        load_problem(scenario.model_copy(update={"data": data}))


def forgetting(scenario, **section):
    """The scenario with another forget section, loaded as from a file."""
    content = scenario.model_dump() | {"forget": section}
    return _filled_in(Scenario.model_validate_json(json.dumps(content)), None)


def test_rows_to_forget_can_be_in_the_scenario():
    scenario = load_scenario("digits")
    rows = load_problem(scenario).train.ids[:7].tolist()
    problem = load_problem(forgetting(scenario, kind="rows", rows=rows))
    assert sorted(problem.forget.ids.tolist()) == sorted(rows)
    with pytest.raises(BenchError, match=r"forget\.rows has 1 that are not in train, the first 5000, expected rows of"):
        load_problem(forgetting(scenario, kind="rows", rows=[*rows, 5000]))
