"""The whole way of one submission: pool, runs, scorecard, board. Every stage resumes from what is on the disk."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.bundle.shipped import begin_with_shipped
from benchmark.data import load_problem
from benchmark.errors import BadUsage, BenchError, FailedTraining
from benchmark.faults import note_fault
from benchmark.finished import was_treated
from benchmark.metrics import VERSION
from benchmark.metrics.bootstrap import HALVES
from benchmark.metrics.chance import check_measurable, never_learned
from benchmark.references.pool import Pool
from benchmark.results.board_file import has_card, read_card
from benchmark.results.scorecard import (
    Scorecard,
    failed,
    failed_training,
    harness_failed,
    not_applicable,
)
from benchmark.run_scores import Yardstick, read_runs, score_runs
from benchmark.runs.elsewhere import pool_of, run_elsewhere
from benchmark.runs.returned import drop_returned
from benchmark.runs.runs import Runs
from benchmark.sandbox.bubblewrap import isolation
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.storage.locks import claim
from benchmark.storage.workspace import PAUSE, Workspace, shared_out, write_atomically
from benchmark.submissions.source import (
    Submission,
    find_submission,
    submission_names,
    tuned_entries,
)
from benchmark.submissions.tasks import unfit
from benchmark.text import printable
from benchmark.tuning import changed_since_tuned


def evaluate(
    session: Session,
    scenario: Scenario,
    name: str,
    allowed_failures: int = 0,
    *,
    time_again: bool = False,
    treat: bool = False,
    retry: bool = True,
) -> Scorecard:
    """Run and score the entry `name`; its scorecard is stored on return.

    It gets a score when at most `allowed_failures` of its runs failed; their logs go to the results' `logs/`. `treat`:
    its nets are looked at after every treatment too. `retry`: when too many runs of an earlier call failed, these are
    tried again. Raises BenchError when there is no such submission or the scenario cannot be trained.
    """
    how = How(allowed_failures, time_again, treat, retry)
    begun = _begin(session, scenario, name, how)
    return begun if isinstance(begun, Scorecard) else _run_requests(begun, how)


def _begin(session: Session, scenario: Scenario, name: str, how: "How") -> "list[Runs] | Scorecard":
    """Return the runs of an entry at every request, with their pools prepared, or why there are none.

    Raises BenchError as `evaluate` does.
    """
    allowed_failures = how.allowed
    most = min(scenario.protocol.models // 4, scenario.protocol.models - 6)
    if allowed_failures > most:
        raise BadUsage(
            f"{allowed_failures} allowed failures came, expected at most {most}: "
            "a quarter of the runs, and six have to be left"
        )
    workspace = session.workspace
    submission = find_submission(name, workspace, scenario)
    if reason := unfit(submission.folder, scenario):
        card = not_applicable(scenario, submission, reason, isolation())
        card.write(workspace)
        return card
    if changed := changed_since_tuned(submission, scenario, workspace):
        session.warn(f"the values of {name} were found for {changed}, by an earlier `bench tune {submission.name}`")
    try:
        pools = [_prepared_pool(session, each, submission, how.treat) for each in scenario.so_far]
    except FailedTraining as error:
        card = failed_training(scenario, submission, error, isolation())
        write_atomically(workspace.log(scenario.label, submission.entry), f"{error}\n{error.log}\n".encode())
        card.write(workspace)
        return card
    return [Runs(pool, submission) for pool in pools]


def shared_entries(
    session: Session,
    scenario: Scenario,
    allowed_failures: int = 0,
    *,
    treat: bool = False,
    times: bool = True,
) -> Iterator[str]:
    """Make the missing runs of all entries without a scorecard that no other process is making.

    Yields each entry whose runs are all made, so that `evaluate` has its cost and its scorecard left to make, and holds
    its lock until the next is requested. Ends when every entry has a scorecard, made here or elsewhere; without `times`
    nothing is yielded, and it ends when all runs are made.
    """
    workspace, how = session.workspace, How(allowed_failures, False, treat, retry=False)
    left, begun = _entries(scenario, workspace), dict[str, list[Runs] | Scorecard]()
    while left:
        began = time.monotonic()
        for entry in [*left]:
            if _has_scorecard(entry, scenario, workspace, treat):
                left.remove(entry)
                continue
            try:
                if entry not in begun:
                    begun[entry] = _begin(session, scenario, entry, how)
                requests = begun[entry]
                if not isinstance(requests, Scorecard) and not _share(requests, how):
                    continue
            except BenchError:
                session.ahead.close()  # `evaluate` tells it
            if not times:
                left.remove(entry)
                continue
            with claim(_entry_lock(entry, scenario, workspace)) as ours:
                if ours:
                    left.remove(entry)
                    if not _has_scorecard(entry, scenario, workspace, treat):
                        yield entry
        if left:
            time.sleep(max(0.0, began + PAUSE - time.monotonic()))


def _share(requests: "list[Runs]", how: "How") -> bool:
    """Make an entry's missing runs that no other process is making; return whether all are made, or given up."""
    for runs, keep in zip(requests, _kept(requests, how), strict=True):
        if not runs.share(how.allowed, treat=how.treat, keep=keep):
            return False
        if not runs.outcome().successful:
            return True
    return True


def _run_requests(requests: "list[Runs]", how: "How") -> Scorecard:
    """Make the runs of an entry at one request after another, and return the scorecard of the last."""
    scenario = requests[-1].scenario
    cards = list[Scorecard]()
    for runs, keep in zip(requests, _kept(requests, how), strict=True):
        cards.append(_run_request(runs, how, keep))
        if not cards[-1].is_scored:
            return _failed_since(cards[-1], runs, requests[len(cards) :])
    if scenario.protocol.request is None:
        for runs in requests[:-1]:
            drop_returned(runs.store)
    return cards[-1]


class How(NamedTuple):
    """The way in which an entry is run, at every request."""

    allowed: int
    time_again: bool
    treat: bool
    retry: bool


def _prepared_pool(session: Session, scenario: Scenario, submission: Submission, treat: bool) -> Pool:
    """Train what is missing of a submission's pool, and warn where its models have learned nothing.

    What a submission trains by itself is compared with the scenario's own retrained models, so these come first.
    """
    problem = load_problem(scenario)
    check_measurable(scenario.name, problem)
    begin_with_shipped(session, scenario)
    pool = Pool(session, scenario)
    pool.prepare(("retrained",) if submission.trains else ())
    if submission.trains:
        pool = pool_of(pool, submission)
        pool.prepare()
    if treat:
        pool.prepare_treated()
    if sentence := never_learned(problem, pool.evidence("original")["utility/retain"]):
        session.warn(sentence)
    return pool


def _kept(requests: Sequence[Runs], how: How) -> list[bool]:
    """Return of which requests the unlearned nets have to be kept: those where runs of the next one are missing."""
    if len(requests) > 1:
        for runs in requests:
            runs.settle(how.allowed, how.retry)
    kept = [requests[-1].scenario.protocol.request is not None]  # another request may follow
    for runs, earlier in zip(reversed(requests), reversed(requests[:-1]), strict=False):
        is_made = runs.is_complete(time_again=how.time_again, treat=how.treat, keep=kept[-1])
        # What the earlier request has to make again may be other nets, on which all that follows has to go on.
        stays = earlier.is_complete(time_again=False, treat=how.treat, keep=False)
        kept.append(not (is_made and stays))
    return kept[::-1]


def _run_request(runs: Runs, how: How, keep: bool) -> Scorecard:
    """Run a submission on one request, and store the scorecard."""
    workspace, scenario, submission = runs.session.workspace, runs.scenario, runs.submission
    if runs.session.cluster:
        runs.settle(how.allowed, how.retry)
        run_elsewhere(runs, runs.session.cluster, how.allowed, treat=how.treat, keep=keep)
        how = how._replace(retry=False)  # which has been done
    outcome = runs.complete(**how._asdict(), keep=keep)
    if outcome.failed:
        logs = [f"run {run.index} is {run.status}: {run.reason}\n{run.log}\n" for run in outcome.failed]
        write_atomically(workspace.log(scenario.label, submission.entry), "\n".join(logs).encode())
    if outcome.successful:
        card = score_runs(read_runs(Yardstick.of(runs.pool, HALVES), runs, outcome))
    else:
        card = failed(scenario, submission, outcome, isolation()).drawn_from(runs.pool.seeds)
    card.write(workspace)
    return card


def _failed_since(card: Scorecard, runs: Runs, later: Sequence[Runs]) -> Scorecard:
    """Return the last scorecard of a submission that failed at some request, and so at all that are `later`."""
    reason = printable(f"at the request of {card.scenario}: {card.reason}", 2000)
    for each in later:
        each.forget()
        card = failed(each.scenario, each.submission, runs.outcome(), isolation()).drawn_from(each.pool.seeds)
        card = card.model_copy(update={"reason": reason})
        card.write(each.session.workspace)
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


def missing_entries(scenario: Scenario, workspace: Workspace, treat: bool = False) -> Iterator[str]:
    """Every submission, with its own and with its tuned values, that has no scorecard of its present files.

    `treat`: or none that says what holds after treatments.

    Some may be none that can be run. Others that ask at the same time get other ones.
    """
    return shared_out(
        _entries(scenario, workspace),
        lambda entry: _entry_lock(entry, scenario, workspace),
        lambda entry: _has_scorecard(entry, scenario, workspace, treat),
    )


def _entries(scenario: Scenario, workspace: Workspace) -> list[str]:
    """Return every submission with its own, and then with its tuned values."""
    names = submission_names(workspace)
    return [*names, *(entry for name in names for entry in tuned_entries(name, workspace, scenario))]


def _entry_lock(entry: str, scenario: Scenario, workspace: Workspace) -> Path:
    """Return the lock of whoever makes an entry's scorecard."""
    return workspace.evidence / scenario.label / f".{entry}.lock"


def _has_scorecard(entry: str, scenario: Scenario, workspace: Workspace, treat: bool) -> bool:
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
        and (not treat or not card.is_scored or was_treated(card, scenario))
        for card in cards
    )
