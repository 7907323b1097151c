"""Inputs of the public Python API: arrays of odd forms and types, and what is refused."""

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from populations import O, R, U, few_resamples, plain  # noqa: F401

import benchmark

SAME = [
    U.tolist(),
    tuple(map(tuple, U)),
    np.asfortranarray(U),
    np.repeat(U, 2, axis=1)[:, ::2],
    U.astype(">f8"),
]


@pytest.mark.parametrize("unlearned", SAME)
@pytest.mark.seconds
def test_the_form_of_an_array_changes_nothing(unlearned):
    assert benchmark.score(unlearned, R).to_dict() == plain().to_dict()


WHOLE = np.abs(np.round(U * 4))


@cache
def of_whole_numbers():
    return benchmark.score(WHOLE, R).to_dict()


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "uint16", "int64"])
@pytest.mark.seconds
def test_narrow_types_are_widened(dtype):
    assert benchmark.score(WHOLE.astype(dtype), R).to_dict() == of_whole_numbers()


@pytest.mark.seconds
def test_memory_mapped_arrays_are_scored(tmp_path):
    np.save(tmp_path / "u.npy", U)
    mapped = np.load(tmp_path / "u.npy", mmap_mode="r")
    assert benchmark.score(mapped, R).to_dict() == plain().to_dict()


@pytest.mark.seconds
def test_one_example_is_enough():
    result = benchmark.score(U[:, :1], R[:, :1], original=O[:, :1])
    assert result.examples == 1
    assert result.metrics["detectable"].value in (0, 1)


@pytest.mark.seconds
def test_the_input_stays_as_it_was():
    before = U.copy()
    benchmark.score(U, R, original=O)
    assert (before == U).all()


@pytest.mark.parametrize(
    ("unlearned", "sentence"),
    [
        ([], r"unlearned has shape \(0,\), expected \[models, examples\]"),
        (U[0], r"unlearned has shape \(3,\)"),
        (U[None], r"unlearned has shape \(1, 16, 3\)"),
        (U[:1], r"unlearned has 1 model\(s\), expected at least 2"),
        (U[:, :0], "unlearned has no examples"),
        (U[:, :2], "unlearned has 2 examples and retrained 3, expected the same"),
        (np.full((16, 3), np.nan), "unlearned holds 48 values that are not finite"),
        (np.full((16, 3), np.inf), "unlearned holds 48 values that are not finite"),
        (np.full((16, 3), 2e4), "is no φ"),
        (np.full((16, 3), "a"), "unlearned has dtype <U1, expected real numbers"),
        ("text", "unlearned has dtype <U4"),
        (np.full((16, 3), None), "unlearned has dtype object"),
        (U + 0j, "unlearned has dtype complex128"),
        (U > 0, "unlearned has dtype bool"),
        ([[1.0, 2.0], [1.0]], "unlearned is no array of numbers"),
        (None, "unlearned has dtype object"),
        (np.ma.masked_less(U, 0), "unlearned holds masked values"),
    ],
)
@pytest.mark.seconds
def test_what_is_no_population_is_one_sentence(unlearned, sentence):
    with pytest.raises(ValueError, match=sentence):
        benchmark.score(unlearned, R)
    if unlearned is not None:
        with pytest.raises(ValueError, match=sentence.replace("unlearned", "original")):
            benchmark.score(U, R, original=unlearned)


@pytest.mark.parametrize("delta", [1, -0.1, float("nan"), "0", None, True])
def test_another_delta_is_refused(delta):
    with pytest.raises(ValueError, match=r"delta is .*, expected a number of at least 0 and below 1"):
        benchmark.score(U, R, delta=delta)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.tuples(*[st.integers(2, 9)] * 3),
    examples=st.integers(1, 3),
    levels=st.integers(1, 6),
)
@pytest.mark.seconds
def test_ties_and_constants_are_scored(seed, models, examples, levels):
    rng = np.random.default_rng(seed)
    u, r, o = (rng.integers(0, levels, (n, examples)) for n in models)
    result = benchmark.score(u, r, original=o)
    assert json.dumps(result.to_dict(), allow_nan=False)
    assert str(result)
    assert result.per_example["epsilon"].shape == (examples,)
