"""The evidence of unlearned and of retrained models as metrics get it, with what several of them share.

Torch-free, and free of any kind of task: φ is whatever one number per (model, example) an attack thresholds, utility
whatever is higher for better models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar, cast

import numpy as np

from benchmark.metrics.bootstrap import HALVES, Population, existing, interval, quality_and_score
from benchmark.metrics.published import published_epsilon
from benchmark.metrics.samples import Floats
from benchmark.results.evidence import (
    ATTACKED,
    CONTRASTS,
    HIDDEN,
    OF_ASKED,
    OF_ATTACKED,
    OF_TRIGGERED,
    PATH,
    PROBED,
    SPLITS,
)
from benchmark.results.values import Absent, Ceiling, Estimate

if TYPE_CHECKING:
    from benchmark.metrics.leak_score import GapEnds
    from benchmark.metrics.representation import Representations
    from benchmark.tasks import Task

Need = Literal[
    "utility",
    "features",
    "original_utility",
    "triggered",
    "retain_phi",
    "validation_phi",
    "test_phi",
    "hidden",
    "hidden_phi",
    "original_phi",
    "ceiling",
    "ends",
    "labels",
    "subjects",
    "neighbours",
    "answers",
    "rephrased",
    "wrong_answers",
    "holdout",
    "path",
    "resamples",
    "cost",
    "memory",
    "treated",
    "own_training",
]
NEEDS: dict[str, str] = {
    "utility": "the utility of the models is not known",
    "features": "it needs probabilities of classes, and there are none",
    "original_utility": "the utility of the originals is not known",
    "triggered": "no training example is manipulated",
    "retain_phi": "φ on the retain set is not known, as in evidence of an older form",
    "validation_phi": "φ on the validation set is not known",
    "test_phi": "φ on the test set is not known",
    "hidden": "the retrained models have hidden signals and the unlearned ones none, as in evidence of an older form",
    "hidden_phi": "φ at hidden inputs is not known, as in evidence of an older form",
    "ceiling": "what perfect unlearning gets is not known",
    "ends": "where doing nothing and perfect unlearning stand is not known",
    "labels": "the classes of the forget examples are not known",
    "subjects": "the subjects of the forget examples are not known",
    "neighbours": "the source knows of no retained facts near those to forget",
    "answers": "models give no answers in words",
    "rephrased": "the source does not ask for the facts to forget in other words",
    "wrong_answers": "the source has no wrong answers to its questions",
    "holdout": "the source has no facts that no model is taught",
    "original_phi": "φ of the originals is not known",
    "path": "the submission does not yield a net on its way in every run",
    "resamples": "there are no resamples",
    "cost": "what a run costs is not known",
    "memory": "what memory a run takes is not known, as in records of an older form",
    "treated": "its nets were not looked at after treatments; `bench run NAME --treat` does",
    "own_training": "it is of submissions that train models of their own",
}
"""What evidence may lack, and the sentence that says so."""

Shared = TypeVar("Shared")
_PROBES = {split: f"phi/{split}" for split in PROBED}
_ASKED = {
    "answers": "said/forget",
    "rephrased": "said/rephrased",
    "wrong_answers": "truth/forget",
    "holdout": "phi/holdout",
}
"""What metrics of language need, and the array by which it is known."""

Evidence = Mapping[str, np.ndarray]


class Attacked(NamedTuple):
    """Input of the classifier MIAs for the first models of a population: as many forget as test examples of each."""

    forget: Floats
    """Features, `[models, examples, features]`."""
    test: Floats
    """The same of test examples."""
    test_phi: Floats
    """φ of those test examples, `[models, examples]`."""


class Cost(NamedTuple):
    """The cost of a run: CPU seconds, their share of retraining, and memory."""

    seconds: float
    share: float
    memory: float | None = None
    """Peak bytes beyond those of a run that does nothing, the median over the runs; None where nobody noted it."""
    alone: tuple[float, ...] = ()
    """The same shares of runs that were asked to forget one example each; of a submission that trains."""
    alone_fault: str = ""
    """Why there are none of it."""


@dataclass(frozen=True)
class ModelEvidence:
    """The evidence of the N models of one population.

    `signals`: φ on the forget set, `[models, examples]`. `utility`: by split, `[models]`, nan
    where there was nothing to measure it on. `probes`: φ by split (retain, validation, test) on as many examples,
    `[models, examples]`; a split is absent where it is not known. `hidden`: φ at the hidden inputs of every
    forget example, `[models, examples, perturbations]`; `contrasts`: combinations of all logits there. `asked`: what
    a task keeps beside, by name, `[models, ...]`; of language models see benchmark/inquiring.py. `path`: utilities on
    forget and test of each run's original, of the nets that it yielded and of its last one, nan behind them,
    `[models, points, 2]`.
    """

    signals: Floats
    utility: Mapping[str, Floats] = field(default_factory=dict)
    probes: Mapping[str, Floats] = field(default_factory=dict)
    attacked: Attacked | None = None
    hidden: Floats | None = None
    contrasts: Floats | None = None
    asked: Mapping[str, Floats] = field(default_factory=dict)
    path: Floats | None = None

    def __post_init__(self) -> None:
        """Keep views that cannot be written to, so that no metric changes what the next one reads."""
        object.__setattr__(self, "signals", _read_only(self.signals))
        for name in ("utility", "probes", "asked"):
            object.__setattr__(self, name, {split: _read_only(own) for split, own in getattr(self, name).items()})
        if self.attacked is not None:
            object.__setattr__(self, "attacked", Attacked(*map(_read_only, self.attacked)))
        for name in ("hidden", "contrasts", "path"):
            if (array := getattr(self, name)) is not None:
                object.__setattr__(self, name, _read_only(array))

    def __setstate__(self, state: dict[str, object]) -> None:
        """Keep such views in another process too."""
        self.__dict__.update(state)
        self.__post_init__()

    @property
    def population(self) -> Population:
        """The arrays that F and the score are computed from; a utility that is not known is nan."""
        unknown = np.full(len(self.signals), np.nan)
        return Population(self.signals, *(self.utility.get(name, unknown) for name in ("retain", "test")))


def model_evidence(evidence: Evidence, retrained: Evidence, task: "Task") -> ModelEvidence:
    """Return what metrics take of a population's stored evidence; `retrained`: that of the retrained models."""

    def phi(name: str) -> Floats:
        one, other = (_by_example(each[name]) for each in (evidence, retrained))
        return np.asarray(task.phi(one, other))

    known = [name for name in (*_PROBES.values(), HIDDEN) if all(name in each for each in (evidence, retrained))]
    hidden = contrasts = None
    if HIDDEN in known:
        hidden = phi(HIDDEN).reshape(evidence[HIDDEN].shape)
        contrasts = evidence[CONTRASTS].astype(np.float64) if CONTRASTS in evidence else None
    utility = {split: evidence[f"utility/{split}"] for split in SPLITS}
    utility |= {name: evidence[f"utility/{name}"] for name in OF_TRIGGERED if f"utility/{name}" in evidence}
    attacked = None
    if all(OF_ATTACKED + name in evidence for name in Attacked._fields):
        attacked = Attacked(*(evidence[OF_ATTACKED + name][:ATTACKED] for name in Attacked._fields))
    probes = {split: phi(name) for split, name in _PROBES.items() if name in known}
    there = {name: evidence[name].astype(np.float64) for name in evidence if name.startswith(OF_ASKED)}
    asked = {name.removeprefix(OF_ASKED): values for name, values in there.items()}
    path = evidence[PATH].astype(np.float64) if PATH in evidence else None
    return ModelEvidence(phi("phi/forget"), utility, probes, attacked, hidden, contrasts, asked, path)


def _by_example(stored: np.ndarray) -> Floats:
    """Return φ `[models, examples, ...]` as one row of float64 per model."""
    return stored.reshape(len(stored), prod(stored.shape[1:])).astype(np.float64)


def _read_only(array: np.ndarray) -> np.ndarray:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True)
class EvidencePair:
    """The evidence of an entry's unlearned models and of the retrained ones.

    `resample` returns `[F, score]` of random halves, `[resamples, 2]`, as `quality_and_score_of_halves` does;
    it is called by the first metric that needs them. `halves`: how many halves other metrics take; `resamples`: how
    many resamples the percentile bootstrap takes. `ceiling`: what perfect unlearning gets. `ends`: leak scores of doing
    nothing and of perfect unlearning. `original`: the evidence of the models that the runs started from; `clean`: that
    of models trained without any manipulated example. `whole_classes`: whether the forget set is all examples of some
    classes. `labels`: the class of every forget example by its name; None where it has none or it is not known.
    `subjects`: whom every forget example is of, likewise. `neighbours`: which examples of the probe of retain are facts
    near those to forget; None where the source knows of none.
    `recipe`: the evidence of the models that the scenario's recipe retrained, where `retrained` are the submission's.
    `attack_on_retrained`: the classifier MIA's accuracy on each of the first retrained models, where it is known.
    `treated`: the same models after each treatment, by its name; empty where they were not treated.
    `representations`: what their hidden layers make of the forget set; None where nobody has looked.
    """

    unlearned: ModelEvidence
    retrained: ModelEvidence
    delta: float = 1e-5
    ceiling: Ceiling | None = None
    resample: Callable[[], Floats] | None = None
    cost: Cost | None = None
    halves: int = HALVES
    resamples: int = 1000
    ends: "GapEnds | None" = None
    original: ModelEvidence | None = None
    clean: ModelEvidence | None = None
    whole_classes: bool = False
    labels: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    neighbours: tuple[bool, ...] | None = None
    attack_on_retrained: Floats | None = None
    recipe: ModelEvidence | None = None
    treated: "Mapping[str, EvidencePair]" = field(default_factory=dict)
    representations: "Representations | None" = None
    _shared: dict[Callable, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def signals(self) -> tuple[Floats, Floats]:
        """φ of the unlearned and of the retrained models, `[models, examples]` each."""
        return self.unlearned.signals, self.retrained.signals

    @property
    def all_signals(self) -> tuple[Floats, Floats]:
        """φ and all hidden signals of both, `[models, examples, signals]`; for metrics that need "hidden".

        φ alone where the retrained models have no hidden signals.
        """
        return _joined(self.unlearned, self.retrained), _joined(self.retrained, self.retrained)

    @property
    def hidden_phi(self) -> tuple[Floats, Floats]:
        """φ at the hidden inputs of both, `[models, examples, perturbations]`; for metrics that need "hidden_phi"."""
        assert self.unlearned.hidden is not None
        assert self.retrained.hidden is not None
        return self.unlearned.hidden, self.retrained.hidden

    def probed(self, split: str) -> tuple[Floats, Floats]:
        """φ of both populations on the probe of retain, validation or test; for metrics that need "<split>_phi".

        `[models, examples]` each, of the same examples, which are as many as there are forget examples or all there
        are. Stored with 11 bits.
        """
        return self.unlearned.probes[split], self.retrained.probes[split]

    def _is_probed(self, split: str) -> bool:
        return split in self.unlearned.probes and split in self.retrained.probes

    @property
    def models(self) -> int:
        """N of the smaller population."""
        return min(map(len, self.signals))

    @property
    def examples(self) -> int:
        """The number of forget examples."""
        return self.unlearned.signals.shape[1]

    def once(self, compute: "Callable[[EvidencePair], Shared]") -> Shared:
        """Return what a function makes of this evidence; several metrics that ask for it share one computation."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return cast(Shared, self._shared[compute])

    def lacks(self, needs: tuple[Need, ...]) -> str | None:
        """Return why what a metric needs is not there, None where all of it is."""
        there = {
            "utility": bool(self.unlearned.utility and self.retrained.utility),
            "original_utility": self.original is not None and bool(self.original.utility),
            "triggered": self.clean is not None and self.original is not None,
            "features": self.unlearned.attacked is not None,
            **{f"{split}_phi": self._is_probed(split) for split in PROBED},
            "hidden": self.unlearned.hidden is not None or self.retrained.hidden is None,
            "hidden_phi": self.unlearned.hidden is not None and self.retrained.hidden is not None,
            "ceiling": self.ceiling is not None,
            "ends": self.ends is not None,
            "labels": self.labels is not None,
            "subjects": self.subjects is not None,
            "neighbours": self.neighbours is not None,
            **{need: name in self.unlearned.asked and name in self.retrained.asked for need, name in _ASKED.items()},
            "original_phi": self.original is not None,
            "path": self.unlearned.path is not None and not np.isnan(self.unlearned.path[:, 0]).all(axis=1).any(),
            "resamples": self.resample is not None,
            "cost": self.cost is not None,
            "memory": self.cost is not None and self.cost.memory is not None,
            "treated": bool(self.treated),
            "own_training": self.recipe is not None and self.cost is not None,
        }
        return next((NEEDS[need] for need in needs if not there[need]), None)

    @cached_property
    def epsilon(self) -> Floats:
        """The published ε of every forget example, `[examples]`."""
        return published_epsilon(*self.signals, self.delta)

    @cached_property
    def quality_and_score(self) -> tuple[float, float]:
        """F and the published score, nan where there is no ratio of utilities."""
        quality, score = quality_and_score(self.unlearned.population, self.retrained.population, self.delta)
        return float(quality), float(score)

    @cached_property
    def rows(self) -> Floats:
        """F and score of random halves, `[resamples, 2]`; for metrics that need "resamples"."""
        assert self.resample is not None
        return self.resample()

    def mean_of(self, split: str) -> Estimate | Absent:
        """Return the unlearned models' mean utility on a split, with the percentile bootstrap over models."""
        return self._combine_means(split, _first)

    def difference(self, split: str) -> Estimate | Absent:
        """Return mean utility on a split, unlearned minus retrained, with the same interval."""
        return self._combine_means(split, np.subtract)

    def ratio(self, split: str) -> Estimate | Absent:
        """Return mean utility on a split, unlearned over retrained. There is none where the retrained have 0."""
        return self._combine_means(split, np.divide)

    def _combine_means(self, split: str, combine: Callable[[Floats, Floats], Floats]) -> Estimate | Absent:
        """Return a smooth function of the two populations' means, with the percentile bootstrap over models.

        A ratio does not exist where the retrained mean is 0; resamples without one are treated as in `existing`.
        """
        pair = []
        for kind, side in (("unlearned", self.unlearned), ("retrained", self.retrained)):
            values = side.utility.get(split)
            if values is None or np.isnan(values).any():
                return Absent(absent=f"the {kind} models have no {split} accuracy")
            pair.append(values)
        unlearned, retrained = pair
        is_ratio = combine is np.divide
        if is_ratio and retrained.mean() == 0:
            return Absent(absent=f"the retrained models have {split} accuracy 0, so there is no ratio to it")
        rng = np.random.default_rng(0)
        means = [values[rng.integers(0, len(values), (self.resamples, len(values)))].mean(axis=1) for values in pair]
        if is_ratio:
            means[1][means[1] == 0] = np.nan
        rows = existing(combine(*means))
        if rows is None:
            return Absent(
                absent=f"the retrained models have {split} accuracy 0 in {np.isnan(means[1]).mean():.0%} of the "
                "resamples, so the ratio to it has no interval"
            )
        low, high = np.quantile(rows, [0.025, 0.975])
        return Estimate(value=float(combine(unlearned.mean(), retrained.mean())), low=float(low), high=float(high))


def _joined(side: ModelEvidence, retrained: ModelEvidence) -> Floats:
    hidden = (None,) if retrained.hidden is None else (side.hidden, side.contrasts)
    return np.concatenate([side.signals[..., None], *(each for each in hidden if each is not None)], axis=-1)


def _first(unlearned: Floats, retrained: Floats) -> Floats:
    return unlearned


def with_interval(value: float, resampled: Floats, limits: tuple[float, float]) -> Estimate:
    """Return a value and its interval from random halves, none of which lacks it."""
    low, high = interval(float(value), resampled, limits=limits)
    return Estimate(value=float(value), low=low, high=high)


def with_interval_if_any(value: float, resampled: Floats, limits: tuple[float, float]) -> Estimate | Absent:
    """Return a value and its interval; where too many halves lack it, which nan stands for, there is neither."""
    rows = existing(resampled)
    if rows is None:
        share = np.isnan(resampled).mean()
        return Absent(absent=f"it does not exist in {share:.0%} of the resamples, so it has no interval")
    return with_interval(value, rows, limits)
