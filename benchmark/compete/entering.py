"""The way of a file that a team sent: to an entry with a receipt, or to a sentence why it is none."""

import contextlib
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from benchmark.compete.chain import stamp
from benchmark.compete.competition import INTAKE, Competition
from benchmark.compete.intake import Limits, read_entry
from benchmark.compete.receipts import Accepted
from benchmark.errors import BadRecord, BadSubmission, BadUsage, BenchError
from benchmark.storage.workspace import write_atomically
from benchmark.submissions.files import hash_of, is_name
from benchmark.submissions.parsing import check_source
from benchmark.submissions.tasks import unfit
from benchmark.text import printable

_STAGING = ".incoming"  # in submissions/, where no name of a submission begins with a dot
_DAY = len("2027-01-01")


class Entered(NamedTuple):
    """An entry, and whether this call accepted it: a team's same files once more are the entry that they were."""

    receipt: Accepted
    is_new: bool


class Answer(NamedTuple):
    """Answer to a file in the intake folder: an entry, or why it is none."""

    team: str
    file: str
    entered: Entered | None
    error: BenchError | None


def enter(competition: Competition, team: str, path: Path, now: datetime) -> Entered:
    """Accept a file as an entry of a team, and return its receipt, which is on the disk by then.

    Files that another team has sent too are an entry of this one with the same verdict. Raises BadUsage where no entry
    can come, for its time or their number, and BadSubmission where the file is none.
    """
    if not is_name(team):
        raise BadUsage(
            f"the team {printable(team)!r} came, expected at most 64 letters, digits, - and _, the first a letter or "
            "digit; rename it"
        )
    settings = competition.settings
    files = read_entry(path, Limits(settings.file_bytes, settings.total_bytes, settings.files))
    with competition.chain.hold():
        _check_time(competition, now)
        with _stage_files(competition, files) as staging:
            check_source("the entry", staging)
            if reason := unfit(staging, competition.public):
                raise BadSubmission(f"the entry is not for this competition: {reason}; change it")
            content = hash_of(staging, {})
            if earlier := _same_entry(competition, team, content):
                return Entered(earlier, is_new=False)
            _check_number(competition, team, now)
            _settle(competition, staging, content)
        number = len(competition.course.entries_of(team)) + 1
        receipt = competition.chain.append(Accepted, now, team=team, entry=number, content=content)
        return Entered(receipt, is_new=True)


def enter_all(competition: Competition, now: datetime) -> list[Answer]:
    """Accept every file in the folders `intake/TEAM/`, those that came first before others."""
    folders = [each for each in sorted((competition.folder / INTAKE).iterdir()) if not each.name.startswith(".")]
    found = [(folder.name, path) for folder in folders if _is_folder(folder) for path in folder.iterdir()]
    waiting = [(team, path) for team, path in found if not path.name.startswith(".")]
    waiting.sort(key=lambda each: (each[1].lstat().st_mtime_ns, str(each[1])))
    return [_answer(competition, team, path, now) for team, path in waiting]


def _answer(competition: Competition, team: str, path: Path, now: datetime) -> Answer:
    try:
        entered, error = enter(competition, team, path, now), None
    except (BadSubmission, BadUsage) as refusal:
        entered, error = None, refusal
    return Answer(printable(team), printable(path.name), entered, error)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _check_time(competition: Competition, now: datetime) -> None:
    """Raise BadUsage unless entries can come now."""
    settings, course = competition.settings, competition.course
    if course.closed:
        raise BadUsage(f"{settings.title} was closed at {course.closed.time}; no entry can come any more")
    time = max(stamp(now), competition.chain.read()[-1].time)
    if time < (opens := stamp(settings.opens)):
        raise BadUsage(f"{settings.title} opens at {opens}, and it is {time}; send the entry then")
    if time >= (closes := stamp(settings.closes)):
        raise BadUsage(f"{settings.title} closed at {closes}, and it is {time}; no entry can come any more")


def _check_number(competition: Competition, team: str, now: datetime) -> None:
    """Raise BadUsage where a team has sent as many entries as it may today, or its name is another's but for case."""
    course, most = competition.course, competition.settings.entries_per_day
    if near := [each for each in course.teams if each != team and each.casefold() == team.casefold()]:
        raise BadUsage(f"the team {team} came, and there is a team {near[0]}; write the name as before")
    day = max(stamp(now), competition.chain.read()[-1].time)[:_DAY]  # a time set back begins no new day
    if sum(each.time.startswith(day) for each in course.entries_of(team)) >= most:
        raise BadUsage(f"{team} has sent {most} entries on {day} (UTC), which is the most; send it the next day")


def _same_entry(competition: Competition, team: str, content: str) -> Accepted | None:
    return next((each for each in competition.course.entries_of(team) if each.content == content), None)


@contextlib.contextmanager
def _stage_files(competition: Competition, files: dict[str, bytes]) -> Iterator[Path]:
    """Yield a folder with these files, which is gone in the end; nobody else has one at the same time."""
    staging = competition.workspace.submissions / _STAGING
    shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
    try:
        for name, content in files.items():
            write_atomically(staging / name, content)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _settle(competition: Competition, staging: Path, content: str) -> None:
    """Give the files of an entry their place, unless the same are there. Raises BadRecord where others are."""
    place = competition.path_of(content)
    if not place.exists():
        staging.rename(place)
    elif hash_of(place, {}) != content:
        raise BadRecord(f"{place} holds other files than its name says; restore them from a copy, or remove the folder")
