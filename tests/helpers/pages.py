"""Fenced blocks of the pages in docs/, executed in order: a titled one is a file, one of `bash` is run."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
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


def follow(page: str, folder: Path, call: Callable[[list[str]], SimpleNamespace]) -> str:
    """Do what a tutorial says, in a folder that is the current one; return all that its commands print.

    `call`: calls `bench` with arguments, in this process. Raises where a command fails.
    """
    shown = []
    for block in blocks(page):
        if block.title:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.content)
        elif block.language == "bash":
            shown += [run(line, call) for line in block.content.splitlines()]
    return "\n".join(shown)


def run(command: str, call: Callable[[list[str]], SimpleNamespace]) -> str:
    """Run a command and return what it prints; one of `bench` saves the 3 CPU seconds that a process takes to start."""
    words = shlex.split(command)
    if words[0] == "bench":
        done = call(words[1:])
        assert done.status == 0, f"{command}\n{done.out}\n{done.err}"
        return done.out
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}  # set by `bench` here
    shell = ["bash", "-euo", "pipefail", "-c", command]
    done = subprocess.run(shell, env={**environment, "PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
