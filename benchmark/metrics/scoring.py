"""Scoring: every metric of the registry on an entry's evidence, and what plots need beside them."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from benchmark.errors import note
from benchmark.metrics.bootstrap import quality_and_score, quality_and_score_of_halves
from benchmark.metrics.class_leak import class_leaks
from benchmark.metrics.evidence_pair import EvidencePair, ModelEvidence, with_interval, with_interval_if_any
from benchmark.metrics.jackknife import FEWEST_GROUPS
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.leak_score import gap_rows, leak_rows, phi_gap_rows
from benchmark.metrics.metric import Metric
from benchmark.metrics.profile import privacy_profile
from benchmark.metrics.samples import Floats
from benchmark.registry import SHIPPED
from benchmark.results.values import (
    Absent,
    Ceiling,
    ClassLeak,
    Estimate,
    Histograms,
    Measured,
    MetricValue,
    PerExample,
    Profile,
    Resampled,
    Value,
    significant_digits,
)
from benchmark.text import printable, reason_of, shown

_BINS = 40
_LONGEST_REASON = 500  # characters


def measure(evidence: EvidencePair, metrics: Iterable[Metric] | None = None) -> Measured:
    """Return the values of all metrics, or of some, on an entry's evidence, and what plots take of it."""
    epsilon = evidence.epsilon
    return Measured(
        metrics=values_of(evidence, metrics),
        best=_histograms(int(epsilon.argmin()), evidence),
        worst=_histograms(int(epsilon.argmax()), evidence),
        resampled=None if evidence.resample is None else rounded_rows(evidence.rows),
        profile=_profile(evidence),
        class_leaks=_class_leaks(evidence),
        replicates=_replicates(evidence),
    )


def try_measuring(name: str, evidence: EvidencePair) -> tuple[str, Measured | Exception]:
    """Return an entry's name with what `measure` makes of its evidence, or raises; its resamples are computed first.

    For a process of its own, to which evidence comes without resamples.
    """
    pair = evidence.unlearned.population, evidence.retrained.population
    try:
        rows = quality_and_score_of_halves(*pair, range(evidence.halves), delta=evidence.delta)
        return name, measure(replace(evidence, resample=lambda: rows))
    except Exception as error:
        return name, error


def attack(evidence: EvidencePair) -> dict[str, MetricValue]:
    """Return the values of the attacks alone, a third of the work, which share nothing slow with other metrics."""
    return values_of(evidence, filter(is_attack, all_metrics()))


def is_attack(metric: Metric) -> bool:
    return metric.group == "attacks"


def values_of(evidence: EvidencePair, metrics: Iterable[Metric] | None = None) -> dict[str, MetricValue]:
    """Return the values of all metrics, or of some, by their names and in the order of tables.

    A metric that an installed package brings is absent, with a note, where it raises or returns what is no value.
    """
    chosen = list(all_metrics() if metrics is None else metrics)
    # Other processes may resample halves meanwhile; what waits for them comes last.
    in_turn = sorted(chosen, key=lambda metric: metric.group == "score")
    found = {metric.name: _value_of(metric, evidence) for metric in in_turn}
    return {metric.name: found[metric.name] for metric in chosen}


def _value_of(metric: Metric, evidence: EvidencePair) -> MetricValue:
    if reason := evidence.lacks(metric.needs):
        return Absent(absent=reason)
    try:
        return _stored_value(metric, metric.compute(evidence), evidence.examples)
    except (Exception, SystemExit) as error:
        origin = METRICS.origin(metric.name) if metric.name in METRICS else SHIPPED
        if origin == SHIPPED:
            raise
        reason = printable(f"it could not be computed: {reason_of(error)}", _LONGEST_REASON)
        note(f"the metric {metric.name} of the installed package {origin} is left out: {reason}")
        return Absent(absent=reason)


def _stored_value(metric: Metric, found: object, examples: int) -> MetricValue:
    """Return what `compute` returned as it is stored. Raises ValueError when it is not what the metric promises."""
    if isinstance(found, Absent):
        return found
    if metric.per_example:
        values = np.asarray(found, dtype=np.float64)
        if values.shape != (examples,) or not np.isfinite(values).all():
            raise ValueError(f"it returned an array of shape {values.shape}, expected {examples} finite values")
        return PerExample(values=values.tolist())
    if isinstance(found, Estimate):
        return found
    if isinstance(found, str | bytes):
        raise ValueError(f"it returned {shown(found)}, expected a number")
    if not np.isfinite(number := float(found)):  # pyright: ignore[reportArgumentType]  what is no number raises
        raise ValueError(f"it returned {number}, expected a finite number, or Absent with a reason")
    return Value(value=number)


def _replicates(evidence: EvidencePair) -> dict[str, list[float]]:
    """Return what paired differences of entries take of the leak and the gaps closed: each without each group."""
    if evidence.models < FEWEST_GROUPS:
        return {}
    rows = {} if evidence.lacks(METRICS["leak"].needs) else {"leak": evidence.once(leak_rows)}
    for name, gap in (("gap_closed", gap_rows), ("gap_closed_phi", phi_gap_rows)):
        if not evidence.lacks(METRICS[name].needs) and not isinstance(closed := evidence.once(gap), str):
            rows[name] = closed
    return {name: significant_digits(each[1:]) for name, each in rows.items()}


def _profile(evidence: EvidencePair) -> Profile | None:
    if evidence.models < FEWEST_GROUPS:
        return None
    curve = privacy_profile(*evidence.signals)._asdict()
    return Profile(**{name: significant_digits(values) for name, values in curve.items()})


def _class_leaks(evidence: EvidencePair) -> tuple[ClassLeak, ...]:
    if evidence.models < FEWEST_GROUPS or evidence.lacks(METRICS["worst_class_leak"].needs):
        return ()
    found = evidence.once(class_leaks)
    return () if isinstance(found, Absent) else tuple(found)


def ceiling_of(calibration: ModelEvidence, retrained: ModelEvidence, delta: float, resampled: Floats) -> Ceiling:
    """Return what perfect unlearning gets; `resampled`: rows of `quality_and_score_of_halves`, stream "calibration"."""
    quality, score = quality_and_score(calibration.population, retrained.population, delta)
    found = None if np.isnan(score) else with_interval_if_any(score, resampled[:, 1], (0, np.inf))
    return Ceiling(
        forgetting_quality=with_interval(quality, resampled[:, 0], (0, 1)),
        score=found if isinstance(found, Estimate) else None,
        resampled=rounded_rows(resampled),
    )


def rounded_rows(resampled: Floats) -> Resampled:
    """Return resamples with six significant digits, far finer than any interval, also that of a score near zero."""
    quality, score = (significant_digits(column) for column in resampled.T)
    return Resampled(forgetting_quality=quality, score=[None if np.isnan(value) else value for value in score])


def _histograms(example: int, evidence: EvidencePair) -> Histograms:
    """Return φ of one forget example in both populations, counted in shared bins."""
    samples = [phi[:, example] for phi in evidence.signals]
    edges = np.histogram_bin_edges(np.concatenate(samples), _BINS)
    return Histograms(
        example=example,
        epsilon=float(evidence.epsilon[example]),
        edges=edges.tolist(),
        unlearned=np.histogram(samples[0], edges)[0].tolist(),
        retrained=np.histogram(samples[1], edges)[0].tolist(),
    )
