"""A competition notebook made a submission: `unlearning` with what it needs, and nothing else of the notebook.

Whole top-level statements are kept, in the notebook's order and as they were typed. `unlearning` is its last
definition. A name used inside a function stands for what it is when `unlearning` is last called at the top level (or
at the end, if it never is); a name used outside of one, for what it was at that place. A name is what its last
definition made it, and whatever changed it since:

- `x[i] = ...`, `x.a = ...` and `x += ...`, also for an imported x, as in `torch.backends.cudnn.benchmark = True`;
- a bare call of a method of it, `x.update(...)`, unless x was imported (`torch.manual_seed(0)`, `os.makedirs(...)`
  and `plt.show()` do something to the notebook's process) or the method only writes to a log.

Any other bare call goes, `seed_everything(42)` among them: the harness seeds every run, and one seed for all of them
would make the runs copies of each other. So does whatever calls `unlearning`; the body of a block
`if __name__ == "__main__":`, and the branch of an `if` that calls `unlearning`, count as top level. What no one can see
in the source is not looked for: names made with `exec` or `globals()`, and changes made through a second name or inside
a called function.

The call tells more (`entry.py`). A value for a parameter that is neither the net nor a loader becomes its default; what
cannot be one, such as `**params` of which the source tells no keys, is passed on as it stands there. A global that is
the net or a loader at the call stands for that of the run, and what is made of it outside of any function is made anew
in every run; a net that the notebook gives a copy of stands for a copy of the run's. A few lines at the end of
the submission see to it all. What only a branch needs that a constant such as `MOCK = False` turns off (`switches.py`)
is left out. `display` and Jupyter's shell have stand-ins (`jupyter.py`), and whatever parses the command line gets an
empty one.
"""

import ast
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.storage.workspace import Workspace, write_atomically
from benchmark.submissions.files import FILE
from benchmark.submissions.notebook.cells import Cell, code_cells
from benchmark.submissions.notebook.needs import needs_of
from benchmark.submissions.notebook.notes import notes
from benchmark.submissions.notebook.script import script_cells
from benchmark.submissions.notebook.source import Notebook
from benchmark.submissions.notebook.written import submission_source
from benchmark.submissions.template import new_submission

__all__ = ["import_notebook", "submission_files"]


def import_notebook(path: Path, name: str, workspace: Workspace, warn: Callable[[str], None]) -> Path:
    """Write submissions/NAME/submission.py from a notebook or a script, running none of it.

    Files that the notebook writes with `%%writefile` go with it where they are imported. `warn` gets what to look at.
    Raises BenchError when the name cannot be used, the file is no Python, it defines no `unlearning`, or `unlearning`
    needs a name or a value that the notebook never gives it.
    """
    destination = new_submission(name, workspace)
    for file, content in submission_files(path, name, warn).items():
        write_atomically(destination.with_name(file), content.encode(errors="replace"))
    return destination


def submission_files(path: Path, name: str, warn: Callable[[str], None]) -> dict[str, str]:
    """Return the content of submission.py, and of the files that go with it, by name. Raises BenchError."""
    notebook = _notebook(path)
    needs = needs_of(notebook)
    modules = _imported_files([s.node for s in (*needs.kept, *needs.per_run)], notebook.files)
    for sentence in notes(notebook, needs, modules):
        warn(sentence)
    return {**modules, FILE: submission_source(needs, path.name, name)}


def _notebook(path: Path) -> Notebook:
    cells = script_cells(path) if path.suffix.lower() == ".py" else code_cells(path)
    notebook = Notebook(path.name, cells)
    if not any(ENTRY_POINT in s.binds for s in notebook.statements):
        for file, source in notebook.files.items():
            written = Notebook(path.name, [Cell(source, f"the file {file}")])
            if any(ENTRY_POINT in s.binds for s in written.statements):
                written.files = notebook.files
                return written
    return notebook


def _imported_files(nodes: Iterable[ast.stmt], files: dict[str, str]) -> dict[str, str]:
    """Return the files among `files` that statements import, and those that these import."""
    found: dict[str, str] = {}
    todo = list(nodes)
    while todo:
        for part in ast.walk(todo.pop()):
            modules = [alias.name for alias in part.names] if isinstance(part, ast.Import) else []
            modules += [part.module or ""] if isinstance(part, ast.ImportFrom) else []
            for file in (f"{module.partition('.')[0]}.py" for module in modules):
                if file in files and file not in found:
                    found[file] = files[file]
                    todo += _parse(files[file])
    return found


def _parse(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
