"""Simulated populations of models: Gaussian φ, hidden signals, probes and utilities, of which the truth is known.

All is drawn in standard deviations of φ between retrained models. An example's hidden signals share half of φ's
variance, and half of that is the model's, common to all of its examples, those of the probes too. An original's φ is
higher by `MEMORISED` on forget examples, as any model's is on retained ones. Utility is the share of examples with φ
above 0.

No pool of trained models could do this: a study at N = 512 takes hundreds of independent populations, and drawing
models of one pool again and again gives ties, which no φ has, and tests that count them.
"""

from dataclasses import dataclass

import numpy as np

from benchmark.metrics.classifiers import svm_features
from benchmark.metrics.evidence_pair import Attacked, ModelEvidence
from benchmark.metrics.samples import Floats
from benchmark.results.evidence import ATTACKED, PROBED

EXAMPLES = 20  # forget examples, and as many of every probe
HIDDEN = 12  # signals beside φ
SHARED = 0.5  # the part of a variance that others have in common
MEMORISED = 2.0  # standard deviations
NATS = 2.0  # a standard deviation
EASIEST, HARDEST = 6.0, 0.0  # mean φ of examples in nats, evenly spaced


@dataclass(frozen=True)
class Drawn:
    """The signals of one population, in standard deviations around the means of retrained models."""

    signals: Floats
    """φ and the hidden signals of the forget examples, `[models, examples, signals]`, φ first."""
    probes: dict[str, Floats]
    """φ by split, `[models, examples]`."""


def draw_population(rng: np.random.Generator, models: int) -> Drawn:
    """Draw a population of retrained models."""
    effects = rng.normal(size=(models, 1))

    def of_examples() -> Floats:  # what all signals of a model's example have in common, `[models, examples]`
        return _mix(effects, rng.normal(size=(models, EXAMPLES)))

    signals = _mix(of_examples()[..., None], rng.normal(size=(models, EXAMPLES, 1 + HIDDEN)))
    return Drawn(signals, {split: _mix(of_examples(), rng.normal(size=(models, EXAMPLES))) for split in PROBED})


def memorise(population: Drawn) -> Drawn:
    """Return the population as if it had been trained on the forget set too: originals."""
    return Drawn(population.signals + MEMORISED, population.probes)


def as_evidence(population: Drawn) -> ModelEvidence:
    """Return what metrics get of a population, φ in nats; features are those of two classes."""
    signals = NATS * population.signals + _means()[:, None]
    probes = {split: NATS * phi + _means() for split, phi in population.probes.items()}
    probes["retain"] = probes["retain"] + NATS * MEMORISED
    phi = signals[..., 0]
    utility = {split: (own > 0).mean(axis=1) for split, own in (probes | {"forget": phi}).items()}
    attacked = Attacked(_features(phi[:ATTACKED]), _features(probes["test"][:ATTACKED]), probes["test"][:ATTACKED])
    return ModelEvidence(phi, utility, probes, attacked, signals[..., 1:])


def _mix(common: Floats, alone: Floats) -> Floats:
    return np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * alone


def _means() -> Floats:
    return np.linspace(HARDEST, EASIEST, EXAMPLES)


def _features(phi: Floats) -> Floats:
    """Return the features of a classifier MIA, `[models, examples, features]`, of nets whose logits are φ and 0."""
    logits = np.stack([phi.ravel(), np.zeros(phi.size)], axis=1)
    return svm_features(logits, np.zeros(phi.size, dtype=np.int64)).reshape(*phi.shape, -1)
