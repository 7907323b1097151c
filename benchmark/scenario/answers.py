"""Answers of kinds: the one way through which the methods of a seam are called.

The base class of a seam names the methods that another package may write, each with a check of what it returns. They
are wrapped where a class that derives from it is made, so that a wrong answer is a sentence about the kind and its
package wherever the method is called, and not an exception of whatever comes across it later. Imports no torch.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from numbers import Integral
from typing import Any

from benchmark.errors import BadScenario, BenchError
from benchmark.registry import package_of
from benchmark.text import shown

Check = Callable[..., str]
"""The kind, what its method returned, the method's arguments → what came and what was expected; "" where it is that."""

_ROW = {"what", "expected", "found", "status"}


def check_answers(kind: type, checks: Mapping[str, Check]) -> None:
    """Wrap those methods and properties of a class that are checked, as far as the class itself defines them.

    Those of a seam's base class, which names the checks, stay as they are.
    """
    if "answers" in vars(kind):
        return
    for name in checks.keys() & vars(kind).keys():
        own = vars(kind)[name]
        if isinstance(own, property) and own.fget:
            setattr(kind, name, property(_checked(own.fget, name, checks[name]), doc=own.__doc__))
        elif callable(own):
            setattr(kind, name, _checked(own, name, checks[name]))


def _checked(method: Callable[..., Any], name: str, check: Check) -> Callable[..., Any]:
    @wraps(method)
    def call(kind: Any, *arguments: Any, **named: Any) -> Any:
        answer = method(kind, *arguments, **named)
        if fault := check(kind, answer, *arguments, **named):
            raise wrong_answer(kind, name, fault)
        return answer

    return call


def wrong_answer(kind: Any, method: str, fault: str) -> BenchError:
    """Return the error about a method's answer; `fault`: what came and what was expected."""
    package = package_of(type(kind))
    whose = f" of the installed package {package}" if package else ""
    return BadScenario(f"the {kind.seam} {kind.called}{whose} gave {fault}; change its `{method}`")


def is_a(expected: type | tuple[type, ...], words: str) -> Check:
    """Return the check that an answer has a type, which `words` name."""

    def check(kind: object, answer: object, *arguments: object, **named: object) -> str:
        return "" if isinstance(answer, expected) else f"{shown(answer)}, expected {words}"

    return check


def is_count(kind: object, answer: object, *arguments: object, **named: object) -> str:
    """Check that an answer is a whole number from 1."""
    if isinstance(answer, Integral) and not isinstance(answer, bool) and int(answer) >= 1:
        return ""
    return f"{shown(answer)}, expected a whole number from 1"


def is_count_or_none(kind: object, answer: object, *arguments: object, **named: object) -> str:
    """Check that an answer is None or a whole number from 1."""
    return "" if answer is None else is_count(kind, answer)


def is_own_kind(kind: object, answer: object, *arguments: object, **named: object) -> str:
    """Check that an answer is a section of the kind's own class."""
    return "" if isinstance(answer, type(kind)) else f"{shown(answer)}, expected a {type(kind).__name__}"


def are_rows(kind: object, answer: object, *arguments: object, **named: object) -> str:
    """Check that an answer is a list of rows of `bench data check`."""
    rows = answer if isinstance(answer, list) else [answer]
    for row in rows:
        if not isinstance(row, dict) or row.keys() != _ROW or not all(isinstance(text, str) for text in row.values()):
            return f"{shown(row)}, expected rows with what, expected, found and status, each a text"
    return ""


is_text = is_a(str, "a text")
is_text_or_none = is_a((str, type(None)), "a text or None")
is_flag = is_a(bool, "True or False")
is_flag_or_none = is_a((bool, type(None)), "True, False or None")
is_function = is_a(Callable, "a function")  # pyright: ignore[reportArgumentType]  isinstance takes it
