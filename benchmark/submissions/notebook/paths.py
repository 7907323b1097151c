"""The files that a statement writes, as far as their paths are written in the notebook."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmark.submissions.notebook.constants import Unknown, value_of

_WRITES = re.compile(
    r"(?i)(^|\.)(save\w*|to_(csv|json|pickle|parquet)|dump|makedirs|mkdir|write_\w+|copy\w*|move|open)$"
)
_WRITABLE = re.compile(r"/kaggle/(working|tmp|temp)(/|$)|/tmp(/|$)|/dev/(null|shm)")
_ABSOLUTE = re.compile(r"/|~|\.\./|[A-Za-z]:[\\/]")
_DEEPEST = 9  # assignments that a path comes through

Assigned = Callable[[str], ast.expr | None]
"""The expression that a top-level name is assigned, None where there is no one such."""


def written_paths(node: ast.stmt, lookup: Callable[[str], Any], assigned: Assigned) -> Iterator[str]:
    """Yield the absolute paths, or beginnings of paths, at which a statement writes files and a run cannot."""
    local = {
        part.targets[0].id: part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name)
    }
    paths = _Paths(local, lookup, assigned)
    for part in ast.walk(node):
        if not (isinstance(part, ast.Call) and _WRITES.search(ast.unparse(part.func))):
            continue
        receiver = [part.func.value] if isinstance(part.func, ast.Attribute) else []
        is_open = ast.unparse(part.func).endswith("open")
        if is_open and not _opens_to_write(part):
            continue
        for argument in [*receiver, *part.args, *(keyword.value for keyword in part.keywords)]:
            path = paths.beginning_of(argument)
            if _ABSOLUTE.match(path) and not _WRITABLE.match(path):
                yield path


def _opens_to_write(call: ast.Call) -> bool:
    """Return whether `open(path, "w")` or `path.open("w")` has a mode that writes."""
    modes = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return any(
        isinstance(mode, ast.Constant) and re.fullmatch("[rbt+]*[wax+][rbt+]*", str(mode.value)) for mode in modes
    )


class _Paths:
    """A tracer of a path to its beginning, through a function's names and those of the top level."""

    def __init__(self, local: Mapping[str, ast.expr], lookup: Callable[[str], Any], assigned: Assigned) -> None:
        self._local, self._lookup, self._assigned = local, lookup, assigned

    def beginning_of(self, node: ast.expr | None, depth: int = 0) -> str:
        """Return what a text begins with, as far as the source tells it."""
        if node is None or depth > _DEEPEST:
            return ""
        text = self._text(node)
        if text is not None:
            return text
        match node:
            case ast.Name(id=name):
                return self.beginning_of(self._local.get(name) or self._assigned(name), depth + 1)
            case ast.JoinedStr(values=values):
                return self._join(values, "", depth + 1)
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right) if text.startswith("%s"):
                first = right.elts[0] if isinstance(right, ast.Tuple) and right.elts else right
                return self.beginning_of(first, depth + 1)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._join([left, right], "", depth + 1)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._join([left, right], "/", depth + 1)
            case ast.FormattedValue(value=inner) | ast.BinOp(left=inner, op=ast.Mod()):
                return self.beginning_of(inner, depth + 1)
            case ast.Attribute(value=inner, attr="parent"):
                return self.beginning_of(inner, depth + 1)
            case ast.Call():
                return self._call_beginning(node, depth + 1)
        return ""

    def _join(self, parts: Sequence[ast.expr], between: str, depth: int) -> str:
        """Join the parts up to the first that is not known; an absolute path drops what is before it."""
        path = ""
        for i, part in enumerate(parts):
            text = self.beginning_of(part, depth)
            if not text:
                break
            anew = i == 0 or (between and _ABSOLUTE.match(text))
            path = text if anew else f"{path.rstrip(between)}{between}{text}" if between else path + text
        return path

    def _text(self, node: ast.expr) -> str | None:
        def lookup(name: str) -> Any:
            if name in self._local:
                raise Unknown
            return self._lookup(name)

        try:
            value = value_of(node, lookup)
        except (Unknown, RecursionError):
            return None
        return value if isinstance(value, str) else None

    def _call_beginning(self, call: ast.Call, depth: int) -> str:
        match call:
            case ast.Call(
                func=ast.Attribute(attr="join" | "Path" | "joinpath") | ast.Name(id="Path" | "join"), args=args
            ):
                return self._join(args, "/", depth)
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format"), args=[first, *_]):
                return self.beginning_of(first, depth) if text.startswith("{") else text
            case ast.Call(func=ast.Name(id="str") | ast.Attribute(attr="abspath" | "expanduser"), args=[first]):
                return self.beginning_of(first, depth)
        return ""
