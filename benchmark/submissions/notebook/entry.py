"""The arguments of a notebook's `unlearning` in a submission: net, loaders and the values of the notebook's call."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from inspect import Parameter

from benchmark.errors import BadSubmission
from benchmark.sandbox.child.binding import DEFAULT, EXTRAS, PLAIN, Binding, bind
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.arguments import TEMPLATE, role_of
from benchmark.submissions.notebook.calls import ORIGINAL, Call, global_of
from benchmark.submissions.notebook.definitions import Definition
from benchmark.submissions.notebook.names import names_in
from benchmark.submissions.notebook.statements import Statement

SHOWN = {
    "net": "the net",
    ORIGINAL: "a copy of the net",
    **{role: f"the {role} loader" for role in PLAIN[1:]},
}
"""The words for each role in a sentence."""


@dataclass
class Entry:
    """The definition of `unlearning`, and the arguments that it is given."""

    definition: Definition
    binding: Binding | None = None
    defaults: dict[str, ast.expr] = field(default_factory=dict)
    """Values at the call that are written as defaults."""
    passed: dict[str, ast.expr] = field(default_factory=dict)
    """Values at the call that have to be passed by name."""
    spread: list[ast.expr] = field(default_factory=list)
    """Expressions behind `**` at the call that cannot be written out."""
    placed: list[str] = field(default_factory=list)
    """The parameters before `rest`."""
    rest: list[ast.expr | str] = field(default_factory=list)
    """Arguments behind the last parameter that takes one argument: values, and roles of PLAIN."""
    reordered: bool = False
    """True if only the call says which loader is which."""
    notes: list[str] = field(default_factory=list)
    _run: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> list[Parameter] | None:
        """Its parameters; None when the source does not tell them."""
        return self.definition.parameters

    @property
    def names(self) -> set[str]:
        """The top-level names that the values need."""
        rest = (each for each in self.rest if isinstance(each, ast.expr))
        return set[str]().union(*map(names_in, (*self.defaults.values(), *self.passed.values(), *self.spread, *rest)))

    @property
    def constants(self) -> dict[str, ast.expr]:
        """The values, by parameter, of those that are neither the net nor a loader nor an offer of the harness."""
        function = self.definition.function
        if function is None or function.decorator_list or self.binding is None or self.spread or self.rest:
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
                raise BadSubmission(f"{file}: {error}") from None
        self._take_order(call)
        if call:
            self._take_call(self.parameters, self.binding, values, call, file)
        self.reordered |= self.definition.forwards and self.binding.note is not None
        if self.binding.note:
            self.notes.append(self.binding.note)
        if call:
            self.notes += _contradictions(self.parameters, self.binding, call)

    def _take_call(
        self, parameters: list[Parameter], binding: Binding, values: dict[str, ast.expr], call: Call, file: str
    ) -> None:
        """Keep the call's values, by parameter or behind all of them, and say which are kept and which are lost."""
        self._run = call.run_names(parameters, binding)
        for parameter in parameters:
            if parameter.name in values and binding.bound[parameter.name] == DEFAULT:
                value = self._resolve_value(parameter, values[parameter.name], call, file)
                self.passed |= {} if value is None else {parameter.name: value}
        lost = [*self._take_keywords(parameters, call), *self._take_rest(parameters, binding, call, file)]
        shown = [f"{name}={ast.unparse(value)}" for name, value in self.passed.items()]
        shown += [f"**{ast.unparse(each)}" for each in self.spread]
        if self.rest:
            shown = [", ".join(SHOWN[x] if isinstance(x, str) else ast.unparse(x) for x in self.rest), *shown]
        if shown:
            self.notes.append(f"kept as the notebook calls {ENTRY_POINT} ({call.place}): {', '.join(shown)}")
        if lost:
            self.notes.append(
                f"the notebook's call of {ENTRY_POINT} ({call.place}) also gives {', '.join(lost)}, which is left out: "
                "no parameter takes it, or the source does not tell its value"
            )

    def _take_keywords(self, parameters: list[Parameter], call: Call) -> Iterator[str]:
        """Keep what only `**kwargs` takes, and what stands behind `**` where it can be passed on; yield the others."""
        takes_more = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
        placed = call.arguments(parameters)
        for name, value in placed.keywords.items():
            resolved = call.resolve(value, self._run)
            if takes_more and resolved is not None and not role_of(name):
                self.passed[name] = resolved
            elif not (takes_more and role_of(name)):
                yield f"{name}={ast.unparse(value)}"
        bound = {p.name for p in parameters if self.binding and self.binding.bound[p.name] in PLAIN}
        loaders = bound <= {p.name for p, _ in placed.given}  # else they may be in what is spread
        for value in placed.spread:
            resolved = call.resolve(value, self._run)
            if resolved is not None and loaders:
                self.spread.append(resolved)
            else:
                yield f"**{ast.unparse(value)}"

    def _take_rest(self, parameters: list[Parameter], binding: Binding, call: Call, file: str) -> Iterator[str]:
        """Keep the positional arguments that no one parameter takes where `*args` does; yield them where none does."""
        placed = call.arguments(parameters)
        variable = next((p for p in parameters if p.kind is Parameter.VAR_POSITIONAL), None)
        bound = binding.bound[variable.name] if variable else ()
        roles = bound if isinstance(bound, tuple) else (bound,)
        positional = [p.name for p in parameters if p.kind in _POSITIONAL]
        before = [p.name for p, _ in placed.given if p.name in positional][: len(call.node.args) - len(placed.rest)]
        told = _roles_of(placed.rest, roles)
        given = [*told, *placed.rest[len(told) :]]
        starred = [each for each in placed.rest if isinstance(each, ast.Starred)]
        if not placed.rest or (given == list(roles) and not starred):
            return
        fits = before == positional or all(binding.bound[name] == DEFAULT for name in positional[len(before) :])
        if not (fits and (variable or (starred and len(before) < len(positional)))) or (starred and roles):
            yield from (ast.unparse(each) for each in placed.rest if not (roles and isinstance(each, ast.Name)))
            return
        self.placed, self.reordered = before, True
        for each in given:
            self.rest.append(each if isinstance(each, str) else self._resolve_rest(each, call, file))

    def _resolve_rest(self, value: ast.expr, call: Call, file: str) -> ast.expr:
        inner = value.value if isinstance(value, ast.Starred) else value
        resolved = call.resolve(inner, self._run)
        if resolved is None:
            raise BadSubmission(
                f"{file}: {ENTRY_POINT} is given {ast.unparse(value)} by its call ({call.place}), which may be another "
                "value in every run; give it a parameter with a default"
            )
        return ast.Starred(resolved) if isinstance(value, ast.Starred) else resolved

    def _as_called(self, parameters: list[Parameter], call: Call | None) -> Binding | None:
        """Bind by the names that the net and the loaders have at the call, None where they do not tell."""
        told = _roles_told(parameters, call) if call else {}
        if call is None or len({*told.values()}) < len(told):
            return None
        called = [p.replace(name=f"{told[p.name]}_" if p.name in told else p.name) for p in parameters]
        try:
            bound = bind(_in_order(called)).bound
        except ValueError:
            return None
        found = {p.name: bound[c.name] for p, c in zip(parameters, called, strict=True)}
        self._note_order(told, call)
        return Binding(found, None)

    def _take_order(self, call: Call | None) -> None:
        """Bind the loaders by the names that they have at the call, where those of the parameters say nothing."""
        assert self.binding is not None
        if call is None or any(role_of(p.name) in PLAIN[1:] for p in self.parameters or ()):
            return
        told = {name: role for name, role in _roles_told(self.parameters or [], call).items() if role in PLAIN[1:]}
        loaders = {name: role for name, role in self.binding.bound.items() if role in PLAIN[1:]}
        if told.keys() == loaders.keys() and told != loaders and len({*told.values()}) == len(told):
            self.binding = Binding({**self.binding.bound, **told}, None)
            self._note_order(told, call)

    def _note_order(self, told: dict[str, str], call: Call) -> None:
        self.reordered = True
        shown = ", ".join(f"{name}={SHOWN[role]}" for name, role in told.items())
        self.notes.append(f"{ENTRY_POINT} is called as in the notebook ({call.place}), with {shown}")

    def write_defaults(self, is_constant: Callable[[str], bool]) -> None:
        """Make defaults of the values, where the order of the parameters allows it.

        `is_constant` says whether a name is bound before the definition and stays what it is until the call.
        """
        valued = [p.replace(default=self.passed.get(p.name, p.default)) for p in self.parameters or ()]
        constant = all(map(is_constant, self.names))
        known = self.passed.keys() <= {p.name for p in valued} and not self.rest
        if self.definition.function and valued == _in_order(valued) and constant and known:
            self.defaults, self.passed = self.passed, {}

    def _resolve_value(self, parameter: Parameter, value: ast.expr, call: Call, file: str) -> ast.expr | None:
        resolved = call.resolve(value, self._run)
        if resolved is not None and parameter.default is not Parameter.empty:
            same = isinstance(parameter.default, ast.AST) and ast.unparse(parameter.default) == ast.unparse(resolved)
            return None if same else resolved
        if resolved is None and parameter.default is Parameter.empty:
            raise BadSubmission(
                f"{file}: {ENTRY_POINT}'s parameter {parameter.name} is given {ast.unparse(value)} by its call "
                f"({call.place}), which may be another value in every run; give the parameter a default"
            )
        if resolved is None:
            self.notes.append(
                f"{ENTRY_POINT}'s parameter {parameter.name} keeps its default: {ast.unparse(value)}, which the "
                f"notebook's call gives it ({call.place}), may be another value in every run"
            )
        return resolved

    def run_globals(self, call: Call | None) -> dict[str, str]:
        """Return the global names that a run's net and loaders go by when `unlearning` is called."""
        found: dict[str, str] = {}
        if call and self.parameters is not None and self.binding:
            found = call.global_names(self.parameters, self.binding)
        return found | {global_of(role): role for role in SHOWN} | TEMPLATE


_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def _roles_of(rest: list[ast.expr], roles: tuple[str, ...]) -> list[str]:
    """Return the roles of the first arguments for `*args`: by name, or in the plain order where names leave it open."""
    told = [role_of(each.id) if isinstance(each, ast.Name) else None for each in rest]
    if told and roles[:1] == PLAIN[:1]:
        told[0] = PLAIN[0]
    found = [role for role in told if role is not None and role in roles]
    is_whole = {"retain", "forget"} & set(roles) <= set(found) and len({*found}) == len(found)
    return found if is_whole and found == told[: len(found)] else list(roles)


def _values(parameters: list[Parameter], call: Call) -> dict[str, ast.expr]:
    """Return the arguments that are neither the net nor a loader, by parameter."""
    telling = any(role_of(p.name) in PLAIN[1:] for p in parameters)
    named = any(isinstance(argument, ast.Name) for argument in call.node.args)
    found = {}
    for parameter, argument in call.arguments(parameters).given:
        position = parameters.index(parameter)
        if position == 0 or role_of(parameter.name) or parameter.name in EXTRAS:
            continue
        says = isinstance(argument, ast.Name) and role_of(argument.id)
        literal = named and (not names_in(argument) or _is_literal(call.resolve(argument), call.source.statements))
        further = position >= len(PLAIN) or parameter.default is not Parameter.empty
        if not says and (telling or literal or further):
            found[parameter.name] = argument
    return found


def _is_literal(value: ast.expr | None, statements: list[Statement]) -> bool:
    """Return whether a value is written out, at the call or in the last assignment to its name."""
    if isinstance(value, ast.Name):
        made = [s.node for s in statements if value.id in s.binds][-1:]
        value = made[0].value if made and isinstance(made[0], ast.Assign) and len(made[0].targets) == 1 else None
    return isinstance(value, ast.expr) and not any(isinstance(p, ast.Name | ast.Call) for p in ast.walk(value))


def _contradictions(parameters: list[Parameter], binding: Binding, call: Call) -> Iterator[str]:
    """Yield a sentence per argument whose name says another loader than the parameter is given here."""
    told = {name: role for name, role in _roles_told(parameters, call).items() if role in PLAIN[1:]}
    if len({*told.values()}) < len(told):
        return  # a trial on one loader, as in the starting kit
    for name, says in told.items():
        bound = binding.bound[name]
        if bound in PLAIN[1:] and says != bound:
            yield (
                f"{ENTRY_POINT}'s parameter {name} is given the {bound} loader here, but the {says} loader by the "
                f"notebook ({call.place}); look at it"
            )


def _roles_told(parameters: list[Parameter], call: Call) -> dict[str, str]:
    """Return the roles that the names of a call's arguments say, by parameter."""
    names = {p.name: a.id for p, a in call.arguments(parameters).given if isinstance(a, ast.Name)}
    return {parameter: role for parameter, name in names.items() if (role := role_of(name))}


def _in_order(parameters: list[Parameter]) -> list[Parameter]:
    """Return the parameters, per kind, with those that have a default behind the others, as Python requires."""
    return sorted(parameters, key=lambda p: (p.kind, p.default is not Parameter.empty))
