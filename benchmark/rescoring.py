"""Scores of evidence that is stored: entries are scored again, or found to have evidence. Nothing is trained or run."""

from collections.abc import Iterator

from benchmark.errors import BadRecord, BenchError, FailedEntry, MissingRecord
from benchmark.leaderboard import scored_submissions
from benchmark.metrics.bootstrap import HALVES
from benchmark.references.pool import UNPACK_AGAIN, Pool
from benchmark.results.outcome import Outcome, has_evidence
from benchmark.results.scorecard import Scorecard
from benchmark.run_scores import ReadRuns, Yardstick, read_runs, score_runs, score_side_by_side
from benchmark.runs.elsewhere import pool_of
from benchmark.runs.runs import Runs
from benchmark.scenario.schema import Scenario, options
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission
from benchmark.submissions.tasks import check_applicable


def entries_with_evidence(session: Session, scenario: Scenario, *, of_one_pool: bool = False) -> list[str]:
    """Return the entries with a score whose present files have evidence here; warn how many of one's own have none.

    A clone of the repository has scorecards, but no evidence until a bundle is unpacked. `of_one_pool`: without those
    that train models of their own, which a warning names.
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
    if of_one_pool and (own := [name for name in found if find_submission(name, session.workspace, scenario).trains]):
        session.warn(
            f"{', '.join(own)}: left out, for what they are compared with are models that they train themselves"
        )
        found = [name for name in found if name not in own]
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
    runs, outcome = _ended_runs(Pool(session, scenario), name)
    return _stored(session, score_runs(read_runs(Yardstick.of(runs.pool, halves or HALVES), runs, outcome)))


def _ended_runs(pool: Pool, name: str) -> tuple[Runs, Outcome]:
    """Return the runs of an entry and how they ended. Raises BenchError where they cannot be scored."""
    session, scenario = pool.session, pool.scenario
    submission = find_submission(name, session.workspace, scenario)
    check_applicable(submission, scenario)
    runs = Runs(pool_of(pool, submission), submission)
    outcome = runs.outcome()
    again = f"`bench run --submission {name} {options(scenario.name, scenario.protocol.models)}`"
    remedy = UNPACK_AGAIN if runs.pool.seeds.committed else f"{again} makes it again"
    if not outcome.successful:
        raise FailedEntry(f"{name} failed on {scenario.label}; {again} tries it again")
    if outcome.timing is None:
        raise MissingRecord(f"the runs of {name} on {scenario.label} were interrupted; {again} goes on")
    for path, fault in runs.discard_damaged().items():
        raise BadRecord(f"{path.with_suffix('.safetensors')} {fault}; set aside as {path.name}, {remedy}")
    return runs, outcome


def _stored(session: Session, card: Scorecard) -> Scorecard:
    card.write(session.workspace)
    return card


def rescore_all(session: Session, scenario: Scenario, names: list[str]) -> Iterator[tuple[str, Scorecard | Exception]]:
    """Yield every entry with what `rescore` returns or raises, as they are finished, several side by side.

    Those that cannot be read come last. Raises BenchError where the pool cannot be read.
    """
    pool = Pool(session, scenario)
    ended: dict[str, tuple[Runs, Outcome]] = {}
    unreadable: list[tuple[str, Exception]] = []
    for name in names:
        try:
            ended[name] = _ended_runs(pool, name)
        except Exception as error:
            unreadable.append((name, error))
    if ended:
        yield from _score_ended(pool, ended, unreadable)
    yield from unreadable


def _score_ended(
    pool: Pool, ended: dict[str, tuple[Runs, Outcome]], unreadable: list[tuple[str, Exception]]
) -> Iterator[tuple[str, Scorecard | Exception]]:
    """Yield the stored scorecards of runs that came to their end; those whose evidence is damaged join `unreadable`."""
    session, yardsticks = pool.session, dict[Pool, Yardstick]()

    def entries() -> Iterator[tuple[str, ReadRuns]]:
        for name, runs in ended.items():
            try:
                own = runs[0].pool  # one for all entries that train no models of their own
                if own not in yardsticks:
                    yardsticks[own] = Yardstick.of(own, HALVES)
                yield name, read_runs(yardsticks[own], *runs)
            except Exception as error:
                unreadable.append((name, error))

    if len(ended) == 1:  # whose resamples keep all cores busy
        results = ((name, _try_scoring(read)) for name, read in entries())
    else:
        results = score_side_by_side(entries(), session.jobs)
    for done, (name, result) in enumerate(results, start=1):
        session.progress("scoring entries", done, len(ended))
        yield name, result if isinstance(result, Exception) else _stored(session, result)


def _try_scoring(read: ReadRuns) -> Scorecard | Exception:
    try:
        return score_runs(read)
    except Exception as error:
        return error
