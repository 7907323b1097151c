"""Commands in a process of their own, which tells what they import."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from benchmark.cli import main

for arguments in {commands}:
    try:
        main(arguments)
    except SystemExit as end:
        if end.code:
            raise
print([name for name in {modules} if name in sys.modules])
"""


def imported_by(folder: Path, modules: tuple[str, ...], *commands: list[str]) -> list[str]:
    """Return the lines that the `bench` commands print in a folder; the last one lists which modules they imported.

    One process for all commands: it takes a second or two to start. Raises where one of them fails.
    """
    code = PROGRAM.format(commands=[list(map(str, arguments)) for arguments in commands], modules=modules)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
