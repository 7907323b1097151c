"""The file `competition.toml`: what is announced before a competition begins. Then it is frozen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from benchmark.results.record import Line
from benchmark.scenario.sections import Name, Section, read_section
from benchmark.storage.places import expect

FILE = "competition.toml"
_DAYS = 30  # from the day of `init` on, unless the file says otherwise

_START = """# What participants are told beforehand. `bench compete init`, run once more, freezes this file.
title = "Forget me if you can"
scenario = "digits"     # the public one: a shipped scenario's name, or a .toml file in this folder
hidden = 2              # scenarios like it, with other forget sets and seeds, drawn from a secret
# hidden_files = ["mine.toml"]   # or scenarios of your own, each with a salt
opens = {opens}
closes = {closes}
entries_per_day = 5     # of a team, by the days of UTC
file_bytes = 1_000_000  # of a file
total_bytes = 4_000_000 # of all files of an entry, and of the .zip that they come in
files = 50              # files and folders in a .zip
run_again = 5           # places that are decided in the end on fresh seeds
"""


class Settings(Section):
    """All of `competition.toml`."""

    title: Annotated[Line, Field(min_length=1, max_length=200)]
    scenario: Name
    hidden: Annotated[int, Field(ge=0, le=50)] = 0
    """Hidden scenarios to draw."""
    hidden_files: Annotated[tuple[Name, ...], Field(max_length=50)] = ()
    """Hidden scenarios of the organiser's own, as paths in the folder."""
    opens: AwareDatetime
    closes: AwareDatetime
    entries_per_day: Annotated[int, Field(ge=1, le=10**6)] = 5
    file_bytes: Annotated[int, Field(ge=1, le=1 << 28)] = 1_000_000
    total_bytes: Annotated[int, Field(ge=1, le=1 << 30)] = 4_000_000
    files: Annotated[int, Field(ge=1, le=10_000)] = 50
    run_again: Annotated[int, Field(ge=1, le=1000)] = 5

    @model_validator(mode="after")
    def _can_be_held(self) -> "Settings":
        if bool(self.hidden) == bool(self.hidden_files):
            raise ValueError(
                f"hidden is {self.hidden} and hidden_files has {len(self.hidden_files)}, expected one of them; draw "
                "scenarios with the first, or name files of your own with the second"
            )
        if self.opens >= self.closes:
            raise ValueError(f"closes is {self.closes.isoformat()}, expected a time after opens; correct it")
        return self


def start_settings(now: datetime) -> bytes:
    """Return a commented file to begin with, which opens on the present day."""
    opens = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    closes = opens + timedelta(days=_DAYS)
    return _START.format(opens=opens.isoformat(), closes=closes.isoformat()).encode()


def read_settings(folder: Path) -> Settings:
    """Return what the file in a folder says. Raises BenchError, one sentence, where it cannot be used."""
    expect(folder, "folder", f"the competition is {folder}", "a folder", "make it with `bench compete init`")
    path = folder / FILE
    expect(path, "file", f"the settings are {path}", "a TOML file", "`bench compete init FOLDER` writes one")
    return read_section(Settings, path)
