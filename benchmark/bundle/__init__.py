"""Bundles: the evidence of a scenario's entries and of its reference models in one file, to be scored elsewhere."""

from benchmark.bundle.packing import pack_evidence
from benchmark.bundle.unpacking import find_faults, unpack_evidence

__all__ = ["find_faults", "pack_evidence", "unpack_evidence"]
