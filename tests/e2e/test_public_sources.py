"""The public data sets on miniatures in their real on-disk formats: CIFAR-10, CASIA-SURF, FEMNIST, CelebA."""

import random
import shutil
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
import torchvision.datasets as tv
from datasets import miniature
from PIL import Image

from benchmark.data import check_data, load_problem
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario

PARTS = ("retain", "forget", "validation", "test")


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
    with pytest.raises(BenchError, match="cifar10 is not whole"):
        load_problem(scenario)
    damaged = [row["what"] for row in check_data(scenario) if row["status"] == "damaged"]
    assert damaged == ["cifar-10-batches-py/data_batch_3"]


def test_casia_surf_is_split_and_labelled_as_the_competition_did(tmp_path, monkeypatch):
    scenario = miniature("casia-surf", tmp_path, monkeypatch)
    problem = load_problem(scenario)
    # The competition's rule once more, on names instead of tensors.
    root = tmp_path / "casia-surf"
    ages = {line.split()[0]: int(line.split()[1]) for line in (root / "Age_Gender.txt").read_text().splitlines()}
    edges = np.linspace(min(ages.values()), max(ages.values()) + 1, 1 + scenario.data.age_groups)
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
    scenario = miniature("casia-surf", tmp_path, monkeypatch)
    problem = load_problem(scenario)
    assert torch.equal(problem.test.normalised(problem.test.inputs), problem.test.inputs.float())
    counts = torch.bincount(problem.train.targets, minlength=scenario.data.age_groups)
    expected = torch.tensor([1 / count if count else 0.0 for count in counts.tolist()])
    torch.testing.assert_close(problem.class_weights, expected)


def test_a_face_without_a_line_in_the_labels_is_named(tmp_path, monkeypatch):
    miniature("casia-surf", tmp_path, monkeypatch)
    labels = tmp_path / "casia-surf" / "Age_Gender.txt"
    labels.write_text("\n".join(labels.read_text().splitlines()[1:]))
    with pytest.raises(BenchError, match="no line for CLKJ_CS0000"):
        load_problem(load_scenario("casia-surf"))


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
    """The same where there is no pyarrow: only the reading of the files is replaced."""
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
