"""The arguments of a call: which parameter each is for, and what a starred one stands for."""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from inspect import Parameter
from itertools import dropwhile
from typing import Any

from benchmark.sandbox.child.binding import PLAIN, bind

TEMPLATE = {
    "retain_loader": "retain",
    "forget_loader": "forget",
    "validation_loader": "validation",
    "val_loader": "validation",
}
"""The competition's own names for a run's loaders."""

Literals = Callable[[str], tuple[ast.stmt, list[object]] | None]
"""The statement that binds a top-level name, and the keys that are set afterwards; None where more is changed."""

Items = list[tuple[object, ast.expr]]
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_DEEPEST = 9  # literals inside each other


@dataclass
class Placed:
    """The arguments of a call, by what takes them."""

    given: list[tuple[Parameter, ast.expr]] = field(default_factory=list)
    """Each parameter that is given something by position or name."""
    rest: list[ast.expr] = field(default_factory=list)
    """Positional arguments from the first on that no parameter is known to take."""
    keywords: dict[str, ast.expr] = field(default_factory=dict)
    """Arguments that only `**kwargs` takes."""
    spread: list[ast.expr] = field(default_factory=list)
    """Expressions behind `**`."""


def place(parameters: Sequence[Parameter], node: ast.Call) -> Placed:
    """Return which parameter takes which argument; a starred one stands for the loaders where it can."""
    placed = Placed()
    todo = [p for p in parameters if p.kind in _POSITIONAL]
    for i, argument in enumerate(node.args):
        if isinstance(argument, ast.Starred):
            behind = list(dropwhile(lambda p: role_of(p.name) in PLAIN, todo))
            if len(behind) < len(todo):
                todo = behind
                continue
        if isinstance(argument, ast.Starred) or not todo:
            placed.rest = node.args[i:]
            break
        placed.given.append((todo.pop(0), argument))
    by_name = {p.name: p for p in parameters if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)}
    for keyword in node.keywords:
        if keyword.arg is None:
            placed.spread.append(keyword.value)
        elif keyword.arg in by_name:
            placed.given.append((by_name[keyword.arg], keyword.value))
        else:
            placed.keywords[keyword.arg] = keyword.value
    return placed


@cache
def role_of(name: str) -> str | None:
    """Return which of PLAIN a name says that it is, None when it says nothing."""
    if name in TEMPLATE:
        return TEMPLATE[name]
    try:
        bound = bind([Parameter(each, Parameter.POSITIONAL_OR_KEYWORD) for each in ("net_", name)], ()).bound
    except ValueError:
        return None
    found = bound.get(name)
    return found if isinstance(found, str) and found in PLAIN else None


def expand(node: ast.Call, local: Mapping[str, object], literals: Literals) -> ast.Call:
    """Return the call with the items of starred tuples and dicts in their place, where the source tells them.

    `local`: the names of the function that calls, with the expression that each is assigned.
    """
    if not any(isinstance(each, ast.Starred) for each in node.args) and all(k.arg for k in node.keywords):
        return node
    reader = _Reader(local, literals)
    args = list[ast.expr]()
    for argument in node.args:
        items = reader.items(argument.value) if isinstance(argument, ast.Starred) else None
        args += [argument] if items is None or not _are(int, items) else [value for _, value in items]
    keywords = list[ast.keyword]()
    for keyword in node.keywords:
        items = reader.items(keyword.value) if keyword.arg is None else None
        is_table = items is not None and _are(str, items)
        keywords += [ast.keyword(str(key), value) for key, value in items] if items and is_table else [keyword]
    return ast.Call(node.func, args, keywords)


class _Reader:
    """A reader of the items of a tuple, a list or a dict off the source."""

    def __init__(self, local: Mapping[str, object], literals: Literals) -> None:
        self._local, self._literals = local, literals

    def items(self, node: ast.expr, depth: int = 0) -> Items | None:
        """Return the items by key or position; None where the source does not tell them."""
        if depth > _DEEPEST:
            return None
        match node:
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                starred = any(isinstance(each, ast.Starred) for each in elements)
                return None if starred else list(enumerate(elements))
            case ast.Dict(keys=keys, values=values):
                return self._merge(list(zip(keys, values, strict=True)), depth)
            case ast.Call(func=ast.Name(id="dict"), args=args, keywords=keywords):
                named = [(ast.Constant(k.arg) if k.arg else None, k.value) for k in keywords]
                return self._merge([*((None, each) for each in args), *named], depth)
            case ast.Call(func=ast.Name(id="list" | "tuple"), args=[inner], keywords=[]):
                return self.items(inner, depth + 1)
            case ast.Name(id=name) if name in self._local:
                value = self._local[name]
                return self.items(value, depth + 1) if isinstance(value, ast.expr) else None
            case ast.Name(id=name):
                return self._items_named(node, name, depth)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name not in self._local:
                return self._of(node, self._attribute(name, attribute), depth)
            case ast.Subscript(value=inner, slice=ast.Constant(value=key)):
                found = dict(self.items(inner, depth + 1) or []).get(key)
                return self._of(node, found, depth) if found is not None else None
        return None

    def _merge(self, pairs: Sequence[tuple[ast.expr | None, ast.expr]], depth: int) -> Items | None:
        """Return the items of a dict's parts; a key of None stands for `**others`."""
        found: dict[object, ast.expr] = {}
        for key, value in pairs:
            if isinstance(key, ast.Constant):
                found[key.value] = value
                continue
            others = self.items(value, depth + 1) if key is None else None
            if others is None or not _are(str, others):
                return None
            found.update(others)
        return list(found.items())

    def _items_named(self, node: ast.expr, name: str, depth: int) -> Items | None:
        made = self._literals(name)
        match made:
            case (ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value), keys):
                items = self._of(node, value, depth, stays=not keys)
                known = {key for key, _ in items or []}
                later = [key for key in keys if key not in known]
                return items and [*items, *((key, _subscript(node, key)) for key in dict.fromkeys(later))]
        return None

    def _attribute(self, name: str, attribute: str) -> ast.expr | None:
        made = self._literals(name)
        body = made[0].body if made and isinstance(made[0], ast.ClassDef) else []
        values = [p.value for p in body if isinstance(p, ast.Assign) and ast.unparse(p.targets[0]) == attribute]
        return values[-1] if values else None

    def _of(self, holder: ast.expr, value: ast.expr | None, depth: int, *, stays: bool = True) -> Items | None:
        """Return the items assigned to `holder`: constants and loaders as they are, others as `holder[key]`."""
        items = self.items(value, depth + 1) if value is not None else None
        return items and [(key, _item(holder, key, each, stays=stays)) for key, each in items]


def _are(kind: type, items: Items) -> bool:
    """Return whether all keys are of one kind: `str` in a dict with names as keys, `int` in a sequence."""
    return all(isinstance(key, kind) for key, _ in items)


def _item(holder: ast.expr, key: object, value: ast.expr, *, stays: bool) -> ast.expr:
    is_run = isinstance(value, ast.Name) and role_of(value.id)
    return value if is_run or (stays and isinstance(value, ast.Constant)) else _subscript(holder, key)


def _subscript(holder: ast.expr, key: Any) -> ast.expr:
    return ast.Subscript(holder, ast.Constant(key))
