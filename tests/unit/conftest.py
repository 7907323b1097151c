"""Data sets as people have them, and `bench data check` of them."""

import signal
from types import SimpleNamespace

import pytest
from cases import Cases

from benchmark import cli


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """An empty data folder to write cases into."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    return Cases(tmp_path)


@pytest.fixture
def data_check(capfd, monkeypatch):
    """Calls `bench data check PATH` in this process: its exit status, and all it prints as one line."""
    monkeypatch.setenv("COLUMNS", "400")

    def run(path):
        handler = signal.getsignal(signal.SIGINT)
        try:
            cli.main(["data", "check", str(path)])
            status = 0
        except SystemExit as end:
            status = end.code or 0
        finally:
            signal.signal(signal.SIGINT, handler)
        printed = capfd.readouterr()
        return SimpleNamespace(status=status, out=printed.out, err=printed.err)

    return run
