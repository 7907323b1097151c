"""The sandbox around a worker: bubblewrap, or, where it does not work, only a process.

Inside, the worker is process 1 of namespaces of its own. It sees, read-only, the system's libraries, the Python
environment, this package, the submission's folder and what the harness gives it; writable are an empty `/tmp`, an empty
`/dev/shm` and the two files it returns. `/kaggle/working`, `/kaggle/tmp` and `/kaggle/temp`, where entries of the
competition write, lead to folders in `/tmp`. There is no network, no other process and no other file.
"""

import os
import shutil
import site
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import benchmark
from benchmark.errors import NoSandbox
from benchmark.registry import plugin_paths
from benchmark.sandbox.messages import GIVEN, RETURNED, SUBMISSION, WRITABLE
from benchmark.sandbox.seccomp import seccomp_filter
from benchmark.storage.temporary import writing_to
from benchmark.submissions.folder import copy_submission

Isolation = Literal["sandbox", "process"]

SHARED_MEMORY = 1 << 30
"""Bytes a run may write to /tmp, and as many to /dev/shm: both are memory."""

_ENVIRONMENT, _PACKAGE, _SUBMISSION, _GIVEN, _RETURNED = (
    Path("/", name) for name in ("environment", "harness", "submission", "given", "returned")
)
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives")
_NAMESPACES = ("user", "pid", "net", "ipc", "uts")
_SETTINGS = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")
_GPU_NODES = ("nvidia*", "dri", "kfd")
_PRIVATE = ("submissions", "reference_models", "leaderboard", "data")
_DATA_SETS = "lib*/python3*/*-packages/sklearn/datasets/data"


@dataclass(frozen=True)
class Command:
    """A worker's command line, its environment, and the seccomp program to hand over, if any."""

    arguments: list[str]
    environment: dict[str, str]
    seccomp: bytes | None


@cache
def why_no_sandbox() -> str | None:
    """Return what keeps bubblewrap from working here, as half a sentence; None where it works."""
    if sys.platform != "linux":
        return f"bubblewrap needs Linux, this is {sys.platform}"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed (on Debian and Ubuntu: apt-get install bubblewrap)"
    tried = subprocess.run(
        ["bwrap", *_isolation_options(gpu=False), *_read_only(_SYSTEM), "--remount-ro", "/", "true"],
        capture_output=True,
        text=True,
    )
    if tried.returncode:
        return f"bubblewrap does not work here ({(tried.stderr.strip().splitlines() or ['no message'])[-1]})"
    return None


def isolation() -> Isolation:
    """Return the kind of isolation that submissions get on this machine."""
    return "process" if why_no_sandbox() else "sandbox"


def settle_isolation(*, required: bool, warn: Callable[[str], None]) -> None:
    """Say so loudly when submissions cannot be sandboxed here; raises BenchError when they have to be."""
    if why := why_no_sandbox():
        if required:
            raise NoSandbox(f"there is no sandbox: {why}; install it, or leave --require-sandbox away")
        warn(
            f"NO SANDBOX: {why}. The submission runs as a plain process that can read your files, use the network and "
            "write where you can (there is no /kaggle/working of its own); its entry is marked `isolation: process`"
        )


def shows(path: Path) -> bool:
    """Tell whether a submission can read in its sandbox what lies at a path."""
    package = Path(benchmark.__file__).parent
    shown = [*_SYSTEM, sys.base_prefix, sys.prefix, site.getusersitepackages(), package, *_plugins()]
    return any(path.resolve().is_relative_to(Path(root).resolve()) for root in shown)


def worker_command(exchange: Path, submission: Path, *, gpu: bool) -> Command:
    """Return the worker for a copy of `submission`, in the best sandbox there is; `exchange` is its exchange folder.

    Raises BenchError when the submission cannot be copied.
    """
    copy = exchange / SUBMISSION
    copy_submission(submission, copy)
    module = ["-P", "-m", "benchmark.sandbox.child"]
    package = Path(benchmark.__file__).resolve().parent
    if isolation() == "process":
        scratch = exchange / "scratch"
        with writing_to(exchange):
            scratch.mkdir()
        paths = [exchange / GIVEN, exchange, copy, scratch]
        beside = dict.fromkeys(str(path.parent) for path in [package, *_plugins()])
        environment = _variables(os.pathsep.join(beside), str(scratch), gpu=gpu)
        return Command([sys.executable, *module, *map(str, paths)], environment, None)
    options = [
        *_isolation_options(gpu=gpu),
        *_read_only(_SYSTEM),
        *_python(),
        *_covers([*_data_sets(), *_other_environments(), *(submission.parent.parent / name for name in _PRIVATE)]),
        *(word for path in [package, *_plugins()] for word in ("--ro-bind", str(path), str(_PACKAGE / path.name))),
        *("--ro-bind", str(copy), str(_SUBMISSION)),
        *("--ro-bind", str(exchange / GIVEN), str(_GIVEN)),
        *(word for name in RETURNED for word in ("--bind", str(exchange / name), str(_RETURNED / name))),
        *(word for name in WRITABLE for word in ("--symlink", f"/tmp/{name}", f"/kaggle/{name}")),
        *("--remount-ro", "/"),
    ]
    paths = [_GIVEN, _RETURNED, _SUBMISSION, Path("/tmp")]
    return Command(
        ["bwrap", *options, "--", str(_inside(Path(sys.executable))), *module, *map(str, paths)],
        _variables(str(_PACKAGE), "/tmp", gpu=gpu),
        seccomp_filter(gpu=gpu),
    )


def _isolation_options(*, gpu: bool) -> list[str]:
    """Namespaces, no privileges, a private /proc, /dev and /tmp.

    /proc is read-only because the machine's own settings are in it: where the harness is root, they are a
    submission's too. A GPU's driver gives its threads names there and fails where it cannot, so with one only the
    folders of settings are.

    No new session: bubblewrap would begin it before it binds the worker's life to its own, and whoever is killed in
    between leaves a worker behind. So all of them stay in the launcher's, which is killed as one; a run begins its own.
    """
    options = [f"--unshare-{name}" for name in _NAMESPACES]
    options += ["--unshare-cgroup-try", "--as-pid-1", "--die-with-parent", "--cap-drop", "ALL"]
    options += ["--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]
    options += ["--proc", "/proc"]
    options += _read_only(_SETTINGS) if gpu else ["--remount-ro", "/proc"]
    options += ["--dev", "/dev"]
    if not gpu:  # which needs shared memory anyway
        # Shared mappings of /dev/zero are memory that no limit counts; /dev/full reads as zeros too.
        options += ["--dev-bind", "/dev/full", "/dev/zero"]
    if gpu:
        nodes = [node for pattern in _GPU_NODES for node in Path("/dev").glob(pattern)]
        options += [word for node in nodes for word in ("--dev-bind", str(node), str(node))]
        options += ["--ro-bind", "/sys", "/sys"]
    size = str(SHARED_MEMORY)
    options += ["--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--size", size, "--tmpfs", "/tmp"]
    return [*options, "--chdir", "/tmp"]


def _python() -> list[str]:
    """Return the Python environment."""
    options = ["--ro-bind", sys.base_prefix, sys.base_prefix] if not sys.base_prefix.startswith("/usr") else []
    if sys.prefix != sys.base_prefix:
        options += ["--ro-bind", sys.prefix, str(_ENVIRONMENT)]
    if site.ENABLE_USER_SITE and os.path.isdir(site.getusersitepackages()):
        options += ["--ro-bind", site.getusersitepackages(), site.getusersitepackages()]
    return options


def _plugins() -> list[Path]:
    """Return what brings kinds, such as a task, and lies outside of the Python environment: editable installs."""
    environment = [sys.prefix, sys.base_prefix, *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    roots = [Path(root).resolve() for root in environment]
    return [path for path in plugin_paths() if not any(path.is_relative_to(root) for root in roots)]


def _data_sets() -> list[Path]:
    """The folders of data that ship with scikit-learn, wherever it is installed: with the test labels of `digits`."""
    sklearn = find_spec("sklearn")
    found = [Path(sklearn.origin).parent / "datasets" / "data"] if sklearn and sklearn.origin else []
    for root in (sys.prefix, sys.base_prefix, site.getuserbase(), "/usr", "/usr/local"):
        found += sorted(Path(root).glob(_DATA_SETS))
    return list({path.resolve(): path for path in reversed(found)}.values())  # one path each, lib rather than lib64


def _other_environments() -> list[Path]:
    """Conda's other environments and the packages it keeps, which lie below the one that is shown."""
    return [Path(root, name) for root in (sys.prefix, sys.base_prefix) for name in ("pkgs", "envs")]


def _covers(folders: list[Path]) -> list[str]:
    """Put emptiness over those of `folders` that lie in what the sandbox shows."""
    shown = [*_SYSTEM, sys.base_prefix, site.getusersitepackages(), _ENVIRONMENT]
    inside = [_inside(folder) for folder in folders if folder.is_dir()]
    hidden = [path for path in inside if any(path.is_relative_to(root) for root in shown)]
    return _empty(hidden)


def _empty(folders: list[Path]) -> list[str]:
    """Put emptiness over `folders`; it stays empty, for no run may leave anything to the next."""
    return [word for path in folders for word in ("--tmpfs", str(path), "--remount-ro", str(path))]


def _inside(path: Path) -> Path:
    """Return a path of the Python environment as the sandbox shows it: every virtual environment has the same place."""
    if sys.prefix != sys.base_prefix and path.is_relative_to(sys.prefix):
        return _ENVIRONMENT / path.relative_to(sys.prefix)
    return path


def _read_only(paths: tuple[str, ...]) -> list[str]:
    return [word for path in paths for word in ("--ro-bind-try", path, path)]


def _variables(python_path: str, home: str, *, gpu: bool) -> dict[str, str]:
    """Return all the variables that a submission sees."""
    wanted = ["LANG", "LD_LIBRARY_PATH", *(["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"] if gpu else [])]
    kept = {name: os.environ[name] for name in wanted if name in os.environ}
    if not gpu:
        kept["CUDA_VISIBLE_DEVICES"] = ""
    if site.ENABLE_USER_SITE:
        kept["PYTHONUSERBASE"] = site.getuserbase()
    return {
        **kept,
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": python_path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking for a GPU must not initialise CUDA before the fork
        "HOME": home,
        "TMPDIR": home,
        "USER": "submission",  # torch asks who it is, and there is no /etc/passwd to say
        "OMP_NUM_THREADS": "1",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # in huge pages at once, which the worker asks for anyway
        "PYTHONHASHSEED": "0",  # else the order of a set would differ between workers
    }
