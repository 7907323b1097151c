"""`bench run`: from a submission to its row on the board."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from benchmark.cli.entries import show_entry
from benchmark.cli.options import (
    AllEntriesOption,
    ClusterOption,
    DataOption,
    DeviceOption,
    EngineOption,
    FailuresOption,
    JobsOption,
    JsonOption,
    ModelsOption,
    OptionalEntry,
    OutOption,
    SandboxOption,
    ScenarioOption,
    SubmissionOption,
    TimeAgainOption,
    TreatOption,
)
from benchmark.cli.shared import (
    choose_forget_set,
    on_cluster,
    one_name,
    open_session,
    print_json,
    read_scenario,
    show_board,
    show_progress,
)
from benchmark.errors import BadRecord, BadSubmission, BadUsage, BenchError, FailedEntry
from benchmark.text import sentence

if TYPE_CHECKING:
    from pandas import DataFrame

    from benchmark.results.scorecard import Scorecard
    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session


def run(
    name: OptionalEntry = None,
    submission: SubmissionOption = None,
    everything: AllEntriesOption = False,
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    allow_failures: FailuresOption = 0,
    time_again: TimeAgainOption = False,
    treat: TreatOption = False,
    require_sandbox: SandboxOption = False,
    engine: EngineOption = "local",
    cluster: ClusterOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train what is missing of the reference pool, run the submission N times, score it, rank it.

    Interrupt it whenever you like: the same command goes on where it stopped, and does nothing where all is done. The
    exit status is 0 only when the submission got a score; with --all, when every submission got a row.
    """
    submission = one_name(name, submission)
    _check_usage(submission, everything, time_again)
    from benchmark.finished import finished_card
    from benchmark.sandbox.bubblewrap import settle_isolation
    from benchmark.storage.workspace import Workspace

    session = open_session(Workspace.find(out), jobs)
    chosen = choose_forget_set(session, read_scenario(scenario, models), device)
    workspace = session.workspace
    if submission and not time_again and (card := finished_card(chosen, submission, workspace, allow_failures, treat)):
        _report(session, chosen, [card], None, everything, as_json)
        return
    settle_isolation(required=require_sandbox, warn=session.warn)
    if engine == "local":
        start_what_comes(session, chosen, device, submission)
    with on_cluster(session, engine, cluster, chosen, device, require_sandbox=require_sandbox) as there:
        cards, rows, refused = evaluate_all(
            there, chosen, device, allow_failures, submission, time_again=time_again, treat=treat
        )
    _report(session, chosen, cards, rows, everything, as_json, refused)
    _raise_failure(session, chosen, submission, cards, refused)


def _check_usage(submission: str | None, everything: bool, time_again: bool) -> None:
    """Raise BadUsage when the options contradict each other."""
    if bool(submission) == everything:
        raise BadUsage("name one submission, as in `bench run NAME`, or take all with --all")
    if time_again and everything:
        raise BadUsage("--time-again came with --all, expected one finished entry; name it instead of --all")


def evaluate_all(
    session: "Session",
    scenario: "Scenario",
    device: str | None,
    allow_failures: int,
    submission: str | None = None,
    *,
    time_again: bool = False,
    treat: bool = False,
) -> "tuple[list[Scorecard], DataFrame | None, dict[str, str]]":
    """Evaluate one entry, or without `submission` all that have no current row; see `evaluate_in_turn`."""
    from benchmark.device import choose_device
    from benchmark.pipeline import evaluate, missing_entries, record_fault
    from benchmark.submissions.source import unsuitable_names

    workspace = session.workspace

    def evaluate_entry(entry: str) -> "Scorecard":
        with show_progress(session) as shown:
            there = replace(shown, device=where)
            return evaluate(there, scenario, entry, allow_failures, time_again=time_again, treat=treat)

    def recover(entry: str, error: Exception) -> "Scorecard | None":
        return record_fault(scenario, entry, workspace, error)

    try:
        where = choose_device(device, scenario)
        warn_of_problem(session, scenario)
        if submission:
            return evaluate_in_turn(session, [submission], evaluate_entry, None)
        # Unsuitable names come last: whatever can be run is run.
        entries = chain(missing_entries(scenario, workspace, treat), unsuitable_names(workspace))
        return evaluate_in_turn(session, entries, evaluate_entry, recover)
    finally:
        session.ahead.close()  # where the run was refused


def warn_of_problem(session: "Session", scenario: "Scenario") -> None:
    """Say what is odd about a scenario's examples, and what submissions get of them.

    Raises BenchError where they cannot be given that, before anything trains for it.
    """
    from benchmark.data import load_problem, problem_facts

    for said in problem_facts(scenario).sentences:
        session.warn(said)
    if access := scenario.protocol.access:
        access.give(load_problem(scenario))
        session.warn(access.sentence)


def _raise_failure(
    session: "Session",
    scenario: "Scenario",
    submission: str | None,
    cards: "list[Scorecard]",
    refused: Mapping[str, str],
) -> None:
    """Raise FailedEntry when an entry was refused, or the one asked for got no score; warn about suspects."""
    if refused:
        raise FailedEntry(f"{len(refused)} entries could not be run: {', '.join(refused)}; see the notes above")
    for card in cards:
        if card.status == "suspect":
            session.warn(f"{card.submission} is suspect and has no rank: {card.reason}")
    if submission and not cards[0].is_scored:
        (card,) = cards
        log = session.workspace.log(scenario.label, card.submission)
        said = f"; it says: {card.detail}" if card.detail else ""
        ran = "" if card.status == "not-applicable" else f"; its log is {log}"
        raise FailedEntry(f"{card.submission} is {card.status}: {card.reason}{said}{ran}")


def start_what_comes(session: "Session", scenario: "Scenario", device: str | None, submission: str | None) -> None:
    """Have the processes that come next import what they need from now on.

    This one does so at the same time; where nets are small the seconds count.
    """
    from benchmark.engine import start_importing
    from benchmark.submissions.source import submission_names

    if not scenario.architecture.small or device not in (None, "cpu"):
        return
    workspace, jobs = session.workspace, session.jobs
    if not workspace.pool(scenario).exists():
        start_importing("benchmark.references.pool", jobs)
        return
    start_importing("benchmark.metrics.resampling", jobs)
    name = (submission or "").removesuffix("+tuned")
    if name in submission_names(workspace):
        workspace.results.mkdir(parents=True, exist_ok=True)  # what is there when a worker starts can be hidden from it
        session.ahead.start(workspace.submissions / name, min(jobs, len(scenario.blocks(scenario.protocol.models))))


def evaluate_in_turn(
    session: "Session",
    entries: Iterable[str],
    evaluate_entry: "Callable[[str], Scorecard]",
    recover: "Callable[[str, Exception], Scorecard | None] | None",
    *,
    beside_others: bool = False,
) -> "tuple[list[Scorecard], DataFrame | None, dict[str, str]]":
    """Return the scorecards, the board's rows after the last, and why an entry was left out, by its name.

    `recover` gives the row of an entry that met a fault of the harness; without it, where one entry was asked for, the
    exception goes on. Raises BenchError there, and where neither the entry's files nor its records are at fault: it
    would stop the others. `beside_others`: the board is written after an entry unless another process is at it, so
    that it has to be written once more in the end.
    """
    from benchmark.leaderboard import rebuild, rebuild_unless_others_do

    write = rebuild_unless_others_do if beside_others else rebuild
    cards, rows, refused = [], None, dict[str, str]()
    for entry in entries:
        try:
            cards.append(evaluate_entry(entry))
        except BenchError as error:
            if recover is None or not isinstance(error, BadSubmission | BadRecord):
                raise
            refused[entry] = str(error)
            session.warn(sentence(f"{entry} is left out: {error}"))
        except Exception as error:
            if recover is None:
                raise
            if card := recover(entry, error):
                cards.append(card)
        else:
            rows = write(session.workspace, cards[-1:], session.warn)
    return cards, rows, refused


def _report(
    session: "Session",
    scenario: "Scenario",
    cards: "list[Scorecard]",
    rows: "DataFrame | None",
    everything: bool,
    as_json: bool,
    refused: Mapping[str, str] | None = None,
) -> None:
    """Print the scorecards as JSON, or the entry that ran in words; with --all the board with what was refused."""
    from benchmark.leaderboard import rebuild

    if as_json:
        dumped = [card.content() for card in cards]
        print_json(dumped if everything else dumped[0])
        return
    if rows is None or everything:  # other processes that take all may have added rows since
        rows = rebuild(session.workspace, warn=session.warn)
    if everything:
        show_board(session.workspace, scenario, rows, refused)
    else:
        show_entry(session.workspace, scenario, cards[0], rows)
