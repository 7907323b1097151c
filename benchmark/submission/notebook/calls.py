"""How a notebook calls `unlearning`: with which values beside the net and the loaders, and in which order."""

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import Parameter

from benchmark.errors import BenchError
from benchmark.submission.binding import DEFAULT, EXTRAS, PLAIN, Binding, bind, parameters_of
from benchmark.submission.contract import ENTRY_POINT
from benchmark.submission.notebook.names import names_in, root, running
from benchmark.submission.notebook.statements import Statement

TEMPLATE = {
    "retain_loader": "retain",
    "forget_loader": "forget",
    "validation_loader": "validation",
    "val_loader": "validation",
}
"""The competition's own names for a run's loaders."""

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_DEEPEST = 9  # calls and assignments that a value comes through

Makers = Callable[[str, int], list[int]]


@dataclass(frozen=True)
class Call:
    """A call of `unlearning`."""

    node: ast.Call
    place: str
    scope: ast.AST
    """The function that calls, or the statement at the top level."""
    statements: list[Statement]

    @property
    def at_top(self) -> bool:
        """Whether it is no function that calls, so that its arguments' names are global."""
        return not isinstance(self.scope, Function)

    def resolve(self, value: ast.expr, run: dict[str, str] | None = None) -> ast.expr | None:
        """Return an argument as an expression of top-level names; None where it can be another one in every run.

        `run`: the names that the call gives as the net and the loaders, and which of PLAIN each is.
        """
        return _resolved(value, self.scope, [], self.statements, run or {})

    def run_names(self, parameters: list[Parameter], binding: Binding) -> dict[str, str]:
        """Return the names that stand for the run's net and loaders at the call, and which of PLAIN each is."""
        found: dict[str, str] = {}
        local = _local_values(self.scope)
        for parameter, argument in arguments_of(parameters, self.node):
            bound, value = binding.bound[parameter.name], argument
            while bound in PLAIN and isinstance(value, ast.Name) and value.id not in found:
                found[value.id] = str(bound)
                inner = local.get(value.id)
                value = inner if isinstance(inner, ast.expr) else value
        return found


@dataclass
class Entry:
    """What `unlearning` is: its definition, its parameters, and what they are given."""

    function: Function | None
    """Its definition as a function; None when it is made in another way, by `partial` for one."""
    parameters: list[Parameter] | None
    """None when the source does not tell them."""
    binding: Binding | None = None
    defaults: dict[str, ast.expr] = field(default_factory=dict)
    """Values at the call that are written as defaults."""
    passed: dict[str, ast.expr] = field(default_factory=dict)
    """Values at the call that have to be passed by name."""
    reordered: bool = False
    """Whether only the call says which loader is which."""
    notes: list[str] = field(default_factory=list)
    forwards: bool = False
    """Whether the parameters are those of a function that the arguments are only passed on to."""
    _run: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The top-level names that the values need."""
        return set[str]().union(*(names_in(value) for value in (*self.defaults.values(), *self.passed.values())))

    @property
    def constants(self) -> dict[str, ast.expr]:
        """What the parameters are given that are neither the net nor a loader nor an offer of the harness."""
        if self.function is None or self.binding is None:
            return {}
        values = {p.name: p.default for p in self.parameters or () if isinstance(p.default, ast.expr)}
        values |= {**self.defaults, **self.passed}
        return {name: value for name, value in values.items() if self.binding.bound.get(name) == DEFAULT}

    def take_values(self, call: Call | None, file: str) -> None:
        """Keep what the call gives to parameters that are neither the net nor a loader, and bind the others.

        Raises BenchError when nobody can tell what a parameter is to be given.
        """
        if self.parameters is None:
            shown = f"; look at what {ast.unparse(call.node)} gives it ({call.place})" if call else ""
            self.notes.append(
                f"the source does not tell {ENTRY_POINT}'s parameters, so the harness binds them when it runs{shown}"
            )
            return
        values = _values(self.parameters, call) if call else {}
        changed = [p.replace(default=values.get(p.name, p.default)) for p in self.parameters]
        try:
            self.binding = bind(_in_order(changed))
        except ValueError as error:
            self.binding = self._as_called(changed, call)
            if self.binding is None:
                raise BenchError(f"{file}: {error}") from None
        self._take_order(call)
        self._run = call.run_names(self.parameters, self.binding) if call else {}
        for parameter in self.parameters:
            if call and parameter.name in values and self.binding.bound[parameter.name] == DEFAULT:
                value = self._resolved(parameter, values[parameter.name], call, file)
                self.passed |= {} if value is None else {parameter.name: value}
        self.passed |= _further_keywords(self.parameters, call, self._run) if call else {}
        if self.passed and call:
            shown = ", ".join(f"{name}={ast.unparse(value)}" for name, value in self.passed.items())
            self.notes.append(f"kept as the notebook calls {ENTRY_POINT} ({call.place}): {shown}")
        self.reordered |= self.forwards and self.binding.note is not None
        if self.binding.note:
            self.notes.append(self.binding.note)
        if call:
            self.notes += _contradictions(self.parameters, self.binding, call)

    def _as_called(self, parameters: list[Parameter], call: Call | None) -> Binding | None:
        """Bind by the names that the net and the loaders have at the call, None where they do not tell."""
        told = _told(parameters, call) if call else {}
        if call is None or len({*told.values()}) < len(told):
            return None
        called = [p.replace(name=f"{told[p.name]}_" if p.name in told else p.name) for p in parameters]
        try:
            bound = bind(_in_order(called)).bound
        except ValueError:
            return None
        self.reordered = True
        found = {p.name: bound[c.name] for p, c in zip(parameters, called, strict=True)}
        shown = ", ".join(f"{name}={_shown(role)}" for name, role in told.items())
        self.notes.append(f"{ENTRY_POINT} is called as in the notebook ({call.place}), with {shown}")
        return Binding(found, None)

    def _take_order(self, call: Call | None) -> None:
        """Bind the loaders by the names that they have at the call, where those of the parameters say nothing."""
        assert self.binding is not None
        if call is None or any(role_of(p.name) in PLAIN[1:] for p in self.parameters or ()):
            return
        told = {name: role for name, role in _told(self.parameters or [], call).items() if role in PLAIN[1:]}
        loaders = {name: role for name, role in self.binding.bound.items() if role in PLAIN[1:]}
        if told.keys() == loaders.keys() and told != loaders and len({*told.values()}) == len(told):
            self.binding = Binding({**self.binding.bound, **told}, None)
            self.reordered = True
            shown = ", ".join(f"{name}={_shown(role)}" for name, role in told.items())
            self.notes.append(f"{ENTRY_POINT} is called as in the notebook ({call.place}), with {shown}")

    def write_defaults(self, is_constant: Callable[[str], bool]) -> None:
        """Make defaults of the values, where the order of the parameters allows it.

        `is_constant` says whether a name is bound before the definition and stays what it is until the call.
        """
        valued = [p.replace(default=self.passed.get(p.name, p.default)) for p in self.parameters or ()]
        constant = all(map(is_constant, self.names))
        known = self.passed.keys() <= {p.name for p in valued}
        if isinstance(self.function, ast.FunctionDef) and valued == _in_order(valued) and constant and known:
            self.defaults, self.passed = self.passed, {}

    def _resolved(self, parameter: Parameter, value: ast.expr, call: Call, file: str) -> ast.expr | None:
        resolved = call.resolve(value, self._run)
        if resolved is not None and parameter.default is not Parameter.empty:
            same = isinstance(parameter.default, ast.AST) and ast.unparse(parameter.default) == ast.unparse(resolved)
            return None if same else resolved
        if resolved is None and parameter.default is Parameter.empty:
            raise BenchError(
                f"{file}: {ENTRY_POINT}'s parameter {parameter.name} is given {ast.unparse(value)} by its call "
                f"({call.place}), which may be another value in every run; give the parameter a default"
            )
        if resolved is None:
            self.notes.append(
                f"{ENTRY_POINT}'s parameter {parameter.name} keeps its default: {ast.unparse(value)}, which the "
                f"notebook's call gives it ({call.place}), may be another value in every run"
            )
        return resolved

    def given(self, call: Call | None) -> dict[str, str]:
        """Return the global names that a run's net and loaders go by when `unlearning` is called."""
        found: dict[str, str] = {}
        if call and self.parameters is not None and self.binding:
            for parameter, argument in arguments_of(self.parameters, call.node):
                bound, known = self.binding.bound[parameter.name], argument if call.at_top else call.resolve(argument)
                if isinstance(known, ast.Name) and bound in PLAIN:
                    found.setdefault(known.id, str(bound))
        return found | {_global_of(role): role for role in PLAIN} | TEMPLATE


def _shown(role: str) -> str:
    return "the net" if role == "net" else f"the {role} loader"


def _values(parameters: list[Parameter], call: Call) -> dict[str, ast.expr]:
    """The arguments that are neither the net nor a loader, by parameter."""
    telling = any(role_of(p.name) in PLAIN[1:] for p in parameters)
    named = any(isinstance(argument, ast.Name) for argument in call.node.args)
    found = {}
    for parameter, argument in arguments_of(parameters, call.node):
        position = parameters.index(parameter)
        if position == 0 or role_of(parameter.name) or parameter.name in EXTRAS:
            continue
        says = isinstance(argument, ast.Name) and role_of(argument.id)
        literal = named and (not names_in(argument) or _is_literal(call.resolve(argument), call.statements))
        further = position >= len(PLAIN) or parameter.default is not Parameter.empty
        if not says and (telling or literal or further):
            found[parameter.name] = argument
    return found


def _is_literal(value: ast.expr | None, statements: list[Statement]) -> bool:
    """Whether it is written out, there or in the last assignment to its name."""
    if isinstance(value, ast.Name):
        made = [s.node for s in statements if value.id in s.binds][-1:]
        value = made[0].value if made and isinstance(made[0], ast.Assign) and len(made[0].targets) == 1 else None
    return isinstance(value, ast.expr) and not any(isinstance(p, ast.Name | ast.Call) for p in ast.walk(value))


def _further_keywords(parameters: list[Parameter], call: Call, run: dict[str, str]) -> dict[str, ast.expr]:
    """The arguments that only `**kwargs` takes, but for the net and the loaders."""
    names = {p.name for p in parameters}
    if not any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
        return {}
    further = {k.arg: call.resolve(k.value, run) for k in call.node.keywords if k.arg and k.arg not in names}
    return {name: value for name, value in further.items() if value is not None and not role_of(name)}


def arguments_of(parameters: Sequence[Parameter], node: ast.Call) -> Iterator[tuple[Parameter, ast.expr]]:
    """Return each parameter that a call gives something by position or name, with what it gives."""
    positional = [p for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    for parameter, argument in zip(positional, node.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        yield parameter, argument
    by_name = {p.name: p for p in parameters if p.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)}
    for keyword in node.keywords:
        if keyword.arg in by_name:
            yield by_name[keyword.arg], keyword.value


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


def _contradictions(parameters: list[Parameter], binding: Binding, call: Call) -> Iterator[str]:
    """Arguments whose names say another loader than the parameter is given here."""
    told = {name: role for name, role in _told(parameters, call).items() if role in PLAIN[1:]}
    if len({*told.values()}) < len(told):
        return  # a trial on one loader, as in the starting kit
    for name, says in told.items():
        bound = binding.bound[name]
        if bound in PLAIN[1:] and says != bound:
            yield (
                f"{ENTRY_POINT}'s parameter {name} is given the {bound} loader here, but the {says} loader by the "
                f"notebook ({call.place}); look at it"
            )


def _told(parameters: list[Parameter], call: Call) -> dict[str, str]:
    """What the names of a call's arguments say, by parameter."""
    names = {p.name: a.id for p, a in arguments_of(parameters, call.node) if isinstance(a, ast.Name)}
    return {parameter: role for parameter, name in names.items() if (role := role_of(name))}


def _in_order(parameters: list[Parameter]) -> list[Parameter]:
    """Those with a default behind those without, as Python has it, each kind by itself."""
    return sorted(parameters, key=lambda p: (p.kind, p.default is not Parameter.empty))


def call_of(statements: list[Statement], start: int, end: int) -> Call | None:
    """Return the last call of `unlearning`; None where the notebook never calls it."""
    functions = [
        p for s in statements for p in ast.walk(s.node) if isinstance(p, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for s in reversed(statements[start + 1 : end + 1]):
        for part in running(s.node):
            if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT:
                return Call(part, s.place, s.node, statements)
    for s in reversed(statements[:end]):
        for function in (p for p in ast.walk(s.node) if p in functions):
            for part in ast.walk(function):
                if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT:
                    return Call(part, s.place, function, statements)
    return None


def _global_of(role: str) -> str:
    """The global name of a run's net or loader that only has a local one where the notebook calls `unlearning`."""
    return f"_run_{role}"


def _resolved(
    value: ast.expr, scope: ast.AST, through: list[ast.AST], statements: list[Statement], run: dict[str, str]
) -> ast.expr | None:
    """An expression in a function, or in a statement at the top level, as one of top-level names.

    The names in `run` are the run's net and loaders, whatever the notebook made them of.
    """
    local = _local_values(scope)
    replaced: dict[str, ast.expr] = {}
    for name in names_in(value) & local.keys():
        inner = local[name]
        if name in run:
            inner = ast.Name(_global_of(run[name]))
        elif isinstance(inner, ast.arg) and isinstance(scope, Function):
            inner = _argument(scope, name, [*through, scope], statements, run)
        elif isinstance(inner, ast.expr):
            again = name in names_in(inner) or len(through) > _DEEPEST
            inner = None if again else _resolved(inner, scope, [*through, inner], statements, run)
        if not isinstance(inner, ast.expr):
            return None
        replaced[name] = inner
    return _Replacer(replaced).visit(ast.parse(ast.unparse(value), mode="eval").body)


class _Replacer(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._values.get(node.id, node)


def _local_values(scope: ast.AST) -> dict[str, ast.expr | ast.arg | None]:
    """The names that a function or a statement binds, with the one plain assignment to each; None where it differs.

    A parameter that is never assigned stands for itself.
    """
    found: dict[str, ast.expr | ast.arg | None] = {}
    if isinstance(scope, Function):
        found |= {part.arg: part for part in ast.walk(scope.args) if isinstance(part, ast.arg)}
    plain = {id(a.targets[0]): a.value for a in ast.walk(scope) if isinstance(a, ast.Assign) and len(a.targets) == 1}
    for part in ast.walk(scope):
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load):
            again = part.id in found and not isinstance(found[part.id], ast.arg)
            found[part.id] = None if again else plain.get(id(part))
    return found


def _argument(
    function: Function, name: str, through: list[ast.AST], statements: list[Statement], run: dict[str, str]
) -> ast.expr | None:
    """What a function's parameter is given by the last call of it, or its default."""
    called = getattr(function, "name", "")
    if len(through) > _DEEPEST:
        return None
    for s in reversed(statements):
        for scope in [s.node, *(p for p in ast.walk(s.node) if isinstance(p, Function) and p is not function)]:
            for part in ast.walk(scope) if isinstance(scope, Function) else running(scope):
                if isinstance(part, ast.Call) and root(part.func) == called and part.func is not None:
                    given = {p.name: argument for p, argument in arguments_of(parameters_of(function), part)}
                    if name in given:
                        outer = {a.id: run[p] for p, a in given.items() if p in run and isinstance(a, ast.Name)}
                        return _resolved(given[name], scope, through, statements, outer)
    default = next(p.default for p in parameters_of(function) if p.name == name)
    return default if isinstance(default, ast.expr) else None


def entry_of(statement: Statement, at: int, makers: Makers, statements: list[Statement]) -> Entry:
    """Return what `unlearning` is. Raises BenchError when it is nothing that can be called as it is."""
    node = next((n for n in reversed(list(running(statement.node))) if _binds(n)), None)
    return _Definitions(makers, statements).entry(node, at)


def _binds(node: ast.AST) -> bool:
    match node:
        case ast.FunctionDef(name="unlearning") | ast.AsyncFunctionDef(name="unlearning"):
            return True
        case ast.ClassDef(name="unlearning") | ast.Assign(targets=[ast.Name(id="unlearning")]):
            return True
    return False


_VARIABLE = {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}


def _passes_on(node: ast.AST, parameters: list[Parameter]) -> bool:
    """Whether it calls a function with all of these parameters, a `*args` among them, in their order."""
    named = [
        p.name if p.kind not in _VARIABLE else f"*{p.name}" for p in parameters if p.kind is not Parameter.VAR_KEYWORD
    ]
    starred = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
    return starred and isinstance(node, ast.Call) and [ast.unparse(each) for each in node.args] == named


class _Definitions:
    """Looks functions and classes up by name, at a place in the notebook."""

    def __init__(self, makers: Makers, statements: list[Statement]) -> None:
        self._makers, self._statements = makers, statements
        self._forwards = False

    def entry(self, node: ast.AST | None, at: int) -> Entry:
        """Return what a definition or an assignment makes of `unlearning`. Raises BenchError."""
        if isinstance(node, ast.FunctionDef):
            parameters = self._decorated(node, at)
            function = node if parameters == parameters_of(node) else None
            return Entry(function, parameters, forwards=self._forwards)
        value = getattr(node, "value", None)
        what = "an async function" if isinstance(node, ast.AsyncFunctionDef) else ""
        what = "a class" if isinstance(node, ast.ClassDef) or isinstance(self._named(value, at), ast.ClassDef) else what
        if isinstance(value, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | ast.JoinedStr):
            what = f"`{ast.unparse(value)[:60]}`"
        if what:
            raise BenchError(
                f"{ENTRY_POINT} is {what} in the notebook ({self._statements[at].place}), expected a function "
                "of the net and its loaders, or what is called like one; define one of that name"
            )
        parameters = self._parameters(value, at) if isinstance(value, ast.expr) else None
        return Entry(None, parameters, forwards=self._forwards)

    def _decorated(self, function: ast.FunctionDef, at: int) -> list[Parameter] | None:
        """The parameters of a function as its decorators leave it."""
        parameters = self._forwarded(function, parameters_of(function), at)
        for decorator in reversed(function.decorator_list):
            made = self._named(decorator, at)
            if isinstance(made, ast.FunctionDef | ast.ClassDef):
                parameters = self._wrapped(made, parameters)
        return parameters

    def _wrapped(
        self, decorator: ast.FunctionDef | ast.ClassDef, wrapped: list[Parameter] | None
    ) -> list[Parameter] | None:
        """The parameters of what a decorator returns; None where it passes them on in a way of its own."""
        if isinstance(decorator, ast.ClassDef):
            own, self._forwards = self._method(decorator, "__call__"), True
            return wrapped if own and {p.kind for p in own} <= _VARIABLE else own
        inner = [p for p in decorator.body if isinstance(p, ast.FunctionDef)]
        if not inner:
            return wrapped if any(isinstance(p, ast.Return) for p in decorator.body) else None
        if any("wraps" in ast.unparse(each) for each in inner[-1].decorator_list):
            return wrapped
        own = parameters_of(inner[-1])
        variable = any(p.kind is Parameter.VAR_POSITIONAL for p in own)
        if not variable:
            return own
        self._forwards = True
        return wrapped if any(_passes_on(p, own) for p in ast.walk(inner[-1])) else None

    def _forwarded(self, function: Function, own: list[Parameter], at: int) -> list[Parameter] | None:
        """The parameters of the function that `def f(*args): return g(*args)` calls, else its own."""
        for part in ast.walk(function):
            if isinstance(part, ast.Call) and _passes_on(part, own):
                made = self._named(part.func, at)
                if isinstance(made, ast.FunctionDef) and made is not function:
                    self._forwards = True
                    return self._decorated(made, at)
        return own

    def _named(self, node: ast.AST | None, at: int) -> ast.stmt | None:
        """The definition that a name stands for."""
        if not isinstance(node, ast.Name):
            return None
        makers = self._makers(node.id, at)
        return self._statements[makers[0]].node if makers else None

    def _parameters(self, value: ast.expr, at: int) -> list[Parameter] | None:
        """The parameters of what an expression makes; None when the source does not tell."""
        if isinstance(value, ast.Lambda):
            return self._forwarded(value, parameters_of(value), at)
        match value, self._named(value, at):
            case ast.Name(), ast.FunctionDef() as function:
                return self._decorated(function, min(self._makers(value.id, at)))
            case ast.Name(), ast.Assign(targets=[ast.Name()], value=inner):
                return self._parameters(inner, min(self._makers(value.id, at)))
        match value:
            case ast.Call(func=ast.Name(id="partial") | ast.Attribute(attr="partial"), args=[inner, *given]):
                return self._partial(self._parameters(inner, at), value, len(given))
            case ast.Call(func=func, args=[inner]) if isinstance(maker := self._named(func, at), ast.FunctionDef):
                return self._wrapped(maker, self._parameters(inner, at))
            case ast.Call(func=func):
                return self._method(self._named(func, at), "__call__")
            case ast.Attribute(value=ast.Call(func=func), attr=attribute):
                return self._method(self._named(func, at), attribute)
            case ast.Attribute(value=ast.Name() as owner, attr=attribute):
                made = self._named(owner, at)
                if isinstance(made, ast.ClassDef):
                    return self._method(made, attribute)
                inner = made.value if isinstance(made, ast.Assign) else None
                return self._method(self._named(inner.func, at), attribute) if isinstance(inner, ast.Call) else None
        return None

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

    def _method(self, owner: ast.stmt | None, name: str) -> list[Parameter] | None:
        if not isinstance(owner, ast.ClassDef):
            return None
        method = next((p for p in owner.body if isinstance(p, ast.FunctionDef) and p.name == name), None)
        static = method and any(ast.unparse(each) == "staticmethod" for each in method.decorator_list)
        return parameters_of(method)[0 if static else 1 :] if method else None
