import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import pytest

from benchmark.engine import map_blocks, map_on_gpus, start_importing


def slow_square(value):
    time.sleep(0.05 * (3 - value))
    return value * value, os.getpid()


def threads_of_torch():
    import torch

    return torch.get_num_threads()


def test_results_come_from_other_processes_as_they_finish():
    results = list(map_blocks(slow_square, [(value,) for value in range(3)], 2))
    assert {value for value, _ in results} == {0, 1, 4}
    assert os.getpid() not in {pid for _, pid in results}


def test_threads_stay_in_this_process():
    assert {pid for _, pid in map_blocks(slow_square, [(1,), (2,)], 2, threads=True)} == {os.getpid()}


@pytest.mark.long
def test_a_worker_process_computes_with_one_thread():
    assert list(map_blocks(threads_of_torch, [()], 2)) == [1]


def ended_from_outside():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_the_system_kills_is_an_error():
    with pytest.raises(BrokenExecutor):
        list(map_blocks(ended_from_outside, [()], 2))


HOARD = []


def hoarding(pause):
    HOARD.append(bytearray(os.urandom(1024)) * 400_000)  # 400 MB
    time.sleep(pause)
    return os.getpid()


def test_processes_that_are_replaced_for_their_memory_hold_nothing_up():
    pids = list(map_blocks(hoarding, [(1.2,)] * 6, 2))
    assert len(pids) == 6
    assert len(set(pids)) > 2, "no process was replaced"


def imported(module):
    return module in sys.modules


def test_processes_import_while_this_one_works():
    start_importing("mailbox", 2)
    for _ in range(100):
        if any(list(map_blocks(imported, [("mailbox",)] * 2, 2))):
            break
        time.sleep(0.1)
    else:
        raise AssertionError("no process has imported it")
    assert not imported("mailbox")


@pytest.mark.parametrize("pause", [0.0, 0.5])
@pytest.mark.long
def test_whoever_ends_while_processes_import_ends_in_silence(pause):
    code = (
        "import sys, time; from benchmark.engine import start_importing; "
        "start_importing('benchmark.references.pool', 2); "
        f"time.sleep({pause}); sys.exit(2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_a_killed_parent_takes_its_processes_along():
    code = (
        "import os, sys, time; sys.path.insert(0, sys.argv[1]); from test_engine import tell_and_wait; "
        "from benchmark.engine import map_blocks; list(map_blocks(tell_and_wait, [(sys.argv[2],), (sys.argv[2],)], 2))"
    )
    with tempfile.TemporaryDirectory() as folder:
        parent = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), folder])
        pids: list[int] = []
        for _ in range(300):
            pids = [int(path.name) for path in Path(folder).iterdir()]
            if len(pids) == 2:
                break
            time.sleep(0.1)
        assert len(pids) == 2
        parent.kill()
        parent.wait()
        for _ in range(100):
            if not any(alive(pid) for pid in pids):
                return
            time.sleep(0.1)
    raise AssertionError(f"{pids} outlived their parent")


def test_a_process_whose_parent_was_gone_before_its_first_call_ends():
    code = "import os, time; from benchmark.engine import _in_process; _in_process(os.getpid(), time.sleep, 0); "
    code += "_in_process(os.getppid(), time.sleep, 1); print('lives', flush=True); _in_process(1 << 30, time.sleep, 60)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (1, "lives\n", "")


def tell_and_wait(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(60)


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


@pytest.mark.long
def tell_card(moment):
    time.sleep(moment)
    return os.environ["CUDA_VISIBLE_DEVICES"], os.getpid()


@pytest.mark.parametrize(("visible", "cards"), [(None, {"0", "1"}), ("4,GPU-7,9", {"4", "GPU-7"})])
def test_every_gpu_has_a_process_that_sees_it_alone(visible, cards, monkeypatch):
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    else:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    told = list(map_on_gpus(tell_card, [(0.2,)] * 8, 2))
    assert len(told) == 8
    assert {card for card, _ in told} == cards
    assert len({pid for _, pid in told} - {os.getpid()}) == 2


def test_training_a_block_does_not_import_the_compiler():
    """It would take every process that trains longer than importing torch."""
    code = """
import sys
from benchmark.models.build import seeded_model
from benchmark.data import load_problem
from benchmark.scenario.schema import load_scenario
from benchmark.training import train_block

scenario = load_scenario("digits")
problem = load_problem(scenario)
net = seeded_model(scenario.architecture, problem.input_shape, problem.outputs, 0)
train_block([net], scenario.recipe.model_copy(update={"epochs": 1}), problem.train, [0], problem.loss)
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
