"""Top-level statements of a notebook's cells, as they were typed, and the names in them."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from benchmark.submissions.notebook.cells import Cell
from benchmark.submissions.notebook.names import Names, names_of, root, walk_running, without_annotations

_PYTHON_CELL_MAGICS = {"%%time", "%%capture", "%%prun"}  # what follows them runs in the notebook's own namespace
_MAGIC = re.compile(r"\s*([%!?]|[\w.]+\?{1,2}\s*$|[\w., ]+=\s*[%!]|(pip|conda|cd)\s)")
_WRITES = re.compile(
    r"\s*%%(?:writefile|file)[ \t]+(?P<appends>-a[ \t]+)?(?P<path>\S+\.py['\"]?)[ \t]*\n(?P<content>(?s:.*))"
)
_LOGS = {"debug", "info", "warning", "error", "critical", "exception", "log"}


@dataclass(frozen=True, eq=False)
class Statement:
    """A top-level statement, where it is from, and the names in it."""

    cell: Cell
    lines: list[str]
    """The lines of the cell, without magics."""
    node: ast.stmt
    source: str
    names: Names
    annotations: set[str]
    """Names that only its annotations look up."""
    changes: set[str]
    """Names of which it sets attributes or items."""
    methods: set[str]
    """Names of which it calls a method for its effect."""

    @property
    def place(self) -> str:
        return self.cell.at(self.node.lineno)

    @property
    def binds(self) -> set[str]:
        return self.names.binds

    @property
    def now(self) -> set[str]:
        return self.names.now

    @property
    def later(self) -> set[str]:
        return self.names.later

    @property
    def own(self) -> set[str]:
        return self.names.own

    def settles(self) -> bool:
        """Return whether what it binds owes nothing to earlier bindings; `import a.b` adds to an existing `a`."""
        if isinstance(self.node, ast.AnnAssign):
            return self.node.value is not None
        return isinstance(
            self.node, ast.Assign | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ImportFrom
        )

    def calls(self) -> Iterator[str]:
        """Return the names of the functions it calls when it runs, e.g. `torch.load`."""
        return (ast.unparse(part.func) for part in walk_running(self.node) if isinstance(part, ast.Call))

    def __str__(self) -> str:
        line = next(line for line in self.source.split("\n") if not line.startswith("#"))
        return f"{self.place}: `{line if len(line) <= 60 else line[:57] + '...'}`"


def statements_of(cell: Cell) -> list[Statement]:
    """Return the top-level statements of a cell.

    Raises SyntaxError or ValueError when it is no Python even without its magics.
    """
    if is_elsewhere(cell.source):
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a notebook's string is no concern of the user's
        lines, body = without_magics(cell.source)
        return _analyse(cell, lines, _top_level(body), 0)


def branch_with(statement: Statement, called: set[str]) -> list[Statement] | None:
    """Return the statements of the one branch of an `if` that calls one of these functions, None of any other."""
    node = statement.node
    if not isinstance(node, ast.If):
        return None
    calling = [
        branch
        for branch in (node.body, node.orelse)
        if any(isinstance(p, ast.Call) and root(p.func) in called for each in branch for p in walk_running(each))
    ]
    return _analyse(statement.cell, statement.lines, calling[0], node.lineno) if len(calling) == 1 else None


def _analyse(cell: Cell, lines: list[str], nodes: Iterable[ast.stmt], before: int) -> list[Statement]:
    """Return the statements with their names; `before` is the line on which the statement before the first ends."""
    found: list[Statement] = []
    for node in nodes:
        found.append(_statement(cell, lines, node, _source(node, lines, before)))
        before = node.end_lineno or node.lineno
    return found


def is_elsewhere(source: str) -> bool:
    """Return whether a magic sends a whole cell somewhere else, as `%%bash` does and `%%writefile helpers.py`."""
    first = source.split(maxsplit=1)[0] if source.strip() else ""
    return first.startswith("%%") and first not in _PYTHON_CELL_MAGICS


def written_files(cells: Iterable[Cell]) -> dict[str, str]:
    """Return the Python files that cells write with `%%writefile`, by name without their folders."""
    found: dict[str, str] = {}
    for cell in cells:
        if match := _WRITES.match(cell.source):
            name = match["path"].strip("'\"").rpartition("/")[2]
            found[name] = (found.get(name, "") if match["appends"] else "") + match["content"]
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements, with those of a block `if __name__ == "__main__":` instead of the block."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            yield from node.body
        else:
            yield node


def without_magics(source: str) -> tuple[list[str], list[ast.stmt]]:
    """Return a cell's lines with a `pass` instead of every magic, and its statements.

    A line that looks like a magic can be the middle of a string or of an expression, so a cell is taken as it is
    until the parser names a line that it cannot read. Raises SyntaxError or ValueError.
    """
    lines = source.split("\n")
    while True:
        try:
            return lines, ast.parse("\n".join(lines)).body
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not (0 <= at < len(lines) and _MAGIC.match(lines[at])):
                raise
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        goes_on, lines[at] = lines[at].endswith("\\"), f"{indent}pass  # {lines[at].strip()}"
        while goes_on and at + 1 < len(lines):
            at += 1
            goes_on, lines[at] = lines[at].endswith("\\"), f"# {lines[at].strip()}"


def _statement(cell: Cell, lines: list[str], node: ast.stmt, source: str) -> Statement:
    """Return a statement with its names. Raises SyntaxError, e.g. for a `return` outside of a function."""
    names, bare = names_of(node), names_of(without_annotations(node))
    changes, methods = set[str](), set[str]()
    for part in walk_running(node):
        match part:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                changes.add(root(part))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)) if method.attr not in _LOGS:
                methods.add(root(method))
    return Statement(cell, lines, node, source, names, names.looked_up - bare.looked_up, changes, methods)


def _source(node: ast.stmt, lines: list[str], before: int) -> str:
    """Return a statement as typed, moved to the top level, with the comments right above it and at its block's end.

    `before` is the line on which the statement before it ends.
    """
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    last, indent = node.end_lineno or node.lineno, node.col_offset
    rest = lines[last - 1].encode()[node.end_col_offset :]
    if lines[first - 1].encode()[:indent].strip() or rest.lstrip().startswith(b";"):  # it shares a line with others
        return ast.get_source_segment("\n".join(lines), node) or ast.unparse(node)
    while first - 1 > before and lines[first - 2].startswith("#", indent):
        first -= 1
    for at, line in enumerate(lines[last:], last + 1):
        text = line.lstrip()
        if text and not (text.startswith("#") and len(line) - len(text) > indent):
            break
        last = at if text else last
    strings = {
        line
        for part in ast.walk(node)
        if isinstance(part, ast.Constant | ast.JoinedStr)
        for line in range(part.lineno + 1, (part.end_lineno or 0) + 1)
    }
    return "\n".join(
        text if line in strings else text[:indent].lstrip() + text[indent:]
        for line, text in enumerate(lines[first - 1 : last], first)
    )


def is_star(statement: Statement) -> bool:
    return any(isinstance(part, ast.alias) and part.name == "*" for part in ast.walk(statement.node))


def is_future(statement: Statement) -> bool:
    return isinstance(statement.node, ast.ImportFrom) and statement.node.module == "__future__"
