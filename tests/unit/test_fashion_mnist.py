"""Fashion-MNIST on a miniature in the idx format, and, where Debian's package is installed, the real files."""

import gzip
import shutil
from pathlib import Path

import datasets
import pytest
import torch
import torchvision.datasets as tv
from datasets import miniature

from benchmark.data import check_data, load_problem
from benchmark.data.reading import fashion_mnist
from benchmark.errors import BenchError


@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_is_torchvisions_with_train_and_test_apart(packed, tmp_path, monkeypatch):
    scenario = miniature("fashion", tmp_path, monkeypatch)
    datasets.make_fashion_mnist(tmp_path, monkeypatch, packed=False)  # as torchvision unpacks them
    train, test = (tv.FashionMNIST(str(tmp_path), train=training) for training in (True, False))
    shutil.rmtree(tmp_path / "FashionMNIST")
    datasets.make_fashion_mnist(tmp_path, monkeypatch, packed=packed)
    problem = load_problem(scenario)
    assert [len(problem.train), len(problem.validation), len(problem.test)] == [200, 40, 60]
    for split in (problem.retain, problem.forget, problem.validation):
        assert torch.equal(split.inputs[:, 0], train.data[split.ids])
        assert torch.equal(split.targets, train.targets[split.ids])
        assert split.targets.bincount(minlength=10).min() > 0 or split is problem.forget
    rows = problem.test.ids - len(train)
    assert torch.equal(problem.test.inputs[:, 0], test.data[rows])
    assert torch.equal(problem.test.targets, test.targets[rows])


def test_fashion_mnist_draws_other_images_by_another_seed(tmp_path, monkeypatch):
    scenario = miniature("fashion", tmp_path, monkeypatch)
    drawn = []
    for seed in (0, 0, 1):
        data = scenario.data.model_copy(update={"seed": seed})
        drawn.append(load_problem(scenario.model_copy(update={"data": data})).train.ids.tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_fashion_mnist_is_found_where_the_package_has_it(tmp_path, monkeypatch):
    scenario = miniature("fashion", tmp_path / "data", monkeypatch)
    at_home = load_problem(scenario)
    (tmp_path / "data" / "FashionMNIST" / "raw").rename(tmp_path / "package")
    monkeypatch.setattr(fashion_mnist, "PACKAGED", tmp_path / "package")
    shutil.rmtree(tmp_path / "data" / "prepared")
    packaged = load_problem(scenario.model_copy())
    assert torch.equal(packaged.train.inputs, at_home.train.inputs)
    assert {row["status"] for row in check_data(scenario)} == {"ok"}
    assert str(tmp_path / "package") in check_data(scenario)[0]["found"]


@pytest.mark.seconds
def test_what_debian_packages_is_the_published_data():
    if not fashion_mnist.PACKAGED.exists():
        pytest.skip("dataset-fashion-mnist is not installed")
    assert {row["status"] for row in fashion_mnist.check(Path("/nowhere"))} == {"ok"}


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: gzip.compress(b"other")])
def test_fashion_mnist_that_was_tampered_with_is_refused(damage, tmp_path, monkeypatch):
    scenario = miniature("fashion", tmp_path, monkeypatch)
    path = tmp_path / "FashionMNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BenchError, match=r"train-labels-idx1-ubyte\.gz .*; replace it"):
        load_problem(scenario)
    damaged = [row["what"] for row in check_data(scenario) if row["status"] == "damaged"]
    assert damaged == ["train-labels-idx1-ubyte"]
    path.unlink()
    with pytest.raises(BenchError, match=r"raw has no train-labels-idx1-ubyte\.gz, expected four files"):
        load_problem(scenario)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"train": 280}, r"data\.train and data\.validation add up to 320, expected at most 300"),
        ({"test": 81}, r"data\.test is 81, expected at most 80, the size of fashion_mnist; lower it"),
        ({"test": 9}, r"data\.test is 9, expected at least 10, one for each class; raise data\.test"),
        ({"test": 75}, r"data\.test leaves over 5 of 80 examples, .*; lower or raise data\.test$"),
    ],
)
def test_more_images_than_fashion_mnist_has_are_refused(counts, sentence, tmp_path, monkeypatch):
    scenario = miniature("fashion", tmp_path, monkeypatch)
    changed = scenario.model_copy(update={"data": scenario.data.model_copy(update=counts)})
    with pytest.raises(BenchError, match=sentence):
        load_problem(changed)
