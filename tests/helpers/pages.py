"""Fenced blocks of the pages in docs/, executed in order: a titled one is a file, one of `bash` is run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from conftest import REPOSITORY

FENCE = re.compile(r"^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<content>.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    language: str
    title: str | None
    content: str


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of docs/`page`, in order."""
    text = (REPOSITORY / "docs" / page).read_text()
    return [Block(m["language"], m["title"], m["content"]) for m in FENCE.finditer(text)]


def follow(page: str, folder: Path) -> str:
    """Do what a tutorial says, in a folder; return all that its commands print. Raises where one of them fails."""
    shown = []
    for block in blocks(page):
        if block.title:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.content)
        elif block.language == "bash":
            shown.append(run(block.content, folder))
    return "\n".join(shown)


def run(commands: str, folder: Path) -> str:
    """Run the commands of a block as a shell does that stops at the first failure; return what they print."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path, "LOKY_MAX_CPU_COUNT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
    return done.stdout
