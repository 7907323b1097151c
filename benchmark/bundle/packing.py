"""Packs the evidence of a scenario into one file."""

import hashlib
import io
from pathlib import Path

from benchmark.bundle.archive import Contents, write_archive
from benchmark.bundle.choice import choice_members
from benchmark.bundle.plan import Part, fault_of_outcome, outcome_bytes, parts
from benchmark.errors import BadRecord, BadUsage, MissingRecord
from benchmark.references.pool import Pool
from benchmark.rescoring import entries_with_evidence
from benchmark.results.outcome import read_outcome
from benchmark.scenario.schema import Scenario, options
from benchmark.session import Session
from benchmark.storage.block_store import block_bytes
from benchmark.storage.workspace import write_atomically
from benchmark.submissions.source import find_submission


def pack_evidence(session: Session, scenario: Scenario, path: Path) -> Contents:
    """Write the evidence of the reference models and of every entry that can be scored here, and return what it is.

    Neither weights nor the pool's secret are in it; of failed runs only what their rows say. What trained models chose
    to forget is, except of a hidden scenario. The same evidence gives the same bytes. Raises MissingRecord when no
    entry has evidence, BadRecord when some of it is missing or none, BadUsage when `path` is a folder.
    """
    if path.is_dir():
        raise BadUsage(f"{path} is a folder, expected a file to write the bundle to; give {path / scenario.label}.zip")
    names = entries_with_evidence(session, scenario, of_one_pool=True)
    if not names and entries_with_evidence(session, scenario):
        raise BadUsage(
            f"all entries of {scenario.label} with evidence here train models of their own, expected another: "
            "a bundle has one set of reference models; keep the folders in leaderboard/local/evidence"
        )
    if not names:
        named = options(scenario.name, scenario.protocol.models)
        raise MissingRecord(f"no entry of {scenario.label} has evidence here; run `bench run NAME {named}` first")
    entries = {name: find_submission(name, session.workspace, scenario).hash for name in names}
    pool = Pool(session, scenario)
    members = choice_members(scenario)
    plan = list(parts(session, scenario, pool.seeds, entries))
    for done, part in enumerate(plan, 1):
        members |= _members_of(part, pool)
        session.progress("packing evidence", done, len(plan))
    contents = Contents(
        scenario=scenario.name,
        scenario_hash=scenario.hash,
        pool_hash=scenario.pool_hash,
        commitment=pool.seeds.commitment,
        published=pool.seeds.published,
        entries=dict(sorted(entries.items())),
        members={name: hashlib.sha256(content).hexdigest() for name, content in sorted(members.items())},
    )
    packed = io.BytesIO()
    write_archive(packed, contents, members.__getitem__)
    write_atomically(path, packed.getvalue())
    return contents


def _members_of(part: Part, pool: Pool) -> dict[str, bytes]:
    read = part.store.read if part.entry else pool.read_evidence
    blocks = {part.member(name): block_bytes(name, read(name)) for name in part.blocks}
    if not part.entry:
        return blocks
    outcome = read_outcome(part.store)
    assert outcome is not None  # of an entry with evidence
    content = outcome_bytes(outcome)
    if fault := fault_of_outcome(content, pool.scenario):
        raise BadRecord(f"the outcome of {part.entry} on {pool.scenario.label} {fault}; run it again, then pack")
    return blocks | {part.outcome: content}
