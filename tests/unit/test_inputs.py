"""The public scoring functions, called with anything, answer or raise a ValueError in our words."""

import contextlib
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import metrics as scoring
from benchmark.metrics import Population
from benchmark.metrics.lira import Scores

MODELS, EXAMPLES, CLASSES = 8, 12, 3
PHI = np.random.default_rng(0).normal(0, 2, (MODELS, EXAMPLES))
OTHER = np.random.default_rng(1).normal(0, 2, (MODELS, EXAMPLES))
LOGITS = np.random.default_rng(2).normal(0, 1, (MODELS, EXAMPLES, CLASSES))
LABELS = np.arange(EXAMPLES) % CLASSES
GOOD = Population(PHI, np.full(MODELS, 0.9), np.full(MODELS, 0.8))
AGAINST = Population(OTHER, np.full(MODELS, 0.9), np.full(MODELS, 0.8))
VALUES = np.linspace(0.1, 0.2, 10)

# Every public function with arguments that it accepts.
CALLS = {
    "attack_intervals": [Scores(PHI, OTHER), 10, 0.95, 0],
    "attack_result": [Scores(PHI, OTHER)],
    "provable_epsilon": [8, 1e-5, 0.95],
    "epsilon_lower_bound": [PHI, OTHER, 1e-5, 0.95],
    "competition_score": [0.5, 0.9, 0.9, 0.8, 0.8],
    "direction": [PHI, OTHER],
    "detectable": [PHI, OTHER, 0.05, 0],
    "existing": [VALUES],
    "fewest_for_leaks": [50, 1e-5, 0.95],
    "quality_and_score": [GOOD, AGAINST, 1e-5],
    "forgetting_quality": [np.arange(4.0), 8],
    "gap_closed": [PHI, OTHER, PHI + 9],
    "held_out_epsilon": [PHI, OTHER, 1e-5],
    "interval": [0.15, VALUES, 0.95, (0.0, 1.0)],
    "klom": [PHI, OTHER],
    "leak": [PHI, OTHER],
    "logit_scaled_confidence": [LOGITS, LABELS],
    "mean_classifier_mia": [PHI, OTHER, 0, 2],
    "mean_classifier_mia_svm": [LOGITS, LABELS, LOGITS, LABELS, 0, 2],
    "most_provable": [8, 50, 1e-5, 0.95],
    "no_leak": [8, 50, 1e-5, 0.95],
    "no_rate": [8, 50, 0.01],
    "no_rejection": [8],
    "no_share": [8],
    "classifier_mia": [PHI[0], OTHER[0], 0],
    "privacy_profile": [PHI, OTHER],
    "published_epsilon": [PHI, OTHER, 1e-5, None, "both"],
    "quality_and_score_of_halves": [GOOD, AGAINST, range(2), 0, "unlearned", 1e-5],
    "resampled_share": [0.15, VALUES, 0.2, VALUES],
    "ruli": [PHI, OTHER],
    "ruli_scores": [PHI, OTHER],
    "classifier_mia_svm": [LOGITS[0], LABELS, LOGITS[0], LABELS, 0],
    "ulira": [PHI, OTHER],
    "ulira_scores": [PHI, OTHER],
}
OUR_WORDS = r"(expected|so no|do not pair|not finite|no φ|no numbers)"


class Rude:
    """An array that raises what it likes, and has no text either."""

    def __array__(self, *_, **__):
        raise KeyError("rude")

    def __str__(self):
        raise RuntimeError("no text")


def masked(value):
    array = np.ma.masked_array(np.array(value, dtype=float))
    if array.size:
        array[(0,) * array.ndim] = np.ma.masked
    return array


LEAST = -1
NO_PARAMETER = [float("nan"), LEAST, True, np.True_, "0.5", None, 1j, [1], 10**400, Rude(), np.zeros(3), -float("inf")]
NO_ARRAY = [
    None,
    "text",
    [["a"]],
    [[1.0], [1.0, 2.0]],
    1j * PHI,
    PHI.astype(object),
    PHI > 0,
    masked(PHI),
    [masked(row) for row in PHI],
    PHI[0, 0],
    PHI[None, None, None],
    np.zeros((0, 0)),
    np.full((MODELS, EXAMPLES), np.nan),
    np.full((MODELS, EXAMPLES), 1e308),
    np.full((MODELS, EXAMPLES), -np.inf),
    np.broadcast_to(0.0, (10**6, 10**6)),
    np.broadcast_to(0.0, (2**14, 2)),
    {"phi": PHI},
    Rude(),
    [10**400],
    np.array(["2020-01-01"], dtype="datetime64[D]"),
    torch.ones(2, 2, requires_grad=True),
]


def is_parameter(value):
    return value is None or isinstance(value, float | int | str)


def test_every_public_function_is_tried():
    callables = {name for name in scoring.__all__ if callable(getattr(scoring, name))}
    assert callables - {"Population"} == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.seconds
def test_good_arguments_are_accepted_as_lists_and_as_float32(name):
    function, arguments = getattr(scoring, name), CALLS[name]
    expected = function(*arguments)
    as_lists = [value.tolist() if isinstance(value, np.ndarray) else value for value in arguments]
    np.testing.assert_equal(function(*as_lists), expected)


@pytest.mark.parametrize("name", CALLS)
def test_no_argument_may_be_anything(name):
    """Each argument in turn, all others being good."""
    function, arguments = getattr(scoring, name), CALLS[name]
    for place, good in enumerate(arguments):
        for bad in NO_PARAMETER if is_parameter(good) else NO_ARRAY:
            if (bad is None and good is None) or (bad is LEAST and name in ("interval", "resampled_share")):
                continue  # these are good there
            with pytest.raises(ValueError, match=OUR_WORDS):
                print(name, place, type(bad), function(*arguments[:place], bad, *arguments[place + 1 :]))


@pytest.mark.parametrize("name", ["quality_and_score", "quality_and_score_of_halves"])
@pytest.mark.parametrize("part", Population._fields)
def test_no_part_of_a_population_may_be_anything(name, part):
    function, rest = getattr(scoring, name), CALLS[name][1:]
    for bad in NO_ARRAY:
        if part != "confidences" and isinstance(bad, np.ndarray) and bad.ndim == 1:
            continue
        with pytest.raises(ValueError, match=OUR_WORDS):
            function(GOOD._replace(**{part: bad}), *rest)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (masked(PHI), "holds masked values, expected none"),
        ([masked(row) for row in PHI], "holds masked values, expected none"),
        ([np.ma.masked, 1.0], "holds masked values, expected none"),
        (PHI * 1j, "dtype complex128, expected real numbers"),
        (PHI.astype(object), "dtype object, expected real numbers"),
        (PHI > 0, "dtype bool, expected real numbers"),
        ([[1.0], [1.0, 2.0]], "is no array of numbers"),
        (np.broadcast_to(0.0, (10**6, 10**6)), "expected at most 1,073,741,824 values"),
        (np.full((3, 3), 1e200), r"beyond ±1e\+100"),
        (np.zeros((2**14, 1)), "16384 models, expected at most 8192"),
        (np.zeros((3, 0)), "no examples, expected at least 1"),
    ],
)
@pytest.mark.parametrize("function", [scoring.klom, scoring.direction, scoring.epsilon_lower_bound, scoring.ulira])
def test_the_sentence_names_what_came(function, values, sentence):
    with pytest.raises(ValueError, match=f"unlearned .*{sentence}"):
        function(values, OTHER)
    with pytest.raises(ValueError, match=f"retrained .*{sentence}"):
        function(PHI, values)


def test_a_masked_array_without_a_masked_value_is_its_data():
    np.testing.assert_array_equal(scoring.klom(np.ma.masked_array(PHI), OTHER), scoring.klom(PHI, OTHER))


def test_numbers_of_any_real_type_are_parameters():
    expected = scoring.published_epsilon(PHI, OTHER, 0.25)
    for delta in (np.float32(0.25), np.array(0.25), Fraction(1, 4), np.longdouble(0.25)):
        np.testing.assert_array_equal(scoring.published_epsilon(PHI, OTHER, delta), expected)
    assert scoring.provable_epsilon(np.int16(8)) == scoring.provable_epsilon(8)


def test_huge_values_overflow_nowhere():
    """Warnings are errors here, so that an overflow would be one."""
    huge = np.where(PHI > 0, 1e100, -1e100)
    for function in (scoring.klom, scoring.epsilon_lower_bound, lambda *phi: scoring.direction(*phi).p_values):
        assert np.isfinite(function(huge, OTHER)).all()
    for attack in (scoring.ulira, scoring.ruli):
        assert 0 <= attack(huge, OTHER).accuracy <= 1
    phi = scoring.logit_scaled_confidence(np.array([[1e308, -1e308]]), [0])
    assert phi == pytest.approx(103.6, abs=0.1)


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=3),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.lists(st.lists(st.floats() | st.integers(), max_size=4), max_size=4),
    st.lists(st.floats(), max_size=4).map(masked),
    st.lists(st.floats(width=16), max_size=4).map(lambda values: np.array(values, dtype=np.float16)),
    st.lists(st.integers() | st.text(max_size=2), max_size=4).map(lambda values: np.array(values, dtype=object)),
    st.sampled_from([PHI, PHI[:, :5], PHI[:3], LOGITS, LABELS, VALUES, GOOD, range(3)]),
)


def call_with_odd_arguments(data):
    """Replace some arguments of some function: it may answer, or raise a ValueError."""
    name = data.draw(st.sampled_from(sorted(CALLS)))
    arguments = list(CALLS[name])
    for place in data.draw(st.sets(st.integers(0, len(arguments) - 1), min_size=1)):
        arguments[place] = data.draw(anything)
    if name == "attack_intervals" and isinstance(arguments[1], int) and arguments[1] > 1000:
        arguments[1] = 1000  # many resamples are no error, and take their time
    with contextlib.suppress(ValueError):
        getattr(scoring, name)(*arguments)


@settings(max_examples=15, deadline=None)
@given(st.data())
@pytest.mark.seconds
def test_odd_arguments_end_in_a_value_or_a_value_error(data):
    call_with_odd_arguments(data)


@pytest.mark.slow
@settings(max_examples=4000, deadline=None)
@given(st.data())
def test_many_odd_arguments_end_in_a_value_or_a_value_error(data):
    call_with_odd_arguments(data)
