"""Observations about the runs, beside their evidence: cost, data consumed, and anything odd."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.results.evidence import OF_PATH, PATH
from benchmark.results.record import Amount, Fraction, Record
from benchmark.sandbox.bubblewrap import Isolation
from benchmark.sandbox.messages import LOADERS, MOST_YIELDED
from benchmark.storage.blocks import Layout
from benchmark.storage.hashing import array_parts, digest_bytes
from benchmark.storage.workspace import Arrays

if TYPE_CHECKING:  # torch takes seconds, and a board has records of runs, but no run
    from torch import Tensor


class Integrity(Record):
    """Reported beside the score; none of it changes the score."""

    change: float
    """Median over the runs of ‖θ_unlearned − θ_original‖ / ‖θ_original‖."""
    fresh_change: float | None = None
    """The same of a net that was retrained by the scenario's recipe: how far apart nets are that share nothing."""
    retrains: bool = False
    """Whether nets are as far from their originals as fresh ones are, and as near to retraining."""
    replayed_runs: tuple[Amount, ...] = ()
    """Numbers of the runs with the outputs of one of the pool's retrained or calibration models."""
    touched: Fraction
    """Median over the runs of the share of the weights that changed at all."""
    unchanged_runs: Amount
    """Runs that returned their original, bit by bit."""
    repeated_runs: Amount
    """Runs with the very weights of a run from another original."""
    deterministic: bool
    """Whether the same seed gave the same weights twice."""
    retain_epochs: float
    """Median over the runs of the examples taken from the retain loader, over the size of the retain set."""
    forget_epochs: float
    validation_epochs: float


@dataclass(frozen=True)
class Unlearned:
    """A run that returned weights."""

    index: int
    original: "dict[str, Tensor]"
    weights: "dict[str, Tensor]"
    seconds: float
    consumed: tuple[int, ...]
    """Examples taken from each of LOADERS."""
    memory: int = 0
    """Peak bytes."""
    path: np.ndarray | None = None
    """Utilities of its original, the nets that it yielded, and the last, `[nets, 2]`; None where it yielded none."""


RECORD_LAYOUTS = {
    "run/index": Layout("int64"),
    "run/seconds": Layout("float64"),
    "run/sandboxed": Layout("bool"),
    "run/digest": Layout("uint8", (16,)),
    "run/original": Layout("uint8", (16,)),
    "run/change": Layout("float64"),
    "run/touched": Layout("float64", highest=1.0),
    "run/consumed": Layout("int64", (len(LOADERS),)),
    "run/memory": Layout("int64", may_be_missing=True),  # runs of an older version have none
    PATH: Layout("float32", (MOST_YIELDED + 2, len(OF_PATH)), highest=1.0, may_be_nan=True, may_be_missing=True),
}
"""The arrays of `records_of`."""


def records_of(done: list[Unlearned], isolation: Isolation) -> Arrays:
    """Return the arrays that are stored per run beside its evidence."""
    changes = np.array([change_of(run.original, run.weights) for run in done]).reshape(-1, 2)
    return {
        "run/index": np.array([run.index for run in done], dtype=np.int64),
        "run/seconds": np.array([run.seconds for run in done], dtype=np.float64),
        "run/sandboxed": np.full(len(done), isolation == "sandbox"),
        "run/digest": np.array([digest_of(run.weights) for run in done], dtype=np.uint8).reshape(-1, 16),
        "run/original": np.array([digest_of(run.original) for run in done], dtype=np.uint8).reshape(-1, 16),
        "run/change": changes[:, 0],
        "run/touched": changes[:, 1],
        "run/consumed": np.array([run.consumed for run in done], dtype=np.int64).reshape(-1, len(LOADERS)),
        "run/memory": np.array([run.memory for run in done], dtype=np.int64),
        **_paths_of(done),
    }


def _paths_of(done: list[Unlearned]) -> Arrays:
    """Return the paths of the runs as one array; none where no run yielded a net."""
    paths = np.full((len(done), *RECORD_LAYOUTS[PATH].shape), np.nan, dtype=np.float32)
    for row, run in enumerate(done):
        if run.path is not None:
            paths[row, : len(run.path)] = run.path
    return {PATH: paths} if any(run.path is not None for run in done) else {}


def integrity_of(evidence: Arrays, sizes: tuple[int, int, int], deterministic: bool) -> Integrity:
    """`sizes`: examples in the retain, forget and validation sets."""
    digest, original = evidence["run/digest"], evidence["run/original"]
    epochs = np.median(evidence["run/consumed"], axis=0) / sizes
    return Integrity(
        change=float(np.median(evidence["run/change"])),
        touched=float(np.median(evidence["run/touched"])),
        unchanged_runs=int(_equal(digest, original).sum()),
        repeated_runs=_count_repeated(digest, original),
        deterministic=deterministic,
        retain_epochs=float(epochs[LOADERS.index("retain")]),
        forget_epochs=float(epochs[LOADERS.index("forget")]),
        validation_epochs=float(epochs[LOADERS.index("validation")]),
    )


def _count_repeated(digest: np.ndarray, original: np.ndarray) -> int:
    """Return how many runs have the very weights of a run from another original; digests are `[runs, 16]`."""
    originals: dict[bytes, set[bytes]] = {}
    pairs = [(own.tobytes(), before.tobytes()) for own, before in zip(digest, original, strict=True)]
    for own, before in pairs:
        originals.setdefault(own, set()).add(before)
    return sum(len(originals[own]) > 1 for own, _ in pairs)


def isolation_of(evidence: Arrays) -> Isolation:
    """`sandbox` only when every run had one."""
    return "sandbox" if evidence["run/sandboxed"].all() else "process"


def digest_of(weights: "dict[str, Tensor]") -> np.ndarray:
    """Return 16 bytes over all tensors of a net, `[16]` uint8."""
    parts = [part for name in sorted(weights) for part in array_parts(name, weights[name].contiguous().numpy())]
    return np.frombuffer(digest_bytes("weights", parts), dtype=np.uint8)


def _equal(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return whether digests `[..., 16]` are equal, `[...]`."""
    return (one == other).all(axis=-1)


def change_of(original: "dict[str, Tensor]", unlearned: "dict[str, Tensor]") -> tuple[float, float]:
    """Return the relative distance, and the share of the numbers that are not what they were."""
    import torch

    names = [name for name, tensor in original.items() if tensor.is_floating_point()]
    before = torch.cat([original[name].flatten().double() for name in names])
    after = torch.cat([unlearned[name].flatten().double() for name in names])
    distance = (after - before).norm() / before.norm().clamp(min=1e-300)
    distance = distance.nan_to_num(1e300, 1e300).clamp(max=1e300)  # of weights too large to be squared
    return float(distance), float((after != before).double().mean())
