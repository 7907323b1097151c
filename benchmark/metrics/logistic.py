"""Logistic regressions on one feature, hundreds side by side.

In scikit-learn a fit takes a millisecond and a half, nearly all of it checks and calls, and the classifier MIA asks for
160 per entry. These are the steps of its solver "newton-cholesky" for all fits at once: the same objective (the mean
cross-entropy and w²/2n, the intercept free), the same start at 0, the same test of a step and the same stopping rule.
A fit that needs more than whole Newton steps is left to scikit-learn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.inputs import Floats

_TOLERANCE = 1e-4  # of the gradient, and of half of the Newton decrement
_SUFFICIENT = 2.0**-11  # share of the decrease which the slope promises that a step has to bring
_MOST_STEPS = 20  # beyond which scikit-learn goes on by itself
_SINGULAR = 1e-9  # a determinant that is no larger part of the product of the diagonal

Integers = NDArray[np.int64]


class _State(NamedTuple):
    """The objective at a line: its value, gradient and second derivatives, each with an element per fit last."""

    loss: Floats  # [fits]
    gradient: Floats  # [2, fits], by the weight and by the intercept
    curvature: Floats  # [3, fits], by weight and weight, weight and intercept, intercept and intercept


def fit_logistic(values: Floats, sides: Integers) -> Floats:
    """Return weight and intercept of a logistic regression of each row, `[2, fits]`, as scikit-learn's defaults give.

    `values`: the feature, `[fits, examples]`; `sides`: 0 or 1, of the same shape.
    """
    lines, going = np.zeros((2, len(values))), np.arange(len(values))
    state, left = _state(values, sides, lines), np.zeros(len(values), dtype=bool)
    for _ in range(_MOST_STEPS):
        step = _newton_step(state)
        slope = (state.gradient * step).sum(axis=0)
        lines[:, going] += step
        after = _state(values[going], sides[going], lines[:, going])
        sufficient = after.loss - state.loss <= _SUFFICIENT * slope  # False of a step that is nan
        done = (np.abs(after.gradient).max(axis=0) <= _TOLERANCE) & (-slope / 2 <= _TOLERANCE)
        left[going[~sufficient]] = True
        keep = sufficient & ~done
        going, state = going[keep], _State(*(part[..., keep] for part in after))
        if not len(going):
            break
    left[going] = True
    for fit in np.flatnonzero(left):
        lines[:, fit] = _fit_by_library(values[fit], sides[fit])
    return lines


def _state(values: Floats, sides: Integers, lines: Floats) -> _State:
    weight, intercept = lines
    models = values.shape[1]
    raw = weight[:, None] * values + intercept[:, None]
    losses = np.logaddexp(0, raw) - sides * raw
    likely = np.exp(-np.logaddexp(0, -raw))
    off, curved = (likely - sides) / models, likely * (1 - likely) / models
    return _State(
        losses.mean(axis=1) + weight**2 / (2 * models),
        np.stack([(off * values).sum(axis=1) + weight / models, off.sum(axis=1)]),
        np.stack([(curved * values**2).sum(axis=1) + 1 / models, (curved * values).sum(axis=1), curved.sum(axis=1)]),
    )


def _newton_step(state: _State) -> Floats:
    """Return the step to the minimum of the parabola, `[2, fits]`; nan where it is badly determined."""
    ww, wi, ii = state.curvature
    determinant = ww * ii - wi**2
    determinant = np.where(determinant > _SINGULAR * ww * ii, determinant, np.nan)
    by_weight, by_intercept = state.gradient
    return np.stack([wi * by_intercept - ii * by_weight, wi * by_weight - ww * by_intercept]) / determinant


def _fit_by_library(values: Floats, sides: Integers) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    found = LogisticRegression(solver="newton-cholesky").fit(values[:, None], sides)
    return found.coef_.item(), found.intercept_.item()
