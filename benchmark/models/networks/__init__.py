"""The networks: one file per kind, found by name."""

from benchmark.models.network import Network
from benchmark.registry import Registry
from benchmark.scenario.kinds import tags_of

NETWORKS: Registry[type[Network]] = Registry("network", __name__, tags_of(Network, "name", "build"))
