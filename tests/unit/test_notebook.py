"""Notebooks made submissions: what is kept runs as it ran there, and nothing of the notebook's own work is kept."""

import copy

import pytest
import torch
from notebooks import DEFINITION, own_names
from torch import nn

from benchmark.errors import BenchError
from benchmark.sandbox.child.contract import batch_format, entry_point, load_module, loader
from benchmark.split import Split
from benchmark.submissions.source import find_submission

KAGGLE = [
    """\
import os
import subprocess

import pandas as pd
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset
from torchvision.models import resnet18

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
DEVICE
""",
    """\
if DEVICE != "cuda":
    raise RuntimeError("add an accelerator")
torch.manual_seed(0)
""",
    """\
class HiddenDataset(Dataset):
    def __init__(self, split):
        self.examples = pd.read_csv(f"/kaggle/input/{split}.csv")

def get_dataset(batch_size):
    return [DataLoader(HiddenDataset(split), batch_size=batch_size) for split in ("retain", "forget", "validation")]
""",
    """\
# Chosen on the validation set.
EPOCHS = 1

class Wrapped(Dataset):
    def __init__(self, dataset):
        self.dataset = dataset
    def __len__(self):
        return len(self.dataset)
    def __getitem__(self, row):
        return self.dataset[row]

def again(loader):
    return DataLoader(Wrapped(loader.dataset), batch_size=4, shuffle=True, num_workers=0)

def distance(net, teacher, inputs):
    kl = nn.KLDivLoss(reduction="batchmean")
    return kl(net(inputs).log_softmax(1), teacher(inputs).softmax(1))

@torch.no_grad()
def noisy(net, scale=0.1 * EPOCHS):
    for parameter in net.parameters():
        parameter.add_(scale * torch.randn_like(parameter))
""",
    """\
def unlearning(
    net,
    retain_loader,
    forget_loader,
    val_loader):
    \"\"\"Noise, then repair.\"\"\"
    teacher = copy.deepcopy(net)
    noisy(net)
    optimizer = optim.SGD(net.parameters(), lr=0.001)
    net.train()
    for ep in range(EPOCHS):
        for sample in again(retain_loader):
            inputs = sample["image"]
            inputs = inputs.to(DEVICE)  # targets are not used
            optimizer.zero_grad()
            distance(net, teacher, inputs).backward()
            optimizer.step()

    net.eval()
""",
    """\
if os.path.exists("/kaggle/input/empty.txt"):
    subprocess.run("touch submission.zip", shell=True)
else:
    os.makedirs("/kaggle/tmp", exist_ok=True)
    retain_loader, forget_loader, validation_loader = get_dataset(64)
    net = resnet18(weights=None, num_classes=10)
    for i in range(512):
        net.load_state_dict(torch.load("/kaggle/input/original_model.pth"))
        unlearning(net, retain_loader, forget_loader, validation_loader)
        torch.save(net.state_dict(), f"/kaggle/tmp/unlearned_checkpoint_{i}.pth")
    subprocess.run("zip submission.zip /kaggle/tmp/*.pth", shell=True)
""",
]

KAGGLE.insert(4, "import copy")

STARTING_KIT = [
    """\
import os
import requests
import numpy as np
import torch
from torch import nn
from torch import optim
import torchvision
from torchvision.models import resnet18

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
print("Running on device:", DEVICE.upper())
# for the partition
RNG = torch.Generator().manual_seed(42)
""",
    """\
train_set = torchvision.datasets.CIFAR10(root="./data", train=True, download=True)
local_path = "forget_idx.npy"
if not os.path.exists(local_path):
    !wget https://example.org/it's_here/forget_idx.npy
forget_idx = np.load(local_path)
forget_loader = torch.utils.data.DataLoader(torch.utils.data.Subset(train_set, forget_idx), generator=RNG)
net = resnet18(weights=None, num_classes=10)
net.load_state_dict(torch.load("weights.pth"))
net.to(DEVICE)
net.eval();
""",
    """\
def accuracy(net, loader):
    return sum((net(inputs).argmax(1) == targets).sum() for inputs, targets in loader)
""",
    """\
%%time
def unlearning(net, retain, forget, validation):
    \"\"\"Unlearning by fine-tuning.\"\"\"
    epochs = 1
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    net.train()
    for _ in range(epochs):
        for inputs, targets in retain:
            inputs, targets = inputs.to(DEVICE), targets.to(DEVICE)
            optimizer.zero_grad()
            criterion(net(inputs), targets).backward()
            optimizer.step()
        scheduler.step()
    net.eval()
    return net
""",
    """\
ft_model = unlearning(net, forget_loader, forget_loader, forget_loader)
print(f"{100 * accuracy(ft_model, forget_loader):0.1f}%")
""",
]


def test_a_kaggle_notebook_leaves_its_data_and_its_loop_behind(imports):
    module = imports.load(*KAGGLE)
    assert own_names(module) == {
        *("TITLE", "REFERENCE", "BATCH_FORMAT", "copy", "torch", "nn", "optim", "DataLoader", "Dataset"),
        *("DEVICE", "EPOCHS", "Wrapped", "again", "distance", "noisy", "unlearning"),
    }
    assert imports.notes == ["left out, because the harness seeds every run: code cell 2: `torch.manual_seed(0)`"]


def test_a_starting_kit_notebook_leaves_its_data_and_its_training_behind(imports):
    module = imports.load(*STARTING_KIT)
    contract = {"TITLE", "REFERENCE", "BATCH_FORMAT"}
    assert own_names(module) == {*contract, "torch", "nn", "optim", "DEVICE", "unlearning"}
    assert imports.notes == []


@pytest.mark.parametrize(("cells", "form"), [(KAGGLE, "kaggle"), (STARTING_KIT, "tuple")])
def test_an_imported_function_unlearns(imports, cells, form):
    module = imports.load(*cells)
    assert batch_format(module) == form
    split = Split(torch.randn(12, 5), torch.arange(12) % 3, torch.arange(12))
    net = nn.Linear(5, 3)
    before = copy.deepcopy(net.state_dict())
    loaders = [loader(split, 4, form, shuffle=shuffle) for shuffle in (True, True, False)]
    assert entry_point(module, {})(net, *loaders) in (None, net)
    assert all(not torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_the_source_is_as_it_was_typed(imports):
    source = imports.write(*KAGGLE)
    assert source.startswith(
        '"""The function unlearning of the notebook entry.ipynb, with what it needs of it."""\n\nimport torch\n'
    )
    assert "# Chosen on the validation set.\nEPOCHS = 1\n" in source
    assert KAGGLE[5].rstrip() in source  # its comments and its line breaks too
    assert source.endswith("    net.eval()\n")
    cell = 'A = """a\n# b"""\nB = 1\n\n# left\n\n# right\nC = "\\d"  # here'  # and no warning of the "\\d"
    source = imports.write(cell, DEFINITION + "A, B, C", name="other")
    assert '\nA = """a\n# b"""\nB = 1\n# right\nC = "\\d"  # here\n' in source
    assert "left" not in source


def test_the_submission_is_found_and_described(imports):
    imports.write(DEFINITION + "net")
    found = find_submission("mine", imports.workspace)
    assert (found.title, found.reference) == ("mine", "imported from entry.ipynb")


def test_the_last_definition_counts_and_what_only_earlier_ones_needed_goes(imports):
    source = imports.write(
        "import pandas\ntable = pandas.read_csv('ages.csv')\ndef first(net): return table",
        DEFINITION + "first(net)",
        "result = unlearning(1, 2, 3, 4)",
        DEFINITION + "second(net)",
        "def second(net): return net",
        "result = unlearning(1, 2, 3, 4)",
    )
    assert source.count("def ") == 2
    assert "def second" in source
    assert "pandas" not in source
    source = imports.write("import pandas\nA = pandas.DataFrame()", "A = 1", DEFINITION + "A", name="other")
    assert "pandas" not in source


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["A = 1", DEFINITION + "A", "A = 2", "unlearning(0, 0, 0, 0)", "A = 3"], 2),
        (["A = 1", DEFINITION + "A", "A = 2"], 2),
        (["A = 1", DEFINITION + "A", "unlearning(0, 0, 0, 0)\nA = 2\nunlearning(0, 0, 0, 0)"], 2),
        (["A = 1", DEFINITION + "A", "def main(): unlearning(0, 0, 0, 0)", "A = 2", "main()", "A = 3"], 2),
        (["def make(): return A", "A = 1", "B = make()", "A = 2", DEFINITION + "A, B"], (2, 1)),
        (["A = 1", DEFINITION.replace("val_loader", "val_loader, a=A") + "A, a", "A = 2"], (2, 1)),
        (["def f(): return 1", "def g(f=f): return f()", "def f(): return 2", DEFINITION + "f(), g()"], (2, 1)),
        (["A = 1", "A = A + 1", "A += 1", DEFINITION + "A"], 3),
        (["A = 1", "if True:\n    A = 2", DEFINITION + "A"], 2),
        (["A: int", "A: int = 1", "A: int", DEFINITION + "A"], 1),
        (["if (A := 1):\n    pass", DEFINITION + "A"], 1),
        (["A, (B, *C) = 1, (2, 3)", DEFINITION + "A, B, C"], (1, 2, [3])),
        (["A = 1; B = 2; C = None.broken", DEFINITION + "A, B"], (1, 2)),
        (["import os.path", "import os", DEFINITION + "os.path.basename('a/b')"], "b"),
        (["def f(x): return x + 1", "f = (lambda g: lambda x: g(g(x)))(f)", DEFINITION + "f(0)"], 2),
        (
            [
                "def wrap(f): return f",
                "@wrap\n@wrap\ndef f(x: int = len('a')) -> int:\n    return x",
                DEFINITION + "f()",
            ],
            1,
        ),
        (
            ["K = 2", "class A:\n    k = K\n    j = k + 1\n    def get(self): return self.j", DEFINITION + "A().get()"],
            3,
        ),
        (["K = 2", "class A:\n    K = K + 1", DEFINITION + "A.K"], 3),
        (["class A: pass", "class B(A): pass", DEFINITION + "B().__class__.__mro__[1].__name__"], "A"),
        (["K = 3", "A = [[i * K for i in range(j)] for j in range(3)]", DEFINITION + "A"], [[], [0], [0, 3]]),
        (["def f():\n    def g():\n        return K\n    return g()", "K = 1", DEFINITION + "f()"], 1),
        (["N = 0", "def f():\n    global N\n    N += 1", DEFINITION + "(f(), f(), N)[-1]"], 2),
        (["def f():\n    global M\n    M = 5", DEFINITION + "(f(), M)[-1]"], 5),
        (["def method(net, *loaders):\n    return 7", "unlearning = method"], 7),
        (["def f(): return g()", "T = [f]", "def g(): return 1", DEFINITION + "T[0]()"], 1),
        (["A = 1", "def f(): return A", "T = [f]", "A = 2", DEFINITION + "T[0]()"], 2),
        (["A = 1", "B = [A for _ in 'ab']", "A = 2", DEFINITION + "A, B"], (2, [1, 1])),
        (["A = 1", "class K:\n    a = A", "A = 2", DEFINITION + "A, K.a"], (2, 1)),
        (["A = []", "for k in range(2):\n    A.append([k * j for j in range(2)])", DEFINITION + "A"], [[0, 0], [0, 1]]),
        (['if __name__ == "__main__": None.broken; A = 1', DEFINITION + "A"], 1),
    ],
)
def test_names_stand_for_what_they_stood_for_in_the_notebook(imports, cells, expected):
    assert imports.result(*cells) == expected


def test_what_changes_a_kept_object_is_kept(imports):
    cells = [
        "import os, torch, logging\nlogger = logging.getLogger('entry')\nN = len(os.listdir())",
        "C = {'a': 1, 'z': 0}\nC['b'] = 2\nC.update(c=3)\ndel C['z']\nclass P: pass\nP.rate = 4\nprint(C)",
        "for key in 'de':\n    C[key] = 5\nlogger.info(N)\nlogger.disabled = True",
        "os.makedirs('out')\ntorch.nowhere = 6\ntorch.set_default_dtype(torch.float64)",
        DEFINITION + "C, P.rate, torch.nowhere, logger.disabled",
    ]
    try:
        assert imports.result(*cells) == ({"a": 1, "b": 2, "c": 3, "d": 5, "e": 5}, 4, 6, True)
    finally:
        del torch.nowhere
    source = imports.write(*cells, name="again")
    assert not any(left in source for left in ("makedirs", "print", "N =", "info", "float64"))


def test_blocks_that_bind_names(imports):
    result = imports.result(
        "try:\n    import surely_not_installed as fast\nexcept ImportError:\n    fast = None",
        "if fast is None:\n    STEPS = 2\nelse:\n    STEPS = 3",
        "from contextlib import nullcontext\nwith nullcontext(4) as FOUR:\n    FIVE = FOUR + 1",
        DEFINITION + "fast, STEPS, FIVE",
    )
    assert result == (None, 2, 5)
    assert imports.notes == []


def test_a_main_block_counts_as_top_level(imports):
    source = imports.write(
        'if __name__ == "__main__":\n'
        "    data = open('faces.csv')\n"
        "    # The text's second line begins at the margin.\n"
        '    TEXT = """a\nb\n    c"""; other = 1\n'
        "    def shout(text=TEXT):\n"
        '        """Two\n        lines."""\n'
        "        return (text +\n"
        "  '!')\n"
        "        # the end\n"
        "    class A:\n"
        '        b = f"""\n    {1}"""\n',
        DEFINITION + "shout(), A.b",
        'if __name__ == "__main__":\n    unlearning(1, 2, 3, 4)',
    )
    assert "faces.csv" not in source
    assert "        # the end" not in source
    assert "    # the end" in source
    module = load_module(imports.workspace.submissions / "mine")
    assert module.unlearning(1, 2, 3, 4) == ("a\nb\n    c!", "\n    1")


def test_a_star_import_is_kept_only_when_a_name_can_come_from_nowhere_else(imports):
    assert imports.result("from math import *\nfrom os.path import *", "E = 1", DEFINITION + "floor(E)") == 1
    assert len(imports.notes) == 2
    assert "`from math import *` is kept for names that nothing else defines" in imports.notes[0]
    assert "import *" not in imports.write("from math import *", "E = 1", DEFINITION + "len([E])", name="without")


def test_names_that_nothing_defines_are_an_error(imports):
    with pytest.raises(BenchError, match=r"entry.ipynb: unlearning needs Out, temperature, which nothing"):
        imports.write("def helper(x): print(Out[x], len)", DEFINITION + "helper(temperature), __name__")
    with pytest.raises(BenchError, match="needs i, which"):  # of the loop, which is not kept
        imports.write("def f(): return i", DEFINITION + "f()", "for i in []:\n    unlearning(i + 1, 0, 0, 0)")
    assert list(imports.workspace.submissions.iterdir()) == []


def test_a_block_that_defines_and_calls_is_an_error(imports):
    cell = f"try:\n    {DEFINITION}1\n    unlearning(1, 2, 3, 4)\nexcept OSError:\n    pass".replace(
        "\n    ret", "\n      ret"
    )
    with pytest.raises(
        BenchError, match=r"in a block that also calls it \(code cell 1: `try:`\); move the definition out"
    ):
        imports.write(cell)


@pytest.mark.parametrize("constant", ["TITLE", "REFERENCE", "BATCH_FORMAT"])
def test_the_contracts_constants_do_not_take_the_notebooks_names(imports, constant):
    module = imports.load(f"{constant} = 'kaggle'", DEFINITION + constant)
    assert module.unlearning(1, 2, 3, 4) == "kaggle"
    assert {"TITLE", "REFERENCE", "BATCH_FORMAT"} <= own_names(module)
    module = imports.load(f"from string import digits as {constant}", DEFINITION + constant, name="other")
    assert module.unlearning(1, 2, 3, 4) == "0123456789"


def test_a_future_import_comes_first(imports):
    module = imports.load("import math", "from __future__ import annotations", DEFINITION + "math.floor(1.5)")
    assert module.unlearning(1, 2, 3, 4) == 1
    assert module.__doc__


@pytest.mark.parametrize(
    ("code", "form"),
    [
        ("[b['image'] for b in retain_loader]", "kaggle"),
        ("[b.get('age_group') for b in retain_loader]", "kaggle"),
        ("[x for x, y in retain_loader]", "tuple"),
        ("{'image': 1}", "tuple"),
        ("helper(retain_loader)", "kaggle"),
    ],
)
def test_the_batch_format_is_read_off_the_code(imports, code, form):
    helper = "def helper(loader): return [b['age_group'] for b in loader]"
    assert batch_format(imports.load(helper, DEFINITION + code)) == form
