"""Scorecards of runs: reads evidence, has it measured here or in another process, and says what else is on the card."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from benchmark.data import Problem, forget_labels, load_problem, problem_facts
from benchmark.engine import map_blocks
from benchmark.metrics.chance import with_remarks
from benchmark.metrics.evidence_pair import Cost, EvidencePair, ModelEvidence, model_evidence
from benchmark.metrics.kinds import all_metrics
from benchmark.metrics.resampling import Beside, resampling
from benchmark.metrics.scoring import attack, ceiling_of, is_attack, measure, try_measuring
from benchmark.metrics.suspicion import replayed_runs, retrains, suspicions
from benchmark.references.attacked import attack_retrained
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.ends import ends_of
from benchmark.references.kept import keep
from benchmark.references.pool import Pool
from benchmark.references.treated import TreatedReference, treated_reference
from benchmark.results.outcome import Outcome
from benchmark.results.scorecard import Scorecard, evidence_hash_of, scored
from benchmark.results.values import Ceiling, Measured, MetricValue
from benchmark.runs.integrity import integrity_of, isolation_of
from benchmark.runs.runs import Runs
from benchmark.storage.workspace import Arrays
from benchmark.text import printable

_LONGEST_FOOTNOTE = 500  # characters
_OWN_TRAINING = "trains its originals and what they are compared with by itself"


@dataclass(frozen=True)
class Yardstick:
    """All that entries of a scenario are scored against.

    `control`: evidence of retrained models on both sides, with all that an entry's evidence shares with every other's.
    """

    pool: Pool
    problem: Problem
    retrained: Arrays
    calibration: Arrays
    control: EvidencePair
    treated: TreatedReference | None

    @classmethod
    def of(cls, pool: Pool, halves: int) -> "Yardstick":
        """Read it from a pool, and compute what this version of the scorer has yet to find out about that pool.

        Raises BadRecord where evidence is missing or damaged.
        """
        problem, scenario = load_problem(pool.scenario), pool.scenario
        retrained = pool.evidence("retrained")
        reference = model_evidence(retrained, retrained, problem.task)
        control = EvidencePair(
            reference,
            reference,
            scenario.protocol.delta,
            _ceiling(pool, halves),
            halves=halves,
            ends=ends_of(pool),
            attack_on_retrained=attack_retrained(pool),
            recipe=_recipe(pool),
            original=do_nothing(pool).unlearned,
            clean=_clean(pool),
            whole_classes=scenario.forget.whole_classes,
            labels=forget_labels(scenario),
            subjects=problem_facts(scenario).subjects_of_forget or None,
            neighbours=problem.probed_neighbours,
        )
        return cls(pool, problem, retrained, pool.evidence("calibration"), control, treated_reference(pool))


@dataclass(frozen=True)
class ReadRuns:
    """The runs of one entry with their evidence, as stored and as metrics take it, without resamples."""

    yardstick: Yardstick
    runs: Runs
    outcome: Outcome
    evidence: Arrays
    pair: EvidencePair


def read_runs(yardstick: Yardstick, runs: Runs, outcome: Outcome) -> ReadRuns:
    """Read the evidence of runs that came to their end. Raises BadRecord where it is missing or damaged."""
    evidence = runs.evidence()
    assert outcome.timing is not None
    timing = outcome.timing.with_runs(evidence["run/seconds"])
    unlearned = model_evidence(evidence, yardstick.retrained, yardstick.problem.task)
    alone = tuple(seconds / timing.retraining for seconds in timing.alone or ())
    cost = Cost(
        timing.submission, timing.share, timing.memory_of(evidence.get("run/memory")), alone, timing.alone_fault
    )
    treated = runs.treated_evidence() if yardstick.treated else None
    after, inside = {}, None
    if yardstick.treated and treated:
        after, inside = dict(yardstick.treated.pairs(treated)), yardstick.treated.inside(treated)
    pair = replace(yardstick.control, unlearned=unlearned, cost=cost, treated=after, representations=inside)
    return ReadRuns(yardstick, runs, replace(outcome, timing=timing), evidence, pair)


def score_runs(read: ReadRuns) -> Scorecard:
    """Return the scorecard of an entry, its resamples and attacks computed in other processes meanwhile."""
    session, pair, attacks = read.runs.session, read.pair, dict[str, MetricValue]()
    halves = pair.unlearned.population, pair.retrained.population, "unlearned", pair.delta, pair.halves
    beside = Beside(partial(attack, pair), attacks.update)
    with resampling(*halves, session.jobs, session.progress, beside) as resampled:
        measured = measure(replace(pair, resample=resampled), (each for each in all_metrics() if not is_attack(each)))
    values = measured.metrics | attacks
    ordered = {metric.name: values[metric.name] for metric in all_metrics()}
    return make_card(read, measured.model_copy(update={"metrics": ordered}))


def score_side_by_side(
    entries: Iterable[tuple[str, ReadRuns]], jobs: int
) -> Iterator[tuple[str, Scorecard | Exception]]:
    """Yield every entry's scorecard, or what went wrong, as they are finished: each measured in a process of its own.

    An entry is read when its turn comes, here, so that the others need no torch.
    """
    reading: dict[str, ReadRuns] = {}

    def pairs() -> Iterator[tuple[str, EvidencePair]]:
        for name, read in entries:
            reading[name] = read
            yield name, read.pair

    for name, measured in map_blocks(try_measuring, pairs(), jobs):
        read = reading.pop(name)
        yield name, measured if isinstance(measured, Exception) else make_card(read, measured)


def make_card(read: ReadRuns, measured: Measured) -> Scorecard:
    """Return the scorecard of an entry from what metrics say."""
    yardstick, runs, outcome, evidence = read.yardstick, read.runs, read.outcome, read.evidence
    scenario, problem, ceiling = runs.scenario, yardstick.problem, read.pair.ceiling
    assert outcome.timing is not None
    assert ceiling is not None
    measured = with_remarks(measured, problem)
    if runs.submission.trains:
        measured = measured.model_copy(update={"remarks": [_OWN_TRAINING, *measured.remarks]})
    sizes = len(problem.retain), len(problem.given), len(problem.validation)
    control = runs.submission.name in scenario.protocol.controls
    integrity = integrity_of(evidence, sizes, outcome.timing.deterministic)
    replayed = replayed_runs(evidence, [yardstick.retrained, yardstick.calibration])
    fresh = outcome.timing.fresh_change
    noticed = {
        "fresh_change": fresh,
        "retrains": not control and retrains(integrity.change, fresh, measured, ceiling),
        "replayed_runs": tuple(replayed),
    }
    card = scored(
        scenario,
        runs.submission,
        outcome,
        isolation_of(evidence),
        integrity.model_copy(update=noticed),
        measured,
        evidence_hash_of(evidence),
        suspicions(replayed, measured, ceiling, control),
    )
    access = (scenario.protocol.access.sentence,) if scenario.protocol.access else ()
    notes = *access, *problem_facts(scenario).footnotes
    footnotes = tuple(printable(note, _LONGEST_FOOTNOTE) for note in notes)
    return card.drawn_from(runs.pool.seeds).model_copy(update={"footnotes": footnotes})


def _recipe(pool: Pool) -> ModelEvidence | None:
    """Return the evidence of the scenario's own retrained models, where those of the pool are a submission's."""
    if pool.trainer is None:
        return None
    retrained = Pool(pool.session, pool.scenario).evidence("retrained")
    return model_evidence(retrained, retrained, pool.scenario.task)


def _clean(pool: Pool) -> ModelEvidence | None:
    """Return the evidence of models trained without any manipulated example; None where there are no such examples."""
    if "clean" not in pool.scenario.roles:
        return None
    return model_evidence(pool.evidence("clean"), pool.evidence("retrained"), pool.scenario.task)


def _ceiling(pool: Pool, halves: int) -> Ceiling:
    """Return the scenario's ceiling, computed once for a version of the scorer and a number of halves."""
    session = pool.session

    def fault(found: Ceiling) -> str | None:
        count = len(found.resampled.score)
        return None if count == halves else f"has {count} resamples, expected {halves}"

    def compute() -> Ceiling:
        control = unlearn_perfectly(pool)
        pair = control.unlearned.population, control.retrained.population
        with resampling(*pair, "calibration", control.delta, halves, session.jobs, session.progress) as resampled:
            return ceiling_of(control.unlearned, control.retrained, control.delta, resampled())

    ceiling = keep(pool, Ceiling, f"ceiling-{halves}", compute, fault)
    assert ceiling is not None  # a pool always has one
    return ceiling
