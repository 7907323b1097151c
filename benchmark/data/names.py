"""Names of classes and subjects, as scenarios write them."""

import re

import torch
from torch import Tensor

from benchmark.data.reading.examples import Examples
from benchmark.errors import BadScenario
from benchmark.text import did_you_mean, first_of


def codes_of(wanted: tuple[str, ...], names: tuple[str, ...], present: Tensor, key: str) -> Tensor:
    """Return the codes `[wanted]` of names. Raises BadScenario where one is no name, or has no example in train."""
    codes = torch.tensor([names.index(_known_name(name, names, key)) for name in wanted])
    if len(absent := codes[~torch.isin(codes, present)]):
        raise BadScenario(
            f"forget.{key} has {names[absent[0]]!r}, which has examples in the data but none in train, expected names "
            "that do; take it out"
        )
    return codes


def check_kept(
    examples: Examples, codes: Tensor | None, wanted: tuple[str, ...], names: tuple[str, ...], key: str
) -> None:
    """Raise BadScenario where dropping duplicates left nothing of one of the names."""
    present = set() if codes is None else set(codes.tolist())
    for name in wanted:
        known = _known_name(name, names, key)
        if examples.source_size > len(examples) and names.index(known) not in present:
            raise BadScenario(
                f"forget.{key} has {known!r}, of which data.duplicates = 'drop' leaves no example, expected names that "
                "keep some; take out that name or data.duplicates"
            )


def _known_name(name: str, names: tuple[str, ...], key: str) -> str:
    """Return the name as the data has it: 1.0 is 1 where classes are whole numbers."""
    if name in names:
        return name
    if re.fullmatch(r"-?\d+\.0*", name) and name.partition(".")[0] in names:
        return name.partition(".")[0]
    raise BadScenario(
        f"forget.{key} has {name!r}, expected names among {first_of(names, 20)}{did_you_mean(name, names)}; correct it"
    )
