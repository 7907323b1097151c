"""What `unlearning` needs of a notebook, and no more."""

import ast
import builtins
import re

from benchmark.errors import BenchError
from benchmark.submission.contract import ENTRY_POINT
from benchmark.submission.notebook.statements import Statement, is_future, is_star, root, running, statements_of


class Notebook:
    """The statements of all code cells that are Python, and which of them `unlearning` needs."""

    def __init__(self, file: str, cells: list[str]) -> None:
        self.file = file
        self.statements: list[Statement] = []
        self.broken: dict[int, tuple[str, str]] = {}  # code cell → its source, what is wrong with it
        for number, source in enumerate(cells, 1):
            try:
                self.statements += statements_of(number, source)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deep
                self.broken[number] = source, str(getattr(error, "msg", error)) or "nested too deep"
        self._imported = set[str]().union(
            *(s.binds for s in self.statements if isinstance(s.node, ast.Import | ast.ImportFrom))
        )

    def needed(self) -> list[Statement]:
        """`unlearning` and all it needs, in the notebook's order. Raises BenchError."""
        start, end = self._start_and_end()
        kept, missing = self._closure(start, end)
        stars = {i for i, s in enumerate(self.statements) if is_star(s)}
        if missing and not stars:
            names = ", ".join(sorted(missing))
            raise BenchError(
                f"{self.file}: {ENTRY_POINT} needs {names}, which nothing before its call defines"
                f"{self._suspects(missing)}; define what is missing in a cell of its own"
            )
        kept |= stars if missing else set()
        kept |= {i for i, s in enumerate(self.statements) if is_future(s)}
        return [self.statements[i] for i in sorted(kept)]

    def _start_and_end(self) -> tuple[int, int]:
        """The statement that last binds `unlearning`, and the last that calls it, if through another function.

        Where nothing calls it, the second is the number of all statements.
        """
        binding = [i for i, s in enumerate(self.statements) if ENTRY_POINT in s.binds]
        if not binding:
            raise BenchError(
                f"{self.file} has no function {ENTRY_POINT} at the top level of a code cell"
                f"{self._suspects({ENTRY_POINT})}; give the notebook that defines it"
            )
        start = self.statements[binding[-1]]
        called = [part for part in running(start.node) if isinstance(part, ast.Call) and root(part.func) == ENTRY_POINT]
        if called and not start.settles():
            raise BenchError(
                f"{self.file} defines {ENTRY_POINT} in a block that also calls it ({start}); move the definition out"
            )
        callers, calling = {ENTRY_POINT}, list[int]()
        for i, s in enumerate(self.statements[binding[-1] + 1 :], binding[-1] + 1):
            callers |= s.binds if callers & s.later else set()
            calling += [i] if callers & s.now else []
        return binding[-1], calling[-1] if calling else len(self.statements)

    def _closure(self, start: int, end: int) -> tuple[set[int], set[str]]:
        """The statements that `start` needs, itself included, when its functions run at `end`; names without any.

        A statement is looked at once for every moment at which its functions may run: a helper called by a constant's
        right side runs there, and perhaps again at the end.
        """
        todo, seen = [(start, end)], set[tuple[int, int]]()
        missing, own = set[str](), set[str]()
        while todo:
            i, moment = todo.pop()
            if (i, moment) in seen:
                continue
            seen.add((i, moment))
            statement = self.statements[i]
            own |= statement.own
            for name in statement.now:
                makers = self._makers(name, i)
                todo += [(maker, at) for maker in makers for at in (i, moment)]
                missing |= self._unbound(name, [*makers, i])
            for name in statement.later:
                makers = self._makers(name, moment) or self._makers(name, len(self.statements))
                todo += [(maker, moment) for maker in makers]
                missing |= self._unbound(name, makers)
        missing -= own | vars(builtins).keys()
        return {i for i, _ in seen}, {name for name in missing if not re.fullmatch("__.*__", name)}

    def _unbound(self, name: str, makers: list[int]) -> set[str]:
        return set() if any(name in self.statements[maker].binds for maker in makers) else {name}

    def _makers(self, name: str, moment: int) -> list[int]:
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

    def _suspects(self, names: set[str]) -> str:
        """Which cells that are no Python mention one of the names, for an error's sentence."""
        found = [
            f", and code cell {number}, which mentions {'it' if len(names) == 1 else 'some'}, is not Python ({wrong})"
            for number, (source, wrong) in self.broken.items()
            if names & set(re.findall(r"\w+", source))
        ]
        return "".join(found)
