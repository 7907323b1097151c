"""Names that only Jupyter defines, and their stand-ins in a submission."""

import ast

from benchmark.submissions.notebook.statements import Statement

_SHELL = "get_ipython"

STAND_INS = {
    "display": '''\
def display(*objects, **options):
    """Print what Jupyter would show."""
    print(*objects)''',
    "clear_output": '''\
def clear_output(wait=False):
    """Do nothing: there is no output to clear."""''',
    _SHELL: '''\
def get_ipython():
    """Stand for Jupyter's shell: it is false, and its commands do nothing."""

    class NoShell:
        def __bool__(self):
            return False

        def system(self, *arguments, **options):
            """Do nothing."""

        magic = run_line_magic = run_cell_magic = system

    return NoShell()''',
}
"""Their definitions, by name."""

NOTES = {
    "display": "display is Jupyter's own, so the submission has one that prints",
    "clear_output": "clear_output is Jupyter's own, so the submission has one that does nothing",
    _SHELL: f"{_SHELL} is Jupyter's own, so the submission has one whose commands do nothing",
}
_COMMANDS = {"system", "magic", "run_line_magic", "run_cell_magic"}


def imports_stand_ins(node: ast.stmt) -> bool:
    """Return whether a statement only imports names from IPython that have a stand-in."""
    return (
        isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] == "IPython"
        and all(alias.name in STAND_INS and alias.asname is None for alias in node.names)
    )


def guarded_names(statement: Statement) -> set[str]:
    """Return the names that a statement uses only where it catches that they are not defined."""
    inside = set[int]()
    found = set[str]()
    for part in ast.walk(statement.node):
        if isinstance(part, ast.Try) and any(_catches_names(handler, part) for handler in part.handlers):
            names = [p for each in part.body for p in ast.walk(each) if isinstance(p, ast.Name)]
            inside |= {id(name) for name in names}
            found |= {name.id for name in names}
    outside = {p.id for p in ast.walk(statement.node) if isinstance(p, ast.Name) and id(p) not in inside}
    return found - outside


def _catches_names(handler: ast.ExceptHandler, block: ast.Try) -> bool:
    """Return whether it catches a NameError, by name, or any error where the block asks for Jupyter's shell."""
    caught = {p.id for p in ast.walk(handler.type) if isinstance(p, ast.Name)} if handler.type else {"Exception"}
    asks = any(isinstance(p, ast.Name) and p.id == _SHELL for each in block.body for p in ast.walk(each))
    return "NameError" in caught or (asks and "Exception" in caught)


def is_harmless(name: str, statement: Statement) -> bool:
    """Return whether a stand-in does for all that a statement does with a name: of the shell, only commands."""
    if name != _SHELL:
        return name in STAND_INS
    uses = sum(isinstance(part, ast.Name) and part.id == _SHELL for part in ast.walk(statement.node))
    return uses == sum(_commands(part) for part in ast.walk(statement.node))


def _commands(node: ast.AST) -> bool:
    match node:
        case ast.Expr(ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="get_ipython")), attr=command))):
            return command in _COMMANDS
        case ast.If(test=ast.Call(func=ast.Name(id="get_ipython"))):
            return True
    return False
