"""Checks of a submission's source before any of it runs: it has to parse and to define the function.

Imports no torch, so that a slip of the pen is found within a second.
"""

import ast
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark.errors import BadSubmission
from benchmark.submissions.files import FILE, parse_submission, read_source

_FUNCTION = "unlearning"
_MAKES_NAMES = {"exec", "eval", "globals", "vars", "setattr"}


def check_source(name: str, folder: Path) -> None:
    """Raise BenchError when the submission is not Python or has no function; what only a run can tell passes.

    Modules beside it that it imports at once are parsed too.
    """
    tree = _parse(name, folder, FILE)
    checked, waiting = {FILE}, _modules_beside(tree, folder)
    while waiting:
        module = waiting.pop()
        if module not in checked:
            checked.add(module)
            waiting |= _modules_beside(_parse(name, folder, module), folder)
    if not _may_bind(tree):
        raise BadSubmission(
            f"{name} is not-a-submission: {FILE} defines no {_FUNCTION}, expected a function "
            f"{_FUNCTION}(net, retain_loader, forget_loader, val_loader); add it, or rename yours"
        )


def _parse(name: str, folder: Path, file: str) -> ast.Module:
    try:
        source = read_source(folder, file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a run says them
            compile(source, file, "exec", dont_inherit=True)  # finds what parsing alone lets pass
            return ast.parse(source)
    except FileNotFoundError:
        raise BadSubmission(f"{name} is not-a-submission: there is no {file} in {folder}; write it") from None
    except SyntaxError as error:
        shown = f": {error.text.strip()}" if error.text else ""
        what = f"{type(error).__name__}: {error.msg} ({file}, line {error.lineno}){shown}"
        raise BadSubmission(f"{name} is not-a-submission: {what}; mend that line") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise BadSubmission(f"{name} is not-a-submission: {file} cannot be read ({error}); mend the file") from None


def _modules_beside(tree: ast.Module, folder: Path) -> set[str]:
    """Files of the folder that the module imports whatever happens."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {file for name in names if (folder / (file := f"{name}.py")).is_file()}


def defines_function(folder: Path, name: str) -> bool:
    """Tell whether the submission in `folder` has a function of this name, of its own or imported.

    Constants of that name are none, whatever they hold.
    """
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ImportFrom
    nodes = (node for node in _module_level(parse_submission(folder).body) if isinstance(node, kinds))
    return name in {own for node in nodes for own in _names_of(node)}


def _may_bind(tree: ast.Module) -> bool:
    """Tell whether anything in the module could give the function its name."""
    if _FUNCTION in {name for node in _module_level(tree.body) for name in _names_of(node)}:
        return True
    for node in ast.walk(tree):
        if isinstance(node, ast.Global) and _FUNCTION in node.names:
            return True
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Name) and node.id in _MAKES_NAMES:
            return True
    return False


def _module_level(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes that run when the module is imported, those inside functions and classes excepted."""
    for node in statements:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            yield from _module_level(ast.iter_child_nodes(node))


def _names_of(node: ast.AST) -> list[str]:
    """Return the names that a node binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []
