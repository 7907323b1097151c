"""The parameters behind an `unlearning` that only passes its arguments on, as decorators and `def f(*args)` do.

Seen in the source of what is called, which is looked at and never run. Where that does not tell, a `*args` stays one.
"""

import ast
import builtins
import contextlib
import inspect
import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from inspect import Parameter, Signature
from types import CodeType, FunctionType
from typing import Any

from benchmark.sandbox.child.binding import says_role

_Slot = str | int
"""An argument of the outer function: a parameter's name, or its place in `*args`."""

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
_Definition = ast.FunctionDef | ast.Lambda


def parameters_reached(
    function: Any, given: Sequence[Any] = (), named: Mapping[str, Any] | None = None, path: tuple[Any, ...] = ()
) -> list[Parameter]:
    """Return the parameters of `function`, in the place of a `*args` or `**kwargs` those that these are passed on to.

    `given` and `named` are arguments that are known, `path` the functions that pass theirs on to this one. Raises
    ValueError or TypeError for what has no signature.
    """
    function = inspect.unwrap(function, stop=lambda each: hasattr(each, "__signature__"))
    if inspect.ismethod(function):
        function = partial(function.__func__, function.__self__)
    if isinstance(function, partial):
        inner = parameters_reached(function.func, function.args, function.keywords, path)
        return _parameters(partial(_stub(inner), *function.args, **function.keywords))
    own = _parameters(function)
    if inspect.isclass(function) or not any(p.kind in _VARIABLE for p in own):
        return own
    if isinstance(function, FunctionType):
        step = function, tuple(map(id, given))
        return own if step in path else _follow(function, own, given, named or {}, (*path, step))
    called = getattr(function, "__call__", None)  # noqa: B004
    return parameters_reached(called, given, named, path) if inspect.ismethod(called) else own


def _follow(
    function: FunctionType, own: list[Parameter], given: Sequence[Any], named: Mapping[str, Any], path: tuple[Any, ...]
) -> list[Parameter]:
    """Return the parameters reached through a plain function with a `*args` or `**kwargs` of its own."""
    positional = [p.name for p in own if p.kind in _POSITIONAL]
    known = {**dict(zip(positional, given, strict=False)), **named}
    known = {name: value for name, value in known.items() if value is not _UNKNOWN}
    definition = _definition(function.__code__)
    seen = _Unseen(function, known) if definition is None else _Seen(function, definition, known)
    reached: list[list[Parameter]] = []
    for each in seen.calls(own):
        with contextlib.suppress(ValueError, TypeError):
            inner = parameters_reached(each.function, each.given, each.named, path)
            reached.append(_replace_passed(own, inner, each, known))
    asked = [[(p.name, p.kind) for p in each if p.default is Parameter.empty] for each in reached]
    if reached and all(each == asked[0] for each in asked):
        return reached[0]
    return (_unpack_parameters(definition, own) if definition else None) or own


@dataclass(frozen=True)
class _Passed:
    """A call that passes arguments on."""

    function: Any
    given: tuple[Any, ...]
    """The values of its positional arguments, as far as they are known."""
    named: dict[str, Any]
    positions: list[_Slot | None]
    """Which outer argument each positional argument is, until the star."""
    keywords: dict[str, _Slot | None]
    rest: int | None
    """Where in the outer `*args` the star begins; None where there is no star."""
    names: bool
    """Whether the outer `**kwargs` are passed on."""


_UNKNOWN = object()


@dataclass(frozen=True)
class _Seen:
    """A function whose source is at hand."""

    function: Any
    definition: _Definition
    known: dict[str, Any]

    def calls(self, own: list[Parameter]) -> list[_Passed]:
        """Return the calls that pass `*args` or `**kwargs` on; those whose result is returned, if there are any."""
        returned = [node for node in ast.walk(self.definition) if isinstance(node, ast.Return)]
        roots = returned or ([self.definition.body] if isinstance(self.definition, ast.Lambda) else [])
        return self._calls_in(roots, own) or self._calls_in([self.definition], own)

    def _calls_in(self, roots: list[Any], own: list[Parameter]) -> list[_Passed]:
        calls = [node for root in roots for node in ast.walk(root) if isinstance(node, ast.Call)]
        return [passed for call in calls if (passed := self._passed_by(call, own))]

    def _passed_by(self, call: ast.Call, own: list[Parameter]) -> _Passed | None:
        if _is_changed(self.definition, _name(own, Parameter.VAR_POSITIONAL)):
            return None
        stars = [i for i, each in enumerate(call.args) if isinstance(each, ast.Starred)]
        before = call.args[: stars[0]] if stars else call.args
        star = call.args[stars[0]] if stars else None
        rest = _begin(star.value, _name(own, Parameter.VAR_POSITIONAL)) if isinstance(star, ast.Starred) else None
        if stars and (rest is None or len(before) + 1 < len(call.args)):
            return None
        slots = [_slot(each, own) for each in before]
        keywords = {each.arg: _slot(each.value, own) for each in call.keywords if each.arg}
        held = _name(own, Parameter.VAR_KEYWORD)
        names = any(each.arg is None and _begin(each.value, held) == 0 for each in call.keywords)
        if rest is None and not names and sum(isinstance(slot, int) for slot in (*slots, *keywords.values())) < 2:
            return None
        function = self.value(call.func)
        module = getattr(function, "__module__", None)
        if function is _UNKNOWN or not callable(function) or module in ("builtins", "logging"):
            return None
        values = {each.arg: self.value(each.value) for each in call.keywords if each.arg}
        return _Passed(function, tuple(map(self.value, before)), values, slots, keywords, rest, names)

    def value(self, node: ast.AST, left: int = 5) -> Any:
        """Return what an expression stands for, without a call of anything but `partial`; else _UNKNOWN."""
        with contextlib.suppress(Exception):  # whatever an attribute or a mapping of the submission's raises
            match node if left else None:
                case ast.Constant(value=value):
                    return value
                case ast.Name(id=name):
                    return self._value_of(name, left)
                case ast.Attribute(value=inner, attr=name) if (held := self.value(inner, left)) is not _UNKNOWN:
                    return getattr(held, name)
                case ast.Subscript(value=inner, slice=key) if (held := self.value(inner, left)) is not _UNKNOWN:
                    return held[self.value(key, left)]
                case ast.Call(maker, arguments, keywords) if self.value(maker, left) is partial:
                    inner, *given = (self.value(each, left) for each in arguments)
                    named = {str(each.arg): self.value(each.value, left) for each in keywords}
                    return _UNKNOWN if inner is _UNKNOWN else partial(inner, *given, **named)
        return _UNKNOWN

    def _value_of(self, name: str, left: int) -> Any:
        assigned = [
            node.value
            for node in ast.walk(self.definition)
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
        ]
        if assigned:
            return self.value(assigned[0], left - 1) if len(assigned) == 1 else _UNKNOWN
        if name in self.known:
            return self.known[name]
        if name in self.function.__code__.co_varnames:
            default = inspect.signature(self.function).parameters.get(name)
            return _UNKNOWN if default is None or default.default is Parameter.empty else default.default
        return {**vars(builtins), **self.function.__globals__, **_closure(self.function)}[name]


@dataclass(frozen=True)
class _Unseen:
    """A function whose source is nowhere, as of what `exec` makes."""

    function: Any
    known: dict[str, Any]

    def calls(self, own: list[Parameter]) -> list[_Passed]:
        """Return calls of the functions that it holds, else of those it names, as if they passed all arguments on."""
        objects = [value for value in self.known.values() if not inspect.isclass(value)]
        held = list(_closure(self.function).values())
        held += [each for value in objects for each in getattr(value, "__dict__", {}).values()]
        used = [self.function.__globals__.get(name) for name in self.function.__code__.co_names]
        functions = [each for each in held if _is_function(each)] or [each for each in used if _is_function(each)]
        slots: list[_Slot | None] = [p.name for p in own if p.kind in _POSITIONAL and p.name not in self.known]
        kinds = {p.kind for p in own}
        rest = 0 if Parameter.VAR_POSITIONAL in kinds else None
        return [_Passed(each, (), {}, slots, {}, rest, Parameter.VAR_KEYWORD in kinds) for each in functions]


def _replace_passed(
    own: list[Parameter], inner: list[Parameter], passed: _Passed, known: Mapping[str, Any]
) -> list[Parameter]:
    """Return the outer function's parameters, with the inner one's where they are passed. Raises ValueError."""
    positional = [p for p in inner if p.kind in _POSITIONAL]
    slots = {slot: p for slot, p in zip(passed.positions, positional, strict=False) if slot is not None}
    slots |= {slot: p for p in inner if (slot := passed.keywords.get(p.name)) is not None}
    first = [p if p.name in known else _rename(p, slots.get(p.name)) for p in own if p.kind in _POSITIONAL]
    numbered = [slots[place] for place in sorted(slot for slot in slots if isinstance(slot, int))]
    if passed.rest not in (None, len(numbered)) or any(place not in slots for place in range(len(numbered))):
        raise ValueError("some of the arguments are passed twice or not at all")
    if numbered or passed.rest is not None or any(p not in own for p in first):
        first = [p.replace(kind=Parameter.POSITIONAL_ONLY) for p in [*first, *numbered]]
    rest = _rest([p for p in inner if p not in positional[: len(passed.positions)]], passed)
    result = [*first, *rest, *(p for p in own if p.kind is Parameter.KEYWORD_ONLY)]
    return list(Signature(sorted(result, key=lambda p: p.kind)).parameters.values())


def _rename(own: Parameter, inner: Parameter | None) -> Parameter:
    """Return the outer function's parameter under the inner one's name, unless only its own says what it is given."""
    if inner is None or (says_role(own.name) and not says_role(inner.name)):
        return own
    return own.replace(name=inner.name)


def _rest(inner: list[Parameter], passed: _Passed) -> list[Parameter]:
    """Return the inner function's parameters that the outer `*args` and `**kwargs` get to."""
    found: list[Parameter] = []
    starred = passed.rest is not None
    for parameter in inner:
        is_starred = starred and parameter.kind in (*_POSITIONAL, Parameter.VAR_POSITIONAL)
        if parameter.name in passed.keywords:
            starred = starred and not is_starred  # what stands behind it cannot be reached by position
        elif is_starred and parameter.kind is Parameter.POSITIONAL_OR_KEYWORD and not passed.names:
            found.append(parameter.replace(kind=Parameter.POSITIONAL_ONLY))
        elif is_starred or (passed.names and parameter.kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD)):
            found.append(parameter)
        elif passed.names and parameter.kind is Parameter.POSITIONAL_OR_KEYWORD:
            found.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))
    return found


def _unpack_parameters(definition: _Definition, own: list[Parameter]) -> list[Parameter] | None:
    """Return the parameters by the names that the function itself gives to parts of its `*args` and `**kwargs`."""
    places = dict(_places(definition, _name(own, Parameter.VAR_POSITIONAL)))
    keys = sorted(set(_keys(definition, _name(own, Parameter.VAR_KEYWORD))) - {p.name for p in own})
    result = [p for p in own if p.kind in _POSITIONAL]
    if places and sorted(places) == list(range(len(places))):
        result = [p.replace(kind=Parameter.POSITIONAL_ONLY) for p in result]
        result += [Parameter(places[place], Parameter.POSITIONAL_ONLY) for place in sorted(places)]
    else:
        result += [p for p in own if p.kind is Parameter.VAR_POSITIONAL]
    result += [p for p in own if p.kind is Parameter.KEYWORD_ONLY]
    result += [Parameter(key, Parameter.KEYWORD_ONLY) for key in keys if says_role(key)]
    result += [p for p in own if p.kind is Parameter.VAR_KEYWORD and not any(map(says_role, keys))]
    with contextlib.suppress(ValueError):
        return list(Signature(result).parameters.values())
    return None


def _places(definition: _Definition, star: str | None) -> Iterator[tuple[int, str]]:
    """Yield the place in `*args` and the name of what `a, b = args` and `a = args[0]` name."""
    for node in ast.walk(definition):
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets) | ast.List(elts=targets)], value=value):
                begin = _begin(value, star)
                for i, target in enumerate(targets):
                    if begin is not None and isinstance(target, ast.Name):
                        yield begin + i, target.id
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript(ast.Name(id=held), ast.Constant(int(i)))):
                if held == star:
                    yield i, name


def _keys(definition: _Definition, names: str | None) -> Iterator[str]:
    """Yield what is looked up in `**kwargs`."""
    for node in ast.walk(definition):
        match node:
            case ast.Subscript(ast.Name(id=held), ast.Constant(str(key))) if held == names:
                yield key
            case ast.Call(ast.Attribute(ast.Name(id=held), "get" | "pop"), [ast.Constant(str(key)), *_]):
                if held == names:
                    yield key


def _slot(node: ast.expr, own: list[Parameter]) -> _Slot | None:
    """Return the outer argument that an expression is, as it stands: a name, a place in `*args`, or None."""
    match node:
        case ast.Name(id=name):
            return name if any(p.name == name and p.kind not in _VARIABLE for p in own) else None
        case ast.Subscript(ast.Name(id=name), ast.Constant(int(place))) if place >= 0:
            return place if name == _name(own, Parameter.VAR_POSITIONAL) else None
    return None


def _begin(node: ast.AST, star: str | None) -> int | None:
    """Return the place where `args` (0) or `args[1:]` (1) begins; None for anything else."""
    match node:
        case ast.Name(id=name) if name == star:
            return 0
        case ast.Subscript(ast.Name(id=name), ast.Slice(None | ast.Constant() as lower, _, None)) if name == star:
            begin = lower.value if lower else 0
            return begin if isinstance(begin, int) else None
    return None


def _is_changed(definition: _Definition, star: str | None) -> bool:
    """Tell whether `args` may be changed before it is passed on; `args = list(args)` alone does not count."""
    nodes = list(ast.walk(definition))
    bound = [node for node in nodes if isinstance(node, ast.Name) and node.id == star and _is_stored(node)]
    copied = [node for node in nodes if isinstance(node, ast.Assign) and _is_copied(node, star)]
    parts = [
        node for node in nodes if isinstance(node, ast.Attribute | ast.Subscript) and _begin(node.value, star) == 0
    ]
    return len(bound) > len(copied) or any(isinstance(node, ast.Attribute) or _is_stored(node) for node in parts)


def _is_stored(node: ast.Name | ast.Attribute | ast.Subscript) -> bool:
    return not isinstance(node.ctx, ast.Load)


def _is_copied(node: ast.Assign, star: str | None) -> bool:
    return star is not None and ast.unparse(node) in (f"{star} = {kind}({star})" for kind in ("list", "tuple"))


def _name(own: list[Parameter], kind: Any) -> str | None:
    return next((p.name for p in own if p.kind is kind), None)


def _definition(code: CodeType) -> _Definition | None:
    """Return the part of the source that a function was made from, if there is any."""
    linecache.checkcache(code.co_filename)
    lines = "".join(linecache.getlines(code.co_filename))
    alike = [node for node in _functions(lines) if _is_at(node, code)] if lines else []
    if len(alike) > 1:  # lambdas on one line
        spans = set(code.co_positions())
        alike = [node for node in alike if isinstance(node, ast.Lambda) and _span(node.body) in spans]
    return alike[0] if len(alike) == 1 else None


@cache
def _functions(source: str) -> list[_Definition]:
    try:
        return [node for node in ast.walk(ast.parse(source)) if isinstance(node, _Definition)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _is_at(node: _Definition, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return node.name == code.co_name and first == code.co_firstlineno


def _span(node: ast.expr) -> tuple[int | None, ...]:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _closure(function: FunctionType) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        with contextlib.suppress(ValueError):  # an empty cell
            values[name] = cell.cell_contents
    return values


def _is_function(value: object) -> bool:
    method = getattr(value, "__call__", None)  # noqa: B004
    return isinstance(value, partial | FunctionType) or inspect.ismethod(value) or inspect.ismethod(method)


def _parameters(function: Callable[..., Any]) -> list[Parameter]:
    return list(inspect.signature(function).parameters.values())


def _stub(parameters: list[Parameter]) -> Callable[..., Any]:
    def stub() -> None:
        """Stand for a function of these parameters."""

    vars(stub)["__signature__"] = Signature(parameters)
    return stub
