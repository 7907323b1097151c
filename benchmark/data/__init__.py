"""Problems: a scenario's examples, read from where they lie, split, and divided into what is kept and forgotten."""

from benchmark.data.checking import check_data
from benchmark.data.facts import Facts
from benchmark.data.folder import data_folder, set_data_folder
from benchmark.data.loading import Problem, load_problem, problem_facts

__all__ = ["Facts", "Problem", "check_data", "data_folder", "load_problem", "problem_facts", "set_data_folder"]
