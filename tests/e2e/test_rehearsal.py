"""A network file is tried in a process of its own, which it may end, hold up or fill with words."""

import pytest
import torch

from benchmark.errors import BenchError
from benchmark.models.networks.file import FileNet
from benchmark.models.rehearsal import rehearse

SOURCE = """
import os, sys, time
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 10))

def build(shape, classes): return Net()
def exits(shape, classes): sys.exit(3)
def ends(shape, classes): os._exit(7)
def loops(shape, classes): time.sleep(600)
def prints(shape, classes):
    print("x" * 100_000)
    os.write(1, b"y" * 100_000)
    return Net()
"""


@pytest.mark.parametrize(
    ("function", "limit", "sentence"),
    [
        ("ends", 60.0, "net.py:ends, tried in a process of its own .* ended that process with status 7"),
        ("loops", 5.0, "did not return within 5 s; take out what waits or never ends"),
        ("exits", 60.0, "ended the program, expected it to return"),
        ("prints", 60.0, None),
    ],
)
@pytest.mark.long
def test_a_file_that_ends_its_process_or_never_returns_does_not_take_the_harness_along(
    function, limit, sentence, capfd
):
    net = FileNet(file=f"net.py:{function}", source=SOURCE)
    if sentence is None:
        rehearse(net, (1, 8, 8), 10, limit)
    else:
        with pytest.raises(BenchError, match=sentence):
            rehearse(net, (1, 8, 8), 10, limit)
    assert capfd.readouterr() == ("", "")


def test_trying_a_network_out_draws_no_random_number():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    FileNet(file="net.py:build", source=SOURCE).try_out((1, 8, 8), 10)
    assert torch.equal(torch.rand(2), expected)
