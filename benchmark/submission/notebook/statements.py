"""Top-level statements of a notebook's cells, as they were typed, and the names in them."""

import ast
import dis
import inspect
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

_PYTHON_CELL_MAGICS = {"%%time", "%%capture", "%%prun"}  # what follows them runs in the notebook's own namespace
_MAGIC = re.compile(r"\s*([%!?]|[\w.]+\?{1,2}\s*$|[\w., ]+=\s*[%!]|(pip|conda|cd)\s)")
_LOGS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
_LOOKS_UP = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}


@dataclass(frozen=True, eq=False)
class Statement:
    """A top-level statement and the names in it.

    binds: bound at the top level. now: looked up when it runs. later: looked up by its functions when they run. own:
    bound by its functions with `global`. changes: of which it sets attributes or items. methods: of which it calls a
    method for its effect.
    """

    cell: int
    node: ast.stmt
    source: str
    binds: set[str]
    now: set[str]
    later: set[str]
    own: set[str]
    changes: set[str]
    methods: set[str]

    def settles(self) -> bool:
        """Whether what it binds owes nothing to earlier bindings; `import a.b` adds to an `a` that is there."""
        if isinstance(self.node, ast.AnnAssign):
            return self.node.value is not None
        return isinstance(
            self.node, ast.Assign | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ImportFrom
        )

    def calls(self) -> Iterator[str]:
        """The names of the functions it calls when it runs, e.g. `torch.load`."""
        return (ast.unparse(part.func) for part in running(self.node) if isinstance(part, ast.Call))

    def __str__(self) -> str:
        line = next(line for line in self.source.split("\n") if not line.startswith("#"))
        return f"code cell {self.cell}: `{line if len(line) <= 60 else line[:57] + '...'}`"


def statements_of(number: int, source: str) -> list[Statement]:
    """The top-level statements of code cell `number`.

    Raises SyntaxError or ValueError when it is no Python even without its magics.
    """
    first = source.split(maxsplit=1)[0] if source.strip() else ""
    if first.startswith("%%") and first not in _PYTHON_CELL_MAGICS:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a stranger's string is no concern of the user's
        lines, body = _parse(source)
        found: list[Statement] = []
        before = 0  # the line on which the statement before ends
        for node in _top_level(body):
            found.append(_analysed(number, node, _source(node, lines, before)))
            before = node.end_lineno or node.lineno
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, with those of a block `if __name__ == "__main__":` instead of the block."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            yield from node.body
        else:
            yield node


def _parse(source: str) -> tuple[list[str], list[ast.stmt]]:
    """The cell's lines with a `pass` instead of every magic, and its statements.

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


def _analysed(number: int, node: ast.stmt, source: str) -> Statement:
    """The compiler decides which name is whose. Raises SyntaxError, e.g. for a `return` outside of a function."""
    binds, now, later, own = set[str](), set[str](), set[str](), set[str]()
    _names(compile(ast.Module([node], []), "cell", "exec", dont_inherit=True), binds, now, later, own)
    changes, methods = set[str](), set[str]()
    for part in running(node):
        match part:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                changes.add(root(part))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)) if method.attr not in _LOGS:
                methods.add(root(method))
    return Statement(number, node, source, binds, now, later, own, changes, methods)


def _names(code: CodeType, binds: set[str], now: set[str], later: set[str], own: set[str]) -> None:
    """Adds the names that `code` binds and those that it looks up, its functions' to `later`.

    What it binds first, like the variable of a loop, it does not look up from elsewhere.
    """
    local = set[str]()  # of a class body; at the top level, all that is bound
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_NAME":
            local.add(instruction.argval)
        elif instruction.opname == "STORE_GLOBAL":
            own.add(instruction.argval)
        elif instruction.opname in _LOOKS_UP and instruction.argval not in local:
            now.add(instruction.argval)
    binds |= local
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            is_function = inner.co_flags & inspect.CO_OPTIMIZED and not re.match("<.*(comp|expr)>", inner.co_name)
            _names(inner, set(), later if is_function else now, later, own)


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Like ast.walk, without what only runs when a function is called."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from running(child)


def root(node: ast.AST) -> str:
    """`a` of `a.b[0].c`; empty when it begins with anything but a name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _source(node: ast.stmt, lines: list[str], before: int) -> str:
    """A statement as it was typed, with the comments right above it and those that end its block, at the top level.

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
