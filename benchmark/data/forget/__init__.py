"""The forget sets: one file per kind, found by name."""

from benchmark.data.forget_set import ForgetSet
from benchmark.registry import Registry
from benchmark.scenario.kinds import tags_of

FORGET_SETS: Registry[type[ForgetSet]] = Registry("forget set", __name__, tags_of(ForgetSet, "kind", "select"))
