"""Sources of data, one module each. Each has three functions of its section of the scenario and the data folder:

`load` reads everything into `Examples`; `files` names every file read, so that they can be hashed (only where nobody
publishes checksums); `check` tells what is there. The first two raise BenchError when something is missing.
"""

from importlib import import_module
from types import ModuleType

from benchmark.data.reading.examples import Examples, Row, row

_MODULES = {"cifar10": "cifar", "cifar100": "cifar", "csv": "csv_table"}


def source(name: str) -> ModuleType:
    """Return the module for `source = name`; imported only now, because torchvision and pandas take a second."""
    return import_module(f"{__name__}.{_MODULES.get(name, name)}")


__all__ = ["Examples", "Row", "row", "source"]
