"""A competition notebook made a submission: `unlearning` with what it needs, and nothing else of the notebook.

Kept are whole top-level statements, in the notebook's order and as they were typed. `unlearning` is its last
definition. A name used inside a function stands for what it is when `unlearning` is last called at the top level (or
at the end, if it never is); a name used outside of one, for what it was at that place. A name is what its last
definition made it, and whatever changed it since:

- `x[i] = ...`, `x.a = ...` and `x += ...`, also for an imported x, as in `torch.backends.cudnn.benchmark = True`;
- a bare call of a method of it, `x.update(...)`, unless x was imported (`torch.manual_seed(0)`, `os.makedirs(...)`
  and `plt.show()` do something to the notebook's process) or the method only writes to a log.

Any other bare call goes, `seed_everything(42)` among them: the harness seeds every run, and one seed for all of them
would make the runs copies of each other. So does whatever calls `unlearning`, and the body of a block
`if __name__ == "__main__":` counts as top level. What no one can see in the source is not looked for: names made with
`exec` or `globals()`, and changes made through a second name or inside a called function.
"""

from collections.abc import Callable
from pathlib import Path

from benchmark.submission.notebook.cells import code_cells
from benchmark.submission.notebook.needs import Notebook
from benchmark.submission.notebook.written import notes, submission_source
from benchmark.submission.template import new_submission
from benchmark.workspace import Workspace, write_atomically

__all__ = ["import_notebook"]


def import_notebook(path: Path, name: str, workspace: Workspace, warn: Callable[[str], None]) -> Path:
    """Writes submissions/NAME/submission.py from the notebook `path`, running none of it; `warn` gets what to look at.

    Raises BenchError when the name cannot be used, the file is no Python notebook, it defines no `unlearning`, or
    `unlearning` needs a name that the notebook never gives it.
    """
    destination = new_submission(name, workspace)
    notebook = Notebook(path.name, code_cells(path))
    kept = notebook.needed()
    for sentence in notes(notebook, kept):
        warn(sentence)
    write_atomically(destination, submission_source(kept, path.name, name).encode(errors="replace"))
    return destination
