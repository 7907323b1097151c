"""The statements of a notebook that `unlearning` needs, and no more."""

import ast
import builtins
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from benchmark.errors import BadSubmission
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.calls import Entry, call_of, entry_of
from benchmark.submissions.notebook.cells import Cell
from benchmark.submissions.notebook.names import Names, names_in, root, walk_running
from benchmark.submissions.notebook.statements import (
    Statement,
    branch_with,
    is_future,
    is_star,
    statements_of,
    written_files,
)
from benchmark.submissions.notebook.switches import Unknown, live_names, space_of, value_of


@dataclass
class Needs:
    """The statements that an import takes from a notebook."""

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

    def needs(self) -> Needs:
        """Return `unlearning` and all it needs. Raises BenchError."""
        start, end = self._start_and_end()
        entry = entry_of(self.statements[start], start, self.makers, self.statements)
        call = call_of(self.statements, start, end)
        entry.take_values(call, self.file)
        given = entry.given_names(call)
        entry.write_defaults(lambda name: name not in given and self._is_constant(name, start, end))
        closure = _Closure(self, given, start, end)
        closure.follow(entry.names)
        stars = {i for i, s in enumerate(self.statements) if is_star(s)}
        if closure.missing and not stars:
            names = ", ".join(sorted(closure.missing))
            raise BadSubmission(
                f"{self.file}: {ENTRY_POINT} needs {names}, which nothing before its call defines"
                f"{self._suspects(closure.missing)}; define what is missing in a cell of its own"
            )
        kept = closure.kept | (stars if closure.missing else set())
        kept |= {i for i, s in enumerate(self.statements) if is_future(s)}
        per_run = closure.per_run()
        if start in per_run:
            raise BadSubmission(
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
        )

    def _start_and_end(self) -> tuple[int, int]:
        """Return the statement that last binds `unlearning`, and the last that calls it, if through another function.

        Where nothing calls it, the second is the number of all statements.
        """
        binding = [i for i, s in enumerate(self.statements) if ENTRY_POINT in s.binds]
        if not binding:
            raise BadSubmission(
                f"{self.file} has no function {ENTRY_POINT} at the top level of its code"
                f"{self._suspects({ENTRY_POINT})}{self._called_instead()}; give the notebook that defines it"
            )
        start = self.statements[binding[-1]]
        called = [
            part for part in walk_running(start.node) if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT
        ]
        if called and not start.settles():
            raise BadSubmission(
                f"{self.file} defines {ENTRY_POINT} in a block that also calls it ({start}); move the definition out"
            )
        calling = self.callers_behind(binding[-1])
        return binding[-1], calling[-1] if calling else len(self.statements)

    def callers_behind(self, start: int) -> list[int]:
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
        makers = self.makers(name, moment)
        if len(makers) != 1 or name in self._changed_names:
            raise Unknown
        (maker,) = makers
        match self.statements[maker].node:
            case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(value=ast.expr() as value):
                return value_of(value, lambda other: self.value(other, maker))
            case ast.ClassDef(decorator_list=[] | [ast.Name(id="dataclass")]) as node:
                return space_of(node, lambda other: self.value(other, maker))
        raise Unknown

    @cached_property
    def _changed_names(self) -> set[str]:
        """Names that functions bind with `global`, or set attributes or items of."""
        parts = [part for s in self.statements for part in ast.walk(s.node)]
        stores = {root(p) for p in parts if isinstance(p, ast.Attribute | ast.Subscript) and not _is_load(p)}
        return stores.union(*(s.own for s in self.statements))

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
        """Return the end of an error's sentence: cells that are not Python and mention one of the names."""
        found = [
            f", and {place}, which mentions {'it' if len(names) == 1 else 'some'}, is not Python ({wrong})"
            for place, (source, wrong) in self.broken.items()
            if names & set(re.findall(r"\w+", source))
        ]
        return "".join(found)


class _Closure:
    """The statements that `start` needs, itself included, when its functions run at `end`."""

    def __init__(self, notebook: Notebook, given: dict[str, str], start: int, end: int) -> None:
        self._notebook, self._given, self._start, self._end = notebook, given, start, end
        self._seen = set[tuple[int, int]]()
        self._own = set[str]()
        self._missing = set[str]()
        self._annotations = set[str]()
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
        return self._without_definition(self._missing)

    @property
    def unresolved(self) -> set[str]:
        return self._without_definition(self._annotations) - self.missing

    def _without_definition(self, names: set[str]) -> set[str]:
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

        if isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            live, switches = live_names(
                statement.node, statement.names, lambda name: self._notebook.value(name, moment)
            )
        else:
            live, switches = live_names(statement.node, statement.names, lookup)
        self._switched.append((statement.names.looked_up - live.looked_up, switches))
        return live

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
            only_annotates = statement is not None and name in statement.annotations
            (self._annotations if only_annotates else self._missing).add(name)

    def per_run(self) -> set[int]:
        """Return the statements that use a run's net or loaders when they run, and those that use what they make."""
        tied = self._tied & self.kept
        for i in sorted(self.kept):
            statement = self._notebook.statements[i]
            if any(set(self._notebook.makers(name, i)) & tied for name in statement.now - self._given.keys()):
                tied.add(i)
        return tied

    def dead(self, kept: set[int]) -> tuple[set[str], set[str]]:
        """Return the names that only branches need which are turned off, and the constants that do so."""
        bound = set[str]().union(*(self._notebook.statements[i].binds for i in kept)) | self.used
        found = [(self._without_definition(names - bound), switches) for names, switches in self._switched]
        found = [(names, switches) for names, switches in found if names]
        return set[str]().union(*(names for names, _ in found)), set[str]().union(*(each for _, each in found))


def _is_load(node: ast.Attribute | ast.Subscript) -> bool:
    return isinstance(node.ctx, ast.Load)
