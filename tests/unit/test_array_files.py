"""Arrays from elsewhere: what is read, and the sentence for whatever is none. Nothing is unpickled."""

import contextlib
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchError
from benchmark.storage.arrays import read_array

PHI = np.random.default_rng(0).normal(0, 1, (6, 3))


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "i1", "u2", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_npy_file_is_mapped(dtype, order, tmp_path):
    values = np.asarray(PHI.round(2) * 100, dtype=dtype, order=order)
    np.save(tmp_path / "phi.npy", values)
    found = read_array(tmp_path / "phi.npy")
    assert isinstance(found, np.memmap)
    assert found.dtype == values.dtype
    assert (found == values).all()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_npz_file_with_one_array(save, tmp_path):
    save(tmp_path / "phi.npz", PHI)
    assert (read_array(tmp_path / "phi.npz") == PHI).all()


def test_the_name_of_a_file_says_nothing(tmp_path):
    np.save(tmp_path / "phi.npy", PHI)
    (tmp_path / "phi.npy").rename(tmp_path / "margins.dat")
    assert (read_array(tmp_path / "margins.dat") == PHI).all()


def make(folder, kind: str):
    path = folder / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "text":
        path.write_text("0.1 0.2\n0.3 0.4\n")
    elif kind == "empty":
        path.touch()
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "objects":
        with path.open("wb") as file:
            np.save(file, np.array([[Bomb()]], dtype=object), allow_pickle=True)
    elif kind == "packed objects":
        with path.open("wb") as file:
            np.savez(file, np.array([[Bomb()]], dtype=object), allow_pickle=True)
    elif kind == "two":
        with path.open("wb") as file:
            np.savez(file, a=PHI, b=PHI)
    elif kind == "none":
        with path.open("wb") as file:
            np.savez(file)
    elif kind == "text in a zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("phi.npy", "hello")
    elif kind == "cut":
        np.save(folder / "whole.npy", PHI)
        path.write_bytes((folder / "whole.npy").read_bytes()[:-8])
    return path


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "there is no file .*; give the path of a .npy file"),
        ("folder", "is no file; give the path of a .npy file"),
        ("fifo", "is no file"),
        ("text", "is neither a .npy nor a .npz file; save the array by numpy.save"),
        ("empty", "is neither a .npy nor a .npz file"),
        ("pickle", "is neither a .npy nor a .npz file"),
        ("objects", "it holds Python objects, which are never unpickled"),
        ("packed objects", "it holds Python objects, which are never unpickled"),
        ("two", r"has 2 arrays \(a.npy, b.npy\), expected one; save one per file"),
        ("none", "has 0 arrays|is neither a .npy nor a .npz file"),
        ("text in a zip", "could not be read as an array: .*; save it by numpy.save"),
        ("cut", "could not be read as an array: .*; save it by numpy.save"),
    ],
)
def test_what_is_no_array_is_one_sentence(kind, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError, match=sentence):
        read_array(make(tmp_path, kind))
    assert not (tmp_path / "unpickled").exists()


def test_an_array_that_would_fill_the_memory_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.storage.arrays.MOST_VALUES", 10)
    np.savez_compressed(tmp_path / "zeros.npz", np.zeros((100, 10)))
    with pytest.raises(BenchError, match=r"unpacks to 8,128 bytes, expected at most 80"):
        read_array(tmp_path / "zeros.npz")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(packed=st.booleans(), place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
@pytest.mark.seconds
def test_a_damaged_file_ends_in_an_array_or_a_sentence(packed, place, byte, cut, tmp_path):
    path = tmp_path / "damaged"
    with path.open("wb") as file:
        (np.savez_compressed if packed else np.save)(file, PHI)
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    content[at] = byte
    path.write_bytes(content[:at] if cut else content)
    with contextlib.suppress(BenchError):
        assert isinstance(read_array(path), np.ndarray)
