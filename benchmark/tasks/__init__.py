"""Tasks: what models are trained for, one kind a file; `task.py` says what a task is and how to add one."""

from benchmark.registry import Registry
from benchmark.scenario.kinds import tags_of
from benchmark.tasks.task import Loss, Task

TASKS: Registry[type[Task]] = Registry("task", __name__, tags_of(Task, "kind", "losses", "signal", "utility"))

__all__ = ["TASKS", "Loss", "Task"]
