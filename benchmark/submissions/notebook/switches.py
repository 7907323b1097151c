"""Branches that a constant of the notebook turns off, such as `if MOCK:` after `MOCK = False`."""

import ast
import copy
from collections.abc import Mapping
from typing import Any

from benchmark.submissions.notebook.constants import Lookup, Unknown, local_lookup, value_of
from benchmark.submissions.notebook.names import Names, bindings, bound_in, names_of


def live_names(
    node: ast.stmt, names: Names, lookup: Lookup, arguments: Mapping[str, Any] | None = None
) -> tuple[Names, set[str]]:
    """Return the names in a statement without those in branches that are turned off, and what turns them off.

    `arguments`: of a function, the parameters that are given the same value in every run.
    """
    if not any(isinstance(part, ast.If | ast.IfExp | ast.BoolOp | ast.While | ast.Match) for part in ast.walk(node)):
        return names, set()
    pruner = _Pruner(lookup, arguments or {})
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
    """A transformer that removes code that is never run; `switches` are the names that decide it."""

    def __init__(self, lookup: Lookup, arguments: Mapping[str, Any]) -> None:
        self._lookup, self._arguments = lookup, arguments
        self._local: list[dict[str, Any]] = []
        self._asked = set[str]()
        self.switches = set[str]()

    def _value(self, node: ast.expr) -> Any:
        def lookup(name: str) -> Any:
            value = self._look_up(name)
            self._asked.add(name)
            return value

        self._asked = set()
        value = value_of(node, lookup)
        self.switches |= self._asked
        return value

    def _look_up(self, name: str) -> Any:
        for local in reversed(self._local):
            if local.get(name) is Unknown:
                raise Unknown
            if name in local:
                return local[name]
        return self._lookup(name)

    def _constants(self, function: ast.FunctionDef) -> dict[str, Any]:
        """Return the names that a function binds once to a known value, as parameters or by assignment in its body."""
        counts = bindings(function)
        found = {} if self._local else {name: value for name, value in self._arguments.items() if counts[name] == 1}
        lookup = local_lookup(function, self._look_up)
        for name in (name for name, count in counts.items() if count == 1 and name not in found):
            try:
                value = lookup(name)
            except (Unknown, RecursionError):
                continue
            found |= {name: value} if isinstance(value, bool | int | float | str | None) else {}
        return found

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._in_scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._in_scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._in_scope(node)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return self._in_scope(node)

    def _in_scope(self, node: ast.AST) -> ast.AST:
        constants = self._constants(node) if isinstance(node, ast.FunctionDef) else {}
        self._local.append({**dict.fromkeys(bound_in(node), Unknown), **constants})
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
        return self._visit_all([ast.copy_location(asked, node), *body])

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        try:
            if self._value(node.test):
                raise Unknown
        except Unknown:
            return self.generic_visit(node)
        return self._visit_all([ast.copy_location(ast.Expr(self.visit(node.test)), node), *node.orelse])

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

    def visit_Match(self, node: ast.Match) -> ast.AST:
        try:
            value = self._value(node.subject)
        except Unknown:
            return self.generic_visit(node)
        live, asked = list[ast.match_case](), self._asked
        for case in node.cases:
            matches = self._matches(case, value)
            if matches is False:  # its pattern and its guard are asked all the same
                case = ast.match_case(case.pattern, case.guard, [ast.Pass()])
            live.append(case)
            if matches:
                break
        self.switches |= asked
        return self.generic_visit(ast.copy_location(ast.Match(node.subject, live), node))

    def _matches(self, case: ast.match_case, value: Any) -> bool | None:
        """Return whether a case is taken for a value; None where the source does not tell."""
        try:
            return self._fits(case.pattern, value) and (case.guard is None or bool(self._value(case.guard)))
        except Unknown:
            return None

    def _fits(self, pattern: ast.pattern, value: Any) -> bool:
        match pattern:
            case ast.MatchValue(value=node):
                return bool(self._value(node) == value)
            case ast.MatchSingleton(value=singleton):
                return value is singleton
            case ast.MatchOr(patterns=patterns):
                return any(self._fits(each, value) for each in patterns)
            case ast.MatchAs(pattern=inner):
                return inner is None or self._fits(inner, value)
        raise Unknown

    def _visit_all(self, body: list[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for each in body:
            seen = self.visit(each)
            found += seen if isinstance(seen, list) else [seen]
        return found
