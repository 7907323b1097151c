import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from benchmark.data import load_problem
from benchmark.data.reading import glyphs
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario


@pytest.fixture(scope="module")
def digits():
    return load_problem(load_scenario("digits"))


def test_splits_have_the_promised_sizes_and_share_no_example(digits):
    splits = [digits.retain, digits.forget, digits.validation, digits.test]
    assert [len(split) for split in splits] == [950, 50, 200, 597]
    ids = torch.cat([split.ids for split in splits])
    assert len(ids.unique()) == len(ids) == 1797


def test_train_is_retain_and_forget(digits):
    assert sorted(digits.train.ids.tolist()) == sorted([*digits.retain.ids.tolist(), *digits.forget.ids.tolist()])


def test_inputs_are_the_real_digits(digits):
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    for split in (digits.retain, digits.forget, digits.test):
        rows = split.ids.numpy()
        np.testing.assert_allclose(split.inputs.flatten(1).numpy() * 16, pixels[rows])
        np.testing.assert_array_equal(split.targets.numpy(), targets[rows])


def test_splits_are_stratified(digits):
    shares = [torch.bincount(s.targets, minlength=10) / len(s) for s in (digits.train, digits.validation, digits.test)]
    for share in shares[1:]:
        assert (share - shares[0]).abs().max() < 0.01


def test_class_weights_are_inverse_counts_over_train(miniature):
    recipe = miniature.recipe.model_copy(update={"class_weights": True})
    problem = load_problem(miniature.model_copy(update={"recipe": recipe}))
    counts = torch.bincount(problem.train.targets, minlength=10)
    torch.testing.assert_close(problem.class_weights, 1 / counts)
    assert load_problem(miniature).class_weights is None


def test_too_many_or_too_few_examples_are_refused(miniature):
    for update, sentence in (
        ({"test": 5000}, "add up to 5250, expected at most 1797"),
        ({"validation": 3}, "data.validation is 3, expected at least 10, one for each class"),
    ):
        data = miniature.data.model_copy(update=update)
        with pytest.raises(BenchError, match=sentence):
            load_problem(miniature.model_copy(update={"data": data}))


LOADS = """
import sys
from benchmark.data import load_problem
from benchmark.scenario.schema import load_scenario

print(len(load_problem(load_scenario("digits")).train), "sklearn" in sys.modules)
"""


@pytest.mark.long
def test_digits_are_read_once_and_then_without_scikit_learn(tmp_path):
    (tmp_path / "submissions").mkdir()
    first, second = (_python(LOADS, tmp_path) for _ in range(2))
    assert (first, second) == ("1000 True", "1000 False")
    assert len(list((tmp_path / "data" / "prepared").glob("digits-*.safetensors"))) == 1


@pytest.mark.long
def test_digits_need_no_workspace_and_none_that_can_be_written_to(tmp_path):
    assert _python(LOADS, tmp_path) == "1000 True"
    (tmp_path / "submissions").mkdir()
    (tmp_path / "data").write_text("not a folder")
    assert _python(LOADS, tmp_path) == "1000 True"


def _python(code, folder):
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_images_of_letters_are_the_same_to_the_last_bit_on_every_machine():
    examples = glyphs.load()
    assert tuple(examples.inputs.shape) == (2080, 1, 12, 12)
    content = examples.inputs.numpy().tobytes()
    assert hashlib.sha256(content).hexdigest() == "e327fd05ee516d632b427ef5a8ed80dac89a89231b88b217baeea4f2d002cd1e"
    assert examples.subjects.bincount().tolist() == [26 * 4] * 20
    assert examples.targets.bincount().tolist() == [20 * 4] * 26


def test_scenarios_whose_data_is_elsewhere_are_read_without_torch(tmp_path):
    code = (
        "import sys; from benchmark.scenario.schema import load_scenario, scenario_names; "
        "found = [load_scenario(name) for name in scenario_names() if name != 'verbatim']; "  # which may be installed
        "print(len(found), 'torch' in sys.modules)"
    )
    environment = {**os.environ, "BENCH_DATA": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    count, has_torch = done.stdout.split()
    assert int(count) > 20
    assert has_torch == "False"
