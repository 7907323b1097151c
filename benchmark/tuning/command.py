"""Tuning of a submission: from its name to the values in its folder."""

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import torch

from benchmark.cluster import Cluster
from benchmark.engine import Progress
from benchmark.errors import BadSubmission, BadUsage, BenchError
from benchmark.references.pool import Pool
from benchmark.results.tuning import Tuning
from benchmark.scenario.schema import Scenario
from benchmark.seeds import derive_seed
from benchmark.session import Session, Warn
from benchmark.storage.locks import Held, hold, is_locked
from benchmark.storage.workspace import Workspace, shared_out, sweep
from benchmark.submissions.source import Submission, find_submission, submission_names, tuned_file
from benchmark.submissions.tasks import check_applicable, unfit
from benchmark.tuning.measuring import allowed_share, open_measure, rungs
from benchmark.tuning.scenario import tuning_scenario
from benchmark.tuning.search import OtherSearch, search
from benchmark.tuning.space import declares_search_space, read_search_space


def tunable(scenario: Scenario, workspace: Workspace) -> list[str]:
    """Return the submissions that have a SEARCH_SPACE, are for the scenario and are no controls of `scenario`."""
    names = (name for name in submission_names(workspace) if name not in scenario.protocol.controls)
    folders = (workspace.submissions / name for name in names)
    return [
        each.name for each in folders if declares_search_space(each) and not _is_for_another_scenario(each, scenario)
    ]


def _is_for_another_scenario(folder: Path, scenario: Scenario) -> bool:
    """Return whether a submission is for other scenarios; one with errors is not, so that tuning it shows them."""
    with suppress(BenchError):
        return unfit(folder, scenario) is not None
    return False


def tunable_in_turn(scenario: Scenario, workspace: Workspace) -> Iterator[str]:
    """All that are tunable, but not while another process has got one: it comes again when that is done with it."""
    return shared_out(
        tunable(scenario, workspace),
        lambda name: _lock_file(name, workspace, "turn"),
        lambda name: False,
    )


def tune(session: Session, scenario: Scenario, name: str, trials: int) -> Tuning:
    """Search for the values that the submission `name` gets on `scenario`; its folder holds them afterwards.

    No trial on record is made again, unless the submission or the scenario has changed. Raises BenchError when `name`
    is a control, has no SEARCH_SPACE that is accepted or more trials than wanted, or the scenario cannot be trained.
    """
    submission, warn = find_submission(name, session.workspace), session.warn
    if submission.values == "tuned":
        raise BadUsage(f"{name} names an entry with values that tuning has found; name {submission.name}")
    if name in scenario.protocol.controls:
        raise BadUsage(f"{name} is a control of {scenario.name}, which are not tuned; name another submission")
    check_applicable(submission, scenario)
    if submission.trains:
        raise BadUsage(
            f"{name} trains its own models, expected a submission that only unlearns; set its values yourself"
        )
    space = read_search_space(name, submission.folder)
    tuned_on = tuning_scenario(scenario)
    path = tuned_file(submission.folder, scenario)
    _make_folder(path.parent)
    with _lock(session, name):
        sweep(path)
        empty = _empty(submission, scenario, tuned_on, trials)
        record = _read_known(path, empty, submission, tuned_on, warn)
        if len(record.trials) == trials:
            record.write(path)  # it may have been wanted longer
            return record
        pool = Pool(session, tuned_on, kind="public")
        pool.prepare(("original", "retrained"))
        bar = _Bar(session.progress, record)

        def store(longer: Tuning) -> None:
            longer.write(path)
            bar.reach(longer)

        seed = derive_seed(tuned_on.pool_hash, "sampler") % 2**32
        with open_measure(pool, submission, bar.tick) as measure:
            try:
                return search(space, measure, seed, record, store)
            except OtherSearch:
                warn(f"the trials of {name} on record are of another version's search; starting over")
                bar.reach(empty)
                return search(space, measure, seed, empty, store)


def tune_elsewhere(
    session: Session, cluster: Cluster, scenario: Scenario, trials: int
) -> tuple[list[Tuning], list[str]]:
    """Search for the values of all that are tunable, one on each worker of a cluster; return the records of the
    searches, and what could not be tuned, after a warning of why."""
    names = tunable(scenario, session.workspace)
    session.progress("tuning", 0, len(names))
    refused: dict[str, str] = {}
    tasks = [(session.workspace, scenario, name, trials, session.device) for name in names]
    for done, (name, said, fault) in enumerate(cluster.map(_tune_there, tasks), start=1):
        for sentence in [*said, *([fault] if fault else [])]:
            session.warn(sentence)
        if fault:
            refused[name] = fault
        session.progress("tuning", done, len(names))
    folders = {name: session.workspace.submissions / name for name in names if name not in refused}
    records = [Tuning.read(tuned_file(folder, scenario)) for folder in folders.values()]
    return [record for record in records if record], list(refused)


def _tune_there(
    workspace: Workspace, scenario: Scenario, name: str, trials: int, device: str
) -> tuple[str, list[str], str]:
    """Tune a submission; return its name, what there was to warn of, and why it could not be tuned, "" if it was."""
    said = list[str]()
    try:
        tune(Session(workspace, 1, device, warn=said.append), scenario, name, trials)
    except BenchError as error:
        return name, said, str(error)
    return name, said, ""


def changed_since_tuned(submission: Submission, scenario: Scenario, workspace: Workspace) -> str | None:
    """Return in words what a tuned entry's values were found for, if not for this submission and scenario.

    N does not count. Raises BenchError when what is kept of the search is no record of one.
    """
    record = Tuning.read(tuned_file(submission.folder, scenario)) if submission.values == "tuned" else None
    if record is None:
        return None
    tuned_on = tuning_scenario(scenario, record.rungs[-1])
    return _change(record, find_submission(submission.name, workspace), tuned_on)


def _change(record: Tuning, submission: Submission, tuned_on: Scenario) -> str | None:
    if not submission.is_named_by(record.submission_hash):
        return f"other files of {record.submission}"
    if (record.tuning_scenario_hash, record.rungs) != (tuned_on.hash, rungs(tuned_on.protocol.models)):
        return f"another scenario {record.scenario}"
    if record.objective != "gap_closed":
        return "another objective, the published score"
    return None


def _make_folder(tuned: Path) -> None:
    try:
        tuned.mkdir(exist_ok=True)
    except OSError as error:
        raise BadSubmission(f"{tuned} cannot hold the values of tuning ({error.strerror}); make it a folder") from None


def _lock_file(name: str, workspace: Workspace, purpose: str) -> Path:
    """Return the path of a lock, outside the submission's folder, whose files may be links."""
    return workspace.pools / ".tuning" / f"{name}.{purpose}.lock"


def _lock(session: Session, name: str) -> AbstractContextManager[Held]:
    path = _lock_file(name, session.workspace, "search")
    if is_locked(path):
        session.warn(f"another process is tuning {name}; waiting for it")
    return hold(path)


def _empty(submission: Submission, scenario: Scenario, tuned_on: Scenario, trials: int) -> Tuning:
    return Tuning(
        submission=submission.name,
        submission_hash=submission.hash,
        scenario=scenario.name,
        tuning_scenario_hash=tuned_on.hash,
        rungs=rungs(tuned_on.protocol.models),
        allowed_share=allowed_share(tuned_on),
        objective="gap_closed",
        wanted=trials,
        hyperparameters=None,
        trials=[],
        versions=_versions(),
    )


def _read_known(path: Path, empty: Tuning, submission: Submission, tuned_on: Scenario, warn: Warn) -> Tuning:
    """Return the record that an earlier call has left, as far as it still holds."""
    try:
        record = Tuning.read(path)
    except BenchError as error:
        aside = path.replace(path.with_suffix(".damaged"))
        warn(f"{error}; it is set aside as {aside.name}, and the search starts over")
        return empty
    if record is None:
        return empty
    if changed := _change(record, submission, tuned_on):
        warn(f"the trials of {empty.submission} on record are for {changed}; starting over")
        return empty
    if len(record.trials) > empty.wanted:
        raise BadUsage(
            f"{empty.submission} has {len(record.trials)} trials on {empty.scenario}, {empty.wanted} were asked for; "
            f"ask for at least as many, or delete {path}"
        )
    return record.with_wanted(empty.wanted)


class _Bar:
    """Progress in runs; of a trial that is given up all of them count as done."""

    def __init__(self, progress: Progress, record: Tuning) -> None:
        self._progress, self._label, self._done = progress, f"tuning {record.submission}", 0
        self._total = record.wanted * record.rungs[-1]
        self.reach(record)

    def tick(self) -> None:
        self._show(self._done + 1)

    def reach(self, record: Tuning) -> None:
        self._show(len(record.trials) * record.rungs[-1])

    def _show(self, done: int) -> None:
        self._done = done
        self._progress(self._label, done, self._total)


def _versions() -> dict[str, str]:
    """Return the versions of the libraries that decide the trials."""
    import optuna

    return {"python": platform.python_version(), "torch": str(torch.__version__), "optuna": optuna.__version__}
