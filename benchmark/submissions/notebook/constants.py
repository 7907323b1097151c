"""The value of a constant of the notebook, without running any code of the notebook's."""

import ast
import contextlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmark.submissions.notebook.names import bindings, bound_in, names_in, root


class Unknown(Exception):
    """A value that the source alone does not tell."""


Lookup = Callable[[str], Any]
"""The value of a top-level name, or of an environment variable's as `$NAME`. Raises Unknown."""


class Space(dict[str, Any]):
    """The attributes of a class or a namespace whose values are known; a class's instances have them if `plain`."""

    plain = True

    def __bool__(self) -> bool:
        return True


class Table(dict[Any, Any]):
    """The items of a dict whose values are known: all of them if `whole`."""

    whole = True

    def __bool__(self) -> bool:
        if not self.whole and not len(self):
            raise Unknown
        return bool(len(self))


class Options(Space):
    """The options that were added to an argparse parser, as it parses an empty command line."""

    def add(self, change: ast.stmt, lookup: Lookup) -> None:
        """Add the option of `parser.add_argument(...)`. Raises Unknown for another change of defaults."""
        match change:
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="add_argument")) as call):
                keywords = {keyword.arg: keyword.value for keyword in call.keywords}
                name = _destination(call, keywords)
                self.pop(name, None)
                with contextlib.suppress(Unknown):
                    self[name] = _default(keywords, lookup)
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="parse_args" | "print_help" | "add_argument_group"))):
                pass
            case _:
                raise Unknown


@dataclass(frozen=True)
class Function:
    """A function, and a lookup of the names in it."""

    node: ast.FunctionDef
    lookup: Lookup = field(compare=False)


def value_of(node: ast.expr, lookup: Lookup) -> Any:
    """Return what an expression is worth. Raises Unknown."""
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
        case ast.Compare(left=ast.Constant(value=str(key)), ops=[op], comparators=[where]) if _is_environment(where):
            return (lookup(f"${key}") is not None) is isinstance(op, ast.In)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _compare([value_of(each, lookup) for each in (left, *others)], ops)
        case ast.Call():
            return _call_value(node, lookup)
        case ast.Subscript(value=inner, slice=key):
            return _item(value_of(inner, lookup), value_of(key, lookup))
        case ast.Dict(keys=keys, values=values):
            return _table(zip(keys, values, strict=True), lookup)
        case ast.List() | ast.Tuple() | ast.Set() | ast.UnaryOp():
            return _literal(node)
    raise Unknown


def _call_value(node: ast.Call, lookup: Lookup) -> Any:
    """Return the value of a call of what is known, such as `dict(debug=False)`."""
    keywords = [(ast.Constant(k.arg) if k.arg else None, k.value) for k in node.keywords]
    match node:
        case ast.Call(func=ast.Name(id="bool" | "int" as kind), args=[argument], keywords=[]):
            return _convert(kind, value_of(argument, lookup))
        case ast.Call(func=ast.Name(id="dict"), args=[]):
            return _table(keywords, lookup)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[]) if name.endswith("Namespace"):
            return Space(_table(keywords, lookup))
        case ast.Call(func=ast.Name(id="ArgumentParser") | ast.Attribute(attr="ArgumentParser")):
            return Options()
        case ast.Call(func=func, args=[ast.Constant(value=str(key)), *default]) if _reads_environment(func):
            found = lookup(f"${key}")
            return value_of(default[0], lookup) if found is None and default else found
        case ast.Call(func=ast.Attribute(value=inner, attr="get"), args=[key, *default], keywords=[]):
            return _get(value_of(inner, lookup), _key(value_of(key, lookup)), default, lookup)
        case ast.Call(func=ast.Attribute(value=inner, attr="parse_args" | "parse_known_args" as method)) if (
            _without_arguments(node)
        ):
            options = value_of(inner, lookup)
            if isinstance(options, Options):
                return Space(options) if method == "parse_args" else (Space(options), [])
        case ast.Call(func=ast.Name(id=name), args=[], keywords=[]):
            made = lookup(name)
            if isinstance(made, Space) and made.plain:
                return made
            if isinstance(made, Function):
                return _returned_value(made)
    raise Unknown


def _without_arguments(call: ast.Call) -> bool:
    return not call.keywords and all(isinstance(each, ast.List) and not each.elts for each in call.args)


def _is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) in ("os.environ", "environ")


def _reads_environment(function: ast.expr) -> bool:
    return ast.unparse(function) in ("os.environ.get", "environ.get", "os.getenv", "getenv")


def _table(items: Iterable[tuple[ast.expr | None, ast.expr]], lookup: Lookup) -> Table:
    """Return a dict of what is known of its items; a key of None stands for `**others`."""
    table = Table()
    for key, value in items:
        if key is None:
            table.clear()
            table.whole = False
            continue
        name = _key(_literal(key))
        table.pop(name, None)
        try:
            table[name] = value_of(value, lookup)
        except Unknown:
            table.whole = False
    return table


def _key(value: Any) -> Any:
    """Return the value, if a dict can have it as a key. Raises Unknown."""
    if isinstance(value, list | dict | set):
        raise Unknown
    return value


def _get(holder: Any, key: Any, default: Sequence[ast.expr], lookup: Lookup) -> Any:
    if not isinstance(holder, Table) or (key not in holder and not holder.whole):
        raise Unknown
    if key in holder:
        return holder[key]
    return value_of(default[0], lookup) if default else None


def _returned_value(function: Function) -> Any:
    """Return the value of a function that has no parameters and only returns at its end. Raises Unknown."""
    returns = [part for part in ast.walk(function.node) if isinstance(part, ast.Return | ast.Yield | ast.YieldFrom)]
    last = function.node.body[-1]
    if returns != [last] or not isinstance(last, ast.Return) or last.value is None:
        raise Unknown
    return value_of(last.value, local_lookup(function.node, function.lookup))


def local_lookup(function: ast.FunctionDef, outer: Lookup) -> Lookup:
    """Return a lookup of the names in a function: its constants, those outside of it, Unknown for other names of it."""
    counts, bound = bindings(function), bound_in(function)
    changed = {root(p) for p in ast.walk(function) if isinstance(p, ast.Attribute | ast.Subscript) and _is_store(p)}

    def lookup(name: str) -> Any:
        if name not in bound:
            return outer(name)
        nodes = [each for each in function.body if _makes(each, name)]
        if counts[name] != 1 or name in changed or not nodes:
            raise Unknown
        return value_made(name, nodes, lookup)

    return lookup


def _makes(node: ast.stmt, name: str) -> bool:
    """Return whether a statement assigns a name, or calls a method of it for its effect."""
    match node:
        case ast.Assign(targets=targets):
            return any(name in names_in(each) for each in targets)
        case ast.AnnAssign(target=ast.Name(id=other)):
            return other == name
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            return root(method) == name
    return False


def _is_store(node: ast.Attribute | ast.Subscript) -> bool:
    return not isinstance(node.ctx, ast.Load)


def value_made(name: str, nodes: Sequence[ast.stmt], lookup: Lookup) -> Any:
    """Return what a name stands for after the statement that binds it and those that change it. Raises Unknown."""
    first, *changes = nodes
    match first:
        case ast.Assign(targets=targets, value=value):
            made = _assigned_value(name, targets, value, lookup)
        case ast.AnnAssign(value=ast.expr() as value):
            made = value_of(value, lookup)
        case ast.ClassDef(decorator_list=[] | [ast.Name(id="dataclass")]):
            made = space_of(first, lookup)
        case ast.FunctionDef(decorator_list=[]) if not ast.unparse(first.args):
            made = Function(first, lookup)
        case _:
            raise Unknown
    for change in changes:
        if not isinstance(made, Options):
            raise Unknown
        made.add(change, lookup)
    return made


def _assigned_value(name: str, targets: Sequence[ast.expr], value: ast.expr, lookup: Lookup) -> Any:
    """Return the value that an assignment gives a name in one of its targets. Raises Unknown."""
    for target in targets:
        if name in names_in(target):
            made = _unpack(name, target, value, lookup)
            if len(targets) > 1 and isinstance(made, dict | list | set):
                raise Unknown  # another name may change it
            return made
    raise Unknown


def _unpack(name: str, target: ast.expr, value: ast.expr, lookup: Lookup) -> Any:
    if isinstance(target, ast.Name):
        return value_of(value, lookup)
    if not isinstance(target, ast.Tuple | ast.List) or any(isinstance(each, ast.Starred) for each in target.elts):
        raise Unknown
    position = next(i for i, each in enumerate(target.elts) if name in names_in(each))
    if isinstance(value, ast.Tuple | ast.List) and not any(isinstance(each, ast.Starred) for each in value.elts):
        inner = value.elts[position] if position < len(value.elts) else ast.Name("")
        return _unpack(name, target.elts[position], inner, lookup)
    if not isinstance(target.elts[position], ast.Name):
        raise Unknown
    return _item(value_of(value, lookup), position)


def _destination(call: ast.Call, keywords: dict[str | None, ast.expr]) -> str:
    """Return the attribute that an option is read by."""
    if "dest" in keywords:
        return str(_literal(keywords["dest"]))
    flags = [str(_literal(each)) for each in call.args]
    long = [flag for flag in flags if flag.startswith("--")]
    return (long or flags or [""])[0].lstrip("-").replace("-", "_")


def _default(keywords: dict[str | None, ast.expr], lookup: Lookup) -> Any:
    """Return the value of an option that is not given. Raises Unknown."""
    action = _key(value_of(keywords["action"], lookup)) if "action" in keywords else "store"
    if "required" in keywords or None in keywords:
        raise Unknown
    if "default" in keywords:
        default = value_of(keywords["default"], lookup)
        if isinstance(default, str) and "type" in keywords:
            raise Unknown
        return default
    return {"store_true": False, "store_false": True}.get(action)


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
        pairs = list(zip(ops, values, values[1:], strict=False))
        if any(_is_open(op, a, b) for op, a, b in pairs):
            raise Unknown
        return all(_COMPARISONS[type(op)](a, b) for op, a, b in pairs)
    except TypeError:
        raise Unknown from None


def _is_open(op: ast.cmpop, a: Any, b: Any) -> bool:
    """Return whether what is not known of a table or a namespace may decide a comparison."""
    if isinstance(op, ast.In | ast.NotIn) and isinstance(b, Table):
        return a not in b and not b.whole
    compares = not isinstance(op, ast.Is | ast.IsNot)
    return compares and any(isinstance(each, dict | Function) for each in (a, b))


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
