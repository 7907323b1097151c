"""Places of plots, and which of them go when rows change: no plot is older than the rows that it shows."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import Workspace

FORMS = ("pdf", "svg", "png")
SUMMARY = "summary"  # in place of a board's label
_OF_BOARD = ("scores", "tradeoff", "epsilon", "resilience", "requests")
_OF_ENTRY = ("phi", "epsilon", "profile", "classes", "hardness")


def plots_folder(workspace: Workspace, label: str) -> Path:
    """Return the folder of the plots of a board and its entries, or of the summary."""
    return workspace.results / "plots" / label


def board_plots(workspace: Workspace, label: str) -> list[Path]:
    """Return where the plots of one board lie, in every form, drawn or not."""
    return [plots_folder(workspace, label) / f"{kind}.{form}" for kind in _OF_BOARD for form in FORMS]


def entry_plots(workspace: Workspace, label: str, entry: str) -> list[Path]:
    """Return where the plots of one entry lie, in every form, drawn or not."""
    return [plots_folder(workspace, label) / f"{kind}-{entry}.{form}" for kind in _OF_ENTRY for form in FORMS]


def remove_plots(workspace: Workspace, changed: Iterable[Scorecard]) -> None:
    """Remove the plots that these entries appear in: their own, their boards', and with a control every entry's."""
    for card in changed:
        folder = plots_folder(workspace, card.label)
        found = [*board_plots(workspace, card.label), *entry_plots(workspace, card.label, card.submission)]
        if card.control:
            found += [path for kind in _OF_ENTRY for path in folder.glob(f"{kind}-*")]
        for path in found:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there is no folder, or others' plots are left in it
            folder.rmdir()
