"""Recovery of an original's weights from nets that were all unlearned from it.

Whoever gets several unlearned nets of one original, as of several requests or of a service that unlearns again and
again, can ask what they have in common.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.references.pool import Pool
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.storage.workspace import write_atomically
from benchmark.study.nets import submission_to_study, unlearned_nets

RANKS = (1, 2, 4, 8, 16)
RUNS = 16
_ROUNDS = 300


def recover(nets: Tensor, rank: int, rounds: int = _ROUNDS) -> Tensor:
    """Return the matrix `[out, in]` from which the matrices `nets` `[nets, out, in]` differ by at most `rank` each.

    Spectral DeTuning (Horwitz, Kahana & Hoshen, ICML 2024, algorithm 1) in float64: in turn the best differences of
    that rank for what is common, and the best common matrix for these differences, beginning with the mean. Their
    schedule is kept, in which the rank rises to `rank` in equal parts of the rounds. It is exact where enough nets
    differ by so little.
    """
    nets = nets.double()
    common = nets.mean(0)
    for turn in range(rounds):
        now = min(rank, 1 + turn * rank // rounds)
        left, values, right = torch.linalg.svd(nets - common, full_matrices=False)
        differences = (left[..., :now] * values[:, None, :now]) @ right[:, :now]
        common = (nets - differences).mean(0)
    return common


def distances(original: Mapping[str, Tensor], nets: Sequence[Mapping[str, Tensor]], rank: int) -> dict[str, float]:
    """Return how far from an original lie what is recovered from its unlearned nets, their mean, and the nearest net.

    Each is the norm of the difference over that of the original, of all weight matrices together; kernels of
    convolutions count as matrices of `[out, rest]`. Without a matrix all are nan.
    """
    names = [name for name, tensor in original.items() if tensor.ndim > 1]
    stacks = {name: torch.stack([net[name] for net in nets]).flatten(2).double() for name in names}
    true = {name: original[name].flatten(1).double() for name in names}
    guesses = {
        "recovered": {name: recover(own, rank) for name, own in stacks.items()},
        "mean": {name: own.mean(0) for name, own in stacks.items()},
    }
    found = {what: _distance(own, true) for what, own in guesses.items()}
    singles = [_distance({name: own[number] for name, own in stacks.items()}, true) for number in range(len(nets))]
    return found | {"nearest": min(singles, default=np.nan)}


def study_recovery(session: Session, scenario: Scenario, names: Sequence[str], runs: int = RUNS) -> pd.DataFrame:
    """Run entries several times from one original, and return what their nets say of its weights.

    Columns: submission, runs, rank, recovered, mean, nearest, as in `distances`; also in the results' `studies/` as a
    CSV. Raises BenchError where an entry is not for the scenario, or a run fails.
    """
    pool = Pool(session, scenario)
    pool.prepare(("original",))
    rows = []
    for name in names:
        submission = submission_to_study(session, scenario, name)
        original, nets = pool.original(0), unlearned_nets(session, pool, submission, [0] * runs)
        for done, rank in enumerate(RANKS, 1):
            rows.append({"submission": name, "runs": runs, "rank": rank, **distances(original, nets, rank)})
            session.progress(f"recovering from {name}", done, len(RANKS))
    table = pd.DataFrame(rows)
    path = session.workspace.results / "studies" / f"recovery-{scenario.label}.csv"
    write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
    return table


def _distance(guess: Mapping[str, Tensor], true: Mapping[str, Tensor]) -> float:
    """Return the relative norm of a difference, of all matrices together."""
    if not true:
        return float("nan")
    apart = sum(float((guess[name] - own).square().sum()) for name, own in true.items())
    return (apart / max(sum(float(own.square().sum()) for own in true.values()), 1e-300)) ** 0.5
