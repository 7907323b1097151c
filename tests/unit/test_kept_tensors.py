"""Tensors that a submission's training keeps, as the harness reads them: untrusted, so with limits."""

import pytest
import torch
from safetensors.torch import save

from benchmark.sandbox.weights import read_state


def read(tmp_path, content, largest=10_000):
    path = tmp_path / "state"
    path.write_bytes(content)
    return read_state(path, largest)


def test_tensors_of_any_names_and_shapes_come_back(tmp_path):
    kept = {"": torch.ones(()), "../a/b": torch.zeros(0, 3), "flags": torch.tensor([True]), "n": torch.arange(4)}
    found = read(tmp_path, save(kept))
    assert found.keys() == kept.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in kept.items())
    assert read(tmp_path, b"") == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (save({"x": torch.zeros(4000)}), "more than the 10,000 that training may keep"),
        (save({"x": torch.tensor([1.0, float("inf")])}), "expected finite numbers"),
        (save({"x": torch.ones(1, dtype=torch.bfloat16)}), "x as torch.bfloat16, expected finite numbers of float32"),
        (b"nothing of the kind", "not safetensors"),
    ],
)
def test_what_is_too_large_or_no_tensors_is_a_sentence(content, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path, content)


def test_a_long_list_of_tensors_is_not_parsed(tmp_path):
    header = (1 << 20) + 1
    with pytest.raises(ValueError, match="a list of tensors of 1,048,577 bytes"):
        read(tmp_path, header.to_bytes(8, "little") + b" " * (header + 10), largest=1 << 22)
