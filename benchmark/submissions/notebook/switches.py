"""Branches that a constant of the notebook turns off, such as `if MOCK:` after `MOCK = False`."""

import ast
import copy
import re
from collections.abc import Callable
from typing import Any

from benchmark.submissions.notebook.names import Names, names_of


class Unknown(Exception):
    """A value that the source alone does not tell."""


Lookup = Callable[[str], Any]
"""The value of a top-level name. Raises Unknown."""


class Space(dict[str, Any]):
    """The constants of a class, by name, as its instances have them too if they are `plain`."""

    plain = True


def value_of(node: ast.expr, lookup: Lookup) -> Any:
    """Return what an expression is worth, without running any code of the notebook's. Raises Unknown."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return lookup(name)
        case ast.Attribute(value=inner, attr=attribute):
            space = value_of(inner, lookup)
            if isinstance(space, Space) and attribute in space:
                return space[attribute]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not value_of(operand, lookup)
        case ast.BoolOp(op=op, values=values):
            return _either(values, isinstance(op, ast.Or), lookup)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return value_of(body if value_of(test, lookup) else orelse, lookup)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compare([value_of(each, lookup) for each in (left, *others)], ops)
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]):
            space = lookup(name)
            if isinstance(space, Space) and space.plain:
                return space
        case ast.Call(func=ast.Name(id="bool" | "int" as kind), args=[argument], keywords=[]):
            return _convert(kind, value_of(argument, lookup))
        case ast.Subscript(value=inner, slice=key):
            return _item(value_of(inner, lookup), value_of(key, lookup))
        case ast.Dict() | ast.List() | ast.Tuple() | ast.Set() | ast.UnaryOp():
            return _literal(node)
    raise Unknown


def _either(values: list[ast.expr], stops_at: bool, lookup: Lookup) -> Any:
    """Return the value of `and` or `or`: one operand that is known can be enough for its truth."""
    known = []
    for each in values:
        try:
            known.append(value_of(each, lookup))
        except Unknown:
            continue
        if bool(known[-1]) is stops_at:
            return known[-1]
    if len(known) < len(values):
        raise Unknown
    return known[-1]


_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def _compare(values: list[Any], ops: list[ast.cmpop]) -> bool:
    try:
        return all(_COMPARISONS[type(op)](a, b) for op, a, b in zip(ops, values, values[1:], strict=False))
    except TypeError:
        raise Unknown from None


def _convert(kind: str, value: Any) -> Any:
    try:
        return bool(value) if kind == "bool" else int(value)
    except (TypeError, ValueError, OverflowError):
        raise Unknown from None


def _item(holder: Any, key: Any) -> Any:
    try:
        return holder[key]
    except (TypeError, LookupError):
        raise Unknown from None


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise Unknown from None


def space_of(node: ast.ClassDef, lookup: Lookup) -> Space:
    """Return the constants in a class's body."""
    space = Space()
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and re.fullmatch("__(init|post_init|new|getattr.*)__", part.name):
            space.plain = False
        target = part.targets[0] if isinstance(part, ast.Assign) and len(part.targets) == 1 else None
        target = part.target if isinstance(part, ast.AnnAssign) else target
        value = getattr(part, "value", None)
        if isinstance(target, ast.Name) and value is not None:
            try:
                space[target.id] = value_of(value, lookup)
            except Unknown:
                space.pop(target.id, None)
    return space


def live_names(node: ast.stmt, names: Names, lookup: Lookup) -> tuple[Names, set[str]]:
    """Return the names in a statement without those in branches that are turned off, and what turns them off."""
    if not any(isinstance(part, ast.If | ast.IfExp | ast.BoolOp | ast.While) for part in ast.walk(node)):
        return names, set()
    pruner = _Pruner(lookup)
    try:
        pruned = pruner.visit(copy.deepcopy(node))
        body = pruned if isinstance(pruned, list) else [pruned]
        live = [names_of(ast.fix_missing_locations(each)) for each in body]
    except (SyntaxError, ValueError, RecursionError):  # e.g. a `nonlocal` whose name only a dead branch binds
        return names, set()
    now = names.now & set[str]().union(*(each.now for each in live))
    later = names.later & set[str]().union(*(each.later for each in live))
    return Names(names.binds, now, later, names.own), pruner.switches


class _Pruner(ast.NodeTransformer):
    """Leaves away what is never run; `switches` are the names that decide it."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._local: list[set[str]] = []
        self._asked = set[str]()
        self.switches = set[str]()

    def _value(self, node: ast.expr) -> Any:
        def lookup(name: str) -> Any:
            if any(name in local for local in self._local):
                raise Unknown
            value = self._lookup(name)
            self._asked.add(name)
            return value

        self._asked = set()
        value = value_of(node, lookup)
        self.switches |= self._asked
        return value

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._in_scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._in_scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._in_scope(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._in_scope(node)

    def _in_scope(self, node: ast.AST) -> ast.AST:
        self._local.append(_bound_in(node))
        try:
            return self.generic_visit(node)
        finally:
            self._local.pop()

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        try:
            body = node.body if self._value(node.test) else node.orelse
        except Unknown:
            return self.generic_visit(node)
        asked = ast.Expr(self.visit(node.test))
        return self._visit_body([ast.copy_location(asked, node), *body])

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        try:
            if self._value(node.test):
                raise Unknown
        except Unknown:
            return self.generic_visit(node)
        return self._visit_body([ast.copy_location(ast.Expr(self.visit(node.test)), node), *node.orelse])

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        try:
            live = node.body if self._value(node.test) else node.orelse
        except Unknown:
            return self.generic_visit(node)
        return ast.copy_location(ast.IfExp(self.visit(node.test), self.visit(live), ast.Constant(None)), node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        kept = []
        for each in node.values:
            kept.append(self.visit(each))
            try:
                if bool(self._value(each)) is isinstance(node.op, ast.Or):
                    break
            except Unknown:
                continue
        return ast.copy_location(ast.BoolOp(node.op, kept), node) if len(kept) > 1 else kept[0]

    def _visit_body(self, body: list[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for each in body:
            seen = self.visit(each)
            found += seen if isinstance(seen, list) else [seen]
        return found


def _bound_in(scope: ast.AST) -> set[str]:
    """The names that a function or a class binds, its inner ones' among them, but for those it declares global."""
    bound, shared = set[str](), set[str]()
    for part in ast.walk(scope):
        match part:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                bound.add(name)
            case ast.Global(names=names):
                shared |= set(names)
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add(other or name.partition(".")[0])
    return bound - shared
