"""Writes the site from the scorecards that are on the disk."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pandas import DataFrame

from benchmark.engine import Progress
from benchmark.leaderboard.course import course_of, describe_course
from benchmark.pages import render
from benchmark.results.scorecard import Scorecard
from benchmark.session import ignore_progress
from benchmark.site.boards import Board, site_boards
from benchmark.site.code import read_code
from benchmark.site.distributions import Reference, distributions, read_reference
from benchmark.site.downloads import evidence_place
from benchmark.site.entry import Beside, entry_context, entry_data
from benchmark.site.entry_links import INDEX, entry_path
from benchmark.site.example_leaks import leak_replicates
from benchmark.site.forget_examples import known_examples
from benchmark.site.hyperparameters import read_hyperparameters
from benchmark.site.index import index_context, index_data
from benchmark.site.scenarios import scenario_of
from benchmark.site.stored import built_with, evidence_folder, pool_folder
from benchmark.storage.workspace import Workspace, write_atomically

_PACKAGE = "benchmark.site"
_INDEX_SCRIPTS = ("svg.js", "tabs.js", "table.js", "scatter.js", "examples.js", "chosen.js", "index.js")
_ENTRY_SCRIPTS = ("svg.js", "entry.js")


def site_folder(workspace: Workspace) -> Path:
    """Return the folder of the site, below that of the results."""
    return workspace.results / "site"


def index_path(workspace: Workspace) -> Path:
    """Return the file that a browser opens."""
    return site_folder(workspace) / INDEX


def build_site(
    workspace: Workspace, cards: Sequence[Scorecard], rows: DataFrame, progress: Progress = ignore_progress
) -> Path:
    """Write the index and a page per entry, remove pages of entries that are gone, and return the index.

    `rows`: the leaderboard of `cards`. `progress`: told of what takes long. The same records and evidence give the same
    bytes.
    """
    folder = site_folder(workspace)
    boards = [
        _complete(workspace, board, progress) for board in site_boards(cards, rows, partial(scenario_of, workspace))
    ]
    pages = {INDEX: index_page(boards, cards)}
    for board in boards:
        pages |= entry_pages(workspace, board, cards)
    for name, content in pages.items():
        _write(folder / name, content)
    _remove_others(folder, pages)
    return index_path(workspace)


def _complete(workspace: Workspace, board: Board, progress: Progress) -> Board:
    """Return a board with what is known of its forget examples beside the cards."""
    folder = site_folder(workspace)
    examples = known_examples(board.scenario, folder / "examples" / f"{board.label}.json")
    return replace(board, examples=examples, replicates=leak_replicates(workspace, board, folder / "leaks", progress))


def entry_pages(workspace: Workspace, board: Board, cards: Sequence[Scorecard] = ()) -> dict[str, bytes]:
    """Return the page of every entry of a board, by its place in the site.

    `cards`: of all boards, among which those after other requests are.
    """
    references: dict[Path, Reference] = {}
    pages = {}
    for name, card in board.cards.items():
        pool = pool_folder(workspace, card)  # one for all that train no models of their own
        if pool not in references:
            references[pool] = read_reference(workspace, card)
        beside = _beside(workspace, board, card, references[pool])
        beside = replace(beside, course=describe_course(course_of(card, cards)))
        pages[entry_path(board.label, name)] = entry_page(board, card, beside)
    return pages


def _beside(workspace: Workspace, board: Board, card: Scorecard, reference: Reference) -> Beside:
    folder = evidence_folder(workspace, card)
    known = board.examples
    return Beside(
        known if known and len(known.examples) == card.examples else None,
        distributions(workspace, card, reference),
        read_code(workspace, card, board.scenario),
        read_hyperparameters(workspace, card, board.scenario),
        evidence_place(folder),
        built_with(workspace, card),
    )


def entry_page(board: Board, card: Scorecard, beside: Beside) -> bytes:
    """Return the page of an entry."""
    data = entry_data(beside)
    return render(
        _PACKAGE,
        "entry.html",
        styles=("site.css", "entry.css"),
        scripts=_ENTRY_SCRIPTS if data else (),
        data=data,
        **entry_context(board, card, beside),
    )


def index_page(boards: Sequence[Board], cards: Sequence[Scorecard]) -> bytes:
    """Return the page with every board."""
    return render(
        _PACKAGE,
        "index.html",
        styles=("site.css",),
        scripts=_INDEX_SCRIPTS,
        data=index_data(boards),
        **index_context(boards, cards),
    )


def _write(path: Path, content: bytes) -> None:
    """Write a page where it is new."""
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)


def _remove_others(folder: Path, pages: Collection[str]) -> None:
    """Remove the pages of entries that no board has any more, and folders that are empty then."""
    for path in sorted(folder.glob("entries/*/*.html")):
        if path.relative_to(folder).as_posix() not in pages:
            path.unlink()
    for board in folder.glob("entries/*"):
        if board.is_dir() and not any(board.iterdir()):
            board.rmdir()
