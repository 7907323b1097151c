"""The files that others see: `public/` for everybody, `teams/TEAM.html` for a team.

Nothing of the hidden scenarios is in them but their hashes, which salts protect, and in the end the places on them.
"""

from datetime import datetime
from hashlib import sha256

from benchmark.compete.board import Board, Row, make_board, make_rows, note_of, stage_name, to_csv, to_grid, value_text
from benchmark.compete.chain import FILE as RECEIPTS
from benchmark.compete.chain import stamp
from benchmark.compete.competition import FILE as SETTINGS
from benchmark.compete.competition import PUBLIC, SCENARIO, TEAMS, Competition, check, first_receipt
from benchmark.compete.ranking import final_places, standings_of
from benchmark.compete.receipts import Settled
from benchmark.compete.states import log_tail
from benchmark.errors import BadRecord
from benchmark.leaderboard.writers import to_markdown
from benchmark.pages import render
from benchmark.storage.workspace import write_atomically

_PACKAGE = "benchmark.compete"
_STYLES = ("compete.css",)
_AXIS = 130.0  # pixels of an interval's axis


def announce(competition: Competition) -> None:
    """Write what can be known beforehand beside the public scenario: rules and settings, and the receipts so far."""
    folder = competition.folder / PUBLIC
    write_atomically(folder / "rules.md", rules_of(competition).encode())
    write_atomically(folder / SETTINGS, (competition.folder / SETTINGS).read_bytes())
    write_atomically(folder / RECEIPTS, competition.chain.content)


def settle(competition: Competition, now: datetime) -> None:
    """Seal the final places and the final board; done once."""
    with competition.chain.hold():
        if competition.course.final is None:
            standings = standings_of(competition)
            table = to_csv(tuple(make_rows(competition, standings, "final")))
            competition.chain.append(Settled, now, places=final_places(standings), board=sha256(table).hexdigest())


def publish(competition: Competition) -> Board:
    """Write the board, the receipts and every team's page, and return the board.

    Raises BadRecord where files are not those of the receipts.
    """
    check(competition)
    final = competition.course.final
    board = make_board(competition, "final" if final else "public")
    table, folder = to_csv(board.rows), competition.folder / PUBLIC
    if final and sha256(table).hexdigest() != final.board:
        raise BadRecord(
            f"the final board comes out other than line {final.number} of {RECEIPTS} has sealed it; use the version of "
            "bench that closed the competition"
        )
    announce(competition)
    write_atomically(folder / "board.csv", table)
    write_atomically(folder / "board.md", to_markdown(to_grid(board)).encode())
    write_atomically(folder / "index.html", board_page(competition, board))
    for team in competition.course.teams:
        write_atomically(competition.folder / TEAMS / f"{team}.html", team_page(competition, board, team))
    return board


def board_page(competition: Competition, board: Board) -> bytes:
    """Return the page of the board."""
    return render(
        _PACKAGE,
        "board.html",
        styles=_STYLES,
        board=board,
        stage=stage_name(board),
        note=note_of(board),
        settings=competition.settings,
        dates=[stamp(competition.settings.opens), stamp(competition.settings.closes)],
        hidden=[each.label for each in competition.hidden],
        closed=competition.course.closed,
        waiting=sum(each.state in ("waiting", "judging") for each in board.states),
        bars=[_bar(row, board.rows) for row in board.rows],
        value_text=value_text,
        percent=_percent,
    )


def team_page(competition: Competition, board: Board, team: str) -> bytes:
    """Return the page of a team: what became of its entries, with the last lines of their logs and their receipts."""
    receipts = {each.entry: each for each in competition.course.entries_of(team)}
    own = [each for each in board.states if each.team == team]
    return render(
        _PACKAGE,
        "team.html",
        styles=_STYLES,
        board=board,
        stage=stage_name(board),
        team=team,
        row=next(row for row in board.rows if row.team == team),
        entries=[
            (
                each,
                log_tail(competition, each.content) if each.state == "failed" else "",
                receipts[each.entry],
                competition.chain.seal_of(receipts[each.entry]),
            )
            for each in reversed(own)
        ],
        value_text=value_text,
        percent=_percent,
    )


def rules_of(competition: Competition) -> str:
    """Return the rules of the competition, as a page in Markdown."""
    settings, public = competition.settings, competition.public
    sealed = first_receipt(competition.chain).hidden
    hidden = "\n".join(f"- {label}, SHA-256 {digest}" for label, digest in sealed.items())
    return f"""# {settings.title}

Entries come from {stamp(settings.opens)} to {stamp(settings.closes)},
at most {settings.entries_per_day} of a team per day (UTC). An entry is a `submission.py`, or a `.zip` with one: at most
{settings.files} files and folders, {settings.file_bytes:,} bytes per file, {settings.total_bytes:,} together.

Every entry is judged on the public scenario, {public.label}, which is in `{SCENARIO}`.
Teams are ordered by their best entry there. In the end that one is judged on hidden scenarios, with other forget sets
and seeds:

{hidden}

Their files, shown in the end, can be checked by these hashes. Teams are ordered by the mean
over the hidden scenarios. The first {settings.run_again} run again on fresh seeds, which decides the order among them.

`{RECEIPTS}` has a line for every entry and every verdict, each with the SHA-256 of the line before. Keep the receipt of
your entry: its line has to stay there.
"""


def _bar(row: Row, rows: tuple[Row, ...]) -> dict[str, float] | None:
    """Return where a row's interval lies on the axis that all rows of its measure share; None where it has none."""
    shown = [each for each in rows if each.measure == row.measure and each.low is not None and each.high is not None]
    if row.value is None or row.low is None or row.high is None:
        return None
    whole = 1.0 if row.measure == "gap_closed" else 1e-9  # as if retrained; a score has no such end
    least, most = min(0.0, *(each.low or 0.0 for each in shown)), max(whole, *(each.high or 0.0 for each in shown))
    places = {name: _AXIS * (getattr(row, name) - least) / (most - least) for name in ("value", "low", "high")}
    return {
        **{name: round(each, 1) for name, each in places.items()},
        "zero": round(-_AXIS * least / (most - least), 1),
    }


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}\u00a0%"
