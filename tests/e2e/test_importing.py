"""Imports: in a background thread ahead, while what it is for goes wrong, and scoring without torch."""

import subprocess
import sys
from textwrap import dedent

import pytest

HARNESS = """
    import sys, threading, time
    from benchmark.engine import map_blocks, start_importing

    def diverge(seconds):
        time.sleep(seconds)
        raise ValueError("diverged")

    if __name__ == "__main__":
        start_importing({module!r}, 2)
        time.sleep({ahead})
        try:
            list(map_blocks(diverge, [(0.1,), (0.2,), (0.3,)], 2))
        except ValueError as error:
            print(error)
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join(5)
"""


@pytest.mark.parametrize(
    ("module", "source", "ahead"),
    [
        ("slow", "import time; time.sleep(3)", 0.5),
        ("slow", "import time; time.sleep(3)", 0.0),
        ("broken", "raise RuntimeError('at import')", 0.0),
        ("missing", None, 0.0),
    ],
)
@pytest.mark.long
def test_the_thread_that_imports_ahead_says_nothing(module, source, ahead, tmp_path):
    if source:
        (tmp_path / f"{module}.py").write_text(source)
    script = tmp_path / "script.py"
    script.write_text(dedent(HARNESS).format(module=module, ahead=ahead))
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, env={"PYTHONPATH": str(tmp_path)}
    )
    assert "Traceback" not in ended.stderr
    assert "Exception in thread" not in ended.stderr
    assert ended.stdout == "diverged\n"


def test_scoring_needs_no_torch():
    """Nor do the processes that compute all metrics, which import the rest as soon as they start."""
    code = "import sys, benchmark.metrics; assert not {'torch', 'sklearn'} & sys.modules.keys(), sorted(sys.modules)"
    code += "; import benchmark.scoring_imports; assert 'torch' not in sys.modules, sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
