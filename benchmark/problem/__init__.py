"""Problems: a scenario's examples, read from where they lie, split, and divided into what is kept and forgotten."""

from benchmark.problem.checking import check_data
from benchmark.problem.facts import Facts
from benchmark.problem.folder import data_folder, set_data_folder
from benchmark.problem.loading import Problem, load_problem, problem_facts

__all__ = ["Facts", "Problem", "check_data", "data_folder", "load_problem", "problem_facts", "set_data_folder"]
