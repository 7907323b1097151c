"""Uncertainty of the leak of every forget example, by which two entries are compared example by example.

Scorecards hold the leaks alone. Their jackknife replicates are measured again from stored evidence, about a second per
entry of 256 models and 50 examples, and kept: an entry's evidence never changes. Run i of all entries began at
original i, and model i of every population is in group i mod GROUPS, so the differences of two entries' replicates give
the paired interval of their difference, as on the board.

Of all examples of a pair those count as different that Benjamini and Hochberg's procedure keeps at FDR. With two
entries of one distribution it errs on the safe side, as tests/unit/test_site_examples.py shows.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from benchmark.engine import Progress
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.jackknife import FEWEST_GROUPS, t_quantile
from benchmark.metrics.leak_score import leak_of
from benchmark.results.record import Record, read_kept
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Number
from benchmark.site.boards import Board
from benchmark.site.stored import evidence_folder, pool_folder, read_population
from benchmark.storage.workspace import Arrays, Workspace, write_atomically

FDR = 0.05
UNIT = 1000
"""Replicates are rounded to one part in this, and given to scripts as whole numbers of them."""
_NEAR = 0.01  # between leaks of the card and those measured again, on machines that round differently
_MEASURE = "example_leak"


class ExampleLeaks(Record):
    """Replicates of the leaks of an entry's forget examples, `[examples, groups]`: their differences from the mean."""

    replicates: Annotated[list[list[Number]], Field(min_length=1)]


Replicates = dict[str, list[list[float]]]
"""By entry, those of `ExampleLeaks`."""


def leak_replicates(workspace: Workspace, board: Board, kept: Path, progress: Progress) -> Replicates:
    """Return the replicates of a board's entries, as far as their evidence lies here or they are kept.

    `kept`: the folder in which they are kept once they are measured.
    """
    references: dict[Path, Arrays | None] = {}

    def retrained(card: Scorecard) -> Arrays | None:
        folder = pool_folder(workspace, card)  # one for all that train no models of their own
        if folder not in references:
            references[folder] = read_population(folder, "retrained", card, _is_of_models)
        return references[folder]

    cards = [card for card in board.cards.values() if card.per_example(_MEASURE) and card.evidence_hash]
    found: Replicates = {}
    for number, card in enumerate(cards, 1):
        path = kept / board.label / f"{card.submission}-{card.evidence_hash}.json"
        known = read_kept(ExampleLeaks, path)
        if known is None and (known := _measure(workspace, board, card, partial(retrained, card))):
            write_atomically(path, known.model_dump_json().encode())
            progress(f"leaks of {board.first.scenario} by example", number, len(cards))
        if known:
            found[card.submission] = known.replicates
    return found


def _measure(
    workspace: Workspace, board: Board, card: Scorecard, retrained: Callable[[], Arrays | None]
) -> ExampleLeaks | None:
    """Return what the evidence of a card says; None where it is not here, or gives other leaks than the card has."""
    folder = evidence_folder(workspace, card)
    unlearned = folder and read_population(folder, "unlearned", card, _is_of_models)
    if not unlearned or board.scenario is None or not (reference := retrained()):
        return None
    try:
        one, other = (model_evidence(each, reference, board.scenario.task) for each in (unlearned, reference))
        leak = EvidencePair(one, other).once(leak_of)
    except (KeyError, ValueError):  # evidence of an older form
        return None
    known = np.array(card.per_example(_MEASURE))
    if known.shape != leak.examples.shape or not np.allclose(known, leak.examples, atol=_NEAR):
        return None
    return ExampleLeaks(replicates=(leak.replicates - leak.replicates.mean(axis=0)).T.round(4).tolist())


def _is_of_models(name: str) -> bool:
    return not name.startswith("run/")


def whole_parts(replicates: list[list[float]]) -> list[int]:
    """Return replicates as whole numbers of 1 / UNIT, example after example."""
    return [round(UNIT * each) for row in replicates for each in row]


def thresholds(examples: int, groups: int) -> list[float]:
    """Return by how many standard errors the k largest differences have to lie from 0, k = 1, 2, …; FDR is held then.

    Benjamini & Hochberg 1995, on two-sided p-values of Student's t over the groups of models.
    """
    if groups < FEWEST_GROUPS:
        return []
    return [round(t_quantile(1 - FDR * k / (2 * examples), groups - 1), 3) for k in range(1, examples + 1)]
