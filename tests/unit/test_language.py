"""The language of the code, counted: docstrings without verb or noun, names that are participles, long functions."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FRAGMENTS = re.compile(
    r"(Of|As|By|With|None|Those|Whether|What|Whatever|Where|One|How|Which|Who|Whoever|When|That|For|From|In|To|At|On)\b"
)
PARTICIPLES = re.compile(
    r"_*([a-z]+(ed|ing)|given|taken|known|drawn|shown|written|left|kept|held|built|found|made|laid|told|bound|thrown"
    r"|broken|chosen|frozen|forgotten|hidden|seen|unseen|done|gone|spent|sent|paid|lost)"
)
NOUNS = {"seed", "listing", "training", "ceiling", "string"}
SHARE = 0.02  # of all functions
LONGEST = 50  # lines of a function
MAYBE_MESSAGE = re.compile(r"\bstr\s*\(\s*(error|exception|e|err)\b|\.\s*(reason|message|verdict)\b")

MESSAGES_OF_LIBRARIES = {
    "benchmark/cli/system.py": "Python gives the lack of threads no type of its own",
    "benchmark/data/listed.py": "numpy gives pickled arrays no type of their own",
    "benchmark/data/reading/tables.py": "csv gives its errors one type",
    "benchmark/data/reading/npz.py": "numpy gives pickled arrays no type of their own",
    "benchmark/device.py": "torch's allocator on the CPU raises a plain RuntimeError",
    "benchmark/sandbox/child/call.py": "torch gives a label that is no class no type of its own",
}
"""Files that look into a message, because a library says it no other way."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """Counts of a module, without its syntax tree: the trees of a whole package slow down every later test."""

    name: str
    fragments: list[str]
    functions: list[tuple[str, int]]  # each one's name and lines
    comparisons: list[str]


@cache
def modules(folder: str) -> list[Module]:
    """Return every module in a folder."""
    return [read(path) for path in sorted((ROOT / folder).rglob("*.py"))]


def read(path: Path) -> Module:
    source = path.read_text()
    tree = ast.parse(source)
    lengths = [(own.name, length(own)) for own in functions(tree)]
    looks = comparisons_of_messages(tree) if MAYBE_MESSAGE.search(source) else []
    return Module(path.relative_to(ROOT).as_posix(), fragments(tree), lengths, looks)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and the statements in it, at any depth, without their expressions."""
    yield node
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        for inner in getattr(node, block, []):
            yield from statements(inner)


def fragments(tree: ast.Module) -> list[str]:
    """Return the first lines of docstrings that begin neither with a verb nor with a noun phrase."""
    nodes = [node for node in statements(tree) if isinstance(node, Function | ast.ClassDef | ast.Module)]
    return [text.splitlines()[0] for node in nodes if (text := ast.get_docstring(node)) and FRAGMENTS.match(text)]


def functions(tree: ast.Module) -> list[Function]:
    return [node for node in statements(tree) if isinstance(node, Function)]


def is_participle(name: str) -> bool:
    return bool(PARTICIPLES.fullmatch(name)) and name.strip("_") not in NOUNS


def length(function: Function) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


@pytest.mark.parametrize("folder", ["benchmark", "tests"])
@pytest.mark.seconds
def test_docstrings_begin_with_a_verb_or_a_noun_phrase(folder):
    found = {module.name: module.fragments for module in modules(folder) if module.fragments}
    assert not found


@pytest.mark.seconds
def test_few_functions_are_named_by_a_bare_participle():
    names = [(module.name, own) for module in modules("benchmark") for own, _ in module.functions]
    participles = [(name, own) for name, own in names if is_participle(own)]
    assert len(participles) < SHARE * len(names), participles


def test_no_function_is_long():
    assert not [(module.name, *own) for module in modules("benchmark") for own in module.functions if own[1] > LONGEST]


def comparisons_of_messages(tree: ast.Module) -> list[str]:
    """Return expressions that compare or search the text of an exception, a reason or a message."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            operands = [node.func.value] if node.func.attr in ("startswith", "endswith", "find", "index") else []
        else:
            continue
        found += [ast.unparse(node) for each in operands if is_message(each)]
    return found


def is_message(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str" and node.args:
        return isinstance(node.args[0], ast.Name) and node.args[0].id in ("error", "exception", "e", "err")
    return isinstance(node, ast.Attribute) and node.attr in ("reason", "message", "verdict")


def test_no_control_flow_looks_into_messages():
    found = {module.name: module.comparisons for module in modules("benchmark") if module.comparisons}
    assert found.keys() == MESSAGES_OF_LIBRARIES.keys(), found


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("if 'gone' in str(error): pass", 1),
        ("while card.reason == 'late': pass", 1),
        ("run.reason.startswith('no')", 1),
        ("if str(path) in names: pass", 0),
        ("if error.code == 'harness': pass", 0),
        ("if card.reason: pass", 0),
    ],
)
def test_a_comparison_of_a_message_is_known(source, count):
    assert len(comparisons_of_messages(ast.parse(source))) == count


def test_types_are_ignored_by_rule_alone():
    texts = {path: path.read_text() for path in (ROOT / "benchmark").rglob("*.py")}
    assert not [path for path, text in texts.items() if re.search(r"#\s*type:\s*ignore", text)]
    assert not [path for path, text in texts.items() if re.search(r"pyright:\s*ignore(?!\[\w)", text)]


@pytest.mark.parametrize(
    ("text", "is_fragment"),
    [
        ("Of the blocks of all runs.", True),
        ("What tuning leaves beside a submission.", True),
        ("None where there is no file.", True),
        ("Return the blocks.", False),
        ("One-sided test.", True),
        ("Formats a name.", False),
        ("Install the filter.", False),
        ("Outcome of a run.", False),
    ],
)
def test_a_fragment_is_known_by_its_first_word(text, is_fragment):
    assert bool(fragments(ast.parse(f'def f():\n    """{text}"""'))) == is_fragment


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_shown", True),
        ("forgotten", True),
        ("collapsing", True),
        ("seed", False),
        ("mask", False),
        ("is_shown", False),
    ],
)
def test_a_bare_participle_is_known_by_its_ending(name, expected):
    assert is_participle(name) == expected


def test_lengths_count_the_signature():
    (function,) = functions(ast.parse("def f(\n    a,\n):\n    return a\n"))
    assert length(function) == 4
