"""Measure what large boards and large pools take: every step in a process of its own, its seconds and its memory.

    python scripts/measure_load.py                                   # 200 entries on 10 scenarios; 4,096 tiny models
    python scripts/measure_load.py --entries 50 --scenarios 4 --models 512 --block 8

The boards' cards are made of shipped ones, so they are as large as real ones. The pool's models are real ones of the
smallest of networks; the runs of the entry that is scored are made up. CPU seconds are those of all processes.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from measure_scoring import cpu_model
from processes import Used, run_measured

ROOT = Path(__file__).parents[1]


def _rebuild(folder: Path) -> None:
    from benchmark.leaderboard import rebuild

    rebuild(_boards_of(folder))


def _read_board(folder: Path) -> None:
    from benchmark import read_board

    os.chdir(folder)
    read_board()


def _show_boards(folder: Path) -> None:
    from benchmark.cli import main

    os.chdir(folder)
    main(["board"])


def _summarise(folder: Path) -> None:
    from benchmark.leaderboard import read_scorecards, summarise

    summarise(read_scorecards(_boards_of(folder)))


def _draw(folder: Path) -> None:
    from benchmark.leaderboard import draw_boards

    draw_boards(_boards_of(folder))


def _draw_changed(folder: Path) -> None:
    from benchmark.leaderboard import draw_boards, read_scorecards

    workspace = _boards_of(folder)
    card = next(card for card in read_scorecards(workspace) if card.status == "ok" and not card.control)
    card.model_copy(update={"title": "Another title"}).write(workspace)
    draw_boards(workspace)


def _build_site(folder: Path) -> None:
    from benchmark.leaderboard import leaderboard, read_scorecards
    from benchmark.site import build_site

    cards = read_scorecards(_boards_of(folder))
    build_site(_boards_of(folder), cards, leaderboard(cards))


def _prepare(folder: Path) -> None:
    from loads.pools import tiny_scenario

    from benchmark.references.pool import Pool
    from benchmark.session import Session
    from benchmark.storage.workspace import Workspace

    workspace = Workspace(folder)
    Pool(Session(workspace), tiny_scenario(workspace)).prepare()


def _read_evidence(folder: Path) -> None:
    from loads.pools import tiny_scenario

    from benchmark.references.pool import Pool
    from benchmark.session import Session
    from benchmark.storage.workspace import Workspace

    workspace = Workspace(folder)
    pool = Pool(Session(workspace), tiny_scenario(workspace))
    for role in pool.scenario.roles:
        pool.evidence(role)


def _make_runs(folder: Path) -> None:
    from loads.pools import make_runs

    from benchmark.storage.workspace import Workspace

    make_runs(Workspace(folder))


def _score(folder: Path) -> None:
    from loads.pools import ENTRY, tiny_scenario

    from benchmark.rescoring import rescore
    from benchmark.session import Session
    from benchmark.storage.workspace import Workspace

    workspace = Workspace(folder)
    rescore(Session(workspace), tiny_scenario(workspace), ENTRY)


def _boards_of(folder: Path):
    from benchmark.storage.workspace import Workspace

    return Workspace(folder, folder / "leaderboard")


Step = Callable[[Path], None]
OF_BOARDS: dict[str, Step] = {
    "rebuild the CSV and the summary": _rebuild,
    "`read_board`": _read_board,
    "`bench board`": _show_boards,
    "the summary over scenarios": _summarise,
    "the boards' plots, the first time": _draw,
    "the boards' plots, of one row changed": _draw_changed,
    "the site": _build_site,
}
OF_POOLS: dict[str, Step] = {
    "train the pool": _prepare,
    "look for what is missing of it": _prepare,
    "read its evidence": _read_evidence,
    "store an entry's runs": _make_runs,
    "score the entry, the first of the pool": _score,
    "score it again": _score,
}


def measure(folder: Path, steps: Iterable[str]) -> dict[str, Used]:
    """Take the steps in the folder, one after another, each in a process of its own."""
    found = {}
    for name in steps:
        used = run_measured([sys.executable, __file__, "--step", name, "--folder", str(folder)], folder)
        print(f"{name:42} {used.wall:7.1f} s {used.cpu:7.1f} CPU s {used.memory / 1e9:6.2f} GB", flush=True)
        found[name] = used
    return found


def load_boards(folder: Path, entries: int, scenarios: int) -> dict[str, Used]:
    """Make boards in a folder, and measure what is done with them."""
    from loads.boards import write_boards

    (folder / "submissions").mkdir(parents=True)
    write_boards(_boards_of(folder), ROOT, entries, scenarios)
    return measure(folder, OF_BOARDS)


def load_pool(folder: Path, models: int, block: int) -> dict[str, Used]:
    """Make a pool in a folder, and measure that and what is done with it."""
    from loads.pools import begin_workspace

    from benchmark.storage.workspace import Workspace

    begin_workspace(Workspace(folder), models, block)
    return measure(folder, OF_POOLS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=200, help="of every board")
    parser.add_argument("--scenarios", type=int, default=10)
    parser.add_argument("--models", type=int, default=4096, help="N of the pool")
    parser.add_argument("--block", type=int, default=32, help="models of the pool in a block")
    parser.add_argument("--step", choices=[*OF_BOARDS, *OF_POOLS], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        {**OF_BOARDS, **OF_POOLS}[options.step](options.folder)
        return
    print(cpu_model())
    with tempfile.TemporaryDirectory() as folder:
        print(f"boards of {options.entries} entries on {options.scenarios} scenarios:")
        load_boards(Path(folder, "boards"), options.entries, options.scenarios)
        print(f"a pool of N = {options.models} in blocks of {options.block}:")
        load_pool(Path(folder, "pool"), options.models, options.block)


if __name__ == "__main__":
    main()
