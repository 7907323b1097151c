"""Nets that come back in a wrapper, and what is said of nets that are other ones."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from benchmark.models.build import state_of
from benchmark.sandbox.child.contract import InvalidOutput, unlearned_state
from benchmark.sandbox.weights import expected_of


class Distributed(nn.Module):
    """Stand-in for torch's, which needs a process group to be made."""

    def __init__(self, net):
        super().__init__()
        self.module = net


class HasAModule(nn.Module):
    """An original one of whose own parts is called like a wrapper's."""

    def __init__(self):
        super().__init__()
        self.module = nn.Linear(2, 3)
        self.head = nn.Linear(3, 2)


def original():
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


def compiled(net):
    return torch.compile(net, backend="eager")


def with_compiled_part(net):
    net[0] = compiled(net[0])
    return net


WRAPPERS = {
    "none": lambda net: net,
    "DataParallel": nn.DataParallel,
    "distributed": Distributed,
    "compiled": compiled,
    "average": AveragedModel,
    "average with buffers": lambda net: AveragedModel(net, use_buffers=True),
    "average of a compiled one": lambda net: AveragedModel(compiled(net)),
    "compiled average": lambda net: compiled(AveragedModel(net)),
    "compiled and distributed twice": lambda net: Distributed(compiled(nn.DataParallel(net))),
    "average of an average": lambda net: AveragedModel(AveragedModel(net)),
    "a compiled part": with_compiled_part,
    "averaged, of which a part is compiled": lambda net: AveragedModel(with_compiled_part(net)),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("make", [original, HasAModule])
@pytest.mark.seconds
def test_a_wrapper_around_the_original_is_taken_off(wrapper, make):
    if make is HasAModule and "part" in wrapper:
        pytest.skip("it has no first part")
    net = make()
    expected, weights = expected_of(net), state_of(net)
    found = unlearned_state(net, WRAPPERS[wrapper](net), expected)
    assert list(found) == list(weights)
    assert all(torch.equal(found[name], weights[name]) for name in weights)


def refusal(returned, make=original) -> str:
    net = make()
    with pytest.raises(InvalidOutput) as error:
        unlearned_state(
            net,
            returned(net) if callable(returned) and not isinstance(returned, nn.Module) else returned,
            expected_of(make()),
        )
    return str(error.value)


HEAD = "the returned net has other tensors than the original: "
TAIL = "; return the original's network"


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "2.bias, 2.weight are missing"),
        (lambda net: nn.Sequential(*net, nn.Linear(2, 2)), "3.bias, 3.weight are new"),
        (
            lambda net: nn.Sequential(net[0], net[1], nn.Identity(), net[2]),
            "3.bias, 3.weight are new and 2.bias, 2.weight are missing",
        ),
        (
            lambda net: nn.DataParallel(nn.Sequential(net[0], net[1], nn.Identity(), net[2])),
            "module.0.bias, module.0.weight, module.1.bias and 6 more are new "
            "and 0.bias, 0.weight, 1.bias and 6 more are missing",
        ),
        (
            lambda net: nn.utils.parametrizations.weight_norm(net[0]) and net,
            "0.parametrizations.weight.original0, 0.parametrizations.weight.original1 are new and 0.weight is missing",
        ),
        (nn.Identity(), "0.bias, 0.weight, 1.bias and 6 more are missing"),
    ],
)
def test_another_net_is_told_by_what_is_new_and_what_is_missing(returned, sentence):
    assert refusal(returned) == HEAD + sentence + TAIL


def test_a_teacher_kept_beside_it_is_new():
    def with_teacher(net):
        net.teacher = copy.deepcopy(net[2])
        return net

    assert refusal(with_teacher) == HEAD + "teacher.bias, teacher.weight are new" + TAIL


def test_a_wrapper_that_holds_more_is_not_taken_off():
    def more(net):
        wrapped = Distributed(net)
        wrapped.temperature = nn.Parameter(torch.ones(()))
        return wrapped

    assert refusal(more).startswith(HEAD + "module.0.bias, module.0.weight, module.1.bias and 7 more are new")


def test_a_counter_without_its_wrapper_is_new():
    def counted(net):
        net.register_buffer("n_averaged", torch.tensor(1))
        return net

    assert refusal(counted) == HEAD + "n_averaged is new" + TAIL


class Counting(nn.Module):
    """An original that has the counter of an average, and a part as well as the module's of that name."""

    def __init__(self):
        super().__init__()
        self.register_buffer("n_averaged", torch.tensor(3))
        self.a, self.module = nn.Linear(2, 2), nn.ModuleDict({"a": nn.Linear(2, 2)})


@pytest.mark.parametrize("wrapper", ["none", "DataParallel", "distributed", "compiled", "average"])
def test_a_wrapper_around_an_ambiguous_original_is_taken_off(wrapper):
    net = Counting()
    weights = state_of(net)
    found = unlearned_state(net, WRAPPERS[wrapper](net), expected_of(net))
    assert list(found) == list(weights)
    assert all(torch.equal(found[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("returned", "what"),
    [
        (lambda net: copy.deepcopy(net).to("meta"), "a tensor without values"),
        (lambda net: torch.ao.quantization.quantize_dynamic(net, {nn.Linear}), "a dtype"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_net_without_plain_weights_is_told_by_what_it_holds(returned, what):
    assert what in refusal(returned)
