"""Imports at the level of modules, read from the source: no circles, and no heavy library where none is needed."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import REPOSITORY

Graph = dict[str, set[str]]


def import_statements(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield what is imported with the module: nothing in functions, nothing that only type checkers read."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from import_statements(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "finalbody", "handlers"):
                yield from import_statements(getattr(node, field, []))


def targets(source: str, modules: Mapping[str, object]) -> set[str]:
    """Return the modules that a source imports; `from a import b` imports a.b where that is one of `modules`."""
    found = set[str]()
    for node in import_statements(ast.parse(source).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else str(node.module) for name in names}
    return found


def import_graph(sources: Mapping[str, str]) -> Graph:
    """Return the modules that each module has to wait for, by its source. A package of its own is none of them."""
    graph = {}
    for module, source in sources.items():
        waits = set[str]()
        for name in targets(source, sources):
            parts = name.split(".")
            packages = {".".join(parts[:size]) for size in range(1, len(parts))}
            waits |= {name} | {each for each in packages if not module.startswith(f"{each}.")}
        graph[module] = waits - {module}
    return graph


def find_circle(graph: Graph) -> list[str]:
    """Return modules that import one another, the first of them last again; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def reach(graph: Graph, begin: str) -> set[str]:
    """Return every module that runs, or is looked for, when `begin` is imported."""
    packages = [begin.rsplit(".", size)[0] for size in range(begin.count(".") + 1)]
    found, waiting = set[str](), packages
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph.get(name, ())
    return found


@pytest.fixture(scope="module")
def graph() -> Graph:
    """The imports of the whole package."""
    sources = {}
    for path in (REPOSITORY / "benchmark").rglob("*.py"):
        name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
        sources[name.removesuffix(".__init__")] = Path(path).read_text()
    return import_graph(sources)


@pytest.mark.seconds
def test_no_module_of_the_package_waits_for_itself(graph):
    assert len(graph) > 150
    assert find_circle(graph) == []


TORCH = {"torch", "torchvision"}
FREE_OF = {
    "results": TORCH | {"scipy", "sklearn", "matplotlib", "optuna", "rich"},
    "metrics": TORCH | {"scipy", "matplotlib", "optuna", "rich"},
    "leaderboard": TORCH | {"scipy", "sklearn", "optuna"},
    "scenario": TORCH | {"sklearn", "pandas", "matplotlib", "optuna", "rich"},
    "session": TORCH | {"sklearn", "pandas", "matplotlib", "optuna", "rich"},
    "audit": TORCH | {"scipy", "pandas", "matplotlib", "optuna"},
    "pipeline": {"sklearn", "matplotlib", "optuna"},
    "cli": TORCH | {"scipy", "sklearn", "pandas", "matplotlib", "optuna"},
}


@pytest.mark.parametrize("room", FREE_OF)
@pytest.mark.seconds
def test_a_room_is_free_of_heavy_libraries(room, graph):
    begin = f"benchmark.{room}"
    modules = [name for name in graph if f"{name}.".startswith(f"{begin}.")]
    assert modules
    reached = {name: {each.split(".")[0] for each in reach(graph, name)} & FREE_OF[room] for name in modules}
    assert not {name: heavy for name, heavy in reached.items() if heavy}


@pytest.mark.parametrize(
    ("sources", "circle"),
    [
        ({"p": "", "p.a": "import p.b", "p.b": "from p import a"}, {"p.a", "p.b"}),
        ({"p": "from p.a import x", "p.a": "x = 1"}, set()),
        ({"p": "from p.a import x", "p.a": "from p import b", "p.b": ""}, set()),
        ({"p": "from p.a import x", "p.a": "from p import y"}, {"p", "p.a"}),
        ({"p": "", "p.a": "def f():\n    import p.b", "p.b": "import p.a"}, set()),
        ({"p": "", "p.a": "if TYPE_CHECKING:\n    import p.b", "p.b": "import p.a"}, set()),
        ({"p": "", "p.a": "try:\n    import x\nexcept E:\n    import p.b", "p.b": "import p.a"}, {"p.a", "p.b"}),
        ({"p": "", "p.a": "class A:\n    import p.b", "p.b": "import p.a"}, {"p.a", "p.b"}),
        ({"p": "import q.b", "p.a": "", "q": "import p.a", "q.b": ""}, {"p", "q"}),
        ({"p": "", "p.a": "import p.b", "p.b": "import p.c", "p.c": "from p.a import x"}, {"p.a", "p.b", "p.c"}),
    ],
)
def test_circles_are_found(sources, circle):
    assert set(find_circle(import_graph(sources))) == circle


def test_what_a_module_reaches_includes_its_packages():
    graph = import_graph({"p": "import numpy", "p.q": "", "p.q.a": "from p.b import x", "p.b": "import torch.nn"})
    assert reach(graph, "p.q.a") == {"p", "p.q", "p.q.a", "p.b", "numpy", "torch.nn", "torch"}
