"""Every source on a miniature data set in its real on-disk format, made by datasets.py."""

import random
import shutil
from pathlib import Path
from urllib.error import URLError

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
import torchvision.datasets as tv
from datasets import miniature
from PIL import Image

from benchmark.data import check_data, load_problem
from benchmark.data.forget.indices import IndicesForget
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario, scenario_names

PARTS = ("retain", "forget", "validation", "test")
FROM_FILES = sorted(set(scenario_names()) - {"digits", "digits-cnn", "breast-cancer", "diabetes"})


@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_becomes_a_problem(name, tmp_path, monkeypatch):
    scenario = miniature(name, tmp_path / "data", monkeypatch)
    problem = load_problem(scenario)
    ids = torch.cat([getattr(problem, part).ids for part in PARTS])
    assert len(ids) == len(ids.unique())
    assert sorted(problem.train.ids.tolist()) == sorted([*problem.retain.ids.tolist(), *problem.forget.ids.tolist()])
    for part in PARTS:
        split = getattr(problem, part)
        assert len(split)
        assert split.targets.is_floating_point() or split.targets.max() < problem.outputs
        seen = split.normalised(split.inputs)
        assert seen.dtype == torch.float32
        assert seen.isfinite().all()
    if scenario.forget.kind == "subject":
        assert not set(problem.retain.subjects.tolist()) & set(problem.forget.subjects.tolist())
    assert {row["status"] for row in check_data(scenario)} == {"ok"}


@pytest.mark.parametrize("name", FROM_FILES)
def test_missing_data_is_one_sentence_that_says_what_and_where(name, tmp_path, monkeypatch):
    miniature(name, tmp_path / "data", monkeypatch)
    for kind in (tv.CIFAR10, tv.CIFAR100):
        monkeypatch.setattr(kind, "download", _no_network)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("BENCH_DATA", str(empty))
    scenario = load_scenario(name)
    with pytest.raises(BenchError, match=str(empty)) as caught:
        load_problem(scenario)
    assert "\n" not in str(caught.value)
    assert "--data-dir" in str(caught.value)
    assert "missing" in {row["status"] for row in check_data(scenario)}


def _no_network(self):
    raise URLError("no network")


def test_shipped_scenarios_say_the_same_with_and_without_their_data(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    without = load_scenario("cifar10")
    datasets.make_cifar10(tmp_path, monkeypatch)
    assert load_scenario("cifar10").hash == without.hash


# --- CIFAR


def test_cifar_is_torchvisions_with_the_starting_kits_validation_set(tmp_path, monkeypatch):
    scenario = miniature("cifar10", tmp_path, monkeypatch)
    problem = load_problem(scenario)
    train, held_out = (tv.CIFAR10(str(tmp_path), train=training) for training in (True, False))
    generator = torch.Generator().manual_seed(42)
    test, validation = torch.utils.data.random_split(held_out, [0.5, 0.5], generator=generator)
    assert sorted(problem.test.ids.tolist()) == sorted(len(train) + i for i in test.indices)
    assert sorted(problem.validation.ids.tolist()) == sorted(len(train) + i for i in validation.indices)
    for split, source, offset in ((problem.retain, train, 0), (problem.test, held_out, len(train))):
        row = int(split.ids[7]) - offset
        np.testing.assert_array_equal(split.inputs[7].permute(1, 2, 0).numpy(), source.data[row])
        assert split.targets[7] == source.targets[row]


def test_pixels_reach_the_net_as_torchvisions_transforms_make_them(tmp_path, monkeypatch):
    from torchvision.transforms import Compose, Normalize, ToTensor

    scenario = miniature("cifar10", tmp_path, monkeypatch)
    split = load_problem(scenario).validation
    transform = Compose([ToTensor(), Normalize(scenario.data.mean, scenario.data.std)])
    expected = torch.stack([transform(image.permute(1, 2, 0).numpy()) for image in split.inputs])
    torch.testing.assert_close(split.normalised(split.inputs), expected, rtol=1e-5, atol=1e-6)


def test_cifar_that_was_tampered_with_is_refused(tmp_path, monkeypatch):
    scenario = miniature("cifar10", tmp_path, monkeypatch)
    path = tmp_path / tv.CIFAR10.base_folder / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(tv.CIFAR10, "download", lambda self: None)
    with pytest.raises(BenchError, match="cifar10 is not whole"):
        load_problem(scenario)
    damaged = [row["what"] for row in check_data(scenario) if row["status"] == "damaged"]
    assert damaged == ["cifar-10-batches-py/data_batch_3"]


def test_a_class_to_forget_is_gone_from_what_is_kept(tmp_path, monkeypatch):
    problem = load_problem(miniature("cifar10-class", tmp_path, monkeypatch))
    assert set(problem.forget.targets.tolist()) == {0}
    assert 0 not in problem.retain.targets
    assert len(problem.forget) == 10  # two in each of the five files


# --- CASIA-SURF


def test_casia_surf_is_split_and_labelled_as_the_competition_did(tmp_path, monkeypatch):
    scenario = miniature("casia-surf", tmp_path, monkeypatch)
    problem = load_problem(scenario)
    # The competition's rule once more, on names instead of tensors.
    root = tmp_path / "casia-surf"
    ages = {line.split()[0]: int(line.split()[1]) for line in (root / "Age_Gender.txt").read_text().splitlines()}
    edges = np.linspace(min(ages.values()), max(ages.values()) + 1, 11)
    images = []
    for folder in sorted(map(str, root.glob("WBackground/*/*"))):
        images += [(Path(folder).name, file) for file in sorted(map(str, Path(folder).glob("*/*/*")))]
    shuffled = list(enumerate(images))
    random.Random(43).shuffle(shuffled)
    train = shuffled[: int(0.8 * len(images))]
    lowest = sorted({person for _, (person, _) in train})[:4]
    forget = {row for row, (person, _) in train if person in lowest}
    validation = {row for row, _ in shuffled[int(0.8 * len(images)) : int(0.9 * len(images))]}
    assert set(problem.forget.ids.tolist()) == forget
    assert set(problem.validation.ids.tolist()) == validation
    assert set(problem.test.ids.tolist()) == {row for row, _ in shuffled[int(0.9 * len(images)) :]}
    persons = sorted(ages)
    for split in (problem.retain, problem.forget, problem.test):
        for row, subject, age, target in zip(split.ids, split.subjects, split.ages, split.targets, strict=True):
            person = images[row][0]
            assert (persons[subject], ages[person]) == (person, age)
            assert edges[target] <= age < edges[target + 1]


def test_casia_surf_pixels_are_floats_from_0_to_255(tmp_path, monkeypatch):
    problem = load_problem(miniature("casia-surf", tmp_path, monkeypatch))
    assert torch.equal(problem.test.normalised(problem.test.inputs), problem.test.inputs.float())
    counts = torch.bincount(problem.train.targets, minlength=10)
    expected = torch.tensor([1 / count if count else 0.0 for count in counts.tolist()])
    torch.testing.assert_close(problem.class_weights, expected)


def test_a_face_without_a_line_in_the_labels_is_named(tmp_path, monkeypatch):
    miniature("casia-surf", tmp_path, monkeypatch)
    labels = tmp_path / "casia-surf" / "Age_Gender.txt"
    labels.write_text("\n".join(labels.read_text().splitlines()[1:]))
    with pytest.raises(BenchError, match="no line for CLKJ_CS0000"):
        load_problem(load_scenario("casia-surf"))


# --- FEMNIST


def test_femnist_holds_the_very_pixels_of_its_writers(tmp_path, monkeypatch):
    problem = load_problem(miniature("femnist", tmp_path, monkeypatch))
    _check_femnist(problem)


def test_what_leaf_derives_from_femnist_is_not_read_a_second_time(tmp_path, monkeypatch):
    scenario = miniature("femnist", tmp_path, monkeypatch)
    for path in list((tmp_path / "femnist").glob("*/*.json")):
        original = tmp_path / "femnist" / "all_data" / path.name
        original.parent.mkdir(exist_ok=True)
        shutil.copy(path, original)
    _check_femnist(load_problem(scenario.model_copy(update={"data": _reloaded(scenario)})))


def test_femnist_is_the_same_from_parquet(tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    scenario = miniature("femnist", tmp_path, monkeypatch)
    shutil.rmtree(tmp_path / "femnist")
    datasets.make_femnist_parquet(tmp_path)
    _check_femnist(load_problem(scenario.model_copy(update={"data": _reloaded(scenario)})))


def test_femnist_is_the_same_from_the_tables_that_parquet_holds(tmp_path, monkeypatch):
    """As above where there is no pyarrow: only the reading of the files is replaced."""
    tables = dict(zip(("train-0.parquet", "train-1.parquet"), datasets.femnist_tables(), strict=True))
    scenario = miniature("femnist", tmp_path, monkeypatch)
    for name in tables:
        (tmp_path / "femnist" / name).write_bytes(b"PAR1" + name.encode())
    monkeypatch.setattr(pd, "read_parquet", lambda path, columns: tables[path.name][columns])
    _check_femnist(load_problem(scenario.model_copy(update={"data": _reloaded(scenario)})))


def test_parquet_without_pyarrow_is_one_sentence(tmp_path, monkeypatch):
    scenario = miniature("femnist", tmp_path, monkeypatch)
    (tmp_path / "femnist" / "train.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(pd, "read_parquet", _no_pyarrow)
    with pytest.raises(BenchError, match="needs pyarrow to be read; install it"):
        load_problem(scenario.model_copy(update={"data": _reloaded(scenario)}))


def _no_pyarrow(*_, **__):
    raise ImportError("Missing optional dependency 'pyarrow'.")


def _reloaded(scenario):
    """The scenario's data section with the checksum of what is there now."""
    return scenario.data.model_copy(update={"sha256": load_scenario(scenario.name).data.sha256})


def _check_femnist(problem):
    writers = sorted(datasets.femnist_writers().items())[:6]
    assert problem.outputs == 62
    assert len(problem.train) + len(problem.validation) + len(problem.test) == 6 * 16
    known = {
        (subject, image.tobytes()): character
        for subject, (_, (images, characters)) in enumerate(writers)
        for image, character in zip(images, characters, strict=True)
    }
    for part in PARTS:
        split = getattr(problem, part)
        for image, subject, target in zip(split.inputs, split.subjects.tolist(), split.targets.tolist(), strict=True):
            assert known[subject, image.numpy().tobytes()] == target


# --- CelebA


def test_celeba_has_its_own_split_attribute_and_identities(tmp_path, monkeypatch):
    scenario = miniature("celeba-identity", tmp_path, monkeypatch)
    problem = load_problem(scenario)
    listed = tv.CelebA(str(tmp_path), split="train", target_type=["attr", "identity"])
    column = listed.attr_names.index("Smiling")
    assert [len(problem.train), len(problem.validation), len(problem.test)] == [24, 10, 10]
    assert torch.equal(problem.train.targets, listed.attr[:, column].long())
    identities = listed.identity[:, 0].tolist()
    pairs = set(zip(identities, problem.train.subjects.tolist(), strict=True))
    assert len(pairs) == len(set(identities)) == 6
    parts = [set(split.subjects.tolist()) for split in (problem.train, problem.validation, problem.test)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    with pytest.raises(BenchError, match="'Frown', expected one of Male, Smiling, Young"):
        load_problem(scenario.model_copy(update={"data": scenario.data.model_copy(update={"attribute": "Frown"})}))


def test_only_the_middle_square_of_a_celeba_picture_is_kept(tmp_path):
    from benchmark.data.reading.images import read_images

    pixels = np.zeros((218, 178, 3), dtype=np.uint8)
    pixels[20:198] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (read_images([tmp_path / "a.png"], 16, 3, middle_square=True) == 255).all()
    assert not (read_images([tmp_path / "a.png"], 16, 3) == 255).all()


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
