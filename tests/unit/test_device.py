"""Devices that nets go to. What needs a GPU is measured by scripts/measure_gpu.py."""

import pytest
import torch

from benchmark.device import choose_device, devices_of, workers_on
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario


@pytest.mark.parametrize(("gpus", "digits", "faces"), [(0, "cpu", "cpu"), (1, "cpu", "cuda:0"), (2, "cpu", "cuda")])
def test_large_nets_go_to_all_gpus_there_are_and_small_ones_stay(gpus, digits, faces, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert choose_device(None, load_scenario("digits")) == digits
    assert choose_device(None, load_scenario("cifar10")) == faces


def test_who_asks_gets_what_is_there_or_a_sentence(monkeypatch):
    scenario = load_scenario("digits")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [choose_device(asked, scenario) for asked in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda:1"]
    assert [devices_of(device) for device in ("cpu", "cuda:1", "cuda")] == [["cpu"], ["cuda:1"], ["cuda:0", "cuda:1"]]
    assert [workers_on(device, 16) for device in ("cpu", "cuda:1", "cuda")] == [16, 4, 8]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("cuda", scenario) == "cuda:0"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(BenchError, match="'cuda' was asked for, but torch sees cpu; name one of these"):
        choose_device("cuda", scenario)


@pytest.mark.seconds
def test_a_missing_gpu_is_one_sentence_on_the_command_line(bench):
    done = bench("prepare", "--device", "cuda:7")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "'cuda:7' was asked for" in done.stderr
