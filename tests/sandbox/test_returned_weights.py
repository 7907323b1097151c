"""The file of weights that a run returns: read when it is good, else refused in one line."""

import os
import struct

import pytest
import torch
from safetensors.torch import save

from benchmark.sandbox import weights
from benchmark.sandbox.weights import read_weights

EXPECTED = {"a": (torch.Size([2]), torch.float32)}


def tensor_file(header: str | bytes, content: bytes = bytes(8)) -> bytes:
    header = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(header)) + header + content


def header(dtype="F32", shape="[2]", size=8, name="a"):
    return f'{{"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{size}]}}}}'


def test_a_good_file_is_read(tmp_path):
    (tmp_path / "w").write_bytes(tensor_file(header(), struct.pack("<ff", 1, 2)))
    assert read_weights(tmp_path / "w", EXPECTED)["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95",
        b"\xff" * 9,
        b"\xff" * 3_000_000,
        tensor_file(b"[" * 100_000),
        tensor_file("null", b""),
        tensor_file("{}", b""),
        tensor_file(header(), bytes(7)),
        tensor_file(header(), bytes(9)),
        tensor_file(header("F4", "[16]")),
        tensor_file(header("F8_E8M0", "[8]")),
        tensor_file(header("C64", "[1]")),
        tensor_file(header("F64", "[1]")),
        tensor_file(header("I32")),
        tensor_file(header(shape="[1,2]")),
        tensor_file(header(shape=f"[{'1,' * 9000}2]")),
        tensor_file(header(shape="[0,1099511627776,1099511627776]", size=0), b""),
        tensor_file(header(shape="[0,9223372036854775808]", size=0), b""),
        tensor_file(header(shape="[18446744073709551615,18446744073709551615]")),
        tensor_file(header(name="b")),
        tensor_file(header(name="x" * 900_000)),
        tensor_file(header(name="a\\u001b[2J\\nb")),
        tensor_file(header(), struct.pack("<ff", 1, float("nan"))),
        tensor_file(header(), struct.pack("<ff", float("inf"), 1)),
    ],
    ids=lambda content: repr(content[:60]),
)
def test_any_other_file_is_an_error_in_one_printable_line(content, tmp_path):
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ValueError, match=r"^(the run|the returned net|a is|a holds) ") as error:
        read_weights(tmp_path / "w", EXPECTED)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("count", [20_000, 800_000])
def test_a_header_is_not_parsed_that_no_such_net_needs(count, tmp_path, monkeypatch):
    """Parsing takes 20 µs and more than a kilobyte for each of its tensors, of which none holds a single number."""
    monkeypatch.setattr(weights, "load", lambda content: pytest.fail("it was parsed"))
    expected = {"a": (torch.Size([10_000_000]), torch.float32)}  # whose file may be large
    empty = ",".join(f'"{number}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for number in range(count))
    (tmp_path / "w").write_bytes(tensor_file(f"{{{empty}}}", b""))
    with pytest.raises(
        ValueError, match=r"a list of tensors of [\d,]+ bytes, expected at most [\d,]+ for those of the"
    ):
        read_weights(tmp_path / "w", expected)


def test_an_honest_header_is_within_its_bound(tmp_path):
    """However long its names and shapes are, and with entries of one's own beside the tensors."""
    net = {f"layer ä\n{'x' * 500}.{number}": torch.zeros([1] * 50) for number in range(2000)}
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in net.items()}
    content = save(net, metadata={"format": "pt", "note": "n" * 1000})
    assert int.from_bytes(content[:8], "little") < weights.largest_header(expected)
    (tmp_path / "w").write_bytes(content)
    assert read_weights(tmp_path / "w", expected).keys() == net.keys()


def test_only_a_file_is_read(tmp_path):
    (tmp_path / "good").write_bytes(tensor_file(header()))
    (tmp_path / "link").symlink_to("good")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "missing"):
        with pytest.raises(ValueError, match="something other than a file"):
            read_weights(tmp_path / name, EXPECTED)
