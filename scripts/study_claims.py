"""Study what papers claim about unlearning in language models, on populations of small transformers.

    python scripts/study_claims.py distribution    # forget sets in and out of distribution
    python scripts/study_claims.py memorised       # memorised facts against easy ones
    python scripts/study_claims.py preference      # NPO and SimNPO against gradient ascent, 5, 10 and 50 % to forget
    python scripts/study_claims.py connectivity    # facts with relations to those who stay, and without
    python scripts/study_claims.py sequence        # people forgotten in groups against all at once
    python scripts/study_claims.py forget_quality  # TOFU's forget quality and the leak, on simulated entries

Each but the last trains its populations and runs shipped submissions along their paths; each writes a table and a
plot, `leaderboard/studies/claim-NAME.csv` and `.png`. Finished pieces stay in `build/study_claims`, so an interrupted
study goes on where it stopped; delete them after a change of the training or of the toolbox.

It is a script and no command of `bench`: a path needs many points of one run, so that submissions run in this process,
which `bench` never does with anybody's code.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
import pandas as pd
from claims import connectivity, distribution, forget_quality, memorised, preference, sequence
from claims.claim import Claim
from claims.curves import Curve, measure_curve, summarise
from claims.paths import look, paths
from claims.plot import draw_curves
from claims.populations import compute_missing, name_of, read_states, trainings
from claims.settings import Setting, Size
from torch import __version__ as torch_version

from benchmark.storage.workspace import Arrays, write_atomically

ROOT = Path(__file__).parents[1]
CLAIMS: dict[str, Claim] = {
    module.__name__.rpartition(".")[2]: module.CLAIM
    for module in (distribution, memorised, preference, connectivity, sequence)
}

QUALITY = "forget_quality"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[*CLAIMS, QUALITY])
    parser.add_argument("--models", type=int, help="of each population; by default 16, of simulated ones 64")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--out", type=Path, default=ROOT / "leaderboard" / "studies")
    parser.add_argument("--pieces", type=Path, default=ROOT / "build" / "study_claims")
    asked = parser.parse_args()
    started = time.perf_counter()
    if asked.name == QUALITY:
        write_quality(forget_quality.study(asked.pieces, asked.jobs, asked.models or forget_quality.MODELS), asked.out)
    else:
        claim = CLAIMS[asked.name]
        size = claim.size._replace(models=asked.models) if asked.models else claim.size
        write(asked.name, claim, study(claim, size, asked.pieces, asked.jobs), size, asked.out)
    print(f"Python {platform.python_version()}, torch {torch_version}, {time.perf_counter() - started:.0f} s")


def study(claim: Claim, size: Size, folder: Path, jobs: int) -> list[Curve]:
    """Return the claim's curves; what they need and is not in the folder is computed and kept there."""
    settings = claim.settings(size)
    learnt = [(own, split) for own in settings for split in (own.problem.train, own.problem.retain)]
    compute_missing([piece for own, split in learnt for piece in trainings(folder, own, split, size.models)], jobs)
    compute_missing([piece for own in settings for piece in paths(folder, own, size.models)], jobs)
    return [_curve(setting, folder, size.models) for setting in settings]


def _curve(setting: Setting, folder: Path, models: int) -> Curve:
    retrained = look(setting, read_states(trainings(folder, setting, setting.problem.retain, models)))
    parts = [piece.read() for piece in paths(folder, setting, models)]
    looks: Arrays = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    return measure_curve(setting, looks, retrained, name_of(setting.scenario, setting.problem.train))


def write(name: str, claim: Claim, curves: list[Curve], size: Size, out: Path) -> None:
    """Write table, paths and plot, and print the table and what it says of the claim."""
    summary = summarise(curves)
    path = pd.concat([own.path.assign(group=own.setting.group, method=own.setting.method) for own in curves])
    for table, ending in ((summary, ""), (path, "-path")):
        write_atomically(out / f"claim-{name}{ending}.csv", table.to_csv(index=False, float_format="%.4g").encode())
    title = f"{claim.title}: {size.people} people, N = {size.models}, 95 % intervals"
    draw_curves(curves, title, claim.abscissa, out / f"claim-{name}.png")
    print(summary[["group", "method", "reached", "steps", "test_lost", "retain_lost", "best_gap_closed"]].to_string())
    by_name = {(own.setting.group, own.setting.method): own for own in curves}
    print(f"{claim.source}:", *claim.compare(by_name), sep="\n- ")


def write_quality(rows: pd.DataFrame, out: Path) -> None:
    """Write table and plot of the study of forget quality, and print on which entries the two disagree."""
    write_atomically(out / "claim-forget_quality.csv", rows.to_csv(index=False, float_format="%.4g").encode())
    forget_quality.draw(rows, out / "claim-forget_quality.png")
    print(rows[["entry", "differs", "rejected", "log_p_low", "log_p_high", "leak", "seen"]].to_string())
    print("planted:", *forget_quality.disagreements(rows), sep="\n- ")
    board = pd.read_csv(ROOT / "leaderboard" / "leaderboard.csv", low_memory=False)
    is_control = (board["submission"] == "retrain").to_numpy()
    known = board["tofu_forget_quality"].notna().to_numpy() if "tofu_forget_quality" in board else ~is_control
    can_tell = bool((is_control & known).any())
    nothing = "none disagrees" if can_tell else "no board with both measures has a row of retrain to compare with"
    said = forget_quality.disagreements_on_boards(board) or [nothing]
    print("committed rows:", *said, sep="\n- ")


if __name__ == "__main__":
    main()
