"""The call of `unlearning` in a notebook, and the meaning of the names at the call."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import Parameter

from benchmark.sandbox.child.binding import PLAIN, Binding, parameters_of
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.arguments import TEMPLATE, Literals, Placed, expand, place
from benchmark.submissions.notebook.names import names_in, root, walk_running
from benchmark.submissions.notebook.statements import Statement

ORIGINAL = "original"
"""The role of a name for the net of which the notebook gives `unlearning` a copy."""

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Local = dict[str, ast.expr | ast.arg | None]
_DEEPEST = 9  # calls and assignments that a value comes through
_SAME_NET = {"to", "cuda", "cpu", "eval", "train", "float", "double", "half", "requires_grad_"}


@dataclass(frozen=True)
class Source:
    """The parts of the notebook in which a call looks names up."""

    statements: list[Statement]
    assigned: Callable[[str], ast.expr | None]
    """The expression that a top-level name is assigned, None where there is no one such."""
    literals: Literals


@dataclass(frozen=True)
class Call:
    """A call of `unlearning`."""

    node: ast.Call
    """The call, with the items of starred literals in their place."""
    place: str
    scope: ast.AST
    """The function that calls, or the statement at the top level."""
    source: Source

    @property
    def at_top(self) -> bool:
        """True if no function makes the call, so that the names of its arguments are global."""
        return not isinstance(self.scope, Function)

    def arguments(self, parameters: list[Parameter]) -> Placed:
        """Return which parameter takes which argument."""
        return place(parameters, self.node)

    def resolve(self, value: ast.expr, run: dict[str, str] | None = None) -> ast.expr | None:
        """Return an argument as an expression of top-level names; None where it can be another one in every run.

        `run`: the names that the call gives as the net and the loaders, and what each stands for.
        """
        return _resolve(value, self.scope, [], self.source, run or {})

    def run_names(self, parameters: list[Parameter], binding: Binding) -> dict[str, str]:
        """Return the names that stand for the run's net and loaders at the call: one of PLAIN each, or ORIGINAL."""
        found: dict[str, str] = {}
        local = _local_values(self.scope)
        for parameter, argument in self.arguments(parameters).given:
            if (role := binding.bound[parameter.name]) in PLAIN:
                found = {**_names_of(argument, str(role), local, self.source), **found}
        return found

    def global_names(self, parameters: list[Parameter], binding: Binding) -> dict[str, str]:
        """Return the run names that are top-level names, and those that a caller of the call's function gives it."""
        local = {} if self.at_top else _local_values(self.scope)
        names = self.run_names(parameters, binding)
        found = {name: role for name, role in names.items() if name not in local}
        for parameter, argument in self.arguments(parameters).given:
            role, known = binding.bound[parameter.name], None if self.at_top else self.resolve(argument)
            if known is not None and role in PLAIN:
                found = {**_names_of(known, str(role), {}, self.source), **found}
        return found


def call_of(source: Source, start: int, end: int) -> Call | None:
    """Return the last call of `unlearning`; None where the notebook never calls it."""
    statements = source.statements
    for s in reversed(statements[start + 1 : end + 1]):
        for part in walk_running(s.node):
            if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT:
                return Call(_expand(part, s.node, source), s.place, s.node, source)
    for s in reversed(statements[:end]):
        for function in (p for p in ast.walk(s.node) if isinstance(p, ast.FunctionDef | ast.AsyncFunctionDef)):
            for part in ast.walk(function):
                if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT:
                    return Call(_expand(part, function, source), s.place, function, source)
    return None


def _expand(node: ast.Call, scope: ast.AST, source: Source) -> ast.Call:
    """Return the call with the items of starred literals; a local literal that the function changes tells nothing."""
    changed = {root(p) for p in ast.walk(scope) if isinstance(p, ast.Attribute | ast.Subscript) and _is_change(p)}
    changed |= {
        root(p.value.func) for p in ast.walk(scope) if isinstance(p, ast.Expr) and isinstance(p.value, ast.Call)
    }
    local = {name: None if name in changed else value for name, value in _local_values(scope).items()}
    return expand(node, local, source.literals)


def _is_change(node: ast.Attribute | ast.Subscript) -> bool:
    return not isinstance(node.ctx, ast.Load)


def global_of(role: str) -> str:
    """Return the global name of a run's net or loader that has only a local one at the notebook's call."""
    return f"_run_{role}"


def _names_of(value: ast.expr, role: str, local: Local, source: Source) -> dict[str, str]:
    """Return the names that an argument comes through, and what each stands for: behind a copy, for the original."""
    found: dict[str, str] = {}
    while True:
        value, is_copy = _peel(value)
        role = ORIGINAL if is_copy and role == PLAIN[0] else role
        if not isinstance(value, ast.Name) or value.id in found:
            return found
        found[value.id] = role
        inner = local[value.id] if value.id in local else source.assigned(value.id)
        if not isinstance(inner, ast.expr):
            return found
        value = inner


def _peel(value: ast.expr) -> tuple[ast.expr, bool]:
    """Return what a net is moved or copied from, and whether it is copied, as in `copy.deepcopy(net).to(device)`."""
    is_copy = False
    while True:
        match value:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(), attr=name), args=[inner, *_]) if (
                name in ("copy", "deepcopy", "DataParallel")
            ):
                value, is_copy = inner, is_copy or name != "DataParallel"
            case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in _SAME_NET:
                value = inner
            case _:
                return value, is_copy


def _resolve(
    value: ast.expr, scope: ast.AST, through: list[ast.AST], source: Source, run: dict[str, str]
) -> ast.expr | None:
    """Return an expression of a function, or of a statement at the top level, as one of top-level names.

    The names in `run` are the run's net and loaders, whatever the notebook made them of.
    """
    local = _local_values(scope)
    replaced: dict[str, ast.expr] = {}
    elsewhere = {name for name, role in run.items() if through or TEMPLATE.get(name, name) != role}
    for name in names_in(value) & (local.keys() | elsewhere):
        inner = local.get(name)
        if name in run:
            inner = ast.Name(global_of(run[name]))
        elif isinstance(inner, ast.arg) and isinstance(scope, Function):
            inner = _argument(scope, name, [*through, scope], source, run)
        elif isinstance(inner, ast.expr):
            again = name in names_in(inner) or len(through) > _DEEPEST or _is_changed(name, scope)
            inner = None if again else _resolve(inner, scope, [*through, inner], source, run)
        if not isinstance(inner, ast.expr):
            return None
        replaced[name] = inner
    return _Replacer(replaced).visit(ast.parse(ast.unparse(value), mode="eval").body)


def _is_changed(name: str, scope: ast.AST) -> bool:
    """Return whether a function sets items of a local name, or adds to it, as to a parser its options."""
    return any(
        (isinstance(part, ast.Subscript) and _is_change(part) and root(part) == name)
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and _adds(part.func, name))
        for part in ast.walk(scope)
    )


def _adds(method: ast.Attribute, name: str) -> bool:
    return root(method) == name and method.attr in ("add_argument", "update", "append", "extend", "setdefault", "pop")


class _Replacer(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node)


def _local_values(scope: ast.AST) -> Local:
    """Return the names that a function or a statement binds, with the one plain assignment to each, else None.

    A parameter that is never assigned stands for itself.
    """
    found: Local = {}
    if isinstance(scope, Function):
        found |= {part.arg: part for part in ast.walk(scope.args) if isinstance(part, ast.arg)}
    plain = {id(a.targets[0]): a.value for a in ast.walk(scope) if isinstance(a, ast.Assign) and len(a.targets) == 1}
    for part in ast.walk(scope):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            again = part.id in found and not isinstance(found[part.id], ast.arg)
            found[part.id] = None if again else plain.get(id(part))
    return found


def _argument(
    function: Function, name: str, through: list[ast.AST], source: Source, run: dict[str, str]
) -> ast.expr | None:
    """Return what the last call of a function gives a parameter, or its default; None where neither tells."""
    parameters = parameters_of(function)
    if len(through) > _DEEPEST:
        return None
    for scope, node in _calls_of(function, source):
        placed = place(parameters, node)
        given = {p.name: argument for p, argument in placed.given}
        if name in given:
            local = _local_values(scope)
            outer: dict[str, str] = {}
            for other, argument in given.items():
                outer |= _names_of(argument, run[other], local, source) if other in run else {}
            return _resolve(given[name], scope, through, source, outer)
        if placed.rest or placed.spread:
            return None
    default = next((p.default for p in parameters if p.name == name), None)
    return default if isinstance(default, ast.expr) else None


def _calls_of(function: Function, source: Source) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Yield the calls of a function, the last ones first, each with the function or the statement that it is in."""
    called = getattr(function, "name", "")
    for s in reversed(source.statements):
        for scope in [s.node, *(p for p in ast.walk(s.node) if isinstance(p, Function) and p is not function)]:
            for part in ast.walk(scope) if isinstance(scope, Function) else walk_running(scope):
                if isinstance(part, ast.Call) and root(part.func) == called:
                    yield scope, _expand(part, scope, source)
