"""Sentences about what a scenario file says and a scenario does not accept."""

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchmark.text import did_you_mean, printable, shown


def sentence_of(error: ValidationError, file: type[BaseModel]) -> str:
    """Return one complaint of pydantic's as: which key, what came, what is accepted; a mistyped key explains others.

    `file`: the section that holds all others.
    """
    errors = error.errors()
    first = next((each for each in errors if _is_mistyped(each, file)), errors[0])
    names, section = _locate(first["loc"], file)
    key = printable(".".join(names)) or "the file"
    context = first.get("ctx", {})
    if first["type"] == "extra_forbidden":
        return _unknown_key(key, names[-1], _keys(section))
    if first["type"] == "missing":
        return f"{key} is missing; add it"
    if first["type"] == "union_tag_not_found":
        tag = _bare(context["discriminator"])
        mistyped = next((each for each in first["input"] if did_you_mean(each, [tag])), None)
        return (
            _unknown_key(f"{key}.{printable(mistyped)}", mistyped, [tag])
            if mistyped
            else f"{key}.{tag} is missing; add it"
        )
    if first["type"] == "union_tag_invalid":
        tag = f"{key}.{_bare(context['discriminator'])} is {shown(context['tag'])}"
        near = _nearest_quoted(context["tag"], context["expected_tags"])
        return f"{tag}, expected {_enumerate_tags(context['expected_tags'])}{near}"
    if first["type"] == "value_error":
        return str(first["msg"]).removeprefix("Value error, ")
    expected = re.sub("^(Input|String) should (be|have) ", "", str(first["msg"])).removeprefix("a valid ")
    near = _nearest_quoted(first["input"], expected) if first["type"] == "literal_error" else ""
    return f"{key} is {shown(first['input'])}, expected {expected}{near}"


def _is_mistyped(error: ErrorDetails, file: type[BaseModel]) -> bool:
    """Return whether it is about an unknown key that is much like a known one."""
    names, section = _locate(error["loc"], file)
    return error["type"] == "extra_forbidden" and bool(did_you_mean(names[-1], _keys(section)))


def _keys(section: type[BaseModel]) -> list[str]:
    return [*section.model_fields, *getattr(section, "further_keys", ())]


def _unknown_key(key: str, name: str, known: list[str]) -> str:
    return f"{key} is not a key this version knows{did_you_mean(name, known)}; accepted here: {', '.join(known)}"


def _nearest_quoted(value: object, expected: str) -> str:
    """Return the suggestion for a value that is much like one of those in quotes."""
    return did_you_mean(value, re.findall("'([^']+)'", expected))


def _locate(location: tuple[int | str, ...], file: type[BaseModel]) -> tuple[list[str], type[BaseModel]]:
    """Return the keys on the way to a place in the file, and the section that its last key is in, or would be."""
    section = file
    names: list[str] = []
    kinds: dict[str, type[BaseModel]] = {}  # by tag: pydantic puts the tag of a section behind its key
    for part in map(str, location):
        if part in kinds:
            section, kinds = kinds[part], {}
            continue
        names.append(part)
        field = section.model_fields.get(part)
        if field is None:
            break
        kinds = _kinds(field.annotation, field.discriminator)
        section = _section_in(field.annotation) or section
    return names, section


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a field holds, or may hold; None where it is no section, or one of several kinds."""
    options = [each for each in (annotation, *get_args(annotation)) if isinstance(each, type)]
    sections = [each for each in options if issubclass(each, BaseModel)]
    return sections[0] if len(sections) == 1 else None


def _kinds(annotation: Any, discriminator: Any) -> dict[str, type[BaseModel]]:
    """Return the sections of a union, each under the tags it goes by."""
    if not isinstance(discriminator, str):
        return {}
    sections = [kind for kind in get_args(annotation) if kind is not type(None)]
    return {tag: kind for kind in sections for tag in get_args(kind.model_fields[discriminator].annotation)}


def _bare(quoted: str) -> str:
    return quoted.strip("'")


def _enumerate_tags(tags: str) -> str:
    """pydantic's "'a', 'b', 'c'" as "'a', 'b' or 'c'"."""
    return " or ".join(tags.rsplit(", ", 1))
