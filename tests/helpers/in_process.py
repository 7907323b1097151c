"""Commands in the process of the test, which need not start one."""

import signal
from types import SimpleNamespace

from benchmark import cli


def run_main(capfd, arguments):
    """Call `bench ARGUMENTS`: `status`, and `out` and `err`, what it printed. What Ctrl-C does stays as it was."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        cli.main(list(map(str, arguments)))
        status = 0
    except SystemExit as end:
        status = end.code or 0
    finally:
        signal.signal(signal.SIGINT, handler)
    printed = capfd.readouterr()
    return SimpleNamespace(status=status, out=printed.out, err=printed.err)
