"""The definition of `unlearning` in a notebook: a function, decorated or not, a partial, an object that is called."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter

from benchmark.errors import BadSubmission
from benchmark.sandbox.child.binding import parameters_of
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.names import walk_running
from benchmark.submissions.notebook.statements import Statement

Makers = Callable[[str, int], list[int]]
"""The statements that made what a name stands for just before a statement, the last one first."""

Made = ast.FunctionDef | ast.Lambda
_VARIABLE = {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
_DEEPEST = 9  # assignments and calls that a function comes through


@dataclass(frozen=True)
class Definition:
    """The definition of `unlearning`, and its parameters."""

    function: ast.FunctionDef | None
    """Its definition as a function; None when it is made in another way, by `partial` for one."""
    parameters: list[Parameter] | None
    """Its parameters; None when the source does not tell them."""
    forwards: bool
    """True if the parameters are those of a function that the arguments are only passed on to."""


def definition_of(statement: Statement, at: int, makers: Makers, statements: list[Statement]) -> Definition:
    """Return what `unlearning` is. Raises BenchError when it is nothing that can be called as it is."""
    node = next((n for n in reversed(list(walk_running(statement.node))) if _binds(n)), None)
    return _Definitions(makers, statements).entry(node, at)


def _binds(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name="unlearning") | ast.AsyncFunctionDef(name="unlearning"):
            return True
        case ast.ClassDef(name="unlearning") | ast.Assign(targets=[ast.Name(id="unlearning")]):
            return True
    return False


def _passes_on(node: ast.AST, parameters: list[Parameter]) -> bool:
    """Return whether it calls a function with all of these parameters, a `*args` among them, in their order."""
    named = [
        p.name if p.kind not in _VARIABLE else f"*{p.name}" for p in parameters if p.kind is not Parameter.VAR_KEYWORD
    ]
    starred = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
    return starred and isinstance(node, ast.Call) and [ast.unparse(each) for each in node.args] == named


def _result(function: Made) -> ast.expr | None:
    """Return the expression that a function returns at its end."""
    if isinstance(function, ast.Lambda):
        return function.body
    returns = [part for part in function.body if isinstance(part, ast.Return)]
    return returns[-1].value if returns else None


def _returned_function(function: Made) -> Made | None:
    """Return the function that a function defines and returns."""
    result = _result(function)
    match result:
        case ast.Call(func=ast.Name(id="update_wrapper") | ast.Attribute(attr="update_wrapper"), args=[first, *_]):
            result = first
        case ast.Call(func=ast.Call(func=ast.Name(id="wraps") | ast.Attribute(attr="wraps")), args=[first]):
            result = first
    if isinstance(result, ast.Lambda):
        return result
    name = result.id if isinstance(result, ast.Name) else ""
    inner = [p for p in ast.walk(function) if isinstance(p, ast.FunctionDef) and p.name == name and p is not function]
    return inner[-1] if inner else None


class _Definitions:
    """A lookup of functions and classes by name, at a place in the notebook."""

    def __init__(self, makers: Makers, statements: list[Statement]) -> None:
        self._makers, self._statements = makers, statements
        self._forwards = False

    def entry(self, node: ast.AST | None, at: int) -> Definition:
        """Return what a definition or an assignment makes of `unlearning`. Raises BenchError."""
        if isinstance(node, ast.FunctionDef):
            parameters = self._decorated_parameters(node, at)
            function = node if parameters == parameters_of(node) else None
            return Definition(function, parameters, self._forwards)
        value = getattr(node, "value", None)
        what = "an async function" if isinstance(node, ast.AsyncFunctionDef) else ""
        if any(isinstance(each, ast.ClassDef) for each in (node, self._definition_named(value, at))):
            what = "a class"
        if isinstance(value, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | ast.JoinedStr):
            what = f"`{ast.unparse(value)[:60]}`"
        if what:
            raise BadSubmission(
                f"{ENTRY_POINT} is {what} in the notebook ({self._statements[at].place}), expected a function "
                "of the net and its loaders, or what is called like one; define one of that name"
            )
        parameters = self._parameters(value, at) if isinstance(value, ast.expr) else None
        return Definition(None, parameters, self._forwards)

    def _decorated_parameters(self, function: ast.FunctionDef, at: int) -> list[Parameter] | None:
        """Return the parameters of a function as its decorators leave it."""
        parameters = self._forwarded_parameters(function, parameters_of(function), at)
        for decorator in reversed(function.decorator_list):
            parameters = self._wrapped_parameters(decorator, parameters, at)
        return parameters

    def _wrapped_parameters(
        self, decorator: ast.expr, wrapped: list[Parameter] | None, at: int
    ) -> list[Parameter] | None:
        """Return the parameters of a decorated function; None where the decorator calls it in a way of its own."""
        owner = self._definition_named(decorator, at)
        if isinstance(owner, ast.ClassDef):
            inner = self._method(owner, "__call__")
            return self._through(inner, wrapped) if inner else None
        made = self._function_made(decorator, at)
        inner = _returned_function(made) if made else None
        if made is None or inner is None:
            return wrapped  # one of a library, or one that returns the function
        return self._through(inner, wrapped)

    def _through(self, inner: Made, wrapped: list[Parameter] | None) -> list[Parameter] | None:
        """Return the parameters of a function that a decorator puts around another."""
        if isinstance(inner, ast.FunctionDef) and any("wraps" in ast.unparse(each) for each in inner.decorator_list):
            return wrapped
        own = parameters_of(inner)
        if not any(p.kind is Parameter.VAR_POSITIONAL for p in own):
            return own
        self._forwards = True
        return wrapped if any(_passes_on(p, own) for p in ast.walk(inner)) else None

    def _forwarded_parameters(self, function: Made, own: list[Parameter], at: int) -> list[Parameter] | None:
        """Return the parameters of the function that `def f(*args): return g(*args)` calls, else its own."""
        for part in ast.walk(function):
            if isinstance(part, ast.Call) and _passes_on(part, own):
                made = self._definition_named(part.func, at)
                if isinstance(made, ast.FunctionDef) and made is not function:
                    self._forwards = True
                    return self._decorated_parameters(made, at)
        return own

    def _definition_named(self, node: ast.AST | None, at: int) -> ast.stmt | None:
        """Return the definition that a name stands for."""
        if not isinstance(node, ast.Name):
            return None
        makers = self._makers(node.id, at)
        return self._statements[makers[0]].node if makers else None

    def _function_made(self, node: ast.expr, at: int, depth: int = 0) -> Made | None:
        """Return the function that an expression stands for, such as what `make(0.1)` returns."""
        if depth > _DEEPEST or isinstance(node, ast.Lambda):
            return node if isinstance(node, ast.Lambda) else None
        match node, self._definition_named(node, at):
            case ast.Name(), ast.FunctionDef() as function:
                return function
            case ast.Name(), ast.Assign(targets=[ast.Name()], value=value):
                return self._function_made(value, min(self._makers(node.id, at)), depth + 1)
            case ast.Call(func=func), _:
                owner, maker = self._definition_named(func, at), self._function_made(func, at, depth + 1)
                return (
                    self._method(owner, "__call__")
                    if isinstance(owner, ast.ClassDef)
                    else maker and _returned_function(maker)
                )
            case ast.Attribute(value=ast.Call(func=ast.Name() as owner) | (ast.Name() as owner), attr=attribute), _:
                made = self._definition_named(owner, at)
                if isinstance(made, ast.Assign) and isinstance(made.value, ast.Call):
                    made = self._definition_named(made.value.func, at)
                return self._method(made, attribute)
        return None

    def _parameters(self, value: ast.expr, at: int) -> list[Parameter] | None:
        """Return the parameters of what an expression makes; None when the source does not tell."""
        match value, self._definition_named(value, at):
            case ast.Name(), ast.FunctionDef() as function:
                return self._decorated_parameters(function, min(self._makers(value.id, at)))
            case ast.Name(), ast.Assign(targets=[ast.Name()], value=inner):
                return self._parameters(inner, min(self._makers(value.id, at)))
        match value:
            case ast.Call(func=ast.Name(id="partial") | ast.Attribute(attr="partial"), args=[inner, *given]):
                return self._partial(self._parameters(inner, at), value, len(given))
            case ast.Call(func=func, args=[inner]) if (wrapped := self._parameters(inner, at)) is not None:
                return self._wrapped_parameters(func, wrapped, at)
        made = self._function_made(value, at)
        return self._forwarded_parameters(made, parameters_of(made), at) if made else None

    def _partial(self, parameters: list[Parameter] | None, call: ast.Call, given: int) -> list[Parameter] | None:
        if parameters is None:
            return None
        values = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        left = [p for p in parameters[given:] if p.kind is not Parameter.VAR_POSITIONAL]
        by_name, found = False, []
        for p in left:
            by_name |= p.name in values
            kind = Parameter.KEYWORD_ONLY if by_name and p.kind is Parameter.POSITIONAL_OR_KEYWORD else p.kind
            found.append(p.replace(kind=kind, default=values.get(p.name, p.default)))
        return found

    def _method(self, owner: ast.stmt | None, name: str) -> Made | None:
        """Return a method as a function without `self`."""
        if not isinstance(owner, ast.ClassDef):
            return None
        method = next((p for p in owner.body if isinstance(p, ast.FunctionDef) and p.name == name), None)
        if method is None or any(ast.unparse(each) == "staticmethod" for each in method.decorator_list):
            return method
        return _without_first(method)


def _without_first(method: ast.FunctionDef) -> ast.FunctionDef:
    given = method.args
    positional = ast.arguments(
        given.posonlyargs[1:],
        given.args if given.posonlyargs else given.args[1:],
        given.vararg,
        given.kwonlyargs,
        given.kw_defaults,
        given.kwarg,
        given.defaults,
    )
    return ast.FunctionDef(method.name, positional, method.body, method.decorator_list, method.returns)
