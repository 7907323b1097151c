import os
import time

from benchmark.engine import map_blocks


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


def test_a_worker_process_computes_with_one_thread():
    assert list(map_blocks(threads_of_torch, [()], 2)) == [1]
