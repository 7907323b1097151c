"""Sentences about what a notebook's author should look at before trusting an import."""

import ast
import importlib.util
import re
from collections.abc import Collection, Iterator

from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.entry import SHOWN
from benchmark.submissions.notebook.jupyter import NOTES
from benchmark.submissions.notebook.names import root
from benchmark.submissions.notebook.needs import Needs
from benchmark.submissions.notebook.paths import written_paths
from benchmark.submissions.notebook.source import Notebook
from benchmark.submissions.notebook.statements import Statement, is_star
from benchmark.submissions.notebook.written import reads_options

_READS = re.compile(r"(?i)load|(?<!th)read|open|fetch|dataset|listdir|glob|request|urlretrieve")
_SEEDS = re.compile(r"(?i)seed|default_rng|RandomState|Generator")


def notes(notebook: Notebook, needs: Needs, modules: Collection[str] = ()) -> Iterator[str]:
    """Yield the sentences, in the order of the code; `modules` are files that the submission has beside its own."""
    yield from needs.entry.notes
    for statement in needs.kept:
        yield from _of_statement(statement, modules)
        yield from _of_paths(notebook, statement)
    for statement in needs.per_run:
        yield f"{statement} uses the net or the loaders of a run, so every run makes it anew"
    if needs.given:
        shown = ", ".join(f"{name} ({SHOWN[role]})" for name, role in needs.given.items())
        yield f"global names that are set to what each run is given: {shown}"
    if needs.dead:
        switches, names = (", ".join(sorted(each)) for each in (needs.switches, needs.dead))
        yield f"left out, because only code that {switches} turns off needs it: {names}"
    yield from (NOTES[name] for name in sorted(needs.stand_ins))
    if needs.unresolved:
        names = ", ".join(sorted(needs.unresolved))
        yield f"nothing defines {names}, which only annotations need; they are not evaluated"
    yield from _of_seeds(notebook, needs)
    yield from _of_calls(notebook)
    yield from _of_broken(notebook, needs)


def _of_statement(statement: Statement, modules: Collection[str]) -> Iterator[str]:
    calls = list(statement.calls())
    if any(_READS.search(call) for call in calls):
        yield f"{statement} seems to read data or files, which the sandbox does not have; look at it"
    if any(_SEEDS.search(call) for call in calls):
        yield f"{statement} gives every run the same random numbers; in the notebook they went on from run to run"
    if _asks_for_cuda(statement.node):
        yield f"{statement} asks for CUDA, which there may be none of; use {ENTRY_POINT}'s parameter device"
    if reads_options(statement.node):
        yield f"{statement} reads the command line, of which a submission has none: every option has its default"
    if is_star(statement):
        yield f"{statement} is kept for names that nothing else defines; whether it has them shows when it runs"
    if absent := _absent_module(statement.node, modules):
        yield f"{statement} imports {absent}, which is not installed here; put its file into the submission's folder"
    for name in sorted(statement.own):
        yield (
            f"{statement} changes the global {name}, which in the notebook lasted from run to run; here every run is a "
            "process of its own and begins with its first value"
        )


def _of_paths(notebook: Notebook, statement: Statement) -> Iterator[str]:
    end = len(notebook.statements)
    paths = written_paths(statement.node, lambda name: notebook.value(name, end), notebook.assigned_value)
    for path in sorted(set(paths)):
        yield (
            f"{statement} writes to {path}, where a run cannot write; use /kaggle/working or /kaggle/tmp, which every "
            "run has of its own"
        )


def _absent_module(node: ast.stmt, files: Collection[str]) -> str:
    """Return a module that a statement imports and that is not there, without importing it; "" if none."""
    modules = []
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = ["." * node.level + (node.module or "")]
    for module in modules:
        if f"{module.partition('.')[0]}.py" in files:
            continue
        try:
            if module.startswith(".") or importlib.util.find_spec(module.partition(".")[0]) is None:
                return module
        except (ImportError, ValueError):  # what is half imported
            continue
    return ""


def _of_seeds(notebook: Notebook, needs: Needs) -> Iterator[str]:
    seeds = [
        str(statement)
        for statement in notebook.statements
        if statement not in needs.kept
        and isinstance(statement.node, ast.Expr)
        and any(_SEEDS.search(call) for call in statement.calls())
    ]
    if seeds:
        yield f"left out, because the harness seeds every run: {', '.join(seeds)}"


def _of_calls(notebook: Notebook) -> Iterator[str]:
    called = any(
        isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT
        for statement in notebook.statements
        for part in ast.walk(statement.node)
    )
    if not called and (other := notebook.called_instead()):
        yield (
            f"the notebook never calls {ENTRY_POINT}, but calls {other} with the loaders; if that is the method, "
            f"call it {ENTRY_POINT} and import again"
        )


def _of_broken(notebook: Notebook, needs: Needs) -> Iterator[str]:
    bound = set[str]().union(*(statement.binds for statement in needs.kept))
    for place, (source, wrong) in notebook.broken.items():
        if again := bound & set(re.findall(r"(?:def|class)\s+(\w+)", source)):
            names = ", ".join(sorted(again))
            yield f"{place} is not Python ({wrong}), so what it says of {names} is not used"


def _asks_for_cuda(node: ast.AST) -> bool:
    """Return whether it names a CUDA device or moves something there, without asking whether there is one."""
    parts = list(ast.walk(node))
    if any(isinstance(part, ast.Attribute) and part.attr == "is_available" for part in parts):
        return False
    return any(
        (isinstance(part, ast.Constant) and re.fullmatch(r"cuda(:\d+)?", str(part.value)))
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "cuda")
        for part in parts
    )
