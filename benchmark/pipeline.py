"""The whole way of one submission: pool, runs, scorecard, board. Every stage resumes from what is on the disk."""

from collections.abc import Iterator
from dataclasses import replace

from benchmark.data import forget_labels, load_problem, problem_facts
from benchmark.engine import map_blocks
from benchmark.errors import BadRecord, BadUsage, BenchError, FailedEntry, MissingRecord
from benchmark.faults import note_fault
from benchmark.leaderboard import scored_submissions
from benchmark.metrics import VERSION
from benchmark.metrics.bootstrap import HALVES
from benchmark.metrics.chance import check_measurable, never_learned, with_remarks
from benchmark.metrics.evidence_pair import Cost, EvidencePair, ModelEvidence, model_evidence
from benchmark.metrics.resampling import resampling
from benchmark.metrics.scoring import ceiling_of, measure
from benchmark.metrics.suspicion import replayed_runs, retrains, suspicions
from benchmark.references.attacked import attack_retrained
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.ends import ends_of
from benchmark.references.kept import keep
from benchmark.references.pool import UNPACK_AGAIN, Pool
from benchmark.results.board_file import has_card, read_card
from benchmark.results.outcome import Outcome, has_evidence
from benchmark.results.scorecard import (
    Scorecard,
    evidence_hash_of,
    failed,
    harness_failed,
    not_applicable,
    scored,
)
from benchmark.results.values import Ceiling
from benchmark.runs.integrity import integrity_of, isolation_of
from benchmark.runs.runs import Runs
from benchmark.sandbox.bubblewrap import isolation
from benchmark.scenario.schema import Scenario, options
from benchmark.session import Session
from benchmark.storage.workspace import Workspace, shared_out, write_atomically
from benchmark.submissions.source import (
    default_entry,
    find_submission,
    submission_names,
)
from benchmark.submissions.tasks import check_applicable, inapplicable
from benchmark.text import printable
from benchmark.tuning import changed_since_tuned

_LONGEST_FOOTNOTE = 500  # characters


def evaluate(
    session: Session, scenario: Scenario, name: str, allowed_failures: int = 0, *, time_again: bool = False
) -> Scorecard:
    """Run and score the entry `name`; its scorecard is stored on return.

    It gets a score when at most `allowed_failures` of its runs failed; their logs go to the results' `logs/`. Raises
    BenchError when there is no such submission or the scenario cannot be trained.
    """
    most = min(scenario.protocol.models // 4, scenario.protocol.models - 6)
    if allowed_failures > most:
        raise BadUsage(
            f"{allowed_failures} allowed failures came, expected at most {most}: "
            "a quarter of the runs, and six have to be left"
        )
    workspace = session.workspace
    submission = find_submission(name, workspace, scenario)
    if reason := inapplicable(submission.folder, scenario.task):
        card = not_applicable(scenario, submission, reason, isolation())
        card.write(workspace)
        return card
    if changed := changed_since_tuned(submission, scenario, workspace):
        session.warn(f"the values of {name} were found for {changed}, by an earlier `bench tune {submission.name}`")
    problem = load_problem(scenario)
    check_measurable(scenario.name, problem)
    pool = Pool(session, scenario)
    pool.prepare()
    if sentence := never_learned(problem, pool.evidence("original")["utility/retain"]):
        session.warn(sentence)
    runs = Runs(pool, submission)
    outcome = runs.complete(allowed_failures, time_again=time_again)
    if outcome.failed:
        logs = [f"run {run.index} is {run.status}: {run.reason}\n{run.log}\n" for run in outcome.failed]
        write_atomically(workspace.log(scenario.label, name), "\n".join(logs).encode())
    if outcome.successful:
        card = _score(session, runs, outcome, HALVES)
    else:
        card = failed(scenario, submission, outcome, isolation()).drawn_from(pool.seeds)
    card.write(workspace)
    return card


def record_fault(scenario: Scenario, entry: str, workspace: Workspace, error: Exception) -> Scorecard | None:
    """Log an unexpected exception that `evaluate` raised, and store a row `harness-error` that says which it was.

    None where there is nothing to make a row of. Such a row is not current: the next `bench run --all` tries again.
    """
    reason = note_fault(error, f"running {entry}", workspace.log(scenario.label, entry))
    try:
        submission = find_submission(entry, workspace, scenario)
    except BenchError:
        return None
    card = harness_failed(scenario, submission, reason, isolation())
    card.write(workspace)
    return card


def missing_entries(scenario: Scenario, workspace: Workspace) -> Iterator[str]:
    """Every submission, with its own and with its tuned values, that has no scorecard of its present files.

    Some may be none that can be run. Others that ask at the same time get other ones.
    """
    names = submission_names(workspace)
    return shared_out(
        dict.fromkeys([*names, *(_default_entry(name, workspace, scenario) for name in names)]),
        lambda entry: workspace.evidence / scenario.label / f".{entry}.lock",
        lambda entry: _has_scorecard(entry, scenario, workspace),
    )


def _default_entry(name: str, workspace: Workspace, scenario: Scenario) -> str:
    try:
        return default_entry(name, workspace, scenario)
    except BenchError:
        return f"{name}+tuned"  # whose run will say what is wrong with its values


def _has_scorecard(entry: str, scenario: Scenario, workspace: Workspace) -> bool:
    places = [each for each in (workspace.results, workspace.shipped) if has_card(each, scenario.label, entry)]
    try:
        submission = find_submission(entry, workspace, scenario)
        cards = [read_card(results, scenario.label, entry) for results in places]
    except BenchError:
        return False
    return any(
        card.scorer_version == VERSION
        and submission.is_named_by(card.submission_hash)
        and card.status != "harness-error"
        for card in cards
    )


def entries_with_evidence(session: Session, scenario: Scenario) -> list[str]:
    """Return the entries with a score whose present files have evidence here; warn how many of one's own have none.

    A clone of the repository has scorecards, but no evidence until a bundle is unpacked.
    """
    scored = scored_submissions(session.workspace, scenario)
    known = dict.fromkeys([*scored, *_evidence_of(session.workspace, scenario)])
    found = [name for name in known if _ran_here(scenario, name, session.workspace)]
    if without := [name for name in scored if name not in found]:
        session.warn(
            f"{len(without)} of {len(scored)} entries are left out, for there is no evidence here of their present "
            f"files ({', '.join(without[:3])}{', ...' if without[3:] else ''}); "
            f"`bench run --submission NAME {options(scenario.name, scenario.protocol.models)}` makes it"
        )
    return found


def _evidence_of(workspace: Workspace, scenario: Scenario) -> list[str]:
    """Return the entries that have a folder of evidence, of whatever version of their files."""
    folders = sorted((workspace.evidence / scenario.label).glob("*-*/runs.json"))
    return [folder.parent.name.rpartition("-")[0] for folder in folders]


def _ran_here(scenario: Scenario, name: str, workspace: Workspace) -> bool:
    try:
        submission = find_submission(name, workspace, scenario)
    except BenchError:  # it is gone, or its tuned values are
        return False
    return has_evidence(scenario, submission, workspace)


def rescore(session: Session, scenario: Scenario, name: str, halves: int | None = None) -> Scorecard:
    """Score the stored evidence of `name` with this version of the scorer; train and run nothing.

    `halves`: how many stand behind its intervals, instead of HALVES.

    Raises BenchError when evidence is missing, or is of a submission that failed.
    """
    submission = find_submission(name, session.workspace, scenario)
    check_applicable(submission, scenario.task)
    runs = Runs(Pool(session, scenario), submission)
    outcome = runs.outcome()
    again = f"`bench run --submission {name} {options(scenario.name, scenario.protocol.models)}`"
    remedy = UNPACK_AGAIN if runs.pool.seeds.committed else f"{again} makes it again"
    if not outcome.successful:
        raise FailedEntry(f"{name} failed on {scenario.label}; {again} tries it again")
    if outcome.timing is None:
        raise MissingRecord(f"the runs of {name} on {scenario.label} were interrupted; {again} goes on")
    for path, fault in runs.discard_damaged().items():
        raise BadRecord(f"{path.with_suffix('.safetensors')} {fault}; set aside as {path.name}, {remedy}")
    card = _score(session, runs, outcome, halves or HALVES)
    card.write(session.workspace)
    return card


def rescore_all(session: Session, scenario: Scenario, names: list[str]) -> Iterator[tuple[str, Scorecard | Exception]]:
    """Yield every entry with what `rescore` returns or raises, as they are finished: each in a process of its own.

    The first one is scored before the others, on all cores, because it computes the ceiling that all share.
    """
    first, *others = names
    yield _try_rescoring(session, scenario, first, HALVES)
    label, tasks = "scoring entries", [(session.workspace, scenario, name, HALVES) for name in others]
    for done, scored_entry in enumerate(map_blocks(_rescore_alone, tasks, session.jobs), start=1):
        session.progress(label, done, len(others))
        yield scored_entry


def _rescore_alone(
    workspace: Workspace, scenario: Scenario, name: str, halves: int
) -> tuple[str, Scorecard | Exception]:
    return _try_rescoring(Session(workspace), scenario, name, halves)


def _try_rescoring(session: Session, scenario: Scenario, name: str, halves: int) -> tuple[str, Scorecard | Exception]:
    try:
        return name, rescore(session, scenario, name, halves)
    except Exception as error:
        return name, error


def _score(session: Session, runs: Runs, outcome: Outcome, halves: int) -> Scorecard:
    scenario, pool, problem = runs.scenario, runs.pool, runs.problem
    delta = scenario.protocol.delta
    evidence, retrained = runs.evidence(), pool.evidence("retrained")
    unlearned, reference = (model_evidence(each, retrained, problem.task) for each in (evidence, retrained))
    ceiling = _ceiling(session, pool, halves)
    assert outcome.timing is not None  # of whatever came to its end
    timing = outcome.timing.with_runs(evidence["run/seconds"])
    outcome = replace(outcome, timing=timing)
    cost = Cost(timing.submission, timing.share, timing.memory_of(evidence.get("run/memory")))
    pair = unlearned.population, reference.population
    more = {
        "ends": ends_of(pool),
        "attack_on_retrained": attack_retrained(pool),
        "original": do_nothing(pool).unlearned,
        "clean": _clean(pool),
        "whole_classes": scenario.forget.whole_classes,
        "labels": forget_labels(scenario),
    }
    with resampling(*pair, "unlearned", delta, halves, session.jobs, session.progress) as resampled:
        measured = measure(EvidencePair(unlearned, reference, delta, ceiling, resampled, cost, halves=halves, **more))
    measured = with_remarks(measured, problem)
    sizes = len(problem.retain), len(problem.given), len(problem.validation)
    control = runs.submission.name in scenario.protocol.controls
    integrity = integrity_of(evidence, sizes, timing.deterministic)
    replayed = replayed_runs(evidence, [retrained, pool.evidence("calibration")])
    fresh = timing.fresh_change
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
    footnotes = tuple(printable(note, _LONGEST_FOOTNOTE) for note in problem_facts(scenario).footnotes)
    return card.drawn_from(pool.seeds).model_copy(update={"footnotes": footnotes})


def _clean(pool: Pool) -> ModelEvidence | None:
    """Return the evidence of models trained without any manipulated example; None where there are no such examples."""
    if "clean" not in pool.scenario.roles:
        return None
    return model_evidence(pool.evidence("clean"), pool.evidence("retrained"), pool.scenario.task)


def _ceiling(session: Session, pool: Pool, halves: int) -> Ceiling:
    """The scenario's ceiling, computed once for a version of the scorer and a number of halves; kept in the pool."""

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
