"""The machine-unlearning benchmark: scenario → problem → reference pool → evidence → scorecard → leaderboard.

The functions in `__all__` are the public Python API; docs/api.md describes them. Each is imported when it is first
used, so that scoring arrays needs numpy and scipy alone.
"""

from benchmark.start_folder import is_ours, leave_start_folder, protect_children

protect_children()
if is_ours():
    leave_start_folder()

# From here on imports are safe. Type checkers take the name for typing's, whose import would cost more than all else.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from benchmark.api import score
    from benchmark.data import load_problem
    from benchmark.leaderboard.queries import compare, read_board
    from benchmark.metrics import (
        competition_score,
        detectable,
        epsilon_lower_bound,
        forgetting_quality,
        gap_closed,
        klom,
        leak,
        logit_scaled_confidence,
        privacy_profile,
        published_epsilon,
        ruli,
        ulira,
    )
    from benchmark.scenario.schema import load_scenario

    __version__: str

__all__ = [
    "__version__",
    "compare",
    "competition_score",
    "detectable",
    "epsilon_lower_bound",
    "forgetting_quality",
    "gap_closed",
    "klom",
    "leak",
    "load_problem",
    "load_scenario",
    "logit_scaled_confidence",
    "privacy_profile",
    "published_epsilon",
    "read_board",
    "ruli",
    "score",
    "ulira",
]

_HOMES = {
    "compare": "benchmark.leaderboard.queries",
    "load_problem": "benchmark.data",
    "load_scenario": "benchmark.scenario.schema",
    "read_board": "benchmark.leaderboard.queries",
    "score": "benchmark.api",
}
"""The modules of the public names that are not in `benchmark.metrics`."""


if not TYPE_CHECKING:  # a type checker is to complain about a name that is none

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            from importlib.metadata import version

            value: object = version("unlearning-benchmark")
        else:
            from importlib import import_module

            value = getattr(import_module(_HOMES.get(name, "benchmark.metrics")), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
