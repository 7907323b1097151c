"""The treatments of nets after unlearning, one file each or a few that belong together, and their registry."""

from collections.abc import Mapping

from benchmark.registry import Registry
from benchmark.storage.hashing import digest_of
from benchmark.treatments.treatment import Treatment, names_of

TREATMENTS: Registry[Treatment] = Registry("treatment", "benchmark.treatments.kinds", names_of)

_TREATED = "treated-"
_FORM = b"with representations"  # another one where blocks hold something else beside the treated nets' evidence


def treatments_digest(treatments: Mapping[str, Treatment] = TREATMENTS) -> str:
    """Return 8 hex digits that name the treatments there are, in their versions; evidence of others is made anew."""
    parts = [_FORM, *(f"{name} {treatments[name].version}".encode() for name in sorted(treatments))]
    return digest_of("treatments", parts)[:8]


def treated_block(role: str, block: int) -> str:
    """Return the name of a block of treated nets: of reference models of a role, or "unlearned" ones."""
    return f"{_TREATED}{treatments_digest()}-{role}/{block:04d}"


def is_treated(name: str) -> bool:
    """Tell whether a block of this name holds evidence of treated nets, by whatever treatments."""
    return name.startswith(_TREATED)


def is_presently_treated(name: str) -> bool:
    """Tell whether it is of the treatments there are now, and so has a form that is known."""
    return name.startswith(f"{_TREATED}{treatments_digest()}-")
