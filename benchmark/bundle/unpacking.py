"""Checks a bundle, and puts what it holds where the commands that score evidence look for it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmark.bundle.archive import Archive, Contents, open_archive
from benchmark.bundle.choice import CHOICE, is_packed, packed_choice
from benchmark.bundle.plan import Part, fault_of_outcome, parts
from benchmark.data.choice import is_kept, write_choice
from benchmark.errors import BadRecord, BadUsage
from benchmark.references.secret import read_secret, read_seeds, write_commitment, write_published
from benchmark.results.outcome import OUTCOME_FILE, read_outcome
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds
from benchmark.session import Session
from benchmark.storage.workspace import write_atomically
from benchmark.text import counted, printable


def find_faults(session: Session, scenario: Scenario, path: Path) -> list[str]:
    """Return a sentence about each member of a bundle that is damaged, missing, surplus or not what it has to be.

    Raises BadRecord when the file is no bundle of the scenario.
    """
    with open_archive(path, Contents) as archive, packed_choice(archive, scenario) as (chosen, _):
        return list(_faults(archive, chosen, _plan(session, archive, chosen)))


def unpack_evidence(session: Session, scenario: Scenario, path: Path) -> list[str]:
    """Put the evidence in a bundle into the results' folder and an evidence-only pool, once all of it is checked.

    What models chose to forget goes to where `bench prepare` would put it. Return the entries that were unpacked:
    others have whole evidence here, and keep it. What is incomplete or damaged here is replaced. Raises BadRecord when
    anything is wrong with the bundle, and BadUsage when this workspace has a pool of its own for the scenario, or
    evidence that was made with another pool, or has chosen other examples to forget.
    """
    is_chosen = is_kept(scenario)
    with open_archive(path, Contents) as archive, packed_choice(archive, scenario) as (scenario, choice):
        plan = _plan(session, archive, scenario)
        if faults := list(_faults(archive, scenario, plan)):
            more = f" ({len(faults) - 1} more: `bench evidence verify` names them)" if faults[1:] else ""
            raise BadRecord(f"{path} was not unpacked: {faults[0]}{more}; get it again")
        pool = session.workspace.pool(scenario)
        _check_pool(pool, archive.contents)
        _check_entries(plan)
        if choice is not None and not is_chosen:
            write_choice(session.workspace, scenario, choice)
        if archive.contents.commitment:  # before the models, so that what is interrupted here can go on
            write_commitment(pool, archive.contents.commitment)
            if archive.contents.published:
                write_published(pool, archive.contents.commitment)
        unpacked = []
        for done, part in enumerate(plan, 1):
            if part.entry and _unpack_entry(part, archive, session):
                unpacked.append(part.entry)
            elif not part.entry and read_secret(pool) is None:
                _unpack_references(part, archive)
            session.progress("unpacking evidence", done, len(plan))
        if kept := sorted(archive.contents.entries.keys() - set(unpacked)):
            session.warn(f"{counted(kept)} of the entries are here and whole already; their evidence stays as it is")
        return unpacked


def _plan(session: Session, archive: Archive[Contents], scenario: Scenario) -> list[Part]:
    contents = archive.contents
    if (contents.label, contents.pool_hash) != (scenario.label, scenario.pool_hash):
        raise BadRecord(
            f"{archive.path} is of {contents.label}, expected {scenario.label}; name its scenario by --scenario, and "
            "its N by --models"
        )
    seeds = Seeds(scenario.pool_hash, committed=contents.commitment)
    return list(parts(session, scenario, seeds, contents.entries))


def _faults(archive: Archive[Contents], scenario: Scenario, plan: list[Part]) -> Iterator[str]:
    names = Counter(archive.names)
    for name in [name for name, count in names.items() if count > 1]:
        yield f"{printable(name)} is in it {names[name]} times, expected once"
    expected = {name for part in plan for name in part.members} | ({CHOICE} if is_packed(scenario) else set())
    for name in sorted({*names, *archive.contents.members} - expected):
        yield f"{printable(name)} is surplus: a bundle of {scenario.label} has no such member"
    for part in plan:
        for name in part.members:
            if fault := _fault(archive, part, name, scenario):
                yield f"{name} {fault}"


def _fault(archive: Archive[Contents], part: Part, name: str, scenario: Scenario) -> str:
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


def _check_entries(plan: list[Part]) -> None:
    """Raise BadUsage where an entry's evidence here was made with another pool: it cannot be scored with this one's."""
    for part in plan:
        if part.entry and part.store.finished() and not part.store.is_current():
            raise BadUsage(
                f"{part.store.folder} holds evidence that was made with another pool than the bundle's, expected none; "
                "move it away, or unpack by --out into another folder"
            )


def _unpack_references(part: Part, archive: Archive[Contents]) -> None:
    """Add the blocks that are missing or damaged here: of the same models, others may have been unpacked before."""
    part.store.adopt({block: archive.read(part.member(block)) for block in part.store.unfit(part.blocks)})


def _unpack_entry(part: Part, archive: Archive[Contents], session: Session) -> bool:
    """Unpack an entry unless its evidence is here and whole; say whether that was done."""
    if part.store.is_locked():
        session.warn(f"another process is at work in {part.store.folder}; waiting for it")
    with part.store.lock():
        if read_outcome(part.store) and part.store.is_whole(part.blocks):
            return False
        part.store.adopt({block: archive.read(part.member(block)) for block in part.blocks})
        write_atomically(part.store.folder / OUTCOME_FILE, archive.read(part.outcome))
    return True
