"""Pools whose retrained models come with the package: whoever begins one trains the originals alone."""

from benchmark.bundle.archive import open_archive
from benchmark.bundle.pools import PoolContents, import_pool
from benchmark.errors import BadRecord
from benchmark.references.secret import write_published
from benchmark.scenario.schema import Scenario
from benchmark.seeds import Seeds
from benchmark.session import Session


def begin_with_shipped(session: Session, scenario: Scenario) -> bool:
    """Import the retrained and calibration models that ship for a scenario, and say so, unless its pool was begun.

    They are drawn from a secret that everybody can know, so rows say that their seeds are public. A file that is
    damaged is named in a warning, and all models are trained.
    """
    path, folder = session.workspace.shipped_pool(scenario), session.workspace.pool(scenario)
    if folder.exists() or not path.is_file():
        return False
    try:
        with open_archive(path, PoolContents) as archive:
            commitment = Seeds(scenario.pool_hash, archive.contents.secret).commitment
        write_published(folder, commitment)  # before the models, so that no interrupted import passes for a secret one
        import_pool(session, scenario, path)
    except BadRecord as error:
        session.warn(f"{error}; until then all models are trained here")
        return False
    session.warn(
        f"the retrained models of {scenario.name} come with the package, and with them a secret that everybody can "
        "know; `bench prepare --own` in a new workspace trains all of your own"
    )
    return True
