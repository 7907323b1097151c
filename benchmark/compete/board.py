"""A competition's board: a row per team, on the public scenario while entries come, and in the end by final places."""

import csv
import io
from collections import Counter
from typing import Literal, NamedTuple

from benchmark.compete.competition import Competition
from benchmark.compete.ranking import Standings, final_places, groups_of, mean_of, result_of, standings_of
from benchmark.compete.receipts import Accepted, Number, Team
from benchmark.compete.states import EntryState, entry_states
from benchmark.leaderboard.grids import Grid
from benchmark.leaderboard.ranks import ORDERS
from benchmark.leaderboard.table import ABSENT
from benchmark.results.outcome import Status
from benchmark.results.record import Line, Record
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Number as Value

Stage = Literal["public", "final"]
"""Which places a board is ordered by: those on the public scenario, or those of the end."""

_MEASURES = {"gap_closed": "gap closed", "score": "score"}


class Row(Record):
    """A team with the entry that it stands for."""

    place: Number | None
    team: Team
    entry: Number
    title: Line
    measure: Literal["gap_closed", "score"] | None
    """What it is ordered by: on several scenarios the mean."""
    value: Value | None
    low: Value | None
    high: Value | None
    group: Line
    """Letters of its significance groups on the scenarios of `value`."""
    cost: Value | None
    """Share of retraining, the largest of all scenarios."""
    status: Status | Literal["waiting"]
    """That of the scorecard; of several scenarios the first that is not ok."""
    entries: Number
    public: Number | None
    private: Number | None
    fresh: Number | None


class Board(Record):
    """Everything that is shown of a competition."""

    title: Line
    stage: Stage
    scenario: Line
    """The public one, with its hash."""
    receipts: Number
    seal: str
    """Of the last receipt."""
    rows: tuple[Row, ...]
    states: tuple[EntryState, ...]


def make_board(competition: Competition, stage: Stage) -> Board:
    """Return the board as the verdicts that there are make it."""
    receipts = competition.chain.read()
    return Board(
        title=competition.settings.title,
        stage=stage,
        scenario=competition.public.label,
        receipts=len(receipts),
        seal=competition.chain.seal_of(receipts[-1]),
        rows=tuple(make_rows(competition, standings_of(competition), stage)),
        states=tuple(entry_states(competition)),
    )


def make_rows(competition: Competition, standings: Standings, stage: Stage) -> list[Row]:
    """Return a row per team, the best first, those without a place last."""
    is_final = stage == "final"
    places = final_places(standings) if is_final else standings.public
    shown = standings.private_cards if is_final else standings.public_cards
    groups = groups_of(shown)
    counts = Counter(entry.team for entry in competition.course.entries)
    rows = []
    for team, entry in standings.entries.items():
        cards = list(shown.get(team) or standings.public_cards.get(team) or [])
        rows.append(
            Row(
                place=places.get(team),
                team=team,
                entry=entry.entry,
                title=cards[0].title if cards and cards[0].title != entry.content else "",
                **_measures_of(cards if team in shown else [])._asdict(),
                group=groups.get(team, ""),
                status=_status(competition, entry, is_final=is_final),
                entries=counts[team],
                public=standings.public.get(team),
                private=standings.private.get(team) if is_final else None,
                fresh=standings.fresh.get(team) if is_final else None,
            )
        )
    last = len(rows) + 1
    return sorted(rows, key=lambda row: (row.place or last, row.public or last, row.team))


def to_csv(rows: tuple[Row, ...]) -> bytes:
    """Return the rows as a table of all columns; a cell is empty where there is no value."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(Row.model_fields), lineterminator="\n")
    table.writeheader()
    for row in rows:
        table.writerow({name: f"{own:.6g}" if isinstance(own, float) else own for name, own in row})
    return text.getvalue().encode()


def to_grid(board: Board) -> Grid:
    """Return the columns of a board that fit on a page."""
    names, final = ("place", "group", "team"), board.stage == "final"
    moves = ("public", "private", "fresh") if final else ()
    headings = (*names, "entry", _value_heading(board), "cost, %", *moves, "status")
    rows = tuple(
        (
            _text(row.place),
            row.group,
            row.team,
            f"{row.entry} of {row.entries}",
            value_text(row),
            ABSENT if row.cost is None else f"{100 * row.cost:.0f}",
            *(_text(getattr(row, stage)) for stage in moves),
            row.status,
        )
        for row in board.rows
    )
    return Grid(f"{board.title}: {stage_name(board)}", headings, rows, (note_of(board),))


def stage_name(board: Board) -> str:
    """Return what the board is, in two words."""
    return "final places" if board.stage == "final" else "public board"


def note_of(board: Board) -> str:
    """Return what has to be known to read the board."""
    said = "Brackets: 95 % intervals. Teams that share a letter are not significantly different."
    if board.stage == "final":
        said += (
            " Public, private and fresh: places on the public scenario, on the hidden ones, and on fresh seeds, where "
            "the best of the hidden ones ran again; these come first, by that."
        )
    return said


def value_text(row: Row) -> str:
    """Return what a team is ordered by with its interval."""
    if row.value is None or row.low is None or row.high is None:
        return ABSENT
    factor, form = (100, ".1f") if row.measure == "gap_closed" else (1, ".4f")
    value, low, high = (f"{factor * each:{form}}".replace("-", "−") for each in (row.value, row.low, row.high))
    return f"{value} [{low}, {high}]"


def _value_heading(board: Board) -> str:
    measures = dict.fromkeys(row.measure for row in board.rows if row.measure)
    named = " or ".join(_MEASURES[measure] + (", %" if measure == "gap_closed" else "") for measure in measures)
    return named or _MEASURES[ORDERS[0]]


class Measures(NamedTuple):
    """The cells of a row that its cards say."""

    measure: Literal["gap_closed", "score"] | None
    value: float | None
    low: float | None
    high: float | None
    cost: float | None


def _measures_of(cards: list[Scorecard]) -> Measures:
    shares = [share for card in cards if (share := card.value("retraining_share")) is not None]
    cost, result = max(shares, default=None), result_of(cards)
    if result is None:
        return Measures(None, None, None, None, cost)
    name = ORDERS[result.order]
    mean = mean_of(cards, name)
    return Measures(name, mean.value, mean.low, mean.high, cost)


def _status(competition: Competition, entry: Accepted, *, is_final: bool) -> Status | Literal["waiting"]:
    """Return the first status that is not ok of those that the board is about; waiting where there is none."""
    behind = (*competition.hidden, *competition.fresh) if is_final else ()
    verdicts = competition.course.verdicts
    keys = [(entry.content, scenario.label) for scenario in (competition.public, *behind)]
    found: list[Status] = [verdicts[key].status for key in keys if key in verdicts]
    for status in found:
        if status != "ok":
            return status
    return "ok" if found else "waiting"


def _text(place: int | None) -> str:
    return ABSENT if place is None else str(place)
