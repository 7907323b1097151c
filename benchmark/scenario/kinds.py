"""Sections that come in kinds: how a kind is told from what a file says, and the union of all that are registered."""

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Annotated, Any, get_args

from pydantic import Field

from benchmark.registry import Registry
from benchmark.scenario.sections import Section
from benchmark.text import shown


def tags_of(base: type[Section], key: str, *needed: str) -> Callable[[type[Section]], tuple[str, ...]]:
    """Return the function that gives a section's tags: the literals that it accepts for `key`.

    That function raises ValueError where an object is no subclass of `base`, has no such literals, or leaves one of the
    `needed` methods as the base has it.
    """

    def tags(kind: type[Section]) -> tuple[str, ...]:
        if not (isinstance(kind, type) and issubclass(kind, base)):
            raise ValueError(f"it is {shown(kind)}, expected a subclass of {base.__module__}.{base.__name__}")
        found = get_args(kind.model_fields[key].annotation)
        if not found or not all(isinstance(tag, str) for tag in found):
            raise ValueError(f'its {key} has no names, expected a field such as {key}: Literal["mine"]')
        if missing := [name for name in needed if getattr(kind, name) is getattr(base, name)]:
            raise ValueError(f"{kind.__name__} has no {missing[0]}, expected a method of that name")
        return found

    return tags


def union_of(kinds: Registry[Any], key: str, *, optional: bool = False) -> Any:
    """Return the type of a field that holds any of the registered sections, distinguished by `key`, or perhaps None."""
    return Annotated[reduce(or_, [*kinds.unique(), *([None] if optional else [])]), Field(discriminator=key)]
