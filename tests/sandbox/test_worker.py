"""The worker's parent before any run: it imports packages, and nothing of a submission's."""

import subprocess
import sys
import textwrap

import pytest

from benchmark.sandbox.child import worker


@pytest.fixture
def preloaded(tmp_path, monkeypatch):
    """The modules that are imported for a submission with this source."""
    imported = []
    monkeypatch.setattr(worker.importlib, "import_module", imported.append)

    def of(source):
        (tmp_path / "submission.py").write_text(textwrap.dedent(source))
        worker._preload(tmp_path)
        return list(imported)

    return of


def test_what_takes_long_and_is_named_is_imported_beforehand(preloaded):
    source = """
        from sklearn import linear_model
        from torch.utils.data import DataLoader
        def unlearning(net, a, b, c):
            import scipy.stats as stats, math
        """
    assert preloaded(source) == ["scipy.stats", "sklearn", "sklearn.linear_model", "torch.utils.data"]


def test_nothing_else_is(preloaded):
    """Importing some modules starts a listener, ends the process, or runs the submission's own files."""
    source = """
        if False:
            import sklearn.callback.tests.test_callback_support, numpy.f2py.__main__, helper, torch.utils.benchmark
            from . import torchvision
            from sklearn.tests import test_base
        """
    assert preloaded(source) == []


def test_a_package_that_is_broken_is_left_to_the_runs(tmp_path, monkeypatch, capsys):
    def broken(name):
        print("ready")
        raise ValueError("numpy.dtype size changed")

    monkeypatch.setattr(worker.importlib, "import_module", broken)
    (tmp_path / "submission.py").write_text("import pandas")
    worker._preload(tmp_path)
    assert capsys.readouterr() == ("", "ready\n")


@pytest.mark.skipif(sys.platform != "linux", reason="threads and sockets are counted in /proc")
@pytest.mark.long
def test_what_may_be_imported_beforehand_leaves_nothing_running():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEFT],
        capture_output=True,
        text=True,
        env={"OMP_NUM_THREADS": "1", "PATH": "/usr/bin", "MPLCONFIGDIR": "/tmp"},
    )
    assert done.stdout.split("\n")[:3] == ["1", "[]", "[]"], done.stderr


LEFT = """
import importlib, os, threading
from benchmark.sandbox.child import worker
worker._warm_up()
for name in sorted(worker._WORTH_PRELOADING):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
print(threading.active_count())
print([child for child in open(f"/proc/self/task/{os.getpid()}/children").read().split()])
paths = [f"/proc/self/fd/{descriptor}" for descriptor in os.listdir("/proc/self/fd")]
print([path for path in paths if os.path.lexists(path) and "socket" in os.readlink(path)])
"""
