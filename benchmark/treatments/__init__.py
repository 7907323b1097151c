"""The treatments of nets after unlearning, one file each or a few that belong together, and their registry."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark.registry import Registry
from benchmark.storage.hashing import digest_of
from benchmark.treatments.treatment import Treatment, names_of

if TYPE_CHECKING:
    from benchmark.scenario.schema import Scenario

TREATMENTS: Registry[Treatment] = Registry("treatment", "benchmark.treatments.kinds", names_of)

_TREATED = "treated-"
_FORM = b"with representations"  # another one where blocks hold something else beside the treated nets' evidence


def treatments_for(scenario: "Scenario", treatments: Mapping[str, Treatment] = TREATMENTS) -> dict[str, Treatment]:
    """Return the treatments for nets of a scenario, by name, in the order of their names."""
    return {name: treatments[name] for name in sorted(treatments) if treatments[name].suits(scenario)}


def treatments_digest(treatments: Mapping[str, Treatment], steps: int | None = None) -> str:
    """Return 8 hex digits that name treatments in their versions; evidence of others is made anew.

    `steps`: of relearning, where a scenario says how many: the models of a pool are those of other scenarios too.
    """
    parts = [_FORM, *(f"{name} {treatments[name].version}".encode() for name in sorted(treatments))]
    parts += [f"{steps} steps".encode()] if steps else []
    return digest_of("treatments", parts)[:8]


def treated_block(scenario: "Scenario", role: str, block: int) -> str:
    """Return the name of a block of treated nets of a scenario: of reference models of a role, or "unlearned" ones."""
    return f"{_prefix(scenario)}{role}/{block:04d}"


def is_treated(name: str) -> bool:
    """Tell whether a block of this name holds evidence of treated nets, by whatever treatments."""
    return name.startswith(_TREATED)


def is_presently_treated(scenario: "Scenario", name: str) -> bool:
    """Tell whether it is of the treatments there are now for a scenario, and so has a form that is known."""
    return name.startswith(_prefix(scenario))


def _prefix(scenario: "Scenario") -> str:
    return f"{_TREATED}{treatments_digest(treatments_for(scenario), scenario.protocol.relearning_steps)}-"
