"""The manipulations of train: one file per kind, found by name."""

from benchmark.data.manipulation import Manipulation
from benchmark.registry import Registry
from benchmark.scenario.kinds import tags_of

MANIPULATIONS: Registry[type[Manipulation]] = Registry(
    "manipulation", __name__, tags_of(Manipulation, "kind", "relabel")
)
