"""An installed package that brings kinds, and `bench` in a workspace where it is on Python's path."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SUBMISSION = """
def unlearning(net, retain_loader, forget_loader, val_loader, recipe):
    return recipe(retain_loader)
"""


def install(folder: Path, files: Mapping[str, tuple[str, str, str]]) -> Path:
    """Write the package all-seams: by seam the entry point's name, its object, and the source of its module."""
    about = folder / "all_seams-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: all-seams\nVersion: 1.0\n")
    points = []
    for seam, (name, kind, source) in files.items():
        (folder / f"my_{seam}.py").write_text(source)
        points.append(f"[unlearning_benchmark.{seam}]\n{name} = my_{seam}:{kind}\n")
    (about / "entry_points.txt").write_text("".join(points))
    return folder


def run_bench(installed: Path, root: Path, *arguments: str, submission: str = SUBMISSION, fails: bool = False):
    """Return what `bench` prints as JSON, or on standard error where it `fails`; the workspace has one submission."""
    folder = root / "submissions" / "mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "submission.py").write_text(submission)
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.cli", *arguments, "--json", *(["--jobs", "1"] * (arguments[0] != "list"))],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) == fails, done.stderr
    return done.stderr if fails else json.loads(done.stdout)
