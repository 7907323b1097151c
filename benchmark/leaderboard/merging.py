"""Boards of several places in one: rows are taken over where they can be compared, all of them or none."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark.errors import BadUsage
from benchmark.leaderboard.board import own_scorecards
from benchmark.results.board_file import read_cards
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import Workspace

Place = tuple[str, Scorecard]
"""Where a scorecard comes from, and the card."""


def merge_boards(workspace: Workspace, places: Sequence[Path]) -> list[Scorecard]:
    """Add the scorecards in other folders of results to those made here; return those that are new here.

    Shipped rows are left alone: one's own take their places. Nothing is written unless all can be compared. Raises
    BadUsage where they cannot: a folder has no results, a scorecard cannot be read, an entry has other results in
    another place, or rows of one board have other numbers of models or examples, or are of another scorer.
    """
    here = [("this workspace", card) for card in own_scorecards(workspace, _refuse)]
    found = [(str(place), card) for place in places for card in _read(place)]
    known: dict[tuple[str, str], Place] = {}
    for place in here + found:
        _compare(place, known)
    mine = {(card.label, card.submission) for _, card in here}
    new = [card for key, (_, card) in known.items() if key not in mine]
    for card in new:
        card.write(workspace)
    return new


def _read(place: Path) -> list[Scorecard]:
    cards = read_cards(place, _refuse)
    if not cards:
        raise BadUsage(
            f"{place} holds no scorecards, expected a folder of results with boards/ or scorecards/ in it; name "
            "another, such as leaderboard/local of another clone"
        )
    return cards


def _refuse(complaint: str) -> None:
    raise BadUsage(f"{complaint}; boards are merged whole or not at all")


def _compare(place: Place, known: dict[tuple[str, str], Place]) -> None:
    """Raise BadUsage where a card cannot stand on a board beside those that are known; else it is known from now on."""
    where, card = place
    before = known.get((card.label, card.submission))
    if before is None:
        for other in _first_of(card.label, known.values()):
            _compare_boards(place, other)
        known[card.label, card.submission] = place
    elif _content(before[1]) != _content(card):
        raise BadUsage(
            f"{card.submission} on {card.label} has other results in {where} than in {before[0]}, expected one row an "
            "entry; take it off one of the boards: `bench remove`"
        )


def _first_of(label: str, known: Iterable[Place]) -> list[Place]:
    return [each for each in known if each[1].label == label and each[1].is_scored][:1]


def _compare_boards(place: Place, other: Place) -> None:
    (where, card), (there, beside) = place, other
    if not card.is_scored:
        return
    if card.scorer_version != beside.scorer_version:
        raise BadUsage(
            f"{card.submission} on {card.label} in {where} was scored by version {card.scorer_version}, and rows in "
            f"{there} by {beside.scorer_version}, expected one version; type `bench score` in the place of the older"
        )
    sizes = (card.models, card.examples), (beside.models, beside.examples)
    if sizes[0] != sizes[1]:
        raise BadUsage(
            f"{card.submission} on {card.label} in {where} has {sizes[0][0]} models and {sizes[0][1]} forget examples, "
            f"and rows in {there} have {sizes[1][0]} and {sizes[1][1]}, expected the same; run it with that scenario"
        )


def _content(card: Scorecard) -> str:
    return card.model_dump_json()
