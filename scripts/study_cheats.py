"""Study of planted cheats on a scenario: the share of the gap that each closes, by which signals a leak is read.

    python scripts/study_cheats.py
    python scripts/study_cheats.py --scenario digits-hard --workspace . del_localized seif

Cheats forget nothing and set or blur φ of the forget examples. A board reads the best held-out combination of all
signals; beside it stand φ alone, the mean over the hidden φ taken one by one, and the best single signal of each
example, chosen on one half of the models and measured on the other; then how much models decide otherwise than
retrained ones at the hidden inputs. Entries whose evidence is in the workspace can be named, to be read alike. Without
--workspace it trains a pool of its own, which is removed at the end.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.kinds import METRICS
from benchmark.metrics.leak import HALVINGS, halvings_of, measure_leak
from benchmark.metrics.leak_score import leak_of, phi_leak_of, utility_factor
from benchmark.metrics.samples import Floats
from benchmark.references.controls import do_nothing, unlearn_perfectly
from benchmark.references.pool import Pool
from benchmark.results.evidence import HIDDEN
from benchmark.results.values import Estimate
from benchmark.runs.runs import Runs
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from planted import cheats, run_cheat

Leaks = dict[str, float]
"""The mean leak of the forget examples, by the signals that it is read by."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entries", nargs="*", help="entries with evidence in the workspace")
    parser.add_argument("--scenario", default="digits")
    parser.add_argument("--models", type=int, help="N; by default 256, in a workspace the scenario's own")
    parser.add_argument("--workspace", type=Path, help="a folder with a pool of the scenario")
    parser.add_argument("--out", type=Path, help="the folder of results in the workspace that holds the evidence")
    asked = parser.parse_args()
    scenario = load_scenario(asked.scenario)
    if asked.models or not asked.workspace:
        scenario = scenario.with_models(asked.models or 256)
    with open_workspace(asked.workspace, asked.out) as workspace:
        pool = Pool(Session(workspace), scenario)
        pool.prepare()
        print(f"{scenario.name}, N = {scenario.protocol.models}: leak, and gap closed, by signals", flush=True)
        show_all(pool, read_all(pool, asked.entries))


@contextmanager
def open_workspace(folder: Path | None, out: Path | None) -> Iterator[Workspace]:
    """Yield the workspace in a folder, or one that is removed afterwards."""
    if folder:
        yield Workspace(folder, out)
        return
    with TemporaryDirectory() as temporary:
        yield Workspace(Path(temporary))


def read_all(pool: Pool, entries: list[str]) -> Iterator[tuple[str, EvidencePair]]:
    """Yield both controls, the cheats and the entries, each with its evidence."""
    yield "doing nothing", do_nothing(pool)
    yield "retraining", unlearn_perfectly(pool)
    for name, change in cheats(pool).items():
        yield name, run_cheat(pool, change)
    retrained = pool.evidence("retrained")
    reference = model_evidence(retrained, retrained, pool.scenario.task)
    for name in entries:
        submission = find_submission(name, pool.session.workspace, pool.scenario)
        evidence = Runs(pool, submission).evidence()
        yield f"`{name}`", EvidencePair(model_evidence(evidence, retrained, pool.scenario.task), reference)


def show_all(pool: Pool, pairs: Iterator[tuple[str, EvidencePair]]) -> None:
    """Print a row per cheat or entry; the first two are the ends of the gap."""
    perturbations = pool.evidence("retrained")[HIDDEN].shape[-1]
    ends: list[Leaks] = []
    for name, pair in pairs:
        leaks = leaks_of(pair, perturbations)
        factor = float(utility_factor(pair.unlearned.population, pair.retrained.population, 0)[0])
        scores = {by: factor * (1 - leak) for by, leak in leaks.items()}
        ends += [scores] if len(ends) < 2 else []
        if len(ends) == 1:
            print(f"| | {' | '.join(leaks)} | excess disagreement |\n|---|{'---|' * (len(leaks) + 1)}")
        nothing, perfect = ends[0], ends[-1] if len(ends) == 2 else dict.fromkeys(leaks, 1.0)
        closed = {by: (score - nothing[by]) / (perfect[by] - nothing[by]) for by, score in scores.items()}
        cells = [f"{leaks[by]:.3f}: {100 * closed[by]:.1f} %" for by in leaks]
        cells.append(f"{decisions_of(pair):.4f}")
        print(f"| {name} | {' | '.join(cells)} |".replace("-", "−"), flush=True)


def decisions_of(pair: EvidencePair) -> float:
    """Return by how much unlearned models decide otherwise than retrained ones at the hidden inputs."""
    found = METRICS["hidden_disagreement"].compute(pair)
    assert isinstance(found, Estimate)
    return found.value


def leaks_of(pair: EvidencePair, perturbations: int) -> Leaks:
    """Return the mean leak by each way to read the signals; the hidden φ come behind φ, one per perturbation."""
    unlearned, retrained = pair.all_signals
    hidden = [measure_leak(unlearned[..., at], retrained[..., at], groups=0) for at in range(1, 1 + perturbations)]
    return {
        "φ alone": float(pair.once(phi_leak_of).examples.mean()),
        "hidden φ one by one": float(np.mean([each.examples.mean() for each in hidden])),
        "best single signal": float(best_single_leak(unlearned, retrained).mean()),
        "all signals combined": float(pair.once(leak_of).examples.mean()),
    }


def best_single_leak(unlearned: Floats, retrained: Floats) -> Floats:
    """Return the leak by the one signal that tells an example's populations best, `[examples]`.

    Signal and interval are chosen on one half of the models and measured on the other, as in `leak`. Arguments:
    `[models, examples, signals]`, without equal values.
    """
    u, r = (np.moveaxis(side, 0, -1) for side in (unlearned, retrained))  # [examples, signals, models]
    found = np.zeros(u.shape[0])
    for (choosing_u, choosing_r), (reading_u, reading_r) in halvings_of(u.shape[-1], r.shape[-1], HALVINGS):
        chosen, held_out = _try_signals(u[..., choosing_u], r[..., choosing_r], u[..., reading_u], r[..., reading_r])
        found += np.take_along_axis(held_out, chosen.argmax(axis=1)[:, None], axis=1)[:, 0]
    return found / (2 * HALVINGS)


def _try_signals(u: Floats, r: Floats, reading_u: Floats, reading_r: Floats) -> tuple[Floats, Floats]:
    """Return by signal the difference of shares of its best interval, where chosen and held out, `[examples, signals]`.

    `u`, `r`: the models that choose; all `[examples, signals, models]`.
    """
    values = np.concatenate([u, r], axis=-1)
    order = values.argsort(axis=-1)
    shares = np.repeat([1 / u.shape[-1], -1 / r.shape[-1]], [u.shape[-1], r.shape[-1]])
    running = np.concatenate([np.zeros((*order.shape[:-1], 1)), shares[order].cumsum(axis=-1)], axis=-1)
    values = np.take_along_axis(values, order, axis=-1)
    ends = np.full((*order.shape[:-1], 1), np.inf)
    cuts = np.concatenate([-ends, (values[..., 1:] + values[..., :-1]) / 2, ends], axis=-1)
    highest, lowest = running.argmax(axis=-1), running.argmin(axis=-1)
    low, high = (
        np.take_along_axis(cuts, pick(highest, lowest)[..., None], axis=-1) for pick in (np.minimum, np.maximum)
    )
    inside = [((low < side) & (side <= high)).mean(axis=-1) for side in (reading_u, reading_r)]
    return np.ptp(running, axis=-1), np.where(lowest < highest, 1, -1) * (inside[0] - inside[1])


if __name__ == "__main__":
    main()
