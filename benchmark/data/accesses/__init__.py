"""The kinds of access that a submission can have: one file per kind, found by name."""

from benchmark.data.access import Access
from benchmark.registry import Registry
from benchmark.scenario.kinds import tags_of

ACCESSES: Registry[type[Access]] = Registry("access", __name__, tags_of(Access, "kind", "give"))
