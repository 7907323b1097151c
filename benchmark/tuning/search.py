"""The search itself: Optuna proposes values, runs answer, and the worse half is given up at every rung."""

from collections.abc import Callable, Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

from benchmark.results.tuning import State, Trial, Tuning
from benchmark.tuning.measuring import Cost, Measure, Unfit, over_budget
from benchmark.tuning.space import SearchSpace

if TYPE_CHECKING:
    import optuna

_LOWEST = -1e6  # told of a trial that failed


class OtherSearch(Exception):
    """The trials on record are not those that this search makes."""


def search(space: SearchSpace, measure: Measure, seed: int, record: Tuning, store: Callable[[Tuning], None]) -> Tuning:
    """`record` with all the trials wanted; `store` is called after every new one.

    The first trial is of the published values. Tree-structured Parzen estimators and successive halving have nothing
    random but `seed`: told the trials on record again, they go on as if they had never stopped. Raises OtherSearch
    when those are not their own, as those of another version of Optuna may not be.
    Sources: Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; Li et al., "A System for
    Massively Parallel Hyperparameter Tuning", MLSys 2020.
    """
    study = _study(seed)
    study.enqueue_trial(space.start())
    distributions = space.distributions()
    for number in range(record.wanted):
        asked = study.ask(distributions)
        values = space.values(asked.params)
        known = record.trials[number] if number < len(record.trials) else None
        trial = _try(values, _Again(known) if known else measure, record, record.trials[:number])
        if known is None:
            record = record.after(trial)
            store(record)
        elif trial != known:
            raise OtherSearch
        _tell(study, asked, trial, record)
    return record


def _study(seed: int) -> "optuna.Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))


def _try(values: dict[str, Any], measure: Measure, record: Tuning, earlier: list[Trial]) -> Trial:
    """Return the trial of `values`, up to the rung where it is given up.

    Timing counts only where it decides something, and there it is repeated until it is certain.
    """
    scores: list[float] = []
    cost: Cost | None = None

    def trial(state: State, reason: str = "") -> Trial:
        share, examples = cost or (None, None)
        return Trial(values=values, scores=scores, share=share, examples=examples, state=state, reason=reason)

    try:
        for rung, answer in zip(record.rungs, measure(values), strict=True):
            cost, score = answer
            scores.append(score)
            if rung < record.rungs[-1] and not _in_better_half(scores, earlier, record.allowed_share):
                return trial("pruned", f"not in the better half after {rung} runs")
        assert cost is not None
        if _leads(scores[-1], earlier, record.wanted):
            cost = cost._replace(seconds=measure.share(values))
    except Unfit as unfit:
        cost = cost or unfit.cost
        return trial(unfit.state, unfit.reason)
    if cost.seconds > record.allowed_share:
        return trial("over-budget", over_budget(record.allowed_share))
    return trial("complete")


def _in_better_half(scores: list[float], earlier: list[Trial], allowed: float) -> bool:
    """Tell whether the last of `scores` is in the better half of the trials that came as far; the first always is.

    Follows Optuna's SuccessiveHalvingPruner, except that trials that cannot win keep no other from going on.
    """
    reached = len(scores)
    rivals = [
        trial.scores[reached - 1]
        for trial in earlier
        if trial.state != "failed" and len(trial.scores) >= reached and trial.within(allowed)
    ]
    return sum(rival > scores[-1] for rival in rivals) < max(1, (len(rivals) + 1) // 2)


def _leads(score: float, earlier: list[Trial], wanted: int) -> bool:
    """Tell whether it may win or steer the search, whose estimators call the best tenth good and all others bad."""
    return sum(trial.scores[-1] >= score for trial in earlier if trial.state == "complete") < ceil(wanted / 10)


class _Again:
    """The answers that a trial on record has got."""

    def __init__(self, known: Trial) -> None:
        self._known = known

    def __call__(self, values: dict[str, Any]) -> Iterator[tuple[Cost, float]]:
        known, cost = self._known, None
        if known.share is not None:
            if known.examples is None:
                raise OtherSearch  # which did not count examples
            cost = Cost(known.share, known.examples)
        for score in known.scores:
            assert cost is not None
            yield cost, score
        if known.state in ("failed", "over-budget"):
            raise Unfit(known.state, known.reason, cost)
        if known.state == "pruned":
            raise OtherSearch  # it was given up where this search goes on

    def share(self, values: dict[str, Any]) -> float:
        assert self._known.share is not None
        return self._known.share


def _tell(study: "optuna.Study", asked: "optuna.Trial", trial: Trial, record: Tuning) -> None:
    """Report a trial to Optuna: one that cannot win gets less than any score, a failed one less than any cost."""
    from optuna.trial import TrialState

    if trial.state == "failed" or trial.examples is None:
        study.tell(asked, _LOWEST)
    elif trial.state == "over-budget":
        # Which way it gets cheaper by examples, not by timing, whose noise would lead every search elsewhere.
        study.tell(asked, -1.0 - trial.examples)
    elif trial.state == "pruned":
        asked.report(trial.scores[-1], record.rungs[len(trial.scores) - 1])
        study.tell(asked, state=TrialState.PRUNED)
    else:
        study.tell(asked, trial.scores[-1])
