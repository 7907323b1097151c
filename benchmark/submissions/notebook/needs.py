"""The statements of a notebook that `unlearning` needs, and no more."""

import ast
import builtins
import re
from dataclasses import dataclass, field
from typing import Any

from benchmark.errors import BadSubmission
from benchmark.sandbox.child.contract import ENTRY_POINT
from benchmark.submissions.notebook.calls import Source, call_of
from benchmark.submissions.notebook.constants import Lookup, Unknown, value_of
from benchmark.submissions.notebook.definitions import definition_of
from benchmark.submissions.notebook.entry import Entry
from benchmark.submissions.notebook.jupyter import STAND_INS, guarded_names, is_harmless
from benchmark.submissions.notebook.names import Names
from benchmark.submissions.notebook.source import Notebook
from benchmark.submissions.notebook.statements import (
    Statement,
    is_future,
    is_star,
)
from benchmark.submissions.notebook.switches import live_names


@dataclass
class Needs:
    """The parts of a notebook that go into the submission."""

    kept: list[Statement]
    """`unlearning` and all it needs, in the notebook's order."""
    per_run: list[Statement]
    """The needed statements that use a run's net or loaders, and so run anew in every run."""
    given: dict[str, str]
    """Global names that a run's net and loaders are known by, and which of PLAIN each is."""
    entry: Entry
    """The definition and the arguments of `unlearning`."""
    dead: set[str] = field(default_factory=set)
    """Names that only branches need which constants of the notebook turn off."""
    switches: set[str] = field(default_factory=set)
    """The constants that turn those branches off."""
    unresolved: set[str] = field(default_factory=set)
    """Names that only annotations need, and nothing defines."""
    stand_ins: set[str] = field(default_factory=set)
    """Names of Jupyter's own that need a definition."""


def needs_of(notebook: Notebook) -> Needs:
    """Return `unlearning` and all it needs. Raises BenchError."""
    start, end = notebook.start_and_end()
    entry = Entry(definition_of(notebook.statements[start], start, notebook.makers, notebook.statements))
    call = call_of(Source(notebook.statements, notebook.assigned_value, notebook.literals), start, end)
    entry.take_values(call, notebook.file)
    given = entry.run_globals(call)
    entry.write_defaults(lambda name: name not in given and notebook.is_constant(name, start, end))
    closure = _Closure(notebook, given, start, end, entry)
    closure.follow(entry.names)
    stars = {i for i, s in enumerate(notebook.statements) if is_star(s)}
    if closure.missing_names and not stars:
        names = ", ".join(sorted(closure.missing_names))
        raise BadSubmission(
            f"{notebook.file}: {ENTRY_POINT} needs {names}, which nothing before its call defines"
            f"{notebook.suspects(closure.missing_names)}; define what is missing in a cell of its own"
        )
    kept = closure.indices | (stars if closure.missing_names else set())
    kept |= {i for i, s in enumerate(notebook.statements) if is_future(s)}
    per_run = closure.per_run()
    if start in per_run:
        raise BadSubmission(
            f"{notebook.file}: the definition of {ENTRY_POINT} itself uses {', '.join(sorted(given))}, which every run "
            "is given anew; use its parameters inside of it"
        )
    return Needs(
        [notebook.statements[i] for i in sorted(kept - per_run)],
        [notebook.statements[i] for i in sorted(per_run)],
        {name: given[name] for name in sorted(closure.used)},
        entry,
        *closure.dead(kept),
        closure.unresolved_names,
        closure.stand_ins,
    )


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
    def indices(self) -> set[int]:
        return {i for i, _ in self._seen}

    @property
    def missing_names(self) -> set[str]:
        """Names without a definition."""
        return self._undefined_names(self._missing)

    @property
    def unresolved_names(self) -> set[str]:
        return self._undefined_names(self._annotations) - self.missing_names

    @property
    def stand_ins(self) -> set[str]:
        return self._undefined_names(self._jupyter) - self.missing_names

    def _undefined_names(self, names: set[str]) -> set[str]:
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
        """Return the values of a function's parameters that get nothing, or a constant by the notebook's call."""
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
        """Return the statements that use a run's net or loaders when they run, and those that use what they make."""
        tied = self._tied & self.indices
        for i in sorted(self.indices):
            statement = self._notebook.statements[i]
            if any(set(self._notebook.makers(name, i)) & tied for name in statement.now - self._given.keys()):
                tied.add(i)
        return tied

    def dead(self, kept: set[int]) -> tuple[set[str], set[str]]:
        """Return the names that only branches need which are turned off, and the constants that do so."""
        bound = set[str]().union(*(self._notebook.statements[i].binds for i in kept)) | self.used
        bound |= self._notebook.plain
        found = [(self._undefined_names(names - bound), switches) for names, switches in self._switched]
        found = [(names, switches) for names, switches in found if names]
        return set[str]().union(*(names for names, _ in found)), set[str]().union(*(each for _, each in found))
