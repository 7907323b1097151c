"""Constants of a submission's module, read from its source without running any of it."""

import ast
from pathlib import Path
from typing import Any, TypeGuard

from benchmark.errors import BadSubmission
from benchmark.submissions.files import FILE, parse_submission
from benchmark.text import shown

PUBLISHED = "HYPERPARAMETERS"
"""The constant with the values that a submission came with."""


def is_number(value: Any) -> TypeGuard[int | float]:
    """Say whether a value is a number and no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_literal(name: str, folder: Path, constant: str) -> dict[str, Any]:
    """Return the dict that the submission `name` assigns to `constant`; empty where it has no such constant.

    Raises BadSubmission where that is no literal dict of names and values.
    """
    node = assignment_of(folder, constant)
    try:
        value = ast.literal_eval(_Fractions().visit(node)) if node else {}
    except (ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        raise BadSubmission(
            f"{constant} of {name} is computed when {FILE} runs, expected a literal dict that can be read without "
            "running it; write the values out"
        ) from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BadSubmission(f"{constant} of {name} is {shown(value)}, expected a dict of names and values; correct it")
    if odd := [key for key in value if not key.isprintable()]:
        raise BadSubmission(f"{constant} of {name} has the key {shown(odd[0])}, expected printable letters; rename it")
    return value


class _Fractions(ast.NodeTransformer):
    """Works out what people write as 8 / 255."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        parts = [part.value for part in (node.left, node.right) if isinstance(part, ast.Constant)]
        numbers = [part for part in parts if is_number(part)]
        if isinstance(node.op, ast.Div) and len(numbers) == 2 and numbers[1]:
            return ast.Constant(numbers[0] / numbers[1])
        return node


def assignment_of(folder: Path, constant: str) -> ast.expr | None:
    """Return the expression that the module assigns to `constant` last; None where it does not."""
    assignments = [node for node in parse_submission(folder).body if isinstance(node, ast.Assign | ast.AnnAssign)]
    values = [node.value for node in assignments if constant in _targets(node)]
    return values[-1] if values else None


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]
