import pytest
import torch
from torch import nn

from benchmark.errors import BenchError
from benchmark.models.build import check_logits, seeded_model, skeleton
from benchmark.models.networks.cnn import Cnn
from benchmark.models.networks.file import FileNet
from benchmark.models.networks.mlp import Mlp
from benchmark.models.networks.resnet import ResNet
from benchmark.models.networks.torchvision import TorchvisionNet
from benchmark.models.rehearsal import rehearse_here
from benchmark.scenario.schema import load_scenario

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
@pytest.mark.seconds
def test_torchvision_nets_have_the_problems_classes(model):
    net = skeleton(TorchvisionNet(model=model), (3, 32, 32), 7)
    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]
    assert last.out_features == 7
    assert net(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 7)


@pytest.mark.seconds
def test_the_resnet_is_torchvisions_own():
    from torchvision.models import resnet18

    net = seeded_model(TorchvisionNet(model="resnet18"), (3, 32, 32), 10, 5)
    again = seeded_model(TorchvisionNet(model="resnet18"), (3, 32, 32), 10, 5)
    theirs = resnet18(num_classes=10)
    assert {n: t.shape for n, t in net.state_dict().items()} == {n: t.shape for n, t in theirs.state_dict().items()}
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in net.state_dict().items())


def test_the_stem_for_small_images_keeps_their_size():
    net = skeleton(TorchvisionNet(model="resnet18", stem="32x32"), (3, 32, 32), 10)
    seen = []
    net.layer1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    net(torch.empty(2, 3, 32, 32, device="meta"))
    assert seen == [(2, 64, 32, 32)]


def test_the_residual_net_halves_the_image_and_adds_what_enters_a_block():
    net = seeded_model(ResNet(widths=(8, 16, 32)), (1, 28, 28), 10, 0).eval()
    assert sum(weights.numel() for weights in net.parameters()) == 19_810
    seen, inputs = [], torch.rand(2, 1, 28, 28)
    for layer in net:
        layer.register_forward_hook(lambda _, entering, leaving: seen.append((entering[0], leaving)))
    assert net(inputs).shape == (2, 10)
    entering, leaving = seen[3]
    assert torch.equal(leaving, torch.relu(net[3].body(entering) + entering))
    entering, leaving = seen[4]
    assert torch.equal(leaving, torch.relu(net[4].body(entering) + net[4].shortcut(entering)))
    assert [leaving.shape[1:] for _, leaving in seen[2:6]] == [(8, 14, 14), (8, 14, 14), (16, 7, 7), (32, 4, 4)]


def test_a_users_net_comes_with_the_scenario(tmp_path):
    (tmp_path / "net.py").write_text(MINE)
    from conftest import MINIATURE

    mine = tmp_path / "mine.toml"
    mine.write_text(MINIATURE.replace('name = "mlp"\nwidths = [16]', 'name = "file"\nfile = "net.py:build"'))
    scenario = load_scenario(str(mine))
    (tmp_path / "net.py").write_text(MINE.replace("Width(7)", "Width(8)").replace("Linear(7", "Linear(8"))
    assert load_scenario(str(mine)).pool_hash != scenario.pool_hash
    net = scenario.architecture.build((1, 8, 8), 10)  # needs the file no more
    assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert net[1].out_features == 7
    (tmp_path / "net.py").unlink()
    with pytest.raises(BenchError, match=r"architecture\.file names .*net\.py, which could not be read"):
        load_scenario(str(mine))


@pytest.mark.parametrize(
    ("architecture", "shape", "sentence"),
    [
        (TorchvisionNet(model="resnet19"), (3, 32, 32), "'resnet19', expected one of .*resnet18"),
        (TorchvisionNet(model="resnet18"), (1, 28, 28), "3 channels, but these have 1"),
        (TorchvisionNet(model="resnet18"), (30,), r"takes images, but these .*\(30,\)"),
        (TorchvisionNet(model="vgg11", stem="32x32"), (3, 32, 32), "stem is for ResNets"),
        (TorchvisionNet(model="vit_b_16"), (3, 32, 16), "square images, but these are 32×16"),
        (Cnn(widths=(4,)), (30,), "cnn takes images"),
        (ResNet(widths=(4,)), (30,), "resnet takes images"),
        (Cnn(widths=(4, 4, 4, 4)), (1, 8, 8), "widths has 4 entries"),
        (FileNet(file="net.py:build"), (1, 8, 8), "has not been read"),
        (FileNet(file="net.py:absent", source=MINE), (1, 8, 8), "no function absent"),
        (FileNet(file="net.py:nothing", source=MINE), (1, 8, 8), "no function nothing"),
        (FileNet(file="net.py:no_net", source=MINE), (1, 8, 8), "returned a str"),
        (FileNet(file="net.py:tied", source=MINE), (1, 8, 8), "layers share weights"),
        (FileNet(file="net.py:unkept", source=MINE), (1, 8, 8), "buffer mask is not in its state_dict"),
        (FileNet(file="net.py:build", source="import nowhere_to_be_found"), (1, 8, 8), "ModuleNotFound"),
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
            TorchvisionNet(model="vit_b_16"),
            (3, 40, 40),
            "vit_b_16, with inputs of .* AssertionError",
        ),
        (TorchvisionNet(model="alexnet"), (3, 8, 8), "alexnet, .* RuntimeError"),
        (FileNet(file="net.py:other", source=MINE), (1, 8, 8), "net.py:other, .* raised TypeError"),
        (FileNet(file="net.py:narrow", source=MINE), (1, 8, 8), r"returned \(2, 3\).* \(2, 10\)"),
        (FileNet(file="net.py:paired", source=MINE), (1, 8, 8), "returned tuple for two examples"),
        (Cnn(widths=(4, 4, 4, 4)), (1, 8, 8), "widths has 4 entries"),
    ],
)
@pytest.mark.seconds
def test_a_network_that_does_not_suit_the_data_is_one_sentence(architecture, shape, sentence):
    with pytest.raises(BenchError, match=sentence) as caught:
        check_logits(architecture, shape, 10)
    assert "\n" not in str(caught.value)


ODD = """
import os, sys, time
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, **buffers):
        super().__init__()
        self.inner = nn.Linear(64, 10)
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor)
    def forward(self, inputs):
        return self.inner(inputs.flatten(1))

def exits(shape, classes): sys.exit(3)
def interrupts(shape, classes): raise KeyboardInterrupt
def raises(shape, classes): raise ValueError("two\\nlines")
def nothing(shape, classes): pass
def of_two(shape, classes): return Net(), Net()
def empty(shape, classes): return nn.Sequential(nn.Flatten())
def whole(shape, classes):
    return Net(count=torch.zeros(3, dtype=torch.int32), flag=torch.tensor(True), none=torch.zeros(0))
def complex_buffer(shape, classes): return Net(phase=torch.zeros(2, dtype=torch.complex64))
def brain(shape, classes): return Net(scale=torch.zeros(2, dtype=torch.bfloat16))
def sparse(shape, classes): return Net(mask=torch.eye(3).to_sparse())
def meta(shape, classes): return Net(mask=torch.zeros(3, device="meta"))
def lazy(shape, classes): return nn.Sequential(nn.Flatten(), nn.LazyLinear(classes))
def tied_buffers(shape, classes):
    both = torch.zeros(3)
    return Net(a=both, b=both)
def views(shape, classes):
    both = torch.zeros(6)
    return Net(a=both[:3], b=both[:4])
def half(shape, classes): return Net().half()
class Extra(Net):
    def get_extra_state(self): return {"a": 1}
    def set_extra_state(self, state): pass
def extra(shape, classes): return Extra()
class Noisy(Net):
    def forward(self, inputs): return super().forward(inputs) + torch.randn(1)
def noisy(shape, classes): return Noisy()
class NoisyInTraining(Net):
    def forward(self, inputs): return nn.functional.dropout(super().forward(inputs), 0.5, self.training)
def dropping(shape, classes): return NoisyInTraining()
class Stubborn(Net):
    def forward(self, inputs):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(inputs) if self.calls < 2 else sys.exit("no more")
def stubborn(shape, classes): return Stubborn()
class Whole(Net):
    def forward(self, inputs): return super().forward(inputs).long()
def whole_logits(shape, classes): return Whole()
"""


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("exits", "net.py:exits, called with .* ended the program, expected it to return"),
        ("interrupts", "ended the program"),
        ("raises", r"net.py:raises, called with inputs of \(1, 8, 8\) .* raised ValueError: two lines; correct it"),
        ("nothing", "returned a NoneType, expected a torch.nn.Module"),
        ("of_two", "returned a tuple, expected a torch.nn.Module"),
        ("empty", "a net without parameters, expected some to train"),
        ("complex_buffer", r"whose phase is torch.complex64, expected float32, .* int64"),
        ("brain", "whose scale is torch.bfloat16"),
        ("sparse", "whose mask is stored as torch.sparse_coo, expected a dense tensor"),
        ("meta", "whose mask is on the device meta, expected the CPU"),
        ("lazy", r"whose 1\.weight has no shape before the first batch"),
        ("tied_buffers", "whose layers share weights; give each its own"),
        ("views", "whose layers share weights; give each its own"),
        ("half", r"whose inner\.weight is torch\.float16, expected float32, float64"),
        ("extra", "whose state_dict has _extra_state for more than its parameters and buffers"),
        ("noisy", "in evaluation mode gives the same inputs other outputs each time"),
        ("stubborn", "training two nets of net.py:stubborn ended the program"),
        ("whole_logits", "returned logits of torch.int64, expected float32"),
    ],
)
def test_a_file_that_makes_no_network_the_harness_can_keep_is_one_sentence(function, sentence, capfd):
    with pytest.raises(BenchError, match=sentence) as caught:
        rehearse_here(FileNet(file=f"net.py:{function}", source=ODD), (1, 8, 8), 10)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("function", ["whole", "dropping"])
def test_whole_numbers_empty_buffers_and_dropout_in_training_are_kept_and_trained(function, capfd):
    rehearse_here(FileNet(file=f"net.py:{function}", source=ODD), (1, 8, 8), 10)


def test_a_network_too_large_for_any_memory_is_refused_before_it_is_made():
    with pytest.raises(BenchError, match=r"has [\d,]+ weights, expected at most 4,294,967,296; make it smaller"):
        Mlp(widths=(10**6, 10**6)).try_out((1, 8, 8), 10)
