"""Pools that are carried from one machine to another: exported to one file, imported, and several of them united.

The file holds the pool's secret, so it is for whoever may know it. With the secret a pool goes on elsewhere as the one
that it is: what is missing there is trained from the same seeds. A pool's evidence alone, without the originals, is
much smaller; originals have public seeds, and are trained where it is imported.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from benchmark.bundle.archive import Archive, Listing, open_archive, write_archive
from benchmark.bundle.choice import CHOICE, choice_members, is_packed, packed_choice
from benchmark.data.choice import is_kept, write_choice
from benchmark.errors import BadRecord, BadUsage, MissingRecord
from benchmark.references.building import versions
from benchmark.references.models import HIDDEN_BLOCKS
from benchmark.references.pool import reference_store
from benchmark.references.secret import read_secret, read_seeds, write_published, write_secret
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds
from benchmark.session import Session
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import open_atomically
from benchmark.text import printable
from benchmark.treatments import is_presently_treated

_SUFFIX = ".safetensors"


class PoolContents(Listing):
    """The list of everything in an exported pool."""

    what: ClassVar[str] = "an exported pool"
    file: ClassVar[str] = "pool.json"
    command: ClassVar[str] = "bench pool export"
    largest: ClassVar[int] = 1 << 33

    secret: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$", repr=False)]
    """That the models were drawn from; empty of public seeds."""
    published: bool = False
    """Whether everybody can know it."""
    about: dict[str, Any]
    """The scenario, for people to read."""
    built_with: dict[str, str]
    """Versions of the software that exported it."""

    @property
    def blocks(self) -> list[str]:
        """The names of the blocks of models."""
        return sorted(name.removesuffix(_SUFFIX) for name in self.members if name != CHOICE)


def export_pool(session: Session, scenario: Scenario, path: Path, *, evidence_only: bool = False) -> PoolContents:
    """Write the blocks there are of a pool to one file, with its secret, readable by its owner alone.

    `evidence_only`: without the originals and what is read of them. The same blocks give the same bytes. Raises
    MissingRecord where there is no block, BadRecord where one is damaged, BadUsage where `path` is a folder or the pool
    has neither weights nor a secret.
    """
    _check_file(path)
    store, seeds = _own_store(session, scenario)
    finished = {
        name: checksum
        for name, checksum in sorted(store.finished().items())
        if _is_block(scenario, name) and not (evidence_only and _is_of_originals(name))
    }
    if not finished or not store.is_current():
        raise MissingRecord(f"{store.folder} has no models to export; `bench prepare` trains them")
    if damaged := store.unfit(finished):
        raise BadRecord(f"{store.path(damaged[0])} is missing or damaged; `bench prepare` makes it again")
    choice = choice_members(scenario)
    contents = PoolContents(
        scenario=scenario.name,
        pool_hash=scenario.pool_hash,
        secret=seeds.secret or "",
        published=seeds.published,
        about=scenario.published(),
        built_with=versions(session.device),
        members={f"{name}{_SUFFIX}": checksum for name, checksum in finished.items()}
        | {name: hashlib.sha256(content).hexdigest() for name, content in choice.items()},
    )
    done = 0

    def read(name: str) -> bytes:
        nonlocal done
        done += 1
        session.progress("exporting the pool", done, len(contents.members))
        return choice[name] if name in choice else store.path(name.removesuffix(_SUFFIX)).read_bytes()

    with open_atomically(path, mode=0o600) as file:
        write_archive(file, contents, read)
    return contents


def find_pool_faults(session: Session, scenario: Scenario, path: Path) -> list[str]:
    """Return a sentence about each member of an exported pool that is damaged, surplus or not what it has to be.

    Raises BadRecord when the file is no exported pool of the scenario.
    """
    with open_archive(path, PoolContents) as archive, packed_choice(archive, scenario) as (chosen, _):
        return list(_faults(session, archive, chosen))


def import_pool(session: Session, scenario: Scenario, path: Path) -> list[str]:
    """Add the blocks of an exported pool to this workspace's, once all of them are checked; return their names.

    Blocks that are here and whole stay. Raises BadRecord when anything is wrong with the file, and BadUsage when this
    workspace has a pool of its own for the scenario, drawn from another secret.
    """
    was_chosen = is_kept(scenario)
    with open_archive(path, PoolContents) as archive, packed_choice(archive, scenario) as (scenario, choice):
        if faults := list(_faults(session, archive, scenario)):
            more = f" ({len(faults) - 1} more: `bench pool verify` names them)" if faults[1:] else ""
            raise BadRecord(f"{path} was not imported: {faults[0]}{more}; get it again")
        folder, contents = session.workspace.pool(scenario), archive.contents
        _check_own_pool(folder, contents)
        if choice is not None and not was_chosen:
            write_choice(session.workspace, scenario, choice)
        seeds = Seeds(scenario.pool_hash, contents.secret or None)
        if contents.published:
            write_published(folder, seeds.commitment)
        if contents.secret and read_secret(folder) is None:  # before the models, so that an interrupted import goes on
            write_secret(folder, contents.secret)
        store = reference_store(session, scenario, seeds)
        missing = store.unfit(contents.blocks)
        for done, name in enumerate(missing, 1):
            store.adopt({name: archive.read(f"{name}{_SUFFIX}")})
            session.progress("importing the pool", done, len(missing))
        return missing


def merge_pools(session: Session, paths: Sequence[Path], path: Path) -> tuple[PoolContents, list[str]]:
    """Write the blocks of several exported pools of one scenario and one secret to one file.

    Returns its list, and the blocks that differ between them, as trained on other machines: of these the first one's
    are taken. Raises BadRecord where a file is none or damaged, BadUsage where they do not belong together.
    """
    _check_file(path)
    first, found = None, dict[str, Path]()
    united, differing = dict[str, str](), set[str]()
    for each in paths:
        with open_archive(each, PoolContents) as archive:
            contents = archive.contents
        first = first or contents
        _check_kinship(first, contents, paths[0], each)
        for name, checksum in contents.members.items():
            if united.setdefault(name, checksum) != checksum:
                differing.add(name)
            found.setdefault(name, each)
    assert first is not None  # the command asks for two files or more
    merged = first.model_copy(update={"members": dict(sorted(united.items()))})
    done = 0

    def read(name: str) -> bytes:
        nonlocal done
        done += 1
        session.progress("merging pools", done, len(united))
        with open_archive(found[name], PoolContents) as archive:
            try:
                return archive.read(name)
            except ValueError as error:
                raise BadRecord(f"{found[name]}: {printable(name)} {error}; get it again") from None

    with open_atomically(path, mode=0o600) as file:
        write_archive(file, merged, read)
    return merged, sorted(differing)


def scenario_of(path: Path) -> str:
    """Return the name of the scenario that an exported pool is of. Raises BadRecord where the file is none."""
    with open_archive(path, PoolContents) as archive:
        return archive.contents.scenario


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise BadUsage(f"{path} is a folder, expected a file to write the pool to; give {path / 'pool.zip'}")


def _own_store(session: Session, scenario: Scenario) -> tuple[BlockStore, Seeds]:
    """Return the store of a pool of one's own, and its seeds."""
    folder = session.workspace.pool(scenario)
    seeds = read_seeds(folder, scenario.pool_hash)
    if seeds.committed:
        raise BadUsage(
            f"{folder} holds the evidence of reference models, and neither weights nor secret, expected a pool of your "
            "own to export; `bench evidence pack` packs the evidence again"
        )
    return reference_store(session, scenario, seeds), seeds


def _faults(session: Session, archive: Archive[PoolContents], scenario: Scenario) -> Iterator[str]:
    contents = archive.contents
    if (contents.scenario, contents.pool_hash) != (scenario.name, scenario.pool_hash):
        raise BadRecord(
            f"{archive.path} is of {contents.scenario}-{contents.pool_hash}, expected "
            f"{scenario.name}-{scenario.pool_hash}; name its scenario by --scenario"
        )
    counts = Counter(archive.names)
    for name in [name for name, count in counts.items() if count > 1]:
        yield f"{printable(name)} is in it {counts[name]} times, expected once"
    store = reference_store(session, scenario, Seeds(scenario.pool_hash, contents.secret or None))
    names = sorted({*counts, *contents.members})
    for done, name in enumerate(names, 1):
        if fault := _fault(archive, store, name, scenario):
            yield f"{printable(name)} {fault}"
        session.progress("checking the pool", done, len(names))


def _fault(archive: Archive[PoolContents], store: BlockStore, name: str, scenario: Scenario) -> str:
    if name == CHOICE and is_packed(scenario):
        return ""  # it was read already
    if not name.endswith(_SUFFIX) or not _is_block(scenario, block := name.removesuffix(_SUFFIX)):
        return f"is surplus: a pool of {scenario.name} has no such member"
    try:
        return store.fault_of(block, archive.read(name))
    except ValueError as error:
        return str(error)


def _is_block(scenario: Scenario, name: str) -> bool:
    """Tell whether a pool of the scenario has a block of this name, by whatever N."""
    role, _, number = name.partition("/")
    if not re.fullmatch(r"\d{4,6}", number):
        return False
    return role in (*scenario.roles, HIDDEN_BLOCKS) or is_presently_treated(scenario, name)


def _is_of_originals(name: str) -> bool:
    """Tell whether a block holds the originals, or what was read of them."""
    role = name.partition("/")[0]
    return role in ("original", HIDDEN_BLOCKS) or role.endswith("-original")


def _check_own_pool(folder: Path, contents: PoolContents) -> None:
    """Raise BadUsage where there is a pool already that was drawn from something else."""
    own = read_seeds(folder, contents.pool_hash)
    theirs = Seeds(contents.pool_hash, contents.secret or None)
    begun = (folder / "manifest.json").exists() or own.commitment
    if begun and own.commitment != theirs.commitment:
        raise BadUsage(
            f"{folder} is a pool of your own, drawn from another secret than {contents.scenario}'s in the file, "
            "expected none; move it away, or import in another clone"
        )


def _check_kinship(first: PoolContents, other: PoolContents, path: Path, own: Path) -> None:
    """Raise BadUsage where two exported pools are of other models."""
    same = (first.scenario, first.pool_hash, first.secret) == (other.scenario, other.pool_hash, other.secret)
    if not same:
        what = "another secret" if first.pool_hash == other.pool_hash else f"{other.scenario}-{other.pool_hash}"
        raise BadUsage(f"{own} is of {what}, expected the pool of {path}; merge pools of one scenario and one secret")
