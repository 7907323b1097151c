"""Writes the site from the scorecards that are on the disk."""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from pandas import DataFrame

from benchmark.pages import render
from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import Board, site_boards
from benchmark.site.code import read_code
from benchmark.site.distributions import Reference, distributions, evidence_folder, read_reference
from benchmark.site.downloads import evidence_place
from benchmark.site.entry import Beside, entry_context, entry_data
from benchmark.site.entry_links import INDEX, entry_path
from benchmark.site.forget_examples import ForgetExamples, known_examples
from benchmark.site.index import index_context, index_data
from benchmark.site.scenarios import scenario_of
from benchmark.storage.workspace import Workspace, write_atomically

_PACKAGE = "benchmark.site"
_INDEX_SCRIPTS = ("svg.js", "tabs.js", "table.js", "scatter.js", "chosen.js", "index.js")
_ENTRY_SCRIPTS = ("svg.js", "entry.js")


def site_folder(workspace: Workspace) -> Path:
    """Return the folder of the site, below that of the results."""
    return workspace.results / "site"


def index_path(workspace: Workspace) -> Path:
    """Return the file that a browser opens."""
    return site_folder(workspace) / INDEX


def build_site(workspace: Workspace, cards: Sequence[Scorecard], rows: DataFrame) -> Path:
    """Write the index and a page per entry, remove pages of entries that are gone, and return the index.

    `rows`: the leaderboard of `cards`. The same records give the same bytes.
    """
    boards, folder = site_boards(cards, rows, partial(scenario_of, workspace)), site_folder(workspace)
    pages = {INDEX: index_page(boards, cards)}
    for board in boards:
        pages |= entry_pages(workspace, board)
    for name, content in pages.items():
        _write(folder / name, content)
    _remove_others(folder, pages)
    return index_path(workspace)


def entry_pages(workspace: Workspace, board: Board) -> dict[str, bytes]:
    """Return the page of every entry of a board, by its place in the site."""
    examples = known_examples(board.scenario, site_folder(workspace) / "examples" / f"{board.label}.json")
    reference = read_reference(workspace, board.first)
    return {
        entry_path(board.label, name): entry_page(board, card, _beside(workspace, board, card, examples, reference))
        for name, card in board.cards.items()
    }


def _beside(
    workspace: Workspace, board: Board, card: Scorecard, examples: ForgetExamples | None, reference: Reference
) -> Beside:
    folder = evidence_folder(workspace, card)
    known = examples if examples and len(examples.examples) == card.examples else None
    return Beside(
        known,
        distributions(workspace, card, reference),
        read_code(workspace, card, board.scenario),
        evidence_place(folder),
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
