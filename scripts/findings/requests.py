"""What boards say of several requests, one after another."""

from collections.abc import Sequence

from benchmark.leaderboard.course import course_of
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from findings.boards import Board
from findings.tables import to_markdown
from findings.wording import ABSENT, join, say_share


def request_lines(board: Board, cards: Sequence[Scorecard]) -> list[str]:
    """Return the lines about the course over a board's requests: a sentence, a plot and a table; none of one request.

    `cards`: of all boards, among which those after earlier requests are.
    """
    requests = board.scenario.protocol.requests
    if requests is None:
        return []
    gaps = {name: _gaps(course_of(card, cards)) for name, card in board.scored.items()}
    known = {name: found for name, found in gaps.items() if found}
    headings = ["gap closed", *(f"after request {number}" for number in range(1, requests + 1))]
    rows = [[f"`{name}`", *(say_share(each) if each else ABSENT for each in found)] for name, found in known.items()]
    plot = f"![gap closed after every request](../leaderboard/plots/{board.label}/requests.png)"
    return [say_course(board, known), "", plot, "", *to_markdown(rows, headings)]


def say_course(board: Board, gaps: dict[str, list[Estimate | None]]) -> str:
    """Say which entries close clearly less, and more, after the last request than after the first.

    Clearly: the two intervals have nothing in common. Every request has retrained models of its own, so the two are not
    paired.
    """
    ends = {name: (found[0], found[-1]) for name, found in gaps.items() if name in board.places}
    less = [name for name, (first, last) in ends.items() if first and last and last.high < first.low]
    more = [name for name, (first, last) in ends.items() if first and last and last.low > first.high]
    return (
        f"Of {len(ends)} entries {len(less)} close clearly less of the gap after the last request than after the first "
        f"(intervals apart): {join(less)}; {len(more)} clearly more: {join(more)}."
    )


def _gaps(course: Sequence[Scorecard]) -> list[Estimate | None]:
    return [card.estimate("gap_closed") for card in course]
