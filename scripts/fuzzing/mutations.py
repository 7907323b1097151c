"""Values, bytes and TOML that are changed at random."""

import copy
import json
import math
from datetime import date
from typing import Any

import numpy as np

ODD = [
    None, True, False, 0, 1, -1, 3, 10**30, 2**63, -(2**63), 0.5, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan,
    "", " ", "x", "x" * 300, "\0", "\x1b[2J", "../../elsewhere", "/dev/zero", "/dev/null", ".", "ünï", "a\nb", "=1+1",
    "1", "nan", "train", "true", "\u202e", [], {}, [[]], [None], {"": 0}, [0] * 50, ["x"] * 3, date(1979, 5, 27),
]  # fmt: skip


def mutated(value: Any, rng: np.random.Generator, changes: int = 1) -> Any:
    """Return a copy of nested dicts and lists with a few values replaced, keys renamed, entries gone or doubled."""
    value = copy.deepcopy(value)
    for _ in range(changes):
        places = list(_places(value))
        if not places:
            return ODD[rng.integers(len(ODD))]
        holder, key = places[rng.integers(len(places))]
        odd = copy.deepcopy(ODD[rng.integers(len(ODD))])
        match rng.integers(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[odd if isinstance(odd, str) else "surplus"] = holder.pop(key)
            case 2:
                other, place = places[rng.integers(len(places))]
                holder[key] = copy.deepcopy(other[place]) if other is not holder[key] else odd
            case 3 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
                holder[key] = holder[key] * [-1, 0, 1000, 0.5, 10**18][rng.integers(5)]
            case _:
                holder[key] = odd
    return value


def _places(value: Any):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)


def corrupted(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes that are cut, flipped, doubled, replaced or gone; half of the time as they were."""
    if rng.random() < 0.5:
        return content
    start, stop = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    match rng.integers(6):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + content[stop:]
        case 2:
            return content[:start] + rng.bytes(int(rng.integers(1, 64))) + content[start:]
        case 3:
            return content[:stop] + content[start:]
        case 4:
            flipped = bytearray(content)
            for place in rng.integers(0, max(len(content), 1), 8):
                if flipped:
                    flipped[place] ^= 1 << rng.integers(8)
            return bytes(flipped)
    return b""


def toml(content: Any) -> str:
    """Write TOML, as far as a value can be written."""
    if not isinstance(content, dict):
        return f"x = {_inline(content)}\n"
    plain = {key: value for key, value in content.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    lines = [f"{json.dumps(str(key))} = {_inline(value)}\n" for key, value in plain.items() if value is not None]
    for key, table in tables.items():
        lines += [f"[{json.dumps(str(key))}]\n"]
        lines += [f"{json.dumps(str(k))} = {_inline(value)}\n" for k, value in table.items() if value is not None]
    return "".join(lines)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value) if isinstance(value, str) else str(value) if value is not None else '"None"'
