"""Findings of an audit from signals: each kind of model held against the retrained ones. Pure; no disk, no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.api import score
from benchmark.audit.roles import Role
from benchmark.errors import BadData
from benchmark.metrics import one_model
from benchmark.metrics.lower_bounds import epsilon_lower_bound
from benchmark.metrics.one_model import compare_one_model
from benchmark.metrics.overunlearning import FDR, smallest_p_value
from benchmark.metrics.permutation import detectable
from benchmark.metrics.profile import PrivacyProfile, privacy_profile
from benchmark.metrics.report import Score
from benchmark.metrics.samples import Floats, checked_samples
from benchmark.metrics.support import RECOMMENDED

COMPARED: tuple[Role, ...] = ("production", "production_unlearned", "original", "unlearned")
"""Roles that are held against retrained models, in the order of the report."""
_FEWEST_FOR_PROFILE = 16


@dataclass(frozen=True)
class Signals:
    """The signals of the models of one role."""

    phi: Floats
    """φ `[models, people]`, the mean over a person's rows."""
    test_phi: Floats | None = None
    """φ `[models, test rows]`."""
    test_accuracy: Floats | None = None
    """`[models]`."""


@dataclass(frozen=True)
class Control:
    """The same test on people that no model was trained on: it should find no more than chance does."""

    people: int
    detectable: int
    joint_p_value: float | None
    """The p-value of all of them together; None where several models are compared."""

    @property
    def fails(self) -> bool:
        """Tell whether models differ on people who have nothing to do with the deletion."""
        if self.joint_p_value is not None:
            return self.joint_p_value <= FDR
        return self.detectable > FDR * self.people


@dataclass(frozen=True)
class Comparison:
    """Models of one role held against the retrained ones, person by person."""

    role: Role
    signals: Signals
    p_values: Floats
    """`[people]`."""
    is_detectable: NDArray[np.bool_]
    """`[people]`, at a false discovery rate of 5 %."""
    smallest_p_value: float
    """The smallest p-value that so many models can give, however different they are."""
    joint_p_value: float | None = None
    """The p-value of all people together, where there is a single model."""
    epsilon: Floats | None = None
    """ε lower bounds `[people]`, where there are several models."""
    limit: str | None = None
    """Why so few models could not have made anybody detectable."""
    control: Control | None = None

    @property
    def models(self) -> int:
        return len(self.signals.phi)

    @property
    def detectable_people(self) -> int:
        """The number of detectable people."""
        return int(self.is_detectable.sum())


@dataclass(frozen=True)
class Findings:
    """All that an audit has found."""

    people: tuple[str, ...]
    delta: float
    retrained: Signals
    comparisons: Mapping[Role, Comparison]
    score: Score | None
    """All metrics of the unlearned models, with doing nothing and the gap closed where the originals are known."""

    @property
    def models(self) -> int:
        """N, the number of retrained models."""
        return len(self.retrained.phi)

    @property
    def is_few(self) -> bool:
        return self.models < RECOMMENDED

    @cached_property
    def profile(self) -> PrivacyProfile | None:
        """The privacy profile of the unlearned models; None where models are too few for a curve."""
        unlearned = self.comparisons.get("unlearned")
        if unlearned is None or min(unlearned.models, self.models) < _FEWEST_FOR_PROFILE:
            return None
        return privacy_profile(unlearned.signals.phi, self.retrained.phi)

    def worst_people(self, most: int = 6) -> list[int]:
        """Return the places of the people with the smallest p-values, the smallest first.

        Models before unlearning are no answer to the question, and count for no place.
        """
        asked = [each for role, each in self.comparisons.items() if role != "original"]
        smallest = np.min([each.p_values for each in asked], axis=0)
        farthest = np.max([self._distance(each) for each in asked], axis=0)
        return np.lexsort((-farthest, smallest))[:most].tolist()

    def _distance(self, comparison: Comparison) -> Floats:
        """Return how far the mean φ lies from that of the retrained models, in their standard deviations."""
        spread = self.retrained.phi.std(axis=0)
        moved = np.abs(comparison.signals.phi.mean(axis=0) - self.retrained.phi.mean(axis=0))
        return moved / np.where(spread > 0, spread, 1.0)


def find(people: Sequence[str], delta: float, signals: Mapping[Role, Signals]) -> Findings:
    """Return what the signals show. Raises BadData where they cannot be compared."""
    retrained = signals["retrained"]
    _check(signals)
    compared: dict[Role, Comparison] = {
        role: _compare(role, signals[role], retrained, delta) for role in COMPARED if role in signals
    }
    unlearned, original = (signals.get(role) for role in ("unlearned", "original"))
    found = None
    if unlearned is not None and len(unlearned.phi) > 1:
        start = None if original is None else original.phi
        found = score(unlearned.phi, retrained.phi, original=start, delta=delta)
    return Findings(tuple(people), delta, retrained, compared, found)


def _check(signals: Mapping[Role, Signals]) -> None:
    """Raise BadData where signals are no numbers, of other people, or of models that are all the same."""
    retrained = signals["retrained"].phi
    for role, each in signals.items():
        try:
            checked_samples(each.phi, retrained, fewest=2 if role == "retrained" else 1, first_name=role)
        except ValueError as error:
            raise BadData(f"{error}; the arrays are [models, people], correct them") from None
    if (retrained == retrained[0]).all():
        raise BadData(
            f"all {len(retrained)} retrained models answer alike, expected models that differ by chance; use the seed "
            "in train (random_state=seed, the order of rows, a bootstrap sample)"
        )


def _compare(role: Role, signals: Signals, retrained: Signals, delta: float) -> Comparison:
    models, others, control = len(signals.phi), len(retrained.phi), _control(signals, retrained)
    if models == 1:
        found, smallest = compare_one_model(signals.phi[0], retrained.phi), one_model.smallest_p_value(others)
        limit = _no_rejection(models, others, smallest)
        return Comparison(role, signals, *found[:2], smallest, found.joint_p_value, limit=limit, control=control)
    p_values, is_detectable = detectable(signals.phi, retrained.phi)
    epsilon, smallest = epsilon_lower_bound(signals.phi, retrained.phi, delta), smallest_p_value(models, others)
    limit = _no_rejection(models, others, smallest)
    return Comparison(role, signals, p_values, is_detectable, smallest, None, epsilon, limit, control)


def _control(signals: Signals, retrained: Signals) -> Control | None:
    if signals.test_phi is None or retrained.test_phi is None:
        return None
    pair = signals.test_phi, retrained.test_phi
    if len(signals.test_phi) == 1:
        found = compare_one_model(pair[0][0], pair[1])
        return Control(len(found.p_values), int(found.is_detectable.sum()), found.joint_p_value)
    is_detectable = detectable(*pair)[1]
    return Control(len(is_detectable), int(is_detectable.sum()), None)


def _no_rejection(models: int, retrained: int, smallest: float) -> str | None:
    """Return why a test of so few models rejects nothing, however different they are."""
    if smallest <= FDR:
        return None
    held = f"{models} models" if models > 1 else "One model"
    return f"{held} held against {retrained} can give no p-value of {FDR} or less"
