import pytest
import torch
from torch import nn

from benchmark.errors import BenchError
from benchmark.models import build_model, seeded_model, skeleton, try_out
from benchmark.scenario import load_scenario
from benchmark.sections import FileNet, SmallNet, TorchvisionNet

MINE = """
from dataclasses import dataclass
from torch import nn

@dataclass
class Width:
    hidden: int

def build(input_shape, classes):
    features = input_shape[0] * input_shape[1] * input_shape[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(features, Width(7).hidden), nn.Tanh(), nn.Linear(7, classes))

nothing = 3

def no_net(input_shape, classes):
    return "net"

def tied(input_shape, classes):
    inner = nn.Linear(64, 64)
    return nn.Sequential(nn.Flatten(), inner, nn.ReLU(), inner, nn.Linear(64, classes))

def unkept(input_shape, classes):
    net = build(input_shape, classes)
    net.register_buffer("mask", nn.Parameter().data, persistent=False)
    return net

def other(classes):
    return nn.Linear(64, classes)

def narrow(input_shape, classes):
    return build(input_shape, 3)

class Paired(nn.Sequential):
    def forward(self, inputs):
        return super().forward(inputs), inputs

def paired(input_shape, classes):
    return Paired(*build(input_shape, classes))
"""


@pytest.mark.parametrize("model", ["resnet18", "vit_b_16", "mobilenet_v3_small", "googlenet"])
def test_torchvision_nets_have_the_problems_classes(model):
    net = skeleton(TorchvisionNet(name="torchvision", model=model), (3, 32, 32), 7)
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]
    assert last.out_features == 7
    assert net(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 7)


def test_the_resnet_is_torchvisions_own():
    from torchvision.models import resnet18

    net = seeded_model(TorchvisionNet(name="torchvision", model="resnet18"), (3, 32, 32), 10, 5)
    again = seeded_model(TorchvisionNet(name="torchvision", model="resnet18"), (3, 32, 32), 10, 5)
    theirs = resnet18(num_classes=10)
    assert {n: t.shape for n, t in net.state_dict().items()} == {n: t.shape for n, t in theirs.state_dict().items()}
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in net.state_dict().items())


def test_the_stem_for_small_images_keeps_their_size():
    net = skeleton(TorchvisionNet(name="torchvision", model="resnet18", stem="32x32"), (3, 32, 32), 10)
    seen = []
    net.layer1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    net(torch.empty(2, 3, 32, 32, device="meta"))
    assert seen == [(2, 64, 32, 32)]


def test_a_users_net_comes_with_the_scenario(tmp_path):
    (tmp_path / "net.py").write_text(MINE)
    from conftest import MINIATURE

    mine = tmp_path / "mine.toml"
    mine.write_text(MINIATURE.replace('name = "mlp"\nwidths = [16]', 'name = "file"\nfile = "net.py:build"'))
    scenario = load_scenario(str(mine))
    (tmp_path / "net.py").write_text(MINE.replace("Width(7)", "Width(8)").replace("Linear(7", "Linear(8"))
    assert load_scenario(str(mine)).pool_hash != scenario.pool_hash
    net = build_model(scenario.architecture, (1, 8, 8), 10)  # needs the file no more
    assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert net[1].out_features == 7
    (tmp_path / "net.py").unlink()
    with pytest.raises(BenchError, match=r"architecture\.file names .*net\.py, which could not be read"):
        load_scenario(str(mine))


@pytest.mark.parametrize(
    ("architecture", "shape", "sentence"),
    [
        (TorchvisionNet(name="torchvision", model="resnet19"), (3, 32, 32), "'resnet19', expected one of .*resnet18"),
        (TorchvisionNet(name="torchvision", model="resnet18"), (1, 28, 28), "3 channels, but these have 1"),
        (TorchvisionNet(name="torchvision", model="resnet18"), (30,), r"takes images, but these .*\(30,\)"),
        (TorchvisionNet(name="torchvision", model="vgg11", stem="32x32"), (3, 32, 32), "stem is for ResNets"),
        (TorchvisionNet(name="torchvision", model="vit_b_16"), (3, 32, 16), "square images, but these are 32×16"),
        (SmallNet(name="cnn", widths=(4,)), (30,), "cnn takes images"),
        (SmallNet(name="cnn", widths=(4, 4, 4, 4)), (1, 8, 8), "widths has 4 entries"),
        (FileNet(name="file", file="net.py:build"), (1, 8, 8), "has not been read"),
        (FileNet(name="file", file="net.py:absent", source=MINE), (1, 8, 8), "no function absent"),
        (FileNet(name="file", file="net.py:nothing", source=MINE), (1, 8, 8), "no function nothing"),
        (FileNet(name="file", file="net.py:no_net", source=MINE), (1, 8, 8), "returned a str"),
        (FileNet(name="file", file="net.py:tied", source=MINE), (1, 8, 8), "layers share weights"),
        (FileNet(name="file", file="net.py:unkept", source=MINE), (1, 8, 8), "buffer mask is not in its state_dict"),
        (FileNet(name="file", file="net.py:build", source="import nowhere_to_be_found"), (1, 8, 8), "ModuleNotFound"),
    ],
)
def test_an_impossible_network_is_one_sentence(architecture, shape, sentence):
    with pytest.raises(BenchError, match=sentence) as caught:
        skeleton(architecture, shape, 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "shape", "sentence"),
    [
        (
            TorchvisionNet(name="torchvision", model="vit_b_16"),
            (3, 40, 40),
            "vit_b_16, with inputs of .* AssertionError",
        ),
        (TorchvisionNet(name="torchvision", model="alexnet"), (3, 8, 8), "alexnet, .* RuntimeError"),
        (FileNet(name="file", file="net.py:other", source=MINE), (1, 8, 8), "net.py:other, .* raised TypeError"),
        (FileNet(name="file", file="net.py:narrow", source=MINE), (1, 8, 8), r"returned \(2, 3\).* \(2, 10\)"),
        (FileNet(name="file", file="net.py:paired", source=MINE), (1, 8, 8), "returned tuple for two examples"),
        (SmallNet(name="cnn", widths=(4, 4, 4, 4)), (1, 8, 8), "widths has 4 entries"),
    ],
)
def test_a_network_that_does_not_suit_the_data_is_one_sentence(architecture, shape, sentence):
    with pytest.raises(BenchError, match=sentence) as caught:
        try_out(architecture, shape, 10)
    assert "\n" not in str(caught.value)


def test_trying_a_network_out_draws_no_random_number(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    try_out(FileNet(name="file", file="net.py:build", source=MINE), (1, 8, 8), 10)
    assert torch.equal(torch.rand(2), expected)
