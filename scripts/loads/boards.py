"""A board of many entries on many scenarios, whose cards are as large as real ones: they are made of shipped ones."""

from itertools import cycle, islice
from pathlib import Path

import numpy as np

from benchmark.leaderboard import shipped_scorecards
from benchmark.results.board_file import pack_cards
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate, Resampled, significant_digits
from benchmark.storage.workspace import Workspace

_SOURCE = "digits-hard"  # the shipped board with most metrics
_SPREAD = 0.03  # of entries' true values, so that some differ significantly and some do not
_ORDER = "gap_closed"


def write_boards(workspace: Workspace, repository: Path, entries: int, scenarios: int) -> None:
    """Write boards of so many entries, and the two controls, into the folder of results: one file per board."""
    shipped = [card for card in shipped_scorecards(Workspace(repository)) if card.scenario == _SOURCE]
    models = [card for card in shipped if card.status == "ok" and not card.control]
    controls = [card for card in shipped if card.control]
    for scenario in range(scenarios):
        rng = np.random.default_rng(scenario)
        named = zip(range(entries), cycle(models), strict=False)
        cards = [_vary(card, f"entry-{number:04d}", rng) for number, card in islice(named, entries)]
        place = {"scenario": f"load-{scenario}", "scenario_hash": f"{scenario:012x}"}
        for card in [*controls, *cards]:
            card.model_copy(update=place).write(workspace)
    pack_cards(workspace.results)


def _vary(card: Scorecard, name: str, rng: np.random.Generator) -> Scorecard:
    """Return a card of another entry: its values shifted, its replicates and resamples with noise of their own."""
    shift = rng.normal(0, _SPREAD)
    replicates = {metric: _move(rows, shift, rng) for metric, rows in card.replicates.items()}
    found = card.estimate(_ORDER)
    assert found is not None
    assert card.resampled is not None
    moved = Estimate(value=found.value + shift, low=found.low + shift, high=found.high + shift)
    quality, score = (_move(values, 0.0, rng) for values in card.resampled.columns.values())
    changes = {
        "submission": name,
        "title": name,
        "values": "published",
        "metrics": {**card.metrics, _ORDER: moved},
        "replicates": replicates,
        "resampled": Resampled(forgetting_quality=quality, score=[*score]),
    }
    return card.model_copy(update=changes)


def _move(rows, shift: float, rng: np.random.Generator) -> list[float]:
    values = np.asarray(rows, dtype=np.float64)
    return significant_digits(values + shift + rng.normal(0, values.std(), len(values)))
