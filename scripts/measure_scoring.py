"""How long the published ε takes: this package against the plain numpy sweep and the loop over thresholds; resampling
against the same values taken half by half; and all metrics of an entry.

    python scripts/measure_scoring.py

All run in this process, on the same Gaussian samples at N = 512 and on one core.
"""

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("tests/helpers", ".")]

from naive import naive_epsilon, plain_epsilon  # noqa: E402

from benchmark.metrics import bootstrap  # noqa: E402
from benchmark.metrics.bootstrap import Population, quality_and_score, quality_and_score_of_halves  # noqa: E402
from benchmark.metrics.evidence_pair import Attacked, EvidencePair, ModelEvidence  # noqa: E402
from benchmark.metrics.kinds.classifier_mia import accuracies_of  # noqa: E402
from benchmark.metrics.published import published_epsilon  # noqa: E402
from benchmark.metrics.scoring import measure  # noqa: E402
from benchmark.results.evidence import ATTACKED, SPLITS  # noqa: E402

MODELS, EXAMPLES = 512, 50
SHIFTS = (0.0, 0.5, 2.0)  # of unlearned against retrained, standard deviation 2
RESAMPLES = 40
HALVES = 10  # for the comparison
HIDDEN_SIGNALS = 8


def milliseconds(work: Callable[[], object], pieces: int, repeats: int = 1) -> float:
    """CPU milliseconds a piece, the best of the repeats."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return 1e3 * min(seconds) / pieces


def cpu_model() -> str:
    """The name the system gives its processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def main() -> None:
    print(f"{cpu_model()}, Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}")
    print(f"ε at N = {MODELS}, CPU ms per forget example:")
    print(f"{'shift':>5} {'package':>9} {'plain sweep':>12} {'ratio':>7} {'loop':>9} {'ratio':>7}")
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(shift, 2, (MODELS, EXAMPLES)), rng.normal(0, 2, (MODELS, EXAMPLES))) for shift in SHIFTS]
    for shift, (unlearned, retrained) in zip(SHIFTS, pairs, strict=True):
        first = unlearned[:, 0], retrained[:, 0]
        published_epsilon(unlearned, retrained)  # fills the table of ε, which a whole run shares
        fast = milliseconds(lambda u=unlearned, r=retrained: published_epsilon(u, r), EXAMPLES, repeats=5)
        plain = milliseconds(lambda pair=first: plain_epsilon(*pair), 1, repeats=3)
        loop = milliseconds(lambda pair=first: naive_epsilon(*pair), 1)
        print(f"{shift:5.1f} {fast:9.3f} {plain:12.1f} {plain / fast:6.0f}x {loop:9.0f} {loop / fast:6.0f}x")

    accuracy = rng.uniform(0.9, 1.0, MODELS)
    one, other = (Population(phi, accuracy, accuracy) for phi in pairs[-1])
    cost = milliseconds(
        lambda: quality_and_score_of_halves(one, other, range(RESAMPLES)), RESAMPLES * EXAMPLES, repeats=3
    )
    apart = milliseconds(lambda: half_by_half(one, other), HALVES * EXAMPLES, repeats=3)
    print(f"resampling, N = {MODELS}, {RESAMPLES} resamples of {EXAMPLES} examples, shift {SHIFTS[-1]}:")
    print(f"{cost:.3f} CPU ms per (resample, example), one population against the retrained;")
    print(f"{apart:.3f} in {HALVES} halves one after the other, {apart / cost:.1f}x;")
    print(f"so {cost * EXAMPLES * bootstrap.HALVES / 1000:.1f} CPU s for {bootstrap.HALVES} halves of those examples")

    entry, retrained, original = (models(rng, shift) for shift in (1.0, 0.0, 2.0))
    known = accuracies_of(retrained)  # which a pool keeps
    measure(scored_pair(entry, retrained, original, known))  # fills the tables that all entries share
    cost = milliseconds(lambda: measure(scored_pair(entry, retrained, original, known)), 1, repeats=3)
    print(f"all metrics of an entry with {HIDDEN_SIGNALS} hidden signals: {cost / 1000:.2f} CPU s")


def models(rng: np.random.Generator, shift: float) -> ModelEvidence:
    """Return evidence of everything that metrics take, of models whose φ on forget examples is moved by `shift`."""
    shape = MODELS, EXAMPLES
    utility = {split: rng.uniform(0.9, 1, MODELS) for split in SPLITS}
    probes = {split: rng.normal(0, 2, shape) for split in ("retain", "validation", "test")}
    forget, test = (rng.normal(0, 1, (ATTACKED, EXAMPLES, 3)) for _ in range(2))
    attacked = Attacked(forget, test, rng.normal(0, 2, (ATTACKED, EXAMPLES)))
    hidden = rng.normal(shift / 2, 2, (*shape, HIDDEN_SIGNALS))
    return ModelEvidence(rng.normal(shift, 2, shape), utility, probes, attacked, hidden)


def scored_pair(entry: ModelEvidence, retrained: ModelEvidence, original: ModelEvidence, known) -> EvidencePair:
    """Return an entry's evidence as scoring gets it, its halves computed here."""
    pair = entry.population, retrained.population
    return EvidencePair(
        entry,
        retrained,
        resample=lambda: quality_and_score_of_halves(*pair, range(bootstrap.HALVES)),
        original=original,
        attack_on_retrained=known,
    )


def half_by_half(one: Population, other: Population) -> None:
    """Compute the same values by a call for every half."""
    rng = np.random.default_rng(1)
    for _ in range(HALVES):
        kept, against = (rng.permutation(MODELS)[: MODELS // 2] for _ in range(2))
        quality_and_score(Population(*(part[kept] for part in one)), Population(*(part[against] for part in other)))


if __name__ == "__main__":
    main()
