"""The plan of a scenario's bundle: every member's name, the place of it on the disk, and how it is checked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import partial
from typing import NamedTuple

from benchmark.data import load_problem
from benchmark.references.pool import DOING_NOTHING, reference_store
from benchmark.results.outcome import EntryFiles, Outcome, block_name, evidence_store, parse_outcome
from benchmark.runs.runs import find_objection, upgrade_runs
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds
from benchmark.session import Session
from benchmark.storage.block_store import BlockStore
from benchmark.text import reason_of


class Part(NamedTuple):
    """A store whose blocks are in a bundle."""

    folder: str
    """In the bundle."""
    store: BlockStore
    blocks: list[str]
    """Their names in the store."""
    entry: str = ""
    """Empty for the reference models."""

    def member(self, block: str) -> str:
        """Return the name that a block has in the bundle."""
        return f"{self.folder}/{block}.safetensors"

    @property
    def outcome(self) -> str:
        """Return the name that the outcome of an entry's runs has in the bundle."""
        return f"{self.folder}/runs.json"

    @property
    def members(self) -> list[str]:
        """Return the names of everything it has in the bundle."""
        return [*map(self.member, self.blocks), *([self.outcome] if self.entry else [])]


def parts(session: Session, scenario: Scenario, seeds: Seeds, entries: Mapping[str, str]) -> Iterator[Part]:
    """Yield the reference models' part of a bundle, then one per entry; `entries`: the hash of each one's files."""
    blocks = scenario.blocks(scenario.protocol.models)
    retrained = [role for role in scenario.roles if role != "original"]
    references = [f"{role}/{block:04d}" for role in retrained for block in blocks]
    references += [f"{DOING_NOTHING}/{block:04d}" for block in scenario.blocks(scenario.originals)]
    yield Part("references", reference_store(session, scenario, seeds), references)
    runs, problem = [block_name(block) for block in blocks], load_problem(scenario)
    reading = partial(find_objection, problem, scenario), partial(upgrade_runs, problem)
    for entry, digest in sorted(entries.items()):
        store = evidence_store(scenario, EntryFiles(entry, digest), session.workspace, *reading, seeds)
        yield Part(f"entries/{entry}", store, runs, entry)


def outcome_bytes(outcome: Outcome) -> bytes:
    """Return an outcome as a bundle holds it, without a word that its submission chose."""
    failed = tuple(run.without_words() for run in outcome.failed)
    return (json.dumps(asdict(outcome) | {"failed": [asdict(run) for run in failed]}, indent=1) + "\n").encode()


def fault_of_outcome(content: bytes, scenario: Scenario) -> str:
    """Return what keeps a member from being the outcome of an entry's runs; "" where nothing does."""
    try:
        outcome = parse_outcome(content)
    except ValueError as error:
        return f"is no outcome of runs: {reason_of(error)}"
    models = scenario.protocol.models
    if outcome.timing is None or outcome.attempted != models:
        return f"has {outcome.attempted} runs, expected {models} and their timing"
    if any(run.index >= models for run in outcome.failed) or not outcome.successful:
        return "has failed runs that its scenario has not, or more than were allowed"
    return ""
