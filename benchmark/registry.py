"""Kinds that are added by writing one file: shipped in a package of ours, or brought by an installed package.

A seam (task, source, forget set, manipulation, access, network, metric, treatment) has one `Registry`. What ships with
the benchmark is decorated with `registry.add` in a module of the registry's package; what another package brings is an
entry point of the group `unlearning_benchmark.<seam>`, whose object is the same class or metric, without the decorator.
"""

import contextlib
import importlib
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmark.errors import BadScenario, note
from benchmark.text import did_you_mean, reason_of

Kind = TypeVar("Kind")
Added = TypeVar("Added")

GROUP = "unlearning_benchmark"
_SEAMS = ("task", "source", "forget_set", "manipulation", "access", "network", "metric", "treatment")
SHIPPED = "the benchmark"


class Registry(Mapping[str, Kind], Generic[Kind]):
    """The kinds of one seam by name; they are imported when the first is asked for.

    `package`: the dotted name of the package whose modules add them. `names_of` gives the names a kind goes by, and
    raises ValueError where an object is no such kind. A plug-in that cannot be loaded, or whose name is taken, is
    left out with a note on standard error.
    """

    def __init__(self, seam: str, package: str, names_of: Callable[[Kind], tuple[str, ...]]) -> None:
        self.seam = seam
        self._package = package
        self._names_of = names_of
        self._kinds: dict[str, Kind] = {}
        self._origins: dict[str, str] = {}
        self._loaded = False

    def add(self, kind: Added) -> Added:
        """Register a kind that ships with the benchmark; usable as a decorator."""
        self._insert(kind, SHIPPED)
        return kind

    def __getitem__(self, name: str) -> Kind:
        self._load()
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(self._kinds)

    def __len__(self) -> int:
        self._load()
        return len(self._kinds)

    def named(self, name: str) -> Kind:
        """Return the kind of that name. Raises BenchError with the names there are."""
        if name not in self:
            raise BadScenario(
                f"there is no {self.seam} {name!r}{did_you_mean(name, self)}; name one of {', '.join(sorted(self))}"
            )
        return self[name]

    def unique(self) -> list[Kind]:
        """Return every kind once, in the order of their names; one kind may go by several names."""
        return list({id(kind): kind for _, kind in sorted(self.items())}.values())

    def origin(self, name: str) -> str:
        """Return the distribution that brings a kind, or SHIPPED."""
        self._load()
        return self._origins[name]

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # first, because modules of the package may ask for what is there already
        package = importlib.import_module(self._package)
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
            importlib.import_module(f"{self._package}.{module.name}")
        for point in sorted(entry_points(group=f"{GROUP}.{self.seam.replace(' ', '_')}"), key=lambda each: each.name):
            self._load_plugin(point)

    def _load_plugin(self, point: EntryPoint) -> None:
        """Add what an installed package brings. Whatever its import raises is that package's fault, not the user's."""
        origin = _origin_of(point)
        try:
            with contextlib.redirect_stdout(sys.stderr):  # standard output is for what a command prints
                self._insert(point.load(), origin)
        except (Exception, SystemExit) as error:
            note(
                f"the {self.seam} {point.name} of the installed package {origin} is left out: {reason_of(error)}; "
                "mend or uninstall that package"
            )

    def _insert(self, kind: Any, origin: str) -> None:
        names = self._names_of(kind)
        for name in names:
            if name in self._kinds and self._kinds[name] is not kind:
                raise ValueError(f"the name {name} is taken by {self._origins[name]}")
        for name in names:
            self._kinds[name] = kind
            self._origins.setdefault(name, origin)


def plugin_paths() -> list[Path]:
    """Return the modules, packages and metadata of the installed packages that bring kinds; imports none of them."""
    found: dict[Path, None] = {}
    for point in _plugins():
        if code := _code_of(point):
            found[code] = None
        if isinstance(path := getattr(point.dist, "_path", None), Path):
            found[path] = None
    return [path.resolve() for path in found]


def plugin_at_fault(error: BaseException) -> str:
    """Return which installed package's code raised an exception, or called what raised it; "" where none did.

    The traceback says it as text, because that is all a process of the engine's leaves of it.
    """
    plugins = _plugins()
    for file, line in reversed(_FRAME.findall("".join(traceback.format_exception(error)))):
        theirs = [point for point in plugins if (code := _code_of(point)) and Path(file).is_relative_to(code)]
        if theirs:
            exact = [each for each in theirs if file.endswith(f"{each.module.replace('.', '/')}.py")]
            kinds = " and ".join(f"the {_seam_of(point)} {point.name}" for point in exact)
            return f"{kinds or 'code'} of the installed package {_origin_of(theirs[0])}, {Path(file).name} line {line}"
    return ""


def package_of(kind: type) -> str:
    """Return the installed package that a registered class comes from; "" for one that comes with the benchmark."""
    root = kind.__module__.partition(".")[0]
    return next((_origin_of(point) for point in _plugins() if point.module.partition(".")[0] == root), "")


_FRAME = re.compile(r'File "(.+)", line (\d+)')


def _plugins() -> list[EntryPoint]:
    points = entry_points()  # once: it reads the metadata of all that is installed
    return [point for seam in _SEAMS for point in points.select(group=f"{GROUP}.{seam}")]


def _seam_of(point: EntryPoint) -> str:
    return point.group.rpartition(".")[2].replace("_", " ")


def _origin_of(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _code_of(point: EntryPoint) -> Path | None:
    """Return the module or package that a plug-in lies in; None where there is none of that name."""
    spec = find_spec(point.module.partition(".")[0])
    if spec is None or not spec.origin:
        return None
    return Path(spec.origin).parent if spec.submodule_search_locations else Path(spec.origin)
