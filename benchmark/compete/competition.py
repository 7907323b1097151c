"""An organiser's folder: a workspace with the settings, the receipts, the public and the hidden scenarios."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from benchmark.compete.chain import FILE as RECEIPTS
from benchmark.compete.chain import Chain
from benchmark.compete.receipts import Accepted, AnyReceipt, Begun, Closed, Judged, Settled
from benchmark.compete.secret_scenarios import (
    FRESH,
    HIDDEN,
    draw_hidden,
    keep_hidden,
    read_scenarios,
    sealed_scenarios,
    write_scenario,
)
from benchmark.compete.settings import FILE, Settings, read_settings, start_settings
from benchmark.data.choice import check_settled
from benchmark.errors import BadRecord, BadUsage
from benchmark.results.scorecard import Scorecard, card_path
from benchmark.sandbox.bubblewrap import shows
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.storage.reading import digest_of_file
from benchmark.storage.workspace import Workspace, write_atomically
from benchmark.submissions.files import hash_of

PUBLIC, TEAMS, INTAKE, SCENARIO = "public", "teams", "intake", "scenario.toml"

# Whatever tells hidden scenarios, and what teams have sent, belongs in no repository that others can see.
_GITIGNORE = b"*\n!public/\n!public/**\n!competition.toml\n!.gitignore\n"


@dataclass(frozen=True)
class Competition:
    """A competition that has begun. Everything in it is read from the disk when it is asked for."""

    folder: Path
    settings: Settings
    public: Scenario
    hidden: tuple[Scenario, ...]
    chain: Chain
    _cards: dict[str, Scorecard] = field(default_factory=dict, repr=False, compare=False)
    """Scorecards that have been read, by their hash."""

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder)

    @property
    def fresh(self) -> tuple[Scenario, ...]:
        """The scenarios on which the best are run again; none before intake has ended."""
        return read_scenarios(self.folder / FRESH)

    @property
    def course(self) -> "Course":
        """The receipts by kind."""
        return Course.of(self.chain.read())

    def path_of(self, content: str) -> Path:
        """Return the folder of an entry's files."""
        return self.workspace.submissions / content

    def card_path(self, content: str, label: str) -> Path:
        return card_path(self.workspace.results, label, content)

    def card(self, verdict: Judged) -> Scorecard | None:
        """Return the scorecard of a verdict, None where it has none. Raises BadRecord where it is not as sealed."""
        if verdict.card is None:
            return None
        if verdict.card in self._cards:
            return self._cards[verdict.card]
        path = self.card_path(verdict.content, verdict.scenario)
        if digest_of_file(path) != verdict.card:
            raise BadRecord(
                f"{path} is not the scorecard of line {verdict.number} of {RECEIPTS}; restore the file from a copy"
            )
        self._cards[verdict.card] = Scorecard.read(path)
        return self._cards[verdict.card]


@dataclass(frozen=True)
class Course:
    """Receipts by kind."""

    entries: tuple[Accepted, ...]
    verdicts: Mapping[tuple[str, str], Judged]
    """By content and scenario."""
    closed: Closed | None
    final: Settled | None

    @classmethod
    def of(cls, receipts: list[AnyReceipt]) -> "Course":
        judged = [each for each in receipts if isinstance(each, Judged)]
        return cls(
            tuple(each for each in receipts if isinstance(each, Accepted)),
            {(each.content, each.scenario): each for each in judged},
            next((each for each in receipts if isinstance(each, Closed)), None),
            next((each for each in receipts if isinstance(each, Settled)), None),
        )

    @property
    def teams(self) -> list[str]:
        """Every team that has an entry, in the order of their first."""
        return list(dict.fromkeys(each.team for each in self.entries))

    def entries_of(self, team: str) -> list[Accepted]:
        return [each for each in self.entries if each.team == team]


def begin(folder: Path, now: datetime) -> Competition | None:
    """Freeze a competition's settings, draw its hidden scenarios, and write the first receipt.

    Returns None where there were no settings yet: then a file to begin with is written, and nothing else. Whatever an
    interrupted call has made is kept. Raises BadUsage where the competition has begun already.
    """
    if not (folder / FILE).exists():
        if folder.is_dir() and any(folder.iterdir()):
            raise BadUsage(f"{folder} has files and no {FILE}, expected a new folder; name another")
        write_atomically(folder / FILE, start_settings(now))
        return None
    folder = folder.resolve()
    if shows(folder):
        raise BadUsage(f"{folder} lies where every sandbox can read, expected a folder elsewhere; move it away")
    settings, chain = read_settings(folder), Chain(folder)
    with chain.hold() as receipts:
        if receipts:
            raise BadUsage(
                f"the competition in {folder} has begun, so its settings are frozen; begin another elsewhere"
            )
        for name in ("submissions", "reference_models", INTAKE, PUBLIC, TEAMS):
            (folder / name).mkdir(exist_ok=True)
        with contextlib.chdir(folder):  # a workspace from now on, whose data is meant
            public = _write_public(folder, settings)
            if settings.hidden:
                draw_hidden(folder / HIDDEN, public, settings.hidden)
            else:
                keep_hidden(folder / HIDDEN, [folder / name for name in settings.hidden_files], public)
        write_atomically(folder / ".gitignore", _GITIGNORE)
        hidden = sealed_scenarios(folder / HIDDEN)
        chain.append(Begun, now, settings=digest_of_file(folder / FILE), scenario=public.label, hidden=hidden)
    return open_competition(folder)


def open_competition(folder: Path) -> Competition:
    """Return the competition in a folder. Raises BenchError unless it is as it was announced."""
    folder = folder.resolve()
    settings, chain = read_settings(folder), Chain(folder)
    begun = first_receipt(chain)
    if digest_of_file(folder / FILE) != begun.settings:
        raise BadRecord(f"{folder / FILE} is not what line 1 of {RECEIPTS} has sealed; restore the file from a copy")
    public, hidden = load_scenario(folder / PUBLIC / SCENARIO), read_scenarios(folder / HIDDEN)
    if public.label != begun.scenario or sealed_scenarios(folder / HIDDEN) != begun.hidden:
        raise BadRecord(
            f"the scenarios in {folder / PUBLIC} and {folder / HIDDEN} are not those that line 1 of {RECEIPTS} has "
            "sealed; restore their files from a copy"
        )
    return Competition(folder, settings, public, hidden, chain)


def first_receipt(chain: Chain) -> Begun:
    """Return what was announced. Raises as reading the chain does."""
    begun = chain.read()[0]
    assert isinstance(begun, Begun)  # or the chain would have refused it
    return begun


def check(competition: Competition) -> None:
    """Raise BadRecord unless every entry's files and every scorecard are those of the receipts."""
    course = competition.course
    for entry in course.entries:
        check_files(competition, entry.content)
    sent = {entry.content for entry in course.entries}
    for verdict in course.verdicts.values():
        if verdict.content not in sent:
            raise BadRecord(f"line {verdict.number} of {RECEIPTS} judges files that nobody sent; restore the file")
        competition.card(verdict)
    if course.closed and sealed_scenarios(competition.folder / FRESH) != course.closed.fresh:
        raise BadRecord(
            f"the scenarios in {competition.folder / FRESH} are not those that line {course.closed.number} of "
            f"{RECEIPTS} has sealed; restore their files from a copy"
        )


def check_files(competition: Competition, content: str) -> None:
    """Raise BadRecord unless an entry's files are those that were sent."""
    path = competition.path_of(content)
    if not path.is_dir() or path.is_symlink() or hash_of(path, {}) != content:
        entry = next(each for each in competition.course.entries if each.content == content)
        raise BadRecord(
            f"{path} does not hold the files of line {entry.number} of {RECEIPTS}, entry {entry.entry} of "
            f"{entry.team}; restore them from a copy"
        )


def _write_public(folder: Path, settings: Settings) -> Scenario:
    """Write the public scenario where it is published, complete in one file, and return it."""
    name = settings.scenario
    scenario = load_scenario(folder / name if name.endswith(".toml") else name)
    if scenario.salt is not None:
        raise BadUsage(f"{name} has a salt, which would be published, expected none; take it out")
    check_settled(scenario)
    return write_scenario(scenario.model_dump(), folder / PUBLIC / SCENARIO)
