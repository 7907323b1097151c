"""Problems: a scenario's examples, read from where they lie, split, and divided into what is kept and forgotten."""

from benchmark.problem.checking import check_data
from benchmark.problem.folder import data_folder, set_data_folder
from benchmark.problem.loading import Problem, load_problem

__all__ = ["Problem", "check_data", "data_folder", "load_problem", "set_data_folder"]
