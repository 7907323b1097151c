"""Notebooks for tests, and what they become."""

import inspect
import json
from pathlib import Path

from benchmark.sandbox.child.binding import PLAIN, bind, call_arguments
from benchmark.sandbox.child.contract import load_module
from benchmark.storage.workspace import Workspace
from benchmark.submissions.notebook import import_notebook

DEFINITION = "def unlearning(net, retain_loader, forget_loader, val_loader):\n    return "


def as_notebook(cells: list[str], **more: object) -> dict[str, object]:
    """A notebook of format 4 with a markdown cell before every code cell."""
    written: list[dict[str, object]] = []
    for cell in cells:
        written.append({"cell_type": "markdown", "metadata": {}, "source": ["# unlearning\n", "(text"]})
        written.append(
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(keepends=True)},
        )
    metadata = {"kernelspec": {"language": "python", "name": "python3"}, "language_info": {"name": "python"}}
    return {"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4, **more}


class Imports:
    """Imports notebooks into a workspace of its own; `notes` are those of the last one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace(root)
        self.workspace.submissions.mkdir(exist_ok=True)
        self.notes: list[str] = []

    def write(self, *cells: str, file: str = "entry.ipynb", name: str = "mine") -> str:
        """The source of the submission."""
        return self.write_json(as_notebook([*cells]), file, name)

    def write_json(self, notebook: object, file: str = "entry.ipynb", name: str = "mine") -> str:
        return self.write_text(json.dumps(notebook), file, name)

    def write_text(self, text: str | bytes, file: str = "entry.py", name: str = "mine") -> str:
        path = self.root / file
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.notes = []
        return import_notebook(path, name, self.workspace, self.notes.append).read_text()

    def load(self, *cells: str, **more: str):
        """The imported submission's module."""
        self.write(*cells, **more)
        return load_module(self.workspace.submissions / more.get("name", "mine"))

    def result(self, *cells: str) -> object:
        """Return what the imported function returns."""
        return self.load(*cells).unlearning(None, None, None, None)


def own_names(module) -> set[str]:
    return {name for name in vars(module) if not name.startswith("__")}


def call(module, *arguments: object, **offers: object) -> object:
    """Return what the imported function returns, called as by the harness; `arguments` in the order of PLAIN."""
    parameters = list(inspect.signature(module.unlearning).parameters.values())
    values = {**dict(zip(PLAIN, arguments, strict=True)), **offers}
    positional, named = call_arguments(parameters, bind(parameters, offers), values)
    return module.unlearning(*positional, **named)
