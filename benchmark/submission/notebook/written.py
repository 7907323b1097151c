"""What is written of a notebook: the submission's source, and notes on what its author should look at."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import chain, takewhile

from benchmark.submission.contract import ENTRY_POINT
from benchmark.submission.notebook.needs import Notebook
from benchmark.submission.notebook.statements import Statement, is_future, is_star

_READS = re.compile(r"(?i)load|(?<!th)read|open|fetch|dataset|listdir|glob|request|urlretrieve")
_SEEDS = re.compile(r"(?i)seed|default_rng|RandomState|Generator")


def _batch_format(kept: list[Statement]) -> str:
    """Batches are the competition's dicts when the code knows the key age_group or takes "image" out of something."""
    for node in chain.from_iterable(ast.walk(statement.node) for statement in kept):
        match node:
            case ast.Constant(value="age_group") | ast.Subscript(slice=ast.Constant(value="image")):
                return "kaggle"
    return "tuple"


def submission_source(kept: list[Statement], file: str, name: str) -> str:
    """The submission's source: docstring, imports, the contract's constants, the rest."""
    constants = {"TITLE": name, "REFERENCE": f"imported from {file}", "BATCH_FORMAT": _batch_format(kept)}
    taken = set[str]().union(*(s.binds for s in kept))  # a name that the notebook uses stays the notebook's
    ours = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in constants.items() if key not in taken]
    origin = file.replace("\\", "\\\\").replace('"', '\\"')
    head = [f'"""The function {ENTRY_POINT} of the notebook {origin}, with what it needs of it."""']
    kept = sorted(kept, key=lambda s: not is_future(s))
    imports = list(takewhile(lambda s: isinstance(s.node, ast.Import | ast.ImportFrom), kept))
    head += ["\n".join(lines) for lines in ([s.source for s in imports], ours) if lines]
    body, close = "", False  # whether the next statement follows without a gap
    for statement in kept[len(imports) :]:
        is_definition = isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        body += ("\n" if close and not is_definition else "\n\n\n") + statement.source
        close = not is_definition
    return "\n\n".join(head) + body + "\n"


def notes(notebook: Notebook, kept: list[Statement]) -> Iterator[str]:
    """What the notebook's author should look at before trusting the import, a sentence each."""
    for statement in kept:
        calls = list(statement.calls())
        if any(_READS.search(call) for call in calls):
            yield f"{statement} seems to read data or files, which the sandbox does not have; look at it"
        if any(_SEEDS.search(call) for call in calls):
            yield f"{statement} gives every run the same random numbers; in the notebook they went on from run to run"
        if _asks_for_cuda(statement.node):
            yield f"{statement} asks for CUDA, which there may be none of; use {ENTRY_POINT}'s parameter device"
        if is_star(statement):
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
