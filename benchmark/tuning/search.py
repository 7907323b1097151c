"""The search itself: Optuna proposes values, runs answer, and the worse half is given up at every rung."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from benchmark.tuning.measuring import Cost, Measure, Unfit
from benchmark.tuning.record import State, Trial, Tuning
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
        trial = _tried(values, _again(known) if known else measure(values), record.rungs, record.trials[:number])
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


def _tried(
    values: dict[str, object], answers: Iterator[tuple[Cost, float]], rungs: list[int], earlier: list[Trial]
) -> Trial:
    """The trial of `values`, up to the rung where it is given up."""
    scores: list[float] = []
    cost: Cost | None = None

    def ended(state: State, reason: str = "") -> Trial:
        share, examples = cost or (None, None)
        return Trial(values=values, scores=scores, share=share, examples=examples, state=state, reason=reason)

    try:
        for rung, answer in zip(rungs, answers, strict=True):
            cost, score = answer
            scores.append(score)
            if rung < rungs[-1] and not _in_better_half(scores, earlier):
                return ended("pruned", f"not in the better half after {rung} runs")
    except Unfit as unfit:
        cost = cost or unfit.cost
        return ended(unfit.state, unfit.reason)
    return ended("complete")


def _in_better_half(scores: list[float], earlier: list[Trial]) -> bool:
    """Whether the last of `scores` is among those of the trials that came as far; the first always is.

    As Optuna's SuccessiveHalvingPruner has it, except that trials that turned out unfit keep nobody from going on.
    """
    reached = len(scores)
    rivals = [trial.scores[reached - 1] for trial in earlier if trial.fit and len(trial.scores) >= reached]
    return sum(rival > scores[-1] for rival in rivals) < max(1, (len(rivals) + 1) // 2)


def _again(known: Trial) -> Iterator[tuple[Cost, float]]:
    """The answers that `known` is the record of."""
    cost = None if known.share is None or known.examples is None else Cost(known.share, known.examples)
    for score in known.scores:
        if cost is None:
            raise OtherSearch  # which did not count examples
        yield cost, score
    if not known.fit:
        raise Unfit(known.state, known.reason, cost)
    if known.state == "pruned":
        raise OtherSearch  # it was given up where this search goes on


def _tell(study: "optuna.Study", asked: "optuna.Trial", trial: Trial, record: Tuning) -> None:
    """Of a trial that cannot win, something lower than any score; of a failed one, lower than any cost."""
    from optuna.trial import TrialState

    if trial.state == "failed" or trial.examples is None:
        study.tell(asked, _LOWEST)
    elif not trial.fit:
        # Which way it gets cheaper, not by the clock: its noise would lead every search elsewhere.
        study.tell(asked, -1.0 - trial.examples)
    elif trial.state == "pruned":
        asked.report(trial.scores[-1], record.rungs[len(trial.scores) - 1])
        study.tell(asked, state=TrialState.PRUNED)
    else:
        study.tell(asked, trial.scores[-1])
