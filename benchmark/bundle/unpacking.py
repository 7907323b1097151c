"""Checks a bundle, and puts what it holds where the commands that score evidence look for it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmark.bundle.archive import Archive, Contents, open_archive
from benchmark.bundle.plan import Part, fault_of_outcome, parts
from benchmark.errors import BadRecord, BadUsage
from benchmark.references.secret import read_seeds, write_commitment
from benchmark.results.outcome import OUTCOME_FILE
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds
from benchmark.session import Session
from benchmark.storage.workspace import write_atomically
from benchmark.text import printable


def find_faults(session: Session, scenario: Scenario, path: Path) -> list[str]:
    """Return a sentence about each member of a bundle that is damaged, missing, surplus or not what it has to be.

    Raises BadRecord when the file is no bundle of the scenario.
    """
    with open_archive(path) as archive:
        return list(_faults(archive, scenario, _plan(session, archive, scenario)))


def unpack_evidence(session: Session, scenario: Scenario, path: Path) -> Contents:
    """Put the evidence in a bundle into the results' folder and an evidence-only pool, once all of it is checked.

    Entries that have evidence here keep it. Raises BadRecord when anything is wrong with the bundle, and BadUsage when
    this workspace has a pool of its own for the scenario.
    """
    with open_archive(path) as archive:
        plan = _plan(session, archive, scenario)
        if faults := list(_faults(archive, scenario, plan)):
            more = f" ({len(faults) - 1} more: `bench evidence verify` names them)" if faults[1:] else ""
            raise BadRecord(f"{path} was not unpacked: {faults[0]}{more}; get it again")
        _check_pool(session.workspace.pool(scenario), archive.contents)
        for done, part in enumerate(plan):
            session.progress("unpacking evidence", done, len(plan))
            _unpack(part, archive, session)
        if archive.contents.commitment:
            write_commitment(session.workspace.pool(scenario), archive.contents.commitment)
        return archive.contents


def _plan(session: Session, archive: Archive, scenario: Scenario) -> list[Part]:
    contents = archive.contents
    if (contents.label, contents.pool_hash) != (scenario.label, scenario.pool_hash):
        raise BadRecord(
            f"{archive.path} is of {contents.label}, expected {scenario.label}; name its scenario by --scenario, and "
            "its N by --models"
        )
    seeds = Seeds(scenario.pool_hash, committed=contents.commitment)
    return list(parts(session, scenario, seeds, contents.entries))


def _faults(archive: Archive, scenario: Scenario, plan: list[Part]) -> Iterator[str]:
    names = Counter(archive.names)
    for name in [name for name, count in names.items() if count > 1]:
        yield f"{printable(name)} is in it {names[name]} times, expected once"
    expected = {name for part in plan for name in part.members}
    for name in sorted({*names, *archive.contents.members} - expected):
        yield f"{printable(name)} is surplus: a bundle of {scenario.label} has no such member"
    for part in plan:
        for name in part.members:
            if fault := _fault(archive, part, name, scenario):
                yield f"{name} {fault}"


def _fault(archive: Archive, part: Part, name: str, scenario: Scenario) -> str:
    try:
        content = archive.read(name)
    except ValueError as error:
        return str(error)
    if part.entry and name == part.outcome:
        return fault_of_outcome(content, scenario)
    return part.store.fault_of(name.removeprefix(f"{part.folder}/").removesuffix(".safetensors"), content)


def _check_pool(folder: Path, contents: Contents) -> None:
    seeds = read_seeds(folder, contents.pool_hash)
    if (folder / "manifest.json").exists() and seeds.commitment != contents.commitment:
        raise BadUsage(
            f"{folder} is a pool of your own, whose models the bundle's entries were not compared with, expected no "
            "pool; move it away, or unpack in another clone"
        )


def _unpack(part: Part, archive: Archive, session: Session) -> None:
    if part.store.finished():
        if part.entry:
            session.warn(f"{part.entry} has evidence in {part.store.folder}, which stays as it is")
        return
    part.store.adopt({block: archive.read(part.member(block)) for block in part.blocks})
    if part.entry:
        write_atomically(part.store.folder / OUTCOME_FILE, archive.read(part.outcome))
