"""A competition notebook made a submission: `unlearning` with what it needs, and nothing else of the notebook.

Kept are whole top-level statements, in the notebook's order and as they were typed. `unlearning` is its last
definition. A name used inside a function stands for what it is when `unlearning` is last called at the top level (or
at the end, if it never is); a name used outside of one, for what it was at that place. A name is what its last
definition made it, and whatever changed it since:

- `x[i] = ...`, `x.a = ...` and `x += ...`, also for an imported x, as in `torch.backends.cudnn.benchmark = True`;
- a bare call of a method of it, `x.update(...)`, unless x was imported (`torch.manual_seed(0)`, `os.makedirs(...)`
  and `plt.show()` do something to the notebook's process) or the method only writes to a log.

Any other bare call goes, `seed_everything(42)` among them: the harness seeds every run, and one seed for all of them
would make the runs copies of each other. So does whatever calls `unlearning`, and the body of a block
`if __name__ == "__main__":` counts as top level. What no one can see in the source is not looked for: names made with
`exec` or `globals()`, and changes made through a second name or inside a called function.
"""

import ast
import builtins
import dis
import inspect
import json
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path
from types import CodeType
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from benchmark.errors import BenchError
from benchmark.submission.contract import ENTRY_POINT
from benchmark.submission.template import new_submission
from benchmark.workspace import Workspace, write_atomically

_PYTHON_CELL_MAGICS = {"%%time", "%%capture", "%%prun"}  # what follows them runs in the notebook's own namespace
_MAGIC = re.compile(r"\s*([%!?]|[\w.]+\?{1,2}\s*$|[\w., ]+=\s*[%!]|(pip|conda|cd)\s)")
_LOGS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
_LOOKS_UP = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_READS = re.compile(r"(?i)load|(?<!th)read|open|fetch|dataset|listdir|glob|request|urlretrieve")
_SEEDS = re.compile(r"(?i)seed|default_rng|RandomState|Generator")


def import_notebook(path: Path, name: str, workspace: Workspace, warn: Callable[[str], None]) -> Path:
    """Writes submissions/NAME/submission.py from the notebook `path`, running none of it; `warn` gets what to look at.

    Raises BenchError when the name cannot be used, the file is no Python notebook, it defines no `unlearning`, or
    `unlearning` needs a name that the notebook never gives it.
    """
    destination = new_submission(name, workspace)
    notebook = _Notebook(path.name, _code_cells(path))
    kept = notebook.needed()
    for sentence in _notes(notebook, kept):
        warn(sentence)
    write_atomically(destination, _module(kept, path.name, name).encode(errors="replace"))
    return destination


class _Cell(BaseModel):
    cell_type: str
    source: str | list[str] = Field("", validation_alias=AliasChoices("source", "input"))  # format 4, format 3
    language: str = "python"


class _Worksheet(BaseModel):
    cells: list[_Cell]


class _File(BaseModel):
    """What is read of a notebook's file: format 4 has cells, format 3 has them in worksheets."""

    cells: list[_Cell] | None = None
    worksheets: list[_Worksheet] | None = None
    metadata: dict[str, Any] = {}

    def language(self) -> str:
        for key, field in (("language_info", "name"), ("kernelspec", "language")):
            about = self.metadata.get(key)
            if isinstance(about, dict) and isinstance(about.get(field), str):
                return about[field]
        return "python"


def _code_cells(path: Path) -> list[str]:
    """The sources of the Python code cells. Raises BenchError."""
    try:
        file = _File.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise BenchError(f"{path} cannot be read ({error.strerror}); give the path of a Jupyter notebook") from None
    except ValidationError:
        raise BenchError(f"{path} is JSON but no Jupyter notebook; give an .ipynb file as Jupyter saves it") from None
    except (ValueError, RecursionError):
        raise BenchError(f"{path} is not JSON; give an .ipynb file as Jupyter saves it") from None
    if file.cells is None and file.worksheets is None:
        raise BenchError(f"{path} has no cells; give an .ipynb file as Jupyter saves it")
    cells = [*(file.cells or []), *chain.from_iterable(sheet.cells for sheet in file.worksheets or [])]
    sources = [
        "".join(cell.source).replace("\r\n", "\n").replace("\r", "\n")
        for cell in cells
        if cell.cell_type == "code" and "python" in cell.language.lower() and "python" in file.language().lower()
    ]
    if not any(source.strip() for source in sources):
        raise BenchError(f"{path} has no Python code cell; give the notebook that defines {ENTRY_POINT}")
    return sources


@dataclass(frozen=True, eq=False)
class _Statement:
    """A top-level statement and the names in it.

    binds: bound at the top level. now: looked up when it runs. later: looked up by its functions when they run. own:
    bound by its functions with `global`. changes: of which it sets attributes or items. methods: of which it calls a
    method for its effect.
    """

    cell: int
    node: ast.stmt
    source: str
    binds: set[str]
    now: set[str]
    later: set[str]
    own: set[str]
    changes: set[str]
    methods: set[str]

    def settles(self) -> bool:
        """Whether what it binds owes nothing to earlier bindings; `import a.b` adds to an `a` that is there."""
        if isinstance(self.node, ast.AnnAssign):
            return self.node.value is not None
        return isinstance(
            self.node, ast.Assign | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ImportFrom
        )

    def calls(self) -> Iterator[str]:
        """The names of the functions it calls when it runs, e.g. `torch.load`."""
        return (ast.unparse(part.func) for part in _running(self.node) if isinstance(part, ast.Call))

    def __str__(self) -> str:
        line = next(line for line in self.source.split("\n") if not line.startswith("#"))
        return f"code cell {self.cell}: `{line if len(line) <= 60 else line[:57] + '...'}`"


class _Notebook:
    """The statements of all code cells that are Python, and which of them `unlearning` needs."""

    def __init__(self, file: str, cells: list[str]) -> None:
        self.file = file
        self.statements: list[_Statement] = []
        self.broken: dict[int, tuple[str, str]] = {}  # code cell → its source, what is wrong with it
        for number, source in enumerate(cells, 1):
            try:
                self.statements += _statements(number, source)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deep
                self.broken[number] = source, str(getattr(error, "msg", error)) or "nested too deep"
        self._imported = set[str]().union(
            *(s.binds for s in self.statements if isinstance(s.node, ast.Import | ast.ImportFrom))
        )

    def needed(self) -> list[_Statement]:
        """`unlearning` and all it needs, in the notebook's order. Raises BenchError."""
        start, end = self._start_and_end()
        kept, missing = self._closure(start, end)
        stars = {i for i, s in enumerate(self.statements) if _is_star(s)}
        if missing and not stars:
            names = ", ".join(sorted(missing))
            raise BenchError(
                f"{self.file}: {ENTRY_POINT} needs {names}, which nothing before its call defines"
                f"{self._suspects(missing)}; define what is missing in a cell of its own"
            )
        kept |= stars if missing else set()
        kept |= {i for i, s in enumerate(self.statements) if _is_future(s)}
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
        called = [
            part for part in _running(start.node) if isinstance(part, ast.Call) and _root(part.func) == ENTRY_POINT
        ]
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


def _statements(number: int, source: str) -> list[_Statement]:
    """Raises SyntaxError or ValueError when the cell is no Python even without its magics."""
    first = source.split(maxsplit=1)[0] if source.strip() else ""
    if first.startswith("%%") and first not in _PYTHON_CELL_MAGICS:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" in a stranger's string is no concern of the user's
        lines, body = _parse(source)
        found: list[_Statement] = []
        before = 0  # the line on which the statement before ends
        for node in _top_level(body):
            found.append(_analysed(number, node, _source(node, lines, before)))
            before = node.end_lineno or node.lineno
    return found


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, with those of a block `if __name__ == "__main__":` instead of the block."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            yield from node.body
        else:
            yield node


def _parse(source: str) -> tuple[list[str], list[ast.stmt]]:
    """The cell's lines with a `pass` instead of every magic, and its statements.

    A line that looks like a magic can be the middle of a string or of an expression, so a cell is taken as it is
    until the parser names a line that it cannot read. Raises SyntaxError or ValueError.
    """
    lines = source.split("\n")
    while True:
        try:
            return lines, ast.parse("\n".join(lines)).body
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not (0 <= at < len(lines) and _MAGIC.match(lines[at])):
                raise
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        goes_on, lines[at] = lines[at].endswith("\\"), f"{indent}pass  # {lines[at].strip()}"
        while goes_on and at + 1 < len(lines):
            at += 1
            goes_on, lines[at] = lines[at].endswith("\\"), f"# {lines[at].strip()}"


def _analysed(number: int, node: ast.stmt, source: str) -> _Statement:
    """The compiler decides which name is whose. Raises SyntaxError, e.g. for a `return` outside of a function."""
    binds, now, later, own = set[str](), set[str](), set[str](), set[str]()
    _names(compile(ast.Module([node], []), "cell", "exec", dont_inherit=True), binds, now, later, own)
    changes, methods = set[str](), set[str]()
    for part in _running(node):
        match part:
            case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
                changes.add(_root(part))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)) if method.attr not in _LOGS:
                methods.add(_root(method))
    return _Statement(number, node, source, binds, now, later, own, changes, methods)


def _names(code: CodeType, binds: set[str], now: set[str], later: set[str], own: set[str]) -> None:
    """Adds the names that `code` binds and those that it looks up, its functions' to `later`.

    What it binds first, like the variable of a loop, it does not look up from elsewhere.
    """
    local = set[str]()  # of a class body; at the top level, all that is bound
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_NAME":
            local.add(instruction.argval)
        elif instruction.opname == "STORE_GLOBAL":
            own.add(instruction.argval)
        elif instruction.opname in _LOOKS_UP and instruction.argval not in local:
            now.add(instruction.argval)
    binds |= local
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            is_function = inner.co_flags & inspect.CO_OPTIMIZED and not re.match("<.*(comp|expr)>", inner.co_name)
            _names(inner, set(), later if is_function else now, later, own)


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Like ast.walk, without what only runs when a function is called."""
    yield node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        for child in ast.iter_child_nodes(node):
            yield from _running(child)


def _root(node: ast.AST) -> str:
    """`a` of `a.b[0].c`; empty when it begins with anything but a name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _source(node: ast.stmt, lines: list[str], before: int) -> str:
    """A statement as it was typed, with the comments right above it and those that end its block, at the top level.

    `before` is the line on which the statement before it ends.
    """
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    last, indent = node.end_lineno or node.lineno, node.col_offset
    rest = lines[last - 1].encode()[node.end_col_offset :]
    if lines[first - 1].encode()[:indent].strip() or rest.lstrip().startswith(b";"):  # it shares a line with others
        return ast.get_source_segment("\n".join(lines), node) or ast.unparse(node)
    while first - 1 > before and lines[first - 2].startswith("#", indent):
        first -= 1
    for at, line in enumerate(lines[last:], last + 1):
        text = line.lstrip()
        if text and not (text.startswith("#") and len(line) - len(text) > indent):
            break
        last = at if text else last
    strings = {
        line
        for part in ast.walk(node)
        if isinstance(part, ast.Constant | ast.JoinedStr)
        for line in range(part.lineno + 1, (part.end_lineno or 0) + 1)
    }
    return "\n".join(
        text if line in strings else text[:indent].lstrip() + text[indent:]
        for line, text in enumerate(lines[first - 1 : last], first)
    )


def _is_star(statement: _Statement) -> bool:
    return any(isinstance(part, ast.alias) and part.name == "*" for part in ast.walk(statement.node))


def _is_future(statement: _Statement) -> bool:
    return isinstance(statement.node, ast.ImportFrom) and statement.node.module == "__future__"


def _batch_format(kept: list[_Statement]) -> str:
    """Batches are the competition's dicts when the code knows the key age_group or takes "image" out of something."""
    for node in chain.from_iterable(ast.walk(statement.node) for statement in kept):
        match node:
            case ast.Constant(value="age_group") | ast.Subscript(slice=ast.Constant(value="image")):
                return "kaggle"
    return "tuple"


def _module(kept: list[_Statement], file: str, name: str) -> str:
    """The submission's source: docstring, imports, the contract's constants, the rest."""
    constants = {"TITLE": name, "REFERENCE": f"imported from {file}", "BATCH_FORMAT": _batch_format(kept)}
    taken = set[str]().union(*(s.binds for s in kept))  # a name that the notebook uses stays the notebook's
    ours = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in constants.items() if key not in taken]
    origin = file.replace("\\", "\\\\").replace('"', '\\"')
    head = [f'"""The function {ENTRY_POINT} of the notebook {origin}, with what it needs of it."""']
    kept = sorted(kept, key=lambda s: not _is_future(s))
    imports = list(takewhile(lambda s: isinstance(s.node, ast.Import | ast.ImportFrom), kept))
    head += ["\n".join(lines) for lines in ([s.source for s in imports], ours) if lines]
    body, close = "", False  # whether the next statement follows without a gap
    for statement in kept[len(imports) :]:
        is_definition = isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        body += ("\n" if close and not is_definition else "\n\n\n") + statement.source
        close = not is_definition
    return "\n\n".join(head) + body + "\n"


def _notes(notebook: _Notebook, kept: list[_Statement]) -> Iterator[str]:
    """What the notebook's author should look at before trusting the import, a sentence each."""
    for statement in kept:
        calls = list(statement.calls())
        if any(_READS.search(call) for call in calls):
            yield f"{statement} seems to read data or files, which the sandbox does not have; look at it"
        if any(_SEEDS.search(call) for call in calls):
            yield f"{statement} gives every run the same random numbers; in the notebook they went on from run to run"
        if _asks_for_cuda(statement.node):
            yield f"{statement} asks for CUDA, but submissions run on the CPU; use {ENTRY_POINT}'s parameter device"
        if _is_star(statement):
            yield f"{statement} is kept for names that nothing else defines; whether it has them shows when it runs"
    seeds = [
        str(statement)
        for statement in notebook.statements
        if statement not in kept
        and isinstance(statement.node, ast.Expr)
        and any(_SEEDS.search(call) for call in statement.calls())
    ]
    if seeds:
        yield f"left out, because the harness seeds every run: {', '.join(seeds)}"
    bound = set[str]().union(*(statement.binds for statement in kept))
    for number, (source, wrong) in notebook.broken.items():
        if again := bound & set(re.findall(r"(?:def|class)\s+(\w+)", source)):
            names = ", ".join(sorted(again))
            yield f"code cell {number} is not Python ({wrong}), so what it says of {names} is not used"


def _asks_for_cuda(node: ast.AST) -> bool:
    """Whether it names a CUDA device or moves something there, without asking whether there is one."""
    parts = list(ast.walk(node))
    if any(isinstance(part, ast.Attribute) and part.attr == "is_available" for part in parts):
        return False
    return any(
        (isinstance(part, ast.Constant) and re.fullmatch(r"cuda(:\d+)?", str(part.value)))
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr == "cuda")
        for part in parts
    )
