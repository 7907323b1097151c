"""Every source on a miniature data set in its real on-disk format, made by datasets.py."""

import shutil

import datasets
import numpy as np
import pytest
import torch
from datasets import miniature
from PIL import Image

from benchmark.data import check_data, load_problem
from benchmark.data.forget.indices import IndicesForget
from benchmark.data.forget.random import RandomForget
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario, scenario_names

PARTS = ("retain", "forget", "validation", "test")
SHIPPED = {name: load_scenario(name) for name in scenario_names()}
FROM_FILES = [name for name, shipped in SHIPPED.items() if not (shipped.data.in_package or shipped.forget.asks_models)]


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_becomes_a_problem(name, tmp_path, monkeypatch):
    scenario = miniature(name, tmp_path / "data", monkeypatch)
    if scenario.forget.asks_models:  # which chooses first: tests/e2e/test_end_to_end.py
        scenario = scenario.model_copy(update={"forget": RandomForget(kind="random", size=10, seed=0)})
    problem = load_problem(scenario)
    ids = torch.cat([getattr(problem, part).ids for part in PARTS])
    assert len(ids) == len(ids.unique())
    assert sorted(problem.train.ids.tolist()) == sorted([*problem.retain.ids.tolist(), *problem.forget.ids.tolist()])
    for part in PARTS:
        split = getattr(problem, part)
        assert len(split)
        assert split.targets.is_floating_point() or split.targets.max() < problem.outputs
        seen = split.normalised(split.inputs)
        assert seen.dtype == (torch.int64 if scenario.task.has_sequences else torch.float32)
        assert seen.isfinite().all()
    if scenario.forget.kind == "subject" and scenario.forget.topics is None:
        assert not set(problem.retain.subjects.tolist()) & set(problem.forget.subjects.tolist())
    own = [row for row in check_data(scenario) if not (name.startswith("fonts") and row["what"] == "duplicates")]
    assert {row["status"] for row in own} == {"ok"}


@pytest.mark.parametrize("name", FROM_FILES)
def test_missing_data_is_one_sentence_that_says_what_and_where(name, tmp_path, monkeypatch):
    miniature(name, tmp_path / "data", monkeypatch)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("BENCH_DATA", str(empty))
    scenario = load_scenario(name)
    with pytest.raises(BenchError, match=str(empty)) as caught:
        load_problem(scenario)
    assert "\n" not in str(caught.value)
    assert "--data-dir" in str(caught.value)
    assert "missing" in {row["status"] for row in check_data(scenario)}


def test_shipped_scenarios_say_the_same_with_and_without_their_data(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    without = load_scenario("cifar10")
    datasets.make_cifar10(tmp_path, monkeypatch)
    assert load_scenario("cifar10").hash == without.hash


# --- CIFAR


def test_a_class_to_forget_is_gone_from_what_is_kept(tmp_path, monkeypatch):
    problem = load_problem(miniature("cifar10-class", tmp_path, monkeypatch))
    assert set(problem.forget.targets.tolist()) == {0}
    assert 0 not in problem.retain.targets
    assert len(problem.forget) == 10  # two in each of the five files


# --- CASIA-SURF


# --- FEMNIST


# --- CelebA


# --- the user's own


def test_a_manifest_says_label_subject_and_split(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    datasets.make_faces(tmp_path, split=True)
    scenario = load_scenario("faces-manifest")
    problem = load_problem(scenario)
    # p9, p10 and p11 are in test; a tenth of train becomes validation, as the file has none.
    assert len(problem.test) == 27
    names = sorted(f"p{i}" for i in range(12))
    assert {names[code] for code in problem.test.subjects.tolist()} == {"p9", "p10", "p11"}
    assert len(problem.validation) == round(0.1 * 81)
    assert len(set(problem.forget.subjects.tolist())) == 5
    for image, row, target in zip(problem.test.inputs, problem.test.ids.tolist(), problem.test.targets, strict=True):
        assert target == (0 if row % 3 == 0 else 1)  # none before smile
        with Image.open(tmp_path / "faces" / f"p{row // 9}" / f"{row}.{'png' if row % 2 else 'jpg'}") as original:
            whole = torch.from_numpy(np.array(original)).permute(2, 0, 1)[None].float()
        small = torch.nn.functional.interpolate(whole, (32, 32), mode="bilinear", antialias=True, align_corners=False)
        assert (small[0] - image).abs().max() < 1.5


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("path,subject", "has the columns path, subject, expected path and label"),
        ("path,label,split\np0/0.jpg,none,tests", "split 'tests', expected train, validation or test"),
        ("path,label\np0/none.jpg,none", "lists p0/none.jpg, which is not there"),
        ("path,label\nfaces.csv,none", "could not be read as an image"),
        ("path,label", "lists no image"),
        ("path,label\np0/0.jpg,none\np0/1.png,", "line 3 of .* has no label"),
        ("path,label,subject\np0/0.jpg,none,", "line 2 of .* has no subject"),
    ],
)
def test_a_wrong_manifest_gets_one_sentence(line, sentence, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    datasets.make_faces(tmp_path)
    (tmp_path / "faces" / "faces.csv").write_text(line + "\n")
    with pytest.raises(BenchError, match=sentence):
        load_problem(load_scenario("faces-manifest"))


@pytest.mark.parametrize("damage", [b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "cut"])
def test_an_image_that_is_damaged_is_named(damage, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    datasets.make_faces(tmp_path)
    path = tmp_path / "faces" / "p0" / "1.png"
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + b"?" + whole[41:] if damage == "cut" else damage)
    with pytest.raises(BenchError, match=r"p0/1\.png could not be read as an image: "):
        load_problem(load_scenario("faces-manifest"))


def test_an_image_folder_that_is_none_or_has_an_empty_class_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    datasets.make_image_folder(tmp_path)
    scenario = load_scenario("image-folder")
    (tmp_path / scenario.data.folder / "unseen").mkdir()
    with pytest.raises(BenchError, match=r"expected a folder with a folder .* unseen"):
        load_problem(scenario)
    shutil.rmtree(tmp_path / scenario.data.folder)
    (tmp_path / scenario.data.folder).write_text("a file")
    with pytest.raises(BenchError, match=r"images is a file, expected a folder with a folder of pictures"):
        load_problem(load_scenario("image-folder"))


def test_an_image_folder_may_come_with_its_split(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    datasets.make_image_folder(tmp_path, parts=("train", "val", "test"))
    scenario = load_scenario("image-folder")
    problem = load_problem(scenario)
    assert [len(problem.train), len(problem.validation), len(problem.test)] == [100, 100, 100]
    assert problem.outputs == 2


def test_arrays_may_be_features_with_names_for_classes_and_subjects(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    arrays = {
        "inputs": rng.normal(5, 3, (80, 7)),
        "targets": np.array(["b", "a"] * 40),
        "subjects": np.arange(80) // 2,
        "split": np.array((["train"] * 6 + ["validation", "test"]) * 10),
    }
    datasets.make_npz(tmp_path, **arrays)
    scenario = load_scenario("npz")
    update = {
        "data": scenario.data.model_copy(update={"standardise": True}),
        "forget": scenario.forget.model_copy(update={"size": 10}),
    }
    problem = load_problem(scenario.model_copy(update=update))
    assert [len(problem.train), len(problem.validation), len(problem.test)] == [60, 10, 10]
    assert problem.train.inputs.dtype == torch.float32
    torch.testing.assert_close(problem.train.inputs.mean(0), torch.zeros(7), atol=1e-6, rtol=0)
    torch.testing.assert_close(problem.train.inputs.std(0, correction=0), torch.ones(7))
    raw = arrays["inputs"][problem.train.ids.numpy()]
    expected = (arrays["inputs"][problem.test.ids.numpy()] - raw.mean(0)) / raw.std(0)
    np.testing.assert_allclose(problem.test.inputs.numpy(), expected, rtol=1e-5, atol=1e-5)
    assert problem.train.targets.tolist() == [1 - row % 2 for row in problem.train.ids.tolist()]


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"inputs": np.zeros((4, 2))}, "has no array targets"),
        ({"inputs": np.zeros((4, 2)), "targets": np.zeros(3)}, "expected the same for all"),
        ({"inputs": np.full((4, 2), np.nan), "targets": np.zeros(4)}, "not finite"),
        ({"inputs": np.array(["x"] * 4), "targets": np.zeros(4)}, "expected uint8 images or numbers"),
    ],
)
def test_wrong_arrays_get_one_sentence(arrays, sentence, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    datasets.make_npz(tmp_path, **arrays)
    with pytest.raises(BenchError, match=sentence):
        load_problem(load_scenario("npz"))


def test_breast_cancer_is_standardised_over_train(tmp_path, monkeypatch):
    problem = load_problem(miniature("breast-cancer", tmp_path, monkeypatch))
    torch.testing.assert_close(problem.train.inputs.mean(0), torch.zeros(30), atol=1e-5, rtol=0)
    assert problem.test.inputs.mean(0).abs().max() > 1e-3
    assert len(problem.train.subjects.unique()) == len(problem.train)


@pytest.mark.parametrize("damage", [0, 90])
def test_a_damaged_array_file_is_one_sentence(damage, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    datasets.make_npz(tmp_path)
    scenario = load_scenario("npz")
    path = tmp_path / scenario.data.file
    with np.load(path) as arrays:
        np.savez_compressed(path, **arrays)
    whole = path.read_bytes()
    path.write_bytes(whole[:damage] + bytes(50) + whole[damage + 50 :] if damage else b"")
    with pytest.raises(BenchError, match=r"could not be read as an \.npz file"):
        load_problem(load_scenario("npz"))
    assert check_data(load_scenario("npz"))[0]["status"] == "damaged"


def test_an_empty_list_of_what_to_forget_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    (tmp_path / "forget.npy").write_bytes(b"")
    forget = IndicesForget(kind="indices", file="forget.npy").filled_in(tmp_path)
    listed = load_scenario("digits").model_copy(update={"forget": forget})
    with pytest.raises(BenchError, match=r"forget\.npy could not be read: "):
        load_problem(listed)
