"""Examples whose inputs are exactly the same, to the last bit of what a net is given."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.errors import BadData
from benchmark.results.record import Record
from benchmark.text import counted, first_of, printable

_NAMED = 3
_SETS = ("retain", "forget", "validation", "test")


class Duplicates(Record):
    """Exact duplicates between the sets of a problem, and within each."""

    pairs: dict[str, int] = Field(default_factory=dict)
    """"forget, test" → examples of the smaller of the two sets that occur in the other too; "forget" → within it."""
    first: tuple[str, ...] = ()
    """Some that are in two sets, each as "a.png (forget) = b.png (test)"."""
    conflicting: int = 0
    """Examples whose inputs occur with another label too."""

    @property
    def across(self) -> int:
        """The number of examples that are in two sets, over all pairs of sets."""
        return sum(count for pair, count in self.pairs.items() if "," in pair)


def fingerprints(inputs: Tensor) -> list[bytes]:
    """Return 16 bytes per example that are the same exactly where the inputs are."""
    rows = np.ascontiguousarray(inputs.numpy()).reshape(len(inputs), -1)
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in rows]


def find_duplicates(examples: Examples, sets: Mapping[str, Tensor]) -> Duplicates:
    """Find the duplicates among the rows of the source that each of the sets has."""
    place = {row: at for at, row in enumerate(examples.rows.tolist())}
    prints = fingerprints(examples.inputs)
    members: dict[str, dict[bytes, list[int]]] = {name: defaultdict(list) for name in _SETS}
    labels: dict[bytes, Counter[str]] = defaultdict(Counter)
    for name in _SETS:
        for row in sets[name].tolist():
            members[name][prints[place[row]]].append(row)
            labels[prints[place[row]]][str(examples.targets[place[row]].tolist())] += 1
    pairs: dict[str, int] = {}
    first: list[str] = []
    for one, other in combinations_with_replacement(_SETS, 2):
        if one == other:
            count = sum(len(rows) - 1 for rows in members[one].values())
        else:
            shared = [key for key in members[one] if key in members[other]]
            count = min(sum(len(members[name][key]) for key in shared) for name in (one, other))
            first += [_pair(examples, (one, members[one][key][0]), (other, members[other][key][0])) for key in shared]
        if count:
            pairs[one if one == other else f"{one}, {other}"] = count
    conflicting = sum(counts.total() for counts in labels.values() if len(counts) > 1)
    return Duplicates(pairs=pairs, first=tuple(first[:_NAMED]), conflicting=conflicting)


def without_duplicates(examples: Examples) -> Examples:
    """Keep the first of every group of duplicates, and none of those whose labels differ; `left_out` says how many."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for at, key in enumerate(fingerprints(examples.inputs)):
        groups[key].append(at)
    repeated: list[int] = []
    conflicting: list[int] = []
    for rows in groups.values():
        if len(examples.targets[rows].unique(dim=0)) > 1:
            conflicting += rows
        else:
            repeated += rows[1:]
    kept = torch.ones(len(examples), dtype=torch.bool)
    kept[repeated + conflicting] = False
    said = _left_out(examples, repeated, "exactly the same as an earlier example")
    said += _left_out(examples, conflicting, "exactly the same as others, with another label")
    rest = examples.at(kept)
    if emptied := _classes_lost(examples, rest):
        said += (f"no example is left of the classes {first_of(emptied)}, whose inputs all occur with another label",)
    _check_left(examples, rest)
    return replace(rest, left_out=examples.left_out + said)


def _classes_lost(examples: Examples, rest: Examples) -> list[str]:
    """Return the classes that have examples, but none in the rest; numbers to be predicted are no classes."""
    if not examples.class_names:
        return []
    lost = set(examples.targets.tolist()) - set(rest.targets.tolist())
    return [examples.class_names[code] for code in sorted(lost)]


def _check_left(examples: Examples, rest: Examples) -> None:
    """Raise BenchError where dropping duplicates leaves fewer than two targets, or nothing of a part of the split."""
    dropped, targets = len(examples) - len(rest), rest.targets.unique().tolist()
    began = f"data.duplicates is 'drop', which takes out {dropped} of {len(examples)} examples and leaves"
    advice = "take out data.duplicates, or correct the data"
    if len(targets) < 2:
        names, wanted = examples.class_names, "two classes" if examples.class_names else "two targets"
        found = [f"only the class {names[each]}" if names else f"only the target {each:g}" for each in targets]
        raise BadData(f"{began} {(*found, 'none')[0]}, expected examples of {wanted} or more; {advice}")
    if examples.assignment is None or rest.assignment is None:
        return
    for name, part in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        if (size := int((examples.assignment == part).sum())) and not (rest.assignment == part).any():
            raise BadData(f"{began} none of the {size} of the {name} part, expected some in each part; {advice}")


def _left_out(examples: Examples, places: list[int], reason: str) -> tuple[str, ...]:
    names = [examples.name(row) for row in examples.rows[places].tolist()]
    return (f"left out {counted(names)}: {reason}",) if names else ()


def _pair(examples: Examples, *members: tuple[str, int]) -> str:
    return " = ".join(f"{printable(examples.name(row))} ({name})" for name, row in members)
