"""The names in a piece of a syntax tree."""

import ast
import copy
import dis
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType

_LOOKS_UP = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}


@dataclass(frozen=True)
class Names:
    """The names in a top-level statement."""

    binds: set[str] = field(default_factory=set)
    """Names that it binds at the top level."""
    now: set[str] = field(default_factory=set)
    """Names that are looked up when it runs."""
    later: set[str] = field(default_factory=set)
    """Names that its functions look up when they run."""
    own: set[str] = field(default_factory=set)
    """Names that its functions bind with `global`."""

    @property
    def looked_up(self) -> set[str]:
        return self.now | self.later


def names_of(node: ast.stmt) -> Names:
    """Return the names in a statement, by the compiler's word. Raises SyntaxError, ValueError or RecursionError."""
    names = Names()
    _add(compile(ast.Module([node], []), "cell", "exec", dont_inherit=True), names, names.binds, names.now)
    return names


def _add(code: CodeType, names: Names, binds: set[str], looks_up: set[str]) -> None:
    """Add the names that `code` binds and those that it looks up, its functions' to `later`.

    What it binds first, like the variable of a loop, it does not look up from elsewhere.
    """
    local = set[str]()  # of a class body; at the top level, all that is bound
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_NAME":
            local.add(instruction.argval)
        elif instruction.opname == "STORE_GLOBAL":
            names.own.add(instruction.argval)
        elif instruction.opname in _LOOKS_UP and instruction.argval not in local:
            looks_up.add(instruction.argval)
    binds |= local
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            is_function = inner.co_flags & inspect.CO_OPTIMIZED and not re.match("<.*(comp|expr)>", inner.co_name)
            _add(inner, names, set(), names.later if is_function else looks_up)


def without_annotations(node: ast.stmt) -> ast.stmt:
    """Return the statement, or a copy of it that annotates nothing."""
    if not any(isinstance(part, ast.AnnAssign) or _annotation(part) for part in ast.walk(node)):
        return node
    node = copy.deepcopy(node)
    for part in ast.walk(node):
        if isinstance(part, ast.AnnAssign):
            part.annotation = ast.copy_location(ast.Constant(None), part.annotation)
        elif isinstance(part, ast.arg):
            part.annotation = None
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            part.returns = None
    return node


def _annotation(part: ast.AST) -> ast.expr | None:
    return getattr(part, "annotation", None) or getattr(part, "returns", None)


def names_in(node: ast.AST) -> set[str]:
    """Return every name that a piece of code mentions."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def walk_running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that ast.walk does, except those that only run when a function is called."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from walk_running(child)


def root(node: ast.AST) -> str:
    """Return `a` of `a.b[0].c`; an empty string when it begins with anything but a name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def bindings(scope: ast.AST) -> Counter[str]:
    """Count how often a function or a class, inner ones among it, binds each name."""
    found = Counter[str]()
    for part in ast.walk(scope):
        match part:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                found[name] += 1
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                found[name] += 1
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] += part is not scope
            case ast.alias(name=name, asname=other):
                found[other or name.partition(".")[0]] += 1
    return +found


def bound_in(scope: ast.AST) -> set[str]:
    """Return the names that a function or a class binds, but for those it declares global."""
    shared = {name for part in ast.walk(scope) if isinstance(part, ast.Global) for name in part.names}
    return bindings(scope).keys() - shared
