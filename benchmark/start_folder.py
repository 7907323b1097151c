"""Keeps the folder in which a command starts out of the places where code is looked for.

That folder may be anybody's, and may hold a `joblib.py`. Imports nothing that is not loaded when Python starts.
"""

import os
import sys

_SEARCHED = ("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "LD_LIBRARY_PATH", "PATH")
"""Variables that name folders of code. An empty entry is the current folder, in PYTHONPATH and the last two."""

_relative = {entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if not os.path.isabs(entry)}


def protect_children() -> None:
    """Make every process started from now on look for code in no folder that depends on where it starts.

    Python's own way to start a helper (`-c`, `-m`) would put the current folder first.
    """
    os.environ["PYTHONSAFEPATH"] = "1"
    for name in _SEARCHED:
        entries = os.environ.get(name, "").split(os.pathsep)
        kept = [entry for entry in entries if os.path.isabs(entry)]
        if name == "PYTHONPATH":
            kept = [entry for entry in kept if not _leads_to_start(entry)]
        if kept:
            os.environ[name] = os.pathsep.join(kept)
        else:
            os.environ.pop(name, None)


def is_ours() -> bool:
    """Return whether this process was started for this package: by `bench`, or by Python's `-m` or `-c`.

    Somebody's own program, notebook or interactive session may import what lies beside it.
    """
    program = getattr(sys, "argv", [""])[0]
    return program in ("-m", "-c") or os.path.basename(program) == "bench"


def leave_start_folder() -> None:
    """Take the start folder, and what PYTHONPATH names relative to it, out of what this process imports from.

    Only before the standard library: what comes behind it was installed. Where this package itself was found there,
    its place is the end.
    """
    library = os.path.dirname(os.__file__)
    end = sys.path.index(library) if library in sys.path else len(sys.path)
    removed = [entry for entry in sys.path[:end] if _leads_to_start(entry)]
    sys.path[:end] = [entry for entry in sys.path[:end] if entry not in removed]
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.realpath(package) in map(os.path.realpath, removed) and package not in sys.path:
        sys.path.append(package)


def _leads_to_start(entry: str) -> bool:
    try:
        return os.path.realpath(entry) in map(os.path.realpath, {os.curdir, *_relative})
    except FileNotFoundError:  # the start folder has been deleted
        return not os.path.isabs(entry)
