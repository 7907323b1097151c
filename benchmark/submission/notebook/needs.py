"""What `unlearning` needs of a notebook, and no more."""

import ast
import builtins
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmark.errors import BenchError
from benchmark.submission.binding import parameters_of
from benchmark.submission.contract import ENTRY_POINT
from benchmark.submission.notebook.calls import Entry, arguments_of, call_of, entry_of
from benchmark.submission.notebook.cells import Cell
from benchmark.submission.notebook.constants import Lookup, Unknown, value_made, value_of
from benchmark.submission.notebook.jupyter import STAND_INS, guarded_names, imports_stand_ins, is_harmless
from benchmark.submission.notebook.names import Names, names_in, root, running
from benchmark.submission.notebook.statements import (
    Statement,
    branch_with,
    is_future,
    is_star,
    statements_of,
    written_files,
)
from benchmark.submission.notebook.switches import live_names

_SET = re.compile(r"\$(PATH|HOME|TMPDIR|USER|LANG|(LD|CUDA|PYTHON|PYTORCH|TORCH|OMP|MKL|KMP|NVIDIA)(_|[A-Z]).*)$")


@dataclass
class Needs:
    """What is taken of a notebook."""

    kept: list[Statement]
    """`unlearning` and all it needs, in the notebook's order."""
    per_run: list[Statement]
    """Of those, what is made of a run's net or loaders, and so made anew in every run."""
    given: dict[str, str]
    """Global names that a run's net and loaders are known by, and which of PLAIN each is."""
    entry: Entry
    """How `unlearning` is called."""
    dead: set[str] = field(default_factory=set)
    """Names that only branches need which constants of the notebook turn off."""
    switches: set[str] = field(default_factory=set)
    """Those constants."""
    unresolved: set[str] = field(default_factory=set)
    """Names that only annotations need, and nothing defines."""
    stand_ins: set[str] = field(default_factory=set)
    """Names of Jupyter's own that need a definition."""


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
        for part in (part for s in self.statements for part in running(s.node)):
            if isinstance(part, ast.FunctionDef) and callers & names_in(part):
                callers.add(part.name)
        todo, self.statements = self.statements, []
        while todo:
            branch = branch_with(todo[0], callers)
            if branch is None:
                self.statements.append(todo.pop(0))
            else:
                todo[:1] = branch

    def needs(self) -> Needs:
        """Return `unlearning` and all it needs. Raises BenchError."""
        start, end = self._start_and_end()
        entry = entry_of(self.statements[start], start, self.makers, self.statements)
        call = call_of(self.statements, start, end)
        entry.take_values(call, self.file)
        given = entry.given(call)
        entry.write_defaults(lambda name: name not in given and self._is_constant(name, start, end))
        closure = _Closure(self, given, start, end, entry)
        closure.follow(entry.names)
        stars = {i for i, s in enumerate(self.statements) if is_star(s)}
        if closure.missing and not stars:
            names = ", ".join(sorted(closure.missing))
            raise BenchError(
                f"{self.file}: {ENTRY_POINT} needs {names}, which nothing before its call defines"
                f"{self._suspects(closure.missing)}; define what is missing in a cell of its own"
            )
        kept = closure.kept | (stars if closure.missing else set())
        kept |= {i for i, s in enumerate(self.statements) if is_future(s)}
        per_run = closure.per_run()
        if start in per_run:
            raise BenchError(
                f"{self.file}: the definition of {ENTRY_POINT} itself uses {', '.join(sorted(given))}, which every run "
                "is given anew; use its parameters inside of it"
            )
        return Needs(
            [self.statements[i] for i in sorted(kept - per_run)],
            [self.statements[i] for i in sorted(per_run)],
            {name: given[name] for name in sorted(closure.used)},
            entry,
            *closure.dead(kept),
            closure.unresolved,
            closure.stand_ins,
        )

    def _start_and_end(self) -> tuple[int, int]:
        """The statement that last binds `unlearning`, and the last that calls it, if through another function.

        Where nothing calls it, the second is the number of all statements.
        """
        binding = [i for i, s in enumerate(self.statements) if ENTRY_POINT in s.binds]
        if not binding:
            raise BenchError(
                f"{self.file} has no function {ENTRY_POINT} at the top level of its code"
                f"{self._suspects({ENTRY_POINT})}{self._called_instead()}; give the notebook that defines it"
            )
        start = self.statements[binding[-1]]
        called = [part for part in running(start.node) if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT]
        if called and not start.settles():
            raise BenchError(
                f"{self.file} defines {ENTRY_POINT} in a block that also calls it ({start}); move the definition out"
            )
        calling = self.calling(binding[-1])
        return binding[-1], calling[-1] if calling else len(self.statements)

    def calling(self, start: int) -> list[int]:
        """The statements behind `start` that call `unlearning`, if through another function."""
        callers, calling = {ENTRY_POINT}, list[int]()
        for i, s in enumerate(self.statements[start + 1 :], start + 1):
            callers |= s.binds if callers & s.later else set()
            calling += [i] if callers & s.now else []
        return calling

    def makers(self, name: str, moment: int) -> list[int]:
        """The statements that made what `name` stands for just before statement `moment`, the last one first."""
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
        """What a constant is worth just before a statement. Raises Unknown when something may change it."""
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
        if not makers or name in self._changed:
            raise Unknown
        nodes = [self.statements[maker].node for maker in reversed(makers)]
        return value_made(name, nodes, lambda other: self.value(other, makers[-1]))

    def _environment(self, name: str) -> None:
        """None, as an environment variable is worth that a run has not. Raises Unknown for one that it may have."""
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
        given = {parameter.name for call in calls for parameter, _ in arguments_of(parameters, call)}
        return {p.name: p.default for p in parameters if p.name not in given and isinstance(p.default, ast.expr)}

    @cached_property
    def _changed(self) -> set[str]:
        """Names that functions bind with `global`, or set attributes or items of."""
        parts = [part for s in self.statements for part in ast.walk(s.node)]
        stores = {root(p) for p in parts if isinstance(p, ast.Attribute | ast.Subscript) and not _is_load(p)}
        return stores.union(*(s.own for s in self.statements))

    @cached_property
    def plain(self) -> set[str]:
        """Names that the notebook imports or assigns at the top level."""
        kinds = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
        return set[str]().union(*(s.binds for s in self.statements if isinstance(s.node, kinds)))

    def assigned(self, name: str) -> ast.expr | None:
        """Return the expression that is last assigned to a top-level name, None where there is no one such."""
        makers = self.makers(name, len(self.statements))
        node = self.statements[makers[0]].node if len(makers) == 1 else None
        is_plain = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        return node.value if isinstance(node, ast.Assign) and is_plain else None

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

    def _is_constant(self, name: str, start: int, end: int) -> bool:
        makers = self.makers(name, start)
        return name in vars(builtins) or (bool(makers) and makers == self.makers(name, end))

    def _suspects(self, names: set[str]) -> str:
        """Which cells that are no Python mention one of the names, for an error's sentence."""
        found = [
            f", and {place}, which mentions {'it' if len(names) == 1 else 'some'}, is not Python ({wrong})"
            for place, (source, wrong) in self.broken.items()
            if names & set(re.findall(r"\w+", source))
        ]
        return "".join(found)


class _Closure:
    """The statements that `start` needs, itself included, when its functions run at `end`."""

    def __init__(self, notebook: Notebook, given: dict[str, str], start: int, end: int, entry: Entry) -> None:
        self._notebook, self._given, self._start, self._end, self._entry = notebook, given, start, end, entry
        self._seen = set[tuple[int, int]]()
        self._own = set[str]()
        self._missing = set[str]()
        self._annotations = set[str]()
        self._jupyter = set[str]()
        self._switched: list[tuple[set[str], set[str]]] = []
        self._tied = set[int]()  # what uses a run's net or loaders when it runs
        self.used = set[str]()
        """Given names that are looked up as globals."""

    @property
    def kept(self) -> set[int]:
        return {i for i, _ in self._seen}

    @property
    def missing(self) -> set[str]:
        """Names without a definition."""
        return self._undefined(self._missing)

    @property
    def unresolved(self) -> set[str]:
        return self._undefined(self._annotations) - self.missing

    @property
    def stand_ins(self) -> set[str]:
        return self._undefined(self._jupyter) - self.missing

    def _undefined(self, names: set[str]) -> set[str]:
        names = names - self._own - vars(builtins).keys()
        return {name for name in names if not re.fullmatch("__.*__", name)}

    def follow(self, names: set[str]) -> None:
        """Follow what `start` needs, and the names that its call needs.

        A statement is looked at once for every moment at which its functions may run: a helper called by a constant's
        right side runs there, and perhaps again at the end.
        """
        todo = [(self._start, self._end)]
        for name in names:
            todo += self._look_up_later(name, self._end)
        while todo:
            i, moment = todo.pop()
            if (i, moment) in self._seen:
                continue
            self._seen.add((i, moment))
            statement = self._notebook.statements[i]
            self._own |= statement.own
            live = self._live(statement, i, moment)
            for name in live.now:
                todo += self._look_up_now(name, i, moment)
            for name in live.later:
                todo += self._look_up_later(name, moment, statement)

    def _live(self, statement: Statement, i: int, moment: int) -> Names:
        def lookup(name: str) -> Any:
            early, late = self._notebook.value(name, i), self._notebook.value(name, moment)
            if type(early) is not type(late) or early != late:
                raise Unknown
            return late

        arguments = self._arguments(statement.node, lookup)
        if isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            live, switches = live_names(
                statement.node, statement.names, lambda name: self._notebook.value(name, moment), arguments
            )
        else:
            live, switches = live_names(statement.node, statement.names, lookup)
        self._switched.append((statement.names.looked_up - live.looked_up, switches))
        return live

    def _arguments(self, node: ast.stmt, lookup: Lookup) -> dict[str, Any]:
        """What a function's parameters are worth that are given nothing, or a constant by the notebook's call."""
        if not isinstance(node, ast.FunctionDef):
            return {}
        given = self._entry.constants if node.name == ENTRY_POINT else self._notebook.arguments(node)
        found = {}
        for name, value in given.items():
            try:
                found[name] = value_of(value, lookup)
            except (Unknown, RecursionError):
                continue
        return found

    def _look_up_now(self, name: str, i: int, moment: int) -> list[tuple[int, int]]:
        if name in self._given:
            self._tied.add(i)
            self.used.add(name)
            return []
        makers = self._notebook.makers(name, i)
        self._note_missing(name, [*makers, i], self._notebook.statements[i])
        return [(maker, at) for maker in makers for at in (i, moment)]

    def _look_up_later(self, name: str, moment: int, statement: Statement | None = None) -> list[tuple[int, int]]:
        if name in self._given:
            if moment != self._end:
                self._tied.add(moment)
            self.used.add(name)
            return []
        makers = self._notebook.makers(name, moment) or self._notebook.makers(name, len(self._notebook.statements))
        self._note_missing(name, makers, statement)
        return [(maker, moment) for maker in makers]

    def _note_missing(self, name: str, makers: list[int], statement: Statement | None) -> None:
        if not any(name in self._notebook.statements[maker].binds for maker in makers):
            if statement and name in statement.annotations:
                self._annotations.add(name)
            elif statement and name != "display" and name in guarded_names(statement):
                return
            elif statement and name in STAND_INS and is_harmless(name, statement):
                self._jupyter.add(name)
            else:
                self._missing.add(name)

    def per_run(self) -> set[int]:
        """The statements that use a run's net or loaders when they run, and those that use what they make."""
        tied = self._tied & self.kept
        for i in sorted(self.kept):
            statement = self._notebook.statements[i]
            if any(set(self._notebook.makers(name, i)) & tied for name in statement.now - self._given.keys()):
                tied.add(i)
        return tied

    def dead(self, kept: set[int]) -> tuple[set[str], set[str]]:
        """The names that only branches need which are turned off, and the constants that do so."""
        bound = set[str]().union(*(self._notebook.statements[i].binds for i in kept)) | self.used
        bound |= self._notebook.plain
        found = [(self._undefined(names - bound), switches) for names, switches in self._switched]
        found = [(names, switches) for names, switches in found if names]
        return set[str]().union(*(names for names, _ in found)), set[str]().union(*(each for _, each in found))


def _is_load(node: ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)


def is_named(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_open(call: ast.Call) -> bool:
    """Whether it gives arguments that are not written there."""
    return any(isinstance(each, ast.Starred) for each in call.args) or any(k.arg is None for k in call.keywords)
