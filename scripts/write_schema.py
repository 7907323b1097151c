"""Write docs/schema.json: the JSON schema of what `--json` prints by the contract of docs/agents.md, by command.

.venv/bin/python scripts/write_schema.py
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from benchmark.compete.board import Board
from benchmark.compete.documents import Announcement, Answers, Verdicts
from benchmark.errors import BenchError
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import Workspace

PAGE = "docs/schema.json"
VERSION = 1
"""Raised when a key goes or means something else; keys that come leave it."""

_DOCUMENTS = {
    "bench run NAME": Scorecard,
    "bench compete init": Announcement,
    "bench compete submit": Answers,
    "bench compete judge": Verdicts,
    "bench compete board": Board,
    "bench compete close": Board,
}


class _Untitled(GenerateJsonSchema):
    """Schemas whose fields have no titles: these only repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def main() -> None:
    root = Path(__file__).parents[1]
    for name, text in pages(Workspace(root)).items():
        (root / name).write_text(text)


def pages(_: Workspace) -> dict[str, str]:
    """Return docs/schema.json as it ought to be, by its path in the repository: a definition per line."""
    lines = [f"{json.dumps(name)}: {json.dumps(own, separators=(',', ':'))}" for name, own in definitions().items()]
    documents: dict[str, object] = {
        command: {"$ref": f"#/$defs/{kind.__name__}"} for command, kind in _DOCUMENTS.items()
    }
    documents["bench run --all"] = {"type": "array", "items": documents["bench run NAME"]}
    documents["an error"] = {"$ref": "#/$defs/Error"}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "version": VERSION, "documents": documents}
    text = json.dumps(head, indent=1).removesuffix("\n}")
    return {PAGE: f'{text},\n "$defs": {{\n  ' + ",\n  ".join(lines) + "\n }\n}\n"}


def definitions() -> dict[str, Any]:
    """Return the schema of every record that documents are made of, and of errors, by name."""
    records = dict.fromkeys(_DOCUMENTS.values())
    _, schema = models_json_schema([(kind, "validation") for kind in records], schema_generator=_Untitled)
    parts = {key: {"type": "string"} for key in ("code", "message", "log")}
    error = {"type": "object", "properties": {**parts, "code": {"enum": codes()}}, "required": list(parts)}
    return {**schema["$defs"], "Error": {"type": "object", "properties": {"error": error}, "required": ["error"]}}


def codes(kind: type[BenchError] = BenchError) -> list[str]:
    """Return the codes of a kind of errors and of all that derive from it."""
    return sorted({kind.code, *(code for each in kind.__subclasses__() for code in codes(each))})


if __name__ == "__main__":
    main()
