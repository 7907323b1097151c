import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.metrics.statistic import logit_scaled_confidence


def test_two_classes_give_the_difference_of_the_logits():
    phi = logit_scaled_confidence([[3.0, 1.0], [3.0, 1.0]], [0, 1])
    np.testing.assert_allclose(phi, [2.0, -2.0], atol=1e-12)


def test_equal_logits_give_minus_the_log_of_the_number_of_wrong_classes():
    phi = logit_scaled_confidence(np.full((1, 10), 7.0), [4])
    np.testing.assert_allclose(phi, [-np.log(9)], atol=1e-12)


def test_certainty_is_bounded_by_the_tiny_constant():
    right, wrong = logit_scaled_confidence([[1e4, 0.0], [0.0, 1e4]], [0, 0])
    np.testing.assert_allclose([right, wrong], [-np.log(1e-45), np.log(1e-45)])


def test_wrong_mass_is_summed_directly():
    # 1 − p_y would round to 0 here.
    np.testing.assert_allclose(logit_scaled_confidence([[50.0, 0.0, 0.0]], [0]), [50 - np.log(2)], atol=1e-12)


def test_leading_axes_are_kept_and_integers_and_single_precision_accepted():
    logits = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    labels = np.array([0, 3, 1, 2, 2], dtype=np.uint8)
    phi = logit_scaled_confidence(logits, labels)
    assert phi.shape == (2, 3, 5)
    assert phi.dtype == np.float64
    np.testing.assert_array_equal(phi[1, 2], logit_scaled_confidence(logits[1, 2], labels))
    assert logit_scaled_confidence(np.array([[1, 0]]), [0]) == pytest.approx(1.0)
    assert logit_scaled_confidence(np.empty((0, 5, 4)), labels).shape == (0, 5)


def test_input_is_left_alone():
    logits = np.arange(6.0).reshape(2, 3)
    logit_scaled_confidence(logits, [0, 1])
    np.testing.assert_array_equal(logits, np.arange(6.0).reshape(2, 3))


@settings(deadline=None)
@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6), st.data())
@pytest.mark.seconds
def test_equals_the_formula_term_by_term(logits, data):
    label = data.draw(st.integers(0, len(logits) - 1))
    p = np.exp(np.array(logits) - max(logits))
    p = p / p.sum()
    expected = np.log(p[label] + 1e-45) - np.log(sum(np.delete(p, label)) + 1e-45)
    assert logit_scaled_confidence([logits], [label])[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([1.0, 2.0], [0], "expected \\[..., examples, classes\\]"),
        ([[1.0, 2.0]], [0, 1], "labels have shape"),
        ([[1.0, 2.0]], [[0]], "labels have shape"),
        ([[1.0, 2.0]], [0.0], "expected integers"),
        ([[1.0, 2.0]], [2], "labels run from 2 to 2, expected 0 to 1"),
        ([[1.0, 2.0]], [-1], "labels run from"),
        ([[1.0]], [0], "expected at least 2"),
        ([[1.0, np.nan]], [0], "1 values that are not finite"),
        ([[1.0, np.inf]], [0], "not finite"),
        ([["a", "b"]], [0], "expected real numbers"),
    ],
)
def test_bad_input_is_refused(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        logit_scaled_confidence(np.array(logits), np.array(labels))
