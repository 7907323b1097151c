"""The sources of data: one file per kind, found by name."""

from benchmark.data.source import Source
from benchmark.registry import Registry
from benchmark.scenario.kinds import tags_of

SOURCES: Registry[type[Source]] = Registry("source", __name__, tags_of(Source, "source", "load"))
