"""Sections that read files which nobody publishes a checksum of."""

import contextlib
from pathlib import Path
from typing import Self

from benchmark.errors import BenchError
from benchmark.scenario.sections import Section, Sha256


class OnDisk(Section):
    """A part of a scenario that reads files: the scenario holds their checksum, and with it the hash does."""

    sha256: Sha256 | None = None
    """Of the names and contents of all files read; where it is absent, loading the scenario works it out."""

    @property
    def title(self) -> str:
        """The name that errors give to what is read."""
        raise NotImplementedError

    def files(self, folder: Path) -> dict[str, Path]:
        """Return every file that is read, by a name that does not depend on `folder`, the data folder.

        Raises BenchError when one is missing.
        """
        raise NotImplementedError

    def _may_be_there(self, folder: Path) -> bool:
        """Tell, without importing what reads it, whether the data may lie in the data folder.

        Where it does not, a scenario is loaded in no time: all that ship are, to be listed.
        """
        return True

    def filled_in(self, folder: Path) -> Self:
        """Return the section with its checksum; where the data is missing, whoever needs it will say so."""
        from benchmark.data.checksums import checksum
        from benchmark.data.folder import data_folder

        if self.sha256 is None and self._may_be_there(data_folder()):
            with contextlib.suppress(BenchError):
                return self.model_copy(update={"sha256": checksum(self, data_folder())})
        return self

    def verify(self, folder: Path) -> None:
        """Raise BenchError unless the files are those that the scenario was loaded, or written, with."""
        from benchmark.data.checksums import verify

        verify(self, folder)

    def checksum_rows(self, folder: Path) -> list[dict[str, str]]:
        from benchmark.data.checksums import checksum

        expected = self.sha256 or "any"
        try:
            found = checksum(self, folder)
        except BenchError as error:
            return [{"what": "sha256", "expected": expected, "found": str(error), "status": "missing"}]
        status = "ok" if self.sha256 in (None, found) else "damaged"
        return [{"what": "sha256", "expected": expected, "found": found, "status": status}]
