"""Scenarios of cards: shipped ones, and those of pools that lie here."""

import json

from benchmark.errors import BenchError
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import Scenario, is_shipped, load_scenario
from benchmark.storage.reading import read_file
from benchmark.storage.workspace import Workspace

_LARGEST = 1 << 26  # bytes of a pool's manifest


def scenario_of(workspace: Workspace, card: Scorecard) -> Scenario | None:
    """Return the scenario that a card is of, by its hash; None where neither a shipped one nor a pool here has it."""
    for found in (_shipped(card), _of_pool(workspace, card)):
        if found is not None and found.hash == card.scenario_hash:
            return found
    return None


def _shipped(card: Scorecard) -> Scenario | None:
    if not is_shipped(card.scenario):
        return None
    try:
        return load_scenario(card.scenario).with_models(card.models)
    except BenchError:
        return None


def _of_pool(workspace: Workspace, card: Scorecard) -> Scenario | None:
    """Return the scenario in the manifest of a card's pool, which a user's own file made."""
    path = workspace.pools / f"{card.scenario}-{card.pool_hash}" / "manifest.json"
    try:
        content = json.loads(read_file(path, _LARGEST))["scenario"]
        return Scenario.model_validate_json(json.dumps(content)).with_models(card.models)
    except (OSError, ValueError, KeyError, TypeError, BenchError):  # no pool here, or one with something to hide
        return None
