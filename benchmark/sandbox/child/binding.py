"""Binding of the parameters of `unlearning` to net, loaders and extras, by the meaning of their names.

Pure and free of torch: the worker uses it on a function's signature, the importer on a syntax tree. Names that say
retain, forget or validation decide, wherever they stand; positions decide only where no name says anything.
"""

import ast
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from inspect import BoundArguments, Parameter, Signature

PLAIN = ("net", "retain", "forget", "validation")
"""The order of the contract, and what a parameter can be bound to beside what is offered by name."""

EXTRAS = ("class_weights", "device", "seed", "recipe", "loss", "refusal", "state")
"""What the contract offers to parameters of exactly these names."""

DEFAULT = "default"
"""Bound to this, a parameter keeps its own default."""

Bound = str | tuple[str, ...]

_SHOWN = {name: f"the {name} loader" for name in PLAIN[1:]} | {"net": "the net", DEFAULT: "its own default"}
_KEYWORDS = {"net": "net", "retain": "retain_loader", "forget": "forget_loader", "validation": "val_loader"}
_TELLING = frozenset(PLAIN[1:])

_WORDS = {
    "net": "net nets network model nn resnet",
    "retain": "retain retained retaining ret remain remained remaining remainder rem rest remember remembered preserve "
    "preserved keep keeping kept rl",
    "forget": "forget forgetting forgot forgotten forg unlearn unlearned unlearning unl delete deleted deletion remove "
    "removed removal erase erased fl",
    "validation": "val valid validation validate vl",
    "held out": "test testing eval evaluation holdout heldout hold held out dev unseen",
    "loader": "loader loaders load dataloader dataloaders dl dls ldr data dataset datasets d ds set sets subset split "
    "iter iterator gen generator batches examples samples images imgs img train training",
    "other": "lr learning rate epoch epochs step steps iteration iterations optimizer optim opt scheduler criterion "
    "loss momentum decay wd alpha beta gamma lam lambda temperature temp tau sigma noise eps epsilon threshold ratio "
    "args cfg config params hparams size bs num teacher verbose debug logger path",
}
_MEANINGS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_LETTERS = {"r": "retain", "f": "forget", "v": "validation"}
_LONE = {"x": "loader", "l": "loader"}  # words of their own only: the l of lr says nothing
_FILLERS = frozenset({"to", "for", "of", "the"})
_UNUSED = re.compile(r"_+\d*|_*(unused|ignored?|dummy)_?\d*")


@dataclass(frozen=True)
class Binding:
    """The value that each parameter of a function is bound to."""

    bound: dict[str, Bound]
    """Parameter → one of PLAIN, an offered name, or DEFAULT; for `*args` and `**kwargs` a tuple of PLAIN's."""
    note: str | None
    """What is bound to what, on one line; None where it is the plain order."""


@dataclass(frozen=True)
class _Meaning:
    """The meaning of a parameter's name: members of PLAIN (or "held out"), and whether it says nothing else."""

    roles: frozenset[str]
    exact: bool
    data: bool

    @property
    def role(self) -> str | None:
        """The one thing it says, as far as that is a thing to be bound to."""
        return next(iter(self.roles)) if len(self.roles) == 1 and (self.exact or self.data) else None


def bind(parameters: Sequence[Parameter], offered: Iterable[str] = EXTRAS) -> Binding:
    """Decide what each parameter is given. Raises ValueError, in a sentence that names the parameter, if none can tell.

    A parameter with a default keeps it, unless its name is an offered one or says nothing but what it is to be given;
    a number, a string or another plain value also then, unless the name says that it is a loader.
    """
    names = {p.name for p in parameters}
    said = {p.name: _meaning_of(p.name, letters={"r", "f"} <= names) for p in parameters if not _is_variable(p)}
    extras = {p.name: p.name for p in parameters if p.name in set(offered) and not _is_variable(p)}
    left = [p for p in parameters if not _is_variable(p) and p.name not in extras]
    bound: dict[str, Bound] = {**extras, **_net(left, said)}
    bound |= _by_name([p for p in left if p.name not in bound], said)
    left = [p for p in left if p.name not in bound]
    guessed: dict[str, Bound] = {}
    if _TELLING & set(bound.values()) or any(said[p.name].roles & _TELLING for p in left if _is_required(p)):
        guessed = _held_out(left, said, bound)
        bound |= _bind_unused(parameters, {**bound, **guessed})
    else:
        bound |= _by_position([p for p in left if _is_required(p) and _is_positional(p)], parameters, said)
    bound |= guessed
    for parameter in left:
        if parameter.name not in bound:
            if _is_required(parameter):
                raise ValueError(_unclear(parameter.name, said[parameter.name], offered))
            bound[parameter.name] = DEFAULT
    bound |= _variable(parameters, bound)
    if "net" not in _flat(bound.values()):
        raise ValueError("unlearning has no parameter for the net, expected the first to be it; call it net")
    ordered = {p.name: bound[p.name] for p in parameters}
    plain = not guessed and tuple(role for role in _flat(ordered.values()) if role in PLAIN) == PLAIN
    return Binding(ordered, None if plain else _note(ordered))


def says_role(name: str) -> bool:
    """Tell whether a parameter's name says that it is the net or one of the loaders."""
    return bool(_meaning_of(name, letters=True).roles - {"other"})


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[Parameter]:
    """Return the parameters of a function that is not run; their defaults are nodes of the syntax tree."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    without = [Parameter.empty] * (len(positional) - len(arguments.defaults))
    found: list[Parameter] = []
    for i, (argument, default) in enumerate(zip(positional, [*without, *arguments.defaults], strict=True)):
        kind = Parameter.POSITIONAL_ONLY if i < len(arguments.posonlyargs) else Parameter.POSITIONAL_OR_KEYWORD
        found.append(Parameter(argument.arg, kind, default=default))
    if arguments.vararg:
        found.append(Parameter(arguments.vararg.arg, Parameter.VAR_POSITIONAL))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(Parameter(argument.arg, Parameter.KEYWORD_ONLY, default=default or Parameter.empty))
    if arguments.kwarg:
        found.append(Parameter(arguments.kwarg.arg, Parameter.VAR_KEYWORD))
    return found


def call_arguments(
    parameters: Sequence[Parameter], binding: Binding, values: dict[str, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    """Return positional and keyword arguments for a call; `values` has those for PLAIN and for each offered name."""
    given: dict[str, object] = {}
    starred = any(binding.bound[p.name] for p in parameters if p.kind is Parameter.VAR_POSITIONAL)
    for parameter in parameters:
        bound = binding.bound[parameter.name]
        if parameter.kind is Parameter.VAR_POSITIONAL:
            given[parameter.name] = tuple(values[role] for role in bound)
        elif parameter.kind is Parameter.VAR_KEYWORD:
            given[parameter.name] = {_KEYWORDS[role]: values[role] for role in bound}
        elif bound != DEFAULT:
            given[parameter.name] = values[str(bound)]
        elif parameter.kind is Parameter.POSITIONAL_ONLY or (starred and _is_positional(parameter)):
            given[parameter.name] = parameter.default  # what comes behind it has no other way in
    call = BoundArguments(Signature(parameters), OrderedDict(given))
    return call.args, call.kwargs


def _net(parameters: list[Parameter], said: dict[str, _Meaning]) -> dict[str, Bound]:
    """Return the parameter called net or model, else the first, as `unlearned_model`, if its name allows that."""
    called = [p for p in parameters if said[p.name].role == "net" and said[p.name].exact]
    called = [p for p in called if _is_required(p)] or called
    if called:
        return {called[0].name: "net"}
    first = parameters[0] if parameters and _is_positional(parameters[0]) else None
    if first is None or not _is_required(first):
        return {}
    roles = said[first.name].roles
    return {first.name: "net"} if "net" in roles or not roles - {"other"} else {}


def _by_name(parameters: list[Parameter], said: dict[str, _Meaning]) -> dict[str, Bound]:
    """Return the parameters whose names say retain, forget or validation. Raises ValueError where two say the same."""
    found: dict[str, Bound] = {}
    parameters = [p for p in parameters if said[p.name].data or not _is_plain_value(p.default)]
    for role in PLAIN[1:]:
        saying = [p for p in parameters if said[p.name].role == role and (said[p.name].exact or _is_required(p))]
        saying = [p for p in saying if _is_required(p)] or saying
        saying = [p for p in saying if said[p.name].exact] or saying
        if len(saying) > 1:
            raise ValueError(
                f"unlearning's parameters {saying[0].name} and {saying[1].name} both say {role}, expected one that "
                f"does; rename {saying[1].name}"
            )
        found |= {p.name: role for p in saying}
    return found


def _held_out(parameters: list[Parameter], said: dict[str, _Meaning], bound: dict[str, Bound]) -> dict[str, Bound]:
    """Bind a `test_loader` to the validation loader, the only held-out examples there are, if nothing else is."""
    saying = [p for p in parameters if said[p.name].role == "held out" and _is_required(p)]
    return {saying[0].name: "validation"} if len(saying) == 1 and "validation" not in bound.values() else {}


def _bind_unused(parameters: Sequence[Parameter], bound: dict[str, Bound]) -> dict[str, Bound]:
    """Bind parameters called `_` or `unused` to the loader of their position, else to one that is still missing."""
    found: dict[str, Bound] = {}
    for i, parameter in enumerate(parameters):
        taken = {*bound.values(), *found.values()}
        missing = [role for role in (*PLAIN[i : i + 1], *PLAIN[1:]) if role not in taken]
        is_free = parameter.name not in bound and _is_required(parameter) and _is_positional(parameter)
        if is_free and missing and _UNUSED.fullmatch(parameter.name):
            found[parameter.name] = missing[0]
    return found


def _by_position(
    positional: list[Parameter], parameters: Sequence[Parameter], said: dict[str, _Meaning]
) -> dict[str, Bound]:
    """Bind by the plain order where names say nothing. Raises ValueError when names or their number leave it open."""
    starred = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters)
    order = dict(zip((p.name for p in positional), PLAIN[1:], strict=False))
    named = [name for name in order if not _UNUSED.fullmatch(name)]
    if other := [name for name in named if said[name].roles & {"other", "net"}]:
        raise ValueError(_unclear(other[0], said[other[0]], EXTRAS))
    if len(named) == 1 and not starred:
        raise ValueError(
            f"unlearning takes {len(order) + 1} arguments, the net and {' and '.join(order)}, which could be any "
            "loader; call it retain_loader, forget_loader or val_loader"
        )
    told = [name for name in named if "held out" not in said[name].roles]
    silent = [name for name in told if not said[name].data]
    if silent and len(silent) < len(told):
        raise ValueError(_unclear(silent[0], said[silent[0]], EXTRAS))
    if len(told) < len(named) and any("train" in name.lower() for name in told):
        raise ValueError(_unclear(told[0], said[told[0]], EXTRAS))
    return {name: role for name, role in order.items() if role == "validation" or "held out" not in said[name].roles}


def _variable(parameters: Sequence[Parameter], bound: dict[str, Bound]) -> dict[str, Bound]:
    """Bind `*args` and `**kwargs` to the rest of the plain order; the former gets it if both exist.

    Raises ValueError when several loaders are left for a `*args` behind parameters that are not in the plain order.
    """
    found: dict[str, Bound] = {p.name: () for p in parameters if _is_variable(p)}
    missing = tuple(role for role in PLAIN if role not in bound.values())
    before = tuple(bound[p.name] for p in parameters if _is_positional(p) and bound[p.name] in PLAIN)
    for parameter in parameters:
        if parameter.kind is Parameter.VAR_POSITIONAL and missing:
            is_plain = before == PLAIN[: len(before)] and len(before) + len(missing) == len(PLAIN)
            if not is_plain and (len(missing) > 1 or "net" in missing):
                raise ValueError(
                    f"unlearning's parameter *{parameter.name} could be any of the loaders, expected parameters called "
                    "retain_loader, forget_loader and val_loader; name them"
                )
            return {**found, parameter.name: missing}
        if parameter.kind is Parameter.VAR_KEYWORD and {"retain", "forget"} & set(missing):
            return {**found, parameter.name: missing}
    return found


def _meaning_of(name: str, *, letters: bool) -> _Meaning:
    """Return the meaning of a name; with `letters`, a bare r, f or v has one too."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    kinds = [kind for word in words if word not in _FILLERS for kind in _kinds(word)]
    if len(words) == 1 and len(words[0]) == 1:
        kinds = [_LETTERS.get(kind, "") if letters else "" for kind in kinds]
    kinds = [_LETTERS.get(kind, kind) for kind in kinds]
    return _Meaning(frozenset(kinds) - {"loader", ""}, exact="" not in kinds and bool(kinds), data="loader" in kinds)


def _kinds(word: str) -> list[str]:
    """Return the meaning of a word, or of its two halves, as in `retainloader`; letters with a meaning stay letters."""
    known = {**_MEANINGS, **{letter: letter for letter in _LETTERS}}
    if word in known or word in _LONE:
        return [known.get(word) or _LONE[word]]
    halves = [(known.get(word[:i]), known.get(word[i:])) for i in range(1, len(word))]
    return next(([a, b] for a, b in halves if a and b and "loader" in (a, b)), [""])


def _unclear(name: str, meaning: _Meaning, offered: Iterable[str]) -> str:
    roles = sorted(meaning.roles & _TELLING)
    what = f"says both {' and '.join(roles)}" if len(roles) > 1 else "is not offered and says no loader's name"
    return (
        f"unlearning asks for {name!r}, which {what}; call it retain_loader, forget_loader or val_loader, or one of "
        f"{', '.join(offered)}, or give it a default"
    )


def _note(bound: dict[str, Bound]) -> str:
    shown = (
        f"{name}={' and '.join(_SHOWN.get(role, role) for role in ((role,) if isinstance(role, str) else role))}"
        for name, role in bound.items()
        if role
    )
    return f"unlearning is called with {', '.join(shown)}"


def _flat(bound: Iterable[Bound]) -> list[str]:
    return [role for value in bound for role in ((value,) if isinstance(value, str) else value)]


def _is_plain_value(default: object) -> bool:
    """Tell whether a default, or its expression, is a number, a string or a list of them, not a loader or None."""
    if isinstance(default, ast.AST):
        expression = isinstance(default, ast.UnaryOp | ast.BinOp | ast.Tuple | ast.List | ast.Dict)
        return expression or (isinstance(default, ast.Constant) and default.value is not None)
    return isinstance(default, bool | int | float | complex | str | bytes | tuple | list | dict)


def _is_required(parameter: Parameter) -> bool:
    return parameter.default is Parameter.empty


def _is_positional(parameter: Parameter) -> bool:
    return parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def _is_variable(parameter: Parameter) -> bool:
    return parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
