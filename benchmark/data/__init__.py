"""Problems: a scenario's examples, read from where they lie, split, and divided into what is kept and forgotten.

The names below are imported when they are first used: the schema of scenarios, which needs the sections of sources and
forget sets, is read by commands that have no use for torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.data.checking import check_data
    from benchmark.data.facts import Facts
    from benchmark.data.folder import data_folder, set_data_folder
    from benchmark.data.loading import forget_labels, load_problem, problem_facts
    from benchmark.data.problem import Problem

__all__ = [
    "Facts",
    "Problem",
    "check_data",
    "data_folder",
    "forget_labels",
    "load_problem",
    "problem_facts",
    "set_data_folder",
]

_HOMES = {
    "Facts": "facts",
    "Problem": "problem",
    "check_data": "checking",
    "data_folder": "folder",
    "forget_labels": "loading",
    "load_problem": "loading",
    "problem_facts": "loading",
    "set_data_folder": "folder",
}

if not TYPE_CHECKING:  # a type checker is to complain about a name that is none

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
