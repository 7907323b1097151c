"""Competitions on the miniature, and a judge that runs nothing, for what does not depend on scores."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from cards import card, with_gap
from conftest import MINIATURE

from benchmark.compete.competition import Competition, begin
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import Scenario

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)
SETTINGS = {
    "title": '"Forget"',
    "scenario": '"miniature.toml"',
    "hidden": "2",
    "opens": "2027-01-01T00:00:00Z",
    "closes": "2027-02-01T00:00:00Z",
    "entries_per_day": "3",
    "file_bytes": "4000",
    "total_bytes": "10_000",
    "files": "8",
    "run_again": "2",
}
SOURCE = "def unlearning(net, retain_loader, forget_loader, val_loader):\n    return net\n"


def write_settings(folder: Path, **changes: str) -> None:
    """Write competition.toml and the miniature beside it; the values are TOML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "miniature.toml").write_text(MINIATURE)
    lines = [f"{key} = {value}" for key, value in {**SETTINGS, **changes}.items() if value]
    (folder / "competition.toml").write_text("\n".join(lines) + "\n")


def begin_competition(folder: Path, **changes: str) -> Competition:
    """Return a competition on the miniature that has begun."""
    write_settings(folder, **changes)
    begun = begin(folder, NOW)
    assert begun is not None
    return begun


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    """Return an archive of these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def source_of(number: int) -> str:
    """Return a submission that differs from others by a number alone."""
    return f"NUMBER = {number}\n{SOURCE}"


class Judge:
    """Stands for running entries: writes scorecards whose gaps depend on files and scenario alone.

    `statuses`: by content, what becomes of it; by default it is ok.
    """

    def __init__(self, competition: Competition, statuses: Mapping[str, str] | None = None) -> None:
        self.competition, self.statuses = competition, statuses or {}
        self.calls: list[tuple[str, str]] = []

    def __call__(self, scenario: Scenario, content: str) -> Scorecard:
        self.calls.append((content, scenario.label))
        status = self.statuses.get(content, "ok")
        about = {"scenario": scenario.name, "scenario_hash": scenario.hash, "submission_hash": content}
        if status in ("ok", "over-budget", "suspect"):
            made = with_gap(card(content, 0.1, status=status, **about), gap_of(content, scenario))
        else:
            made = card(content, status=status, reason="1 of 8 runs failed", **about)
        made.write(self.competition.workspace)
        return made


def gap_of(content: str, scenario: Scenario) -> float:
    """Return a gap closed that looks random, and depends on files and scenario."""
    return int(hashlib.sha256(f"{content}{scenario.label}".encode()).hexdigest()[:4], 16) / 0x10000
