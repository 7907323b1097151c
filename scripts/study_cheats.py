"""Study of planted cheats on a scenario: the leak of each by all signals and by φ alone, and the share that it closes.

    python scripts/study_cheats.py --models 256

It trains a pool of its own, which is removed at the end.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.pool import Pool
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from planted import cheats, leaks, run_cheat


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=256, help="N")
    scenario = load_scenario("digits").with_models(parser.parse_args().models)
    with TemporaryDirectory() as folder:
        pool = Pool(Session(Workspace(Path(folder))), scenario)
        pool.prepare()
        nothing = leaks(do_nothing(pool))
        found = {"nothing": nothing, "retraining": leaks(unlearn_perfectly(pool))}
        show_all(found | {name: leaks(run_cheat(pool, change)) for name, change in cheats(pool).items()}, nothing)


def show_all(found: dict[str, list[float]], nothing: list[float]) -> None:
    print(f"{'':18} {'leak':>7} {'closed':>7} {'leak_phi':>9} {'closed':>7}")
    for name, (combined, alone) in found.items():
        closed, closed_phi = (1 - leak / gap for leak, gap in zip((combined, alone), nothing, strict=True))
        print(f"{name:18} {combined:7.3f} {closed:7.0%} {alone:9.3f} {closed_phi:7.0%}")


if __name__ == "__main__":
    main()
