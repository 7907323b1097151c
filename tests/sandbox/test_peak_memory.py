"""Peak memory of a run: what its processes hold, beyond a run that does nothing."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other processes are seen in /proc alone")
ALONE = "held = bytearray(96 << 20)\n    held[::4096] = b'x' * len(held[::4096])"
# It waits until the other process holds all of it, and then for whoever watches to look.
IN_ANOTHER = """reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        held = bytearray(96 << 20)
        held[::4096] = b'x' * len(held[::4096])
        os.write(writing, b'x')
        time.sleep(60)
    os.read(reading, 1)
    time.sleep(0.5)
    os.kill(pid, 9)"""


@pytest.mark.parametrize("body", [ALONE, IN_ANOTHER])
def test_peak_memory_is_that_of_all_processes_beyond_a_run_that_does_nothing(body, attempt):
    source = f"import os, time\n\ndef unlearning(net, retain, forget, val):\n    {body}\n    return net\n"
    nothing, run = attempt(source, task="nothing"), attempt(source)
    assert run.status == "ok"
    assert (run.memory - nothing.memory) / 2**20 == pytest.approx(96, abs=12)
