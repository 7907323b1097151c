"""What a path shows: leak and gap closed at every point, and what had been lost when forgetting was reached.

Forgetting is *reached* by a run where the mean φ of its forget set falls to that of the retrained models, taken as
given, on straight lines between the points. The utility at that place says what forgetting cost, whatever the rate. A
run that never gets there counts with its last point.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.metrics.bootstrap import Population
from benchmark.metrics.jackknife import jackknife_estimate
from benchmark.metrics.leak import groups_of, measure_leak
from benchmark.metrics.leak_score import Ends, close_gap, leak_score, mean_leak
from benchmark.metrics.means import bootstrap_means
from benchmark.metrics.samples import Floats
from benchmark.results.values import Estimate
from benchmark.split import under
from benchmark.storage.workspace import Arrays
from claims.settings import Setting

RESAMPLES = 2000


class Curve(NamedTuple):
    """What came out of a setting."""

    setting: Setting
    path: pd.DataFrame
    """A row per point, with an interval of each number."""
    runs: Mapping[str, Floats]
    """Per run, `[models]`: `steps` until forgetting is reached, `reached`, and for each probe `<probe>_lost`: by how
    much its utility has fallen there. `collapse`: steps until half of the answers on test are lost,
    or all where they never are."""
    best: Estimate
    """The largest gap closed along the path, with its interval at that point."""
    shares_originals: str
    """Settings of the same text begin at the same originals, model by model."""

    @property
    def label(self) -> str:
        return self.setting.label


def measure_curve(setting: Setting, looks: Arrays, retrained: Arrays, originals: str) -> Curve:
    """Return what a path shows; `looks` `[points, models, ...]`, of retrained models `[models, ...]`."""
    points, reference = np.array(setting.points), _population(retrained)
    populations = [_population({name: own[at] for name, own in looks.items()}) for at in range(len(points))]
    groups = groups_of(*(each.confidences for each in (reference, *populations)))
    scores = [leak_score(each, reference, groups) for each in populations]
    rows, gaps = [], [_gap(own, scores[0]) for own in scores]
    for at, population in enumerate(populations):
        leaks = mean_leak(measure_leak(population.confidences, reference.confidences, groups=groups))
        found = {"leak": jackknife_estimate(leaks[0], leaks[1:], limits=(-1, 1)), "gap_closed": gaps[at]}
        found |= {name: mean_of(own[at]) for name, own in under("utility/", looks).items()}
        further = population.confidences.mean(axis=1) - reference.confidences.mean()
        found["phi_above_retrained"] = mean_of(further)
        rows.append({"point": int(points[at]), **columns_of(found)})
    runs = reach(points, looks, float(reference.confidences.mean()))
    return Curve(setting, pd.DataFrame(rows), runs, max(gaps, key=lambda each: each.value), originals)


def _population(found: Mapping[str, np.ndarray]) -> Population:
    return Population(found["phi"], found["utility/retain"], found["utility/test"])


def _gap(score: Floats, nothing: Floats) -> Estimate:
    """Return the gap closed by leak scores `[1 + groups]`, perfect unlearning being a leak of 0 at full utility."""
    closed = close_gap(score, Ends(nothing, np.ones_like(nothing)))
    if isinstance(closed, str):
        raise ValueError(f"{closed}; give the study more models, or its models more to learn")
    return jackknife_estimate(closed[0], closed[1:])


def reach(points: np.ndarray, looks: Mapping[str, np.ndarray], level: float) -> dict[str, Floats]:
    """Return per run where forgetting is reached and what is lost there, as in `Curve.runs`.

    `looks`: `phi` `[points, models, forget]` and each `utility/<probe>` `[points, models]`; `level`: mean φ of
    retrained models.
    """
    steps = np.broadcast_to(points[:, None], looks["phi"].shape[:2]).astype(np.float64)
    forgetting = Crossing.of(looks["phi"].mean(axis=2), level)
    collapse = Crossing.of(looks["utility/test"], looks["utility/test"][0] / 2)
    found = {"steps": forgetting.at(steps), "collapse": collapse.at(steps), "reached": forgetting.reached.astype(float)}
    probes = under("utility/", looks)
    return {**found, **{f"{name}_lost": values[0] - forgetting.at(values) for name, values in probes.items()}}


class Crossing(NamedTuple):
    """The first place on each run's path, between two points, where something has fallen to a level."""

    after: NDArray[np.intp]
    """The point behind the place, `[models]`; the last one where the level is never reached."""
    share: Floats
    """The way from the point before to it, from 0 to 1."""
    reached: NDArray[np.bool_]

    @classmethod
    def of(cls, values: Floats, level: Floats | float) -> "Crossing":
        """Return where values `[points, models]` first are at most a level."""
        below, models = np.asarray(values <= level), np.arange(values.shape[1])
        reached = np.asarray(below.any(axis=0), dtype=bool)
        after = np.where(reached, below.argmax(axis=0), len(values) - 1)
        before = values[np.maximum(after - 1, 0), models]
        fall = before - values[after, models]
        share = np.divide(before - level, fall, out=np.ones(len(models)), where=reached & (after > 0))
        return cls(after, share, reached)

    def at(self, values: Floats) -> Floats:
        """Return other values `[points, models]` there, on straight lines, `[models]`."""
        models = np.arange(values.shape[1])
        before, after = values[np.maximum(self.after - 1, 0), models], values[self.after, models]
        return before + self.share * (after - before)


def mean_of(values: Floats) -> Estimate:
    """Return the mean over models `[models]` with the percentile bootstrap."""
    return bootstrap_means(lambda means: means[..., 0], [values[:, None]], RESAMPLES)


def difference(one: Curve, other: Curve, quantity: str) -> Estimate:
    """Return by how much the mean of a number of `Curve.runs` is higher in one; paired where runs began alike."""
    a, b = (curve.runs[quantity][:, None] for curve in (one, other))
    if one.shares_originals == other.shares_originals:
        return mean_of((a - b)[:, 0])
    return bootstrap_means(lambda means, others: (means - others)[..., 0], [a, b], RESAMPLES)


def difference_of_best(one: Curve, other: Curve) -> Estimate:
    """Return by how much one's largest gap closed is higher, as if the two intervals were independent."""
    value = one.best.value - other.best.value
    half = np.hypot((one.best.high - one.best.low) / 2, (other.best.high - other.best.low) / 2)
    return Estimate(value=value, low=value - float(half), high=value + float(half))


def columns_of(found: Mapping[str, Estimate]) -> dict[str, float]:
    """Return the columns of estimates: each one's value, `_low` and `_high`."""
    columns = {}
    for name, own in found.items():
        columns |= {name: own.value, f"{name}_low": own.low, f"{name}_high": own.high}
    return columns


def summarise(curves: list[Curve]) -> pd.DataFrame:
    """Return a row per curve: where forgetting is reached, what is lost there, and the best gap closed."""
    rows = []
    for curve in curves:
        found = {name: mean_of(values) for name, values in curve.runs.items() if name != "reached"}
        about = {"group": curve.setting.group, "method": curve.setting.method}
        counts = {"models": len(curve.runs["steps"]), "reached": float(curve.runs["reached"].mean())}
        rows.append({**about, **counts, **columns_of({**found, "best_gap_closed": curve.best})})
    return pd.DataFrame(rows)
