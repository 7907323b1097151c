"""A record of the plots that show the scorecards as they are now: drawing those of ten large boards takes minutes.

A file beside the folders of plots has, per folder, a digest of the cards that its plots were drawn from and of the code
that drew them, and those of the plots. It lies in no repository: what a clone holds is drawn once more.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmark import __version__
from benchmark.leaderboard.plot_files import plots_folder
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import Workspace, write_atomically

_FILE = ".drawn.json"


def digest_of(cards: Iterable[Scorecard]) -> str:
    """Return a digest of all that plots of these cards show, and of the code that draws them."""
    found = sha256(__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    for card in cards:
        found.update(card.model_dump_json().encode())
    return found.hexdigest()


def is_drawn(workspace: Workspace, label: str, digest: str) -> bool:
    """Tell whether the plots of a board, or of the summary, were drawn for this digest and are all there unchanged."""
    folder = plots_folder(workspace, label)
    try:
        known = _read(workspace)[label]
        return known["digest"] == digest and known["plots"] == {name: _hash(folder / name) for name in known["plots"]}
    except (OSError, KeyError, TypeError):  # nothing on record, a plot is gone, or the file holds something else
        return False


def note_drawn(workspace: Workspace, label: str, digest: str, plots: Iterable[Path]) -> None:
    """Put on record that these plots were drawn for this digest. The caller holds the board's lock."""
    hashes = {path.name: _hash(path) for path in plots}
    known = _read(workspace) | {label: {"digest": digest, "plots": hashes}}
    write_atomically(_path(workspace), json.dumps(known, indent=1, sort_keys=True).encode())


def _read(workspace: Workspace) -> dict[str, Any]:
    """Return what is on record; nothing where the file is missing or damaged, which draws everything again."""
    try:
        known = json.loads(_path(workspace).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _path(workspace: Workspace) -> Path:
    return workspace.results / "plots" / _FILE
