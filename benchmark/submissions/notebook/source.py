"""The statements of a notebook, and what their names stand for."""

import ast
import builtins
import re
from functools import cached_property
from typing import Any

from benchmark.errors import BadSubmission
from benchmark.sandbox.child.binding import parameters_of
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.arguments import place
from benchmark.submissions.notebook.cells import Cell
from benchmark.submissions.notebook.constants import Unknown, value_made
from benchmark.submissions.notebook.jupyter import imports_stand_ins
from benchmark.submissions.notebook.names import names_in, root, walk_running
from benchmark.submissions.notebook.statements import (
    Statement,
    branch_with,
    statements_of,
    written_files,
)

_SET = re.compile(r"\$(PATH|HOME|TMPDIR|USER|LANG|(LD|CUDA|PYTHON|PYTORCH|TORCH|OMP|MKL|KMP|NVIDIA)(_|[A-Z]).*)$")


class Notebook:
    """The statements of all cells that are Python, and which of them `unlearning` needs."""

    def __init__(self, file: str, cells: list[Cell]) -> None:
        self.file = file
        self.statements: list[Statement] = []
        self.broken: dict[str, tuple[str, str]] = {}  # a cell's place → its source, what is wrong with it
        for cell in cells:
            try:
                self.statements += statements_of(cell)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deep
                wrong = str(getattr(error, "msg", error)) or "nested too deep"
                self.broken[cell.at(getattr(error, "lineno", None) or 1)] = cell.source, wrong
        self.statements = [s for s in self.statements if not imports_stand_ins(s.node)]
        self._open_calling_blocks()
        self._imported = set[str]().union(
            *(s.binds for s in self.statements if isinstance(s.node, ast.Import | ast.ImportFrom))
        )
        self._values: dict[tuple[str, int], Any] = {}
        self.files = written_files(cells)

    def _open_calling_blocks(self) -> None:
        """Take the branch of an `if` that calls `unlearning` for top level, as a block `if __name__ == ...` is."""
        callers = {ENTRY_POINT}
        for part in (part for s in self.statements for part in walk_running(s.node)):
            if isinstance(part, ast.FunctionDef) and callers & names_in(part):
                callers.add(part.name)
        todo, self.statements = self.statements, []
        while todo:
            branch = branch_with(todo[0], callers)
            if branch is None:
                self.statements.append(todo.pop(0))
            else:
                todo[:1] = branch

    def start_and_end(self) -> tuple[int, int]:
        """Return the statement that last binds `unlearning`, and the last that calls it, if through another function.

        Where nothing calls it, the second is the number of all statements.
        """
        binding = [i for i, s in enumerate(self.statements) if ENTRY_POINT in s.binds]
        if not binding:
            raise BadSubmission(
                f"{self.file} has no function {ENTRY_POINT} at the top level of its code"
                f"{self.suspects({ENTRY_POINT})}{self._called_instead()}; give the notebook that defines it"
            )
        start = self.statements[binding[-1]]
        called = [
            part for part in walk_running(start.node) if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT
        ]
        if called and not start.settles():
            raise BadSubmission(
                f"{self.file} defines {ENTRY_POINT} in a block that also calls it ({start}); move the definition out"
            )
        calling = self.calls_after(binding[-1])
        return binding[-1], calling[-1] if calling else len(self.statements)

    def calls_after(self, start: int) -> list[int]:
        """Return the statements behind `start` that call `unlearning`, if through another function."""
        callers, calling = {ENTRY_POINT}, list[int]()
        for i, s in enumerate(self.statements[start + 1 :], start + 1):
            callers |= s.binds if callers & s.later else set()
            calling += [i] if callers & s.now else []
        return calling

    def makers(self, name: str, moment: int) -> list[int]:
        """Return the statements that made what `name` stands for just before statement `moment`, the last one first."""
        found = []
        for i in reversed(range(moment)):
            s = self.statements[i]
            if ENTRY_POINT in s.now and ENTRY_POINT not in s.binds:
                continue  # it calls unlearning, or an earlier version of it
            method = name in s.methods and name not in self._imported
            if method or name in s.binds or name in s.changes:
                found.append(i)
                if name in s.binds and s.settles():
                    break
        return found

    def value(self, name: str, moment: int) -> Any:
        """Return the value of a constant just before a statement. Raises Unknown when something may change it."""
        if (name, moment) not in self._values:
            try:
                self._values[name, moment] = self._value(name, moment)
            except (Unknown, RecursionError):
                self._values[name, moment] = Unknown
        if self._values[name, moment] is Unknown:
            raise Unknown
        return self._values[name, moment]

    def _value(self, name: str, moment: int) -> Any:
        if name.startswith("$"):
            return self._environment(name)
        makers = self.makers(name, moment)
        if not makers or name in self._changed_names:
            raise Unknown
        nodes = [self.statements[maker].node for maker in reversed(makers)]
        return value_made(name, nodes, lambda other: self.value(other, makers[-1]))

    def _environment(self, name: str) -> None:
        """Return None, the value of a variable that a run's environment lacks. Raises Unknown if it may have it."""
        if _SET.match(name) or self._sets_environment:
            raise Unknown

    @cached_property
    def _sets_environment(self) -> bool:
        return any(
            re.search(r"environ(\[.*\] = |\.(setdefault|update)\()|putenv|load_dotenv", ast.unparse(s.node))
            for s in self.statements
            if "environ" in s.source or "env" in s.source
        )

    def arguments(self, node: ast.FunctionDef) -> dict[str, ast.expr]:
        """Return the defaults of those parameters that no call of a function gives anything."""
        if node.decorator_list:
            return {}
        parts = [part for s in self.statements for part in ast.walk(s.node)]
        calls = [part for part in parts if isinstance(part, ast.Call) and is_named(part.func, node.name)]
        if len(calls) != sum(is_named(part, node.name) for part in parts) or any(_is_open(call) for call in calls):
            return {}
        parameters = parameters_of(node)
        given = {parameter.name for call in calls for parameter, _ in place(parameters, call).given}
        return {p.name: p.default for p in parameters if p.name not in given and isinstance(p.default, ast.expr)}

    @cached_property
    def _changed_names(self) -> set[str]:
        """Names that functions bind with `global`, or set attributes or items of."""
        parts = [part for s in self.statements for part in ast.walk(s.node)]
        stores = {root(p) for p in parts if isinstance(p, ast.Attribute | ast.Subscript) and not _is_load(p)}
        return stores.union(*(s.own for s in self.statements))

    @cached_property
    def plain(self) -> set[str]:
        """Names that the notebook imports or assigns at the top level."""
        kinds = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
        return set[str]().union(*(s.binds for s in self.statements if isinstance(s.node, kinds)))

    def assigned_value(self, name: str) -> ast.expr | None:
        """Return the expression that is last assigned to a top-level name, None where there is no one such."""
        makers = self.makers(name, len(self.statements))
        node = self.statements[makers[0]].node if len(makers) == 1 else None
        is_plain = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        return node.value if isinstance(node, ast.Assign) and is_plain else None

    def literals(self, name: str) -> tuple[ast.stmt, list[object]] | None:
        """Return the statement that binds a top-level name, and the keys of it that later ones set; None if more."""
        makers = self.makers(name, len(self.statements))
        keys: list[object] = []
        for maker in reversed(makers[:-1]):
            match self.statements[maker].node:
                case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=other), slice=ast.Constant(value=key))]) if (
                    other == name
                ):
                    keys.append(key)
                case _:
                    return None
        return (self.statements[makers[-1]].node, keys) if makers else None

    def called_instead(self) -> str:
        """Return which other function is called as `unlearning` would be, for a sentence; "" if none."""
        defined = set[str]().union(*(s.binds for s in self.statements)) - self._imported
        for s in reversed(self.statements):
            for part in ast.walk(s.node):
                if isinstance(part, ast.Call) and root(part.func) in defined - {ENTRY_POINT}:
                    given = " ".join(
                        ast.unparse(each).lower() for each in [*part.args, *(k.value for k in part.keywords)]
                    )
                    if "retain" in given and "forget" in given and len(part.args) + len(part.keywords) > 2:
                        return f"{ast.unparse(part.func)} ({s.place})"
        return ""

    def _called_instead(self) -> str:
        other = self.called_instead()
        return f", but it calls {other} with the loaders: call that {ENTRY_POINT}" if other else ""

    def is_constant(self, name: str, start: int, end: int) -> bool:
        makers = self.makers(name, start)
        return name in vars(builtins) or (bool(makers) and makers == self.makers(name, end))

    def suspects(self, names: set[str]) -> str:
        """Return which cells that are no Python mention one of the names, for an error's sentence."""
        found = [
            f", and {place}, which mentions {'it' if len(names) == 1 else 'some'}, is not Python ({wrong})"
            for place, (source, wrong) in self.broken.items()
            if names & set(re.findall(r"\w+", source))
        ]
        return "".join(found)


def _is_load(node: ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_open(call: ast.Call) -> bool:
    """Return whether a call gives arguments that are not written there."""
    return any(isinstance(each, ast.Starred) for each in call.args) or any(k.arg is None for k in call.keywords)
