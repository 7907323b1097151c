"""The source of the submission that is written from a notebook."""

import ast
import json
from collections.abc import Iterator
from inspect import Parameter
from itertools import chain, takewhile

from benchmark.sandbox.child.binding import DEFAULT, EXTRAS
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.calls import ORIGINAL
from benchmark.submissions.notebook.entry import Entry
from benchmark.submissions.notebook.jupyter import STAND_INS
from benchmark.submissions.notebook.needs import Needs
from benchmark.submissions.notebook.statements import Statement, is_future

_FUTURE = "from __future__ import annotations"
_PARSES = {"parse_args", "parse_known_args"}
_CALLED = f"_notebook_{ENTRY_POINT}"
_GIVEN = {"net": "net", "retain": "retain_loader", "forget": "forget_loader", "validation": "val_loader"}
_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_ORIGINAL = "_original"  # the adapter's copy of the net


def submission_source(needs: Needs, file: str, name: str) -> str:
    """Return the submission's source: docstring, imports, the contract's constants, the rest."""
    constants = {"TITLE": name, "REFERENCE": f"imported from {file}", "BATCH_FORMAT": _batch_format(needs)}
    taken = set[str]().union(*(s.binds for s in needs.kept))  # a name that the notebook uses stays the notebook's
    ours = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in constants.items() if key not in taken]
    origin = file.replace("\\", "\\\\").replace('"', '\\"')
    what = "script" if file.lower().endswith(".py") else "notebook"
    head = [f'"""The function {ENTRY_POINT} of the {what} {origin}, with what it needs of it."""']
    kept = sorted(needs.kept, key=lambda s: not is_future(s))
    imports = list(takewhile(lambda s: isinstance(s.node, ast.Import | ast.ImportFrom), kept))
    future = [_FUTURE] if needs.unresolved and not any(map(is_future, kept)) else []
    head += ["\n".join(lines) for lines in ([*future, *(s.source for s in imports)], ours) if lines]
    head += [f"\n{STAND_INS[name]}" for name in sorted(needs.stand_ins)]
    body, close = "", False  # whether the next statement follows without a gap
    for statement in kept[len(imports) :]:
        is_definition = isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        source = _with_defaults(statement, needs.entry) if ENTRY_POINT in statement.binds else statement.source
        source = _without_options(source) if reads_options(statement.node) else source
        body += ("\n" if close and not is_definition else "\n\n\n") + source
        close = not is_definition
    return "\n\n".join(head) + body + "".join(f"\n\n\n{part}" for part in _adapter(needs)) + "\n"


def reads_options(node: ast.AST) -> bool:
    """Return whether it parses the command line, which a submission has none of."""
    return any(map(_reads_options, ast.walk(node)))


def _reads_options(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=method), args=[], keywords=[]):
            return method in _PARSES
    return False


def _without_options(source: str) -> str:
    """Return the code with an empty command line given to whatever parses it."""
    lines = [line.encode() for line in source.split("\n")]
    calls = [p for p in ast.walk(ast.parse(source)) if isinstance(p, ast.Call) and _reads_options(p)]
    for call in sorted(calls, key=_end, reverse=True):
        _replace(lines, _end(call.func), _end(call), "([])")
    return b"\n".join(lines).decode()


def _batch_format(needs: Needs) -> str:
    """Return "kaggle", for the competition's dicts, if the code knows age_group or takes "image" out of something."""
    for node in chain.from_iterable(ast.walk(statement.node) for statement in [*needs.kept, *needs.per_run]):
        match node:
            case ast.Constant(value="age_group") | ast.Subscript(slice=ast.Constant(value="image")):
                return "kaggle"
    return "tuple"


def _with_defaults(statement: Statement, entry: Entry) -> str:
    """Return the definition of `unlearning` with the values at its call as defaults."""
    if not entry.defaults:
        return statement.source
    lines = [line.encode() for line in statement.source.split("\n")]
    functions = [n for n in ast.walk(ast.parse(statement.source)) if isinstance(n, ast.FunctionDef)]
    (function,) = [n for n in functions if n.name == ENTRY_POINT][-1:]
    for argument, default in reversed(list(_arguments(function.args))):
        if argument.arg in entry.defaults:
            value = _unparse(entry.defaults[argument.arg])
            if default is None:
                text = f" = {value}" if argument.annotation else f"={value}"
                _replace(lines, _end(argument), _end(argument), text)
            else:
                _replace(lines, (default.lineno, default.col_offset), _end(default), value)
    return b"\n".join(lines).decode()


def _arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Yield parameters with their defaults, in the order in which they are written."""
    positional = [*arguments.posonlyargs, *arguments.args]
    without = [None] * (len(positional) - len(arguments.defaults))
    yield from zip(positional, [*without, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _end(node: ast.arg | ast.expr) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset


def _replace(lines: list[bytes], start: tuple[int, int], end: tuple[int, int], text: str) -> None:
    """Replace what is between two places, each a line from 1 and a column in bytes."""
    before, after = lines[start[0] - 1][: start[1]], lines[end[0] - 1][end[1] :]
    lines[start[0] - 1 : end[0]] = [before + text.encode() + after]


def _adapter(needs: Needs) -> Iterator[str]:
    """Yield the code that calls the notebook's function as the notebook does, where it cannot be called as it is."""
    entry = needs.entry
    if not (needs.given or needs.per_run or entry.passed or entry.spread or entry.reordered):
        return
    yield f"{_CALLED} = {ENTRY_POINT}"
    if needs.per_run:
        yield "\n".join(_per_run(needs.per_run))
    further = [each for each in EXTRAS if entry.binding and each in entry.binding.bound.values()]
    lines = [
        f"def {ENTRY_POINT}({', '.join([*_GIVEN.values(), *further])}):",
        f'    """Call the notebook\'s {ENTRY_POINT} as the notebook does."""',
    ]
    if ORIGINAL in needs.given.values():
        lines += ["    from copy import deepcopy", "", f"    {_ORIGINAL} = deepcopy(net)"]
    if needs.given:
        given = {**_GIVEN, ORIGINAL: _ORIGINAL}
        lines.append(
            f"    globals().update({', '.join(f'{name}={given[role]}' for name, role in needs.given.items())})"
        )
    if needs.per_run:
        lines.append("    _begin_run()")
    yield "\n".join([*lines, f"    return {_CALLED}({', '.join(_call(entry))})"])


def _per_run(statements: list[Statement]) -> Iterator[str]:
    yield "def _begin_run():"
    yield '    """Make what the notebook makes of the net and its loaders."""'
    if names := sorted(set[str]().union(*(s.binds for s in statements))):
        yield f"    global {', '.join(names)}"
    for statement in statements:
        node = statement.node
        if isinstance(node, ast.AnnAssign) and node.value:  # a global name cannot be annotated
            node = ast.copy_location(ast.Assign([node.target], node.value), node)
        yield from (f"    {line}" for line in ast.unparse(node).split("\n"))


def _call(entry: Entry) -> Iterator[str]:
    """Yield the arguments of the call, by name from the first on that has to be."""
    if entry.parameters is None or entry.binding is None:
        yield from _GIVEN.values()
        return
    bound, parameters = entry.binding.bound, entry.parameters
    starred = bool(entry.rest) or any(bound[p.name] for p in parameters if p.kind is Parameter.VAR_POSITIONAL)
    by_name: list[str] = []
    for parameter in parameters:
        role, kind = bound[parameter.name], parameter.kind
        if entry.rest and parameter.name not in entry.placed and kind in _POSITIONAL:
            continue  # `rest` takes its place
        if isinstance(role, tuple):
            given = [_GIVEN[each] for each in role]
            if kind is Parameter.VAR_POSITIONAL:
                yield from [] if entry.rest else given
            else:
                by_name += [f"{each}={each}" for each in given]
            continue
        value = entry.passed.get(parameter.name) if role == DEFAULT else None
        in_place = starred and kind in _POSITIONAL
        if role == DEFAULT and value is None and not in_place:
            by_name += [""]  # what comes behind it is passed by name
            continue
        shown = _unparse(value or parameter.default) if role == DEFAULT else _GIVEN.get(role, role)
        if kind is Parameter.POSITIONAL_ONLY or in_place or (not by_name and value is None and not starred):
            yield shown
        else:
            by_name.append(f"{parameter.name}={shown}")
    yield from (_GIVEN[each] if isinstance(each, str) else _unparse(each) for each in entry.rest)
    yield from filter(None, by_name)
    names = {p.name for p in parameters}
    yield from (f"{name}={_unparse(value)}" for name, value in entry.passed.items() if name not in names)
    yield from (f"**{_unparse(value)}" for value in entry.spread)


def _unparse(node: ast.AST) -> str:
    source = ast.unparse(node)
    return _without_options(source) if reads_options(node) else source
