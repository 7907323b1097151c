"""`bench compete`: a competition, from its announcement to the final places."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import DataOption, DeviceOption, JobsOption, JsonOption
from benchmark.cli.shared import err, open_session, out, print_json, show_progress
from benchmark.errors import BadUsage

if TYPE_CHECKING:
    from benchmark.compete.board import Board
    from benchmark.compete.competition import Competition
    from benchmark.compete.documents import FileAnswer
    from benchmark.compete.judging import Evaluate
    from benchmark.compete.receipts import Judged
    from benchmark.results.record import Record
    from benchmark.results.scorecard import Scorecard
    from benchmark.scenario.schema import Scenario

FolderArgument = Annotated[Path, typer.Argument(help="The organiser's folder.")]


def init(
    folder: Annotated[Path, typer.Argument(help="The organiser's folder; it is made where it is missing.")],
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write competition.toml into a new folder; run again, freeze it and draw the hidden scenarios."""
    from benchmark.compete.competition import FILE, HIDDEN, PUBLIC, begin, first_receipt
    from benchmark.compete.documents import Announcement
    from benchmark.compete.publishing import announce

    competition = begin(folder, _now())
    again = f"`bench compete init {quote(str(folder))}`"
    if competition is None:
        said = [f"wrote {folder / FILE}", f"next: fill it in, then {again} freezes it"]
        document = Announcement(folder=str(folder.resolve()), frozen=False, receipt=None, seal=None)
    else:
        announce(competition)
        receipt = first_receipt(competition.chain)
        said = [
            f"{competition.settings.title} is frozen: the public scenario {competition.public.label}, "
            f"{len(competition.hidden)} hidden ones",
            f"publish {folder / PUBLIC}; show nobody {folder / HIDDEN}",
            f"next: bench compete submit {quote(str(folder))} TEAM FILE",
        ]
        seal = competition.chain.seal_of(receipt)
        document = Announcement(folder=str(competition.folder), frozen=True, receipt=receipt, seal=seal)
    _tell(said, document, as_json)


def submit(
    folder: FolderArgument,
    team: Annotated[str | None, typer.Argument(help="The team that sent it.")] = None,
    file: Annotated[Path | None, typer.Argument(help="A .py file, or a .zip with submission.py.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a team's entry; without TEAM and FILE every file in the folders intake/TEAM/.

    The status is 0 where the file is an entry, also the same as before; of many files, where each got an answer.
    """
    from benchmark.compete.documents import Answers, file_answer
    from benchmark.compete.entering import Answer, enter, enter_all

    if (team is None) != (file is None):
        raise BadUsage(f"the team {team} came without a file; name both, or neither to take all of intake/")
    path = file.absolute() if file else None
    with _open_folder(folder) as competition:
        if team is None or path is None:
            answers = enter_all(competition, _now())
        else:
            answers = [Answer(team, path.name, enter(competition, team, path, _now()), None)]
        shown = [file_answer(competition, answer) for answer in answers]
    said = [_answer_text(each) for each in shown] or [f"there is no file in {folder / 'intake'}"]
    _tell(said, Answers(answers=tuple(shown)), as_json)


def judge(
    folder: FolderArgument,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge every entry that has no verdict on the public scenario; several such commands share the work.

    Entries that fail have a verdict too. Interrupt it whenever you like: the same command goes on.
    """
    from benchmark.compete.competition import check
    from benchmark.compete.documents import Verdicts
    from benchmark.compete.judging import judge_public
    from benchmark.compete.states import entry_states

    with _open_folder(folder) as competition:
        check(competition)
        evaluate = _evaluation(competition, jobs, device)
        verdicts = [_tell_verdict(each) for each in judge_public(competition, evaluate, _now)]
        waiting = sum(state.status is None for state in entry_states(competition))
    said = [
        f"{len(verdicts)} verdicts; {waiting} entries have none yet; next: bench compete board {quote(str(folder))}"
    ]
    _tell(said, Verdicts(verdicts=tuple(verdicts), waiting=waiting), as_json)


def board(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Write the board into public/ and a page per team into teams/, and show the board.

    It is the public one while entries come, and that of the final places in the end.
    """
    from benchmark.compete.publishing import publish

    with _open_folder(folder) as competition:
        shown = publish(competition)
    _show(folder, shown, as_json)


def close(
    folder: FolderArgument,
    early: Annotated[bool, typer.Option("--early", help="End intake before the closing date.")] = False,
    jobs: JobsOption = None,
    device: DeviceOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """End intake, judge every team's best entry on the hidden scenarios, run the first again, seal the final places.

    Interrupt it whenever you like: the same command goes on, and does nothing where all is done.
    """
    from benchmark.compete.closing import end_intake, judge_to_the_end
    from benchmark.compete.competition import check
    from benchmark.compete.publishing import publish, settle

    with _open_folder(folder) as competition:
        check(competition)
        if competition.course.final is None:
            end_intake(competition, _now(), early=early)
            for verdict in judge_to_the_end(competition, _evaluation(competition, jobs, device), _now):
                _tell_verdict(verdict)
            settle(competition, _now())
        shown = publish(competition)
    _show(folder, shown, as_json)


def _now() -> datetime:
    return datetime.now(UTC)


@contextlib.contextmanager
def _open_folder(folder: Path) -> "Iterator[Competition]":
    """Yield the competition in a folder, which is the current one until the context ends, as a workspace's is."""
    from benchmark.compete.competition import open_competition

    competition = open_competition(folder)
    with contextlib.chdir(competition.folder):
        yield competition


def _evaluation(competition: "Competition", jobs: int | None, device: str | None) -> "Evaluate":
    """Return what runs an entry, in a sandbox. Raises NoSandbox where there is none."""
    from benchmark.device import choose_device
    from benchmark.pipeline import evaluate
    from benchmark.sandbox.bubblewrap import settle_isolation

    session = open_session(competition.workspace, jobs)
    settle_isolation(required=True, warn=session.warn)

    def run(scenario: "Scenario", content: str) -> "Scorecard":
        with show_progress(session) as shown:
            return evaluate(replace(shown, device=choose_device(device, scenario)), scenario, content)

    return run


def _tell_verdict(verdict: "Judged") -> "Judged":
    """Say a verdict on standard error, and return it."""
    err.print(f"{verdict.scenario}: {verdict.content} is {verdict.status}", highlight=False, soft_wrap=True)
    return verdict


def _answer_text(answer: "FileAnswer") -> str:
    """Return what became of a file, in words."""
    if answer.receipt is None:
        return f"{answer.team}: {answer.file} is refused: {answer.message}"
    known = ", the same files as before" if answer.answer == "known" else ""
    return (
        f"{answer.team}: {answer.file} is entry {answer.entry}{known}; its receipt is line {answer.receipt.number}, "
        f"SHA-256 {answer.seal}"
    )


def _show(folder: Path, board: "Board", as_json: bool) -> None:
    """Print a board, and where its files are."""
    from benchmark.cli.terminal import table
    from benchmark.compete.board import to_grid
    from benchmark.compete.competition import PUBLIC, TEAMS

    if not as_json:
        grid = to_grid(board)
        out.print(grid.title, highlight=False)
        out.print(table(grid.rows, grid.headings))
        for note in grid.notes:
            out.print(note, highlight=False, soft_wrap=True)
    _tell([f"wrote {folder / PUBLIC}, and a page per team into {folder / TEAMS}"], board, as_json)


def _tell(sentences: list[str], document: "Record", as_json: bool) -> None:
    """Print sentences for people, or the document for programs."""
    if as_json:
        print_json(document.model_dump(mode="json"))
        return
    for sentence in sentences:
        out.print(sentence, highlight=False, soft_wrap=True)
