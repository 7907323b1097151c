"""Which plots show the scorecards that are here now: drawing those of ten large boards takes minutes.

A file beside the folders of plots has, per folder, a digest of the cards that its plots were drawn from, and which
plots those are. It lies in no repository: what a clone holds is drawn once more.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from benchmark import __version__
from benchmark.leaderboard.plot_files import plots_folder
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import Workspace, write_atomically

_FILE = ".drawn.json"


def digest_of(cards: Iterable[Scorecard]) -> str:
    """Return a digest of all that plots of these cards show."""
    found = sha256(__version__.encode())
    for card in cards:
        found.update(card.model_dump_json().encode())
    return found.hexdigest()


def is_drawn(workspace: Workspace, label: str, digest: str) -> bool:
    """Tell whether the plots of a board, or of the summary, were drawn from cards of this digest and are all there."""
    known = _read(workspace).get(label)
    if not isinstance(known, dict) or known.get("cards") != digest or not isinstance(known.get("plots"), list):
        return False
    folder = plots_folder(workspace, label)
    return all((folder / str(name)).is_file() for name in known["plots"])


def note_drawn(workspace: Workspace, label: str, digest: str, plots: Iterable[Path]) -> None:
    """Put on record that these plots were drawn from cards of this digest. The caller holds the board's lock."""
    known = _read(workspace) | {label: {"cards": digest, "plots": sorted(path.name for path in plots)}}
    write_atomically(_path(workspace), json.dumps(known, indent=1, sort_keys=True).encode())


def _read(workspace: Workspace) -> dict[str, object]:
    """Return what is on record; nothing where the file is missing or damaged, which draws everything again."""
    try:
        known = json.loads(_path(workspace).read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _path(workspace: Workspace) -> Path:
    return workspace.results / "plots" / _FILE
