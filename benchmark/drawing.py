"""The parts of matplotlib that the plots use, in its own style wherever the command starts.

Before any other settings matplotlib reads a `matplotlibrc` of the current folder, which may be anybody's.
"""

import stat
from pathlib import Path

from benchmark.errors import BadMachine

_LARGEST_SETTINGS = 1 << 20  # bytes
_settings = Path("matplotlibrc")
if _settings.exists() and not _settings.is_dir():
    _about = _settings.stat()
    if not stat.S_ISREG(_about.st_mode) or _about.st_size > _LARGEST_SETTINGS:  # reading it might never end
        raise BadMachine(f"{_settings.absolute()} is no file of settings for matplotlib; remove it")

import matplotlib  # noqa: E402
from matplotlib import colormaps  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure as Canvas  # noqa: E402
from matplotlib.text import Text  # noqa: E402
from matplotlib.transforms import Bbox  # noqa: E402

matplotlib.rcdefaults()
matplotlib.rcParams["pdf.fonttype"] = 42  # TrueType, which publishers ask for
matplotlib.rcParams["svg.hashsalt"] = "unlearning-benchmark"  # or its identifiers were other ones each time

__all__ = ["Axes", "Bbox", "Canvas", "Text", "colormaps"]
