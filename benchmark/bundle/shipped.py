"""Pools whose retrained models come with the package: whoever begins one trains the originals alone."""

from pathlib import Path

from benchmark.bundle.archive import open_archive
from benchmark.bundle.pools import PoolContents, import_pool
from benchmark.errors import BadRecord, BadUsage
from benchmark.references.secret import read_seeds, write_published
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds
from benchmark.session import Session
from benchmark.storage.locks import hold


def begin_with_shipped(session: Session, scenario: Scenario) -> bool:
    """Import the retrained and calibration models that ship for a scenario, and say so, unless its pool was begun.

    They are drawn from a secret that everybody can know, so rows say that their seeds are public. A file that is
    damaged, or of other examples than were chosen here, is named in a warning, and all models are trained.
    """
    path, folder = session.workspace.shipped_pool(scenario), session.workspace.pool(scenario)
    if folder.exists() or not path.is_file():
        return False
    session.workspace.pools.mkdir(parents=True, exist_ok=True)
    with hold(folder.with_name(f".{folder.name}.lock")):  # whoever begins at the same time waits for the models
        return not folder.exists() and _import(session, scenario, path, folder)


def check_own(session: Session, scenario: Scenario) -> None:
    """Raise BadUsage where the pool has begun with the models that ship."""
    folder = session.workspace.pool(scenario)
    if read_seeds(folder, scenario.pool_hash).published:
        raise BadUsage(
            f"--own came, but {folder} began with the retrained models that ship, expected no pool; move it away"
        )


def _import(session: Session, scenario: Scenario, path: Path, folder: Path) -> bool:
    try:
        with open_archive(path, PoolContents) as archive:
            commitment = Seeds(scenario.pool_hash, archive.contents.secret).commitment
        write_published(folder, commitment)  # before the models, so that no interrupted import passes for a secret one
        import_pool(session, scenario, path)
    except (BadRecord, BadUsage) as error:
        session.warn(f"{error}; until then all models are trained here")
        return False
    session.warn(
        f"the retrained models of {scenario.name} come with the package, and with them a secret that everybody can "
        f"know; to train all of your own move {folder} away, and type `bench prepare --own`"
    )
    return True
