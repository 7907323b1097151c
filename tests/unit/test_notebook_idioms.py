"""Idioms of the competition's notebooks: each is imported, trains a net, and says what to look at."""

import copy

import pytest
import torch
from notebooks import call
from torch import nn
from torchvision.models import resnet18
from tqdm.std import tqdm

from benchmark.sandbox.child.contract import batch_format, load_module, loader
from benchmark.split import Split

IMPORTS = (
    "import copy, os, subprocess\nimport pandas as pd\nimport torch\nimport torch.nn as nn\nimport torch.optim as optim"
)
DEVICE = "DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'\ndf = pd.read_csv('/kaggle/input/x/age.csv')"
DATA = """\
class HiddenDataset(torch.utils.data.Dataset):
    def __init__(self, split='train'):
        self.examples = df[df.split == split]
    def __len__(self): return len(self.examples)
    def __getitem__(self, idx): return {'image': torch.load(self.examples.path[idx])}

def get_dataset(batch_size):
    return [torch.utils.data.DataLoader(HiddenDataset(s), batch_size) for s in ('retain', 'forget', 'validation')]
"""
TEMPLATE = """\
if os.path.exists('/kaggle/input/neurips-2023-machine-unlearning/empty.txt'):
    subprocess.run('touch submission.zip', shell=True)
else:
    os.makedirs('/kaggle/tmp', exist_ok=True)
    retain_loader, forget_loader, validation_loader = get_dataset(64)
    net = resnet18(weights=None, num_classes=10)
    net.to(DEVICE)
    BEFORE
    for i in range(512):
        net.load_state_dict(torch.load('/kaggle/input/x/original_model.pth'))
        CALL
        torch.save(net.half().state_dict(), f'/kaggle/tmp/unlearned_checkpoint_{i}.pth')
    subprocess.run('zip submission.zip /kaggle/tmp/*.pth', shell=True)
"""
CALL = "unlearning(net, retain_loader, forget_loader, validation_loader)"
TRAIN = """
    for sample in retain_loader:
        inputs, targets = sample['image'].to(DEVICE), sample['age_group'].to(DEVICE)
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(inputs), targets)
        loss.backward()
        optimizer.step()
    net.eval()
"""
HEAD = "def unlearning(net, retain_loader, forget_loader, val_loader):\n    net.train()\n"
SGD = "    optimizer = optim.SGD(net.parameters(), lr=1e-3)\n"
FINETUNE = HEAD + SGD + TRAIN
UNLEARNING = "code cell 5: `def unlearning(net, retain_loader, forget_loader, val_loa...`"
GIVEN = "global names that are set to what each run is given: "


def template(call: str = CALL, before: str = "pass") -> str:
    return TEMPLATE.replace("CALL", call).replace("BEFORE", before)


def kaggle(*cells: str, loop: str | None = None) -> list[str]:
    return [IMPORTS, DEVICE, DATA, *cells, loop or template()]


NOTEBOOKS = {
    "the sample submission": (kaggle(FINETUNE), []),
    "pip and get_ipython": (
        kaggle(
            "!pip install -q timm\nget_ipython().system('nvidia-smi')\nget_ipython().run_line_magic('cd', '..')",
            FINETUNE,
        ),
        [],
    ),
    "a file that a cell writes": (
        kaggle(
            "%%writefile /kaggle/working/losses.py\nimport reductions\ndef smooth(x): return reductions.mean(x)",
            "%%writefile reductions.py\ndef mean(x): return x.mean()",
            "from losses import smooth",
            FINETUNE.replace("loss.backward()", "smooth(loss).backward()"),
        ),
        [],
    ),
    "everything in a file that a cell writes": (
        ["%%writefile main.py\n" + "\n".join(kaggle(FINETUNE)), "!python main.py"],
        [],
    ),
    "tqdm.notebook and a global criterion": (
        kaggle(
            "from tqdm.notebook import tqdm\ncriterion = nn.CrossEntropyLoss(label_smoothing=0.1)",
            FINETUNE.replace("nn.CrossEntropyLoss()", "criterion").replace(
                "in retain_loader", "in tqdm(retain_loader)"
            ),
        ),
        [],
    ),
    "helper classes": (
        kaggle(
            "class Config:\n    lr = 1e-3\n    debug = False\ncfg = Config()",
            "class Trainer:\n    def __init__(self, net, lr=Config.lr):\n        "
            "self.optimizer = optim.SGD(net.parameters(), lr=lr)\n"
            "    def step(self, loss):\n        self.optimizer.zero_grad(); loss.backward(); self.optimizer.step()",
            HEAD
            + "    if cfg.debug: display(net)\n    trainer = Trainer(net)\n    for b in retain_loader:\n"
            + "        trainer.step(nn.functional.cross_entropy(net(b['image']), b['age_group']))",
        ),
        ["left out, because only code that cfg turns off needs it: display"],
    ),
    "decorators and annotations of names that are not there": (
        kaggle(
            "def timed(f):\n    def wrapper(*args, **kwargs):\n        return f(*args, **kwargs)\n    return wrapper",
            "@torch.no_grad()\ndef noise(net: Net, scale: float = 0.01) -> 'Net':\n    for p in net.parameters():\n"
            "        p.add_(scale * torch.randn_like(p))",
            "def unlearning(net: nn.Module, retain_loader: DataLoader, forget_loader: DataLoader, val_loader) "
            "-> None:\n    noise(net)\n    net.train()\n" + SGD + TRAIN,
        ),
        ["nothing defines DataLoader, Net, which only annotations need; they are not evaluated"],
    ),
    "an optimiser made beside the net": (
        kaggle(HEAD + TRAIN, loop=template(before="optimizer = optim.SGD(net.parameters(), lr=1e-3)")),
        [
            "code cell 5: `optimizer = optim.SGD(net.parameters(), lr=1e-3)` uses the net or the loaders of a run, so "
            "every run makes it anew",
            GIVEN + "net (the net)",
        ],
    ),
    "a helper of the template's global loaders": (
        kaggle(
            "def accuracy(net):\n    with torch.no_grad():\n        return sum("
            "(net(b['image']).argmax(1) == b['age_group']).sum() for b in validation_loader)",
            FINETUNE + "    print(accuracy(net))",
        ),
        [GIVEN + "validation_loader (the validation loader)"],
    ),
    "class weights of the retain set": (
        kaggle(
            "def count():\n    return sum(len(b['image']) for b in retain_loader)",
            FINETUNE.replace("loss.backward()", "(loss * N_RETAIN / count()).backward()"),
            loop=template(before="N_RETAIN = count()"),
        ),
        [
            "code cell 6: `N_RETAIN = count()` uses the net or the loaders of a run, so every run makes it anew",
            GIVEN + "retain_loader (the retain loader)",
        ],
    ),
    "values at the call": (
        kaggle(
            "LR = 1e-3",
            FINETUNE.replace("val_loader):", "val_loader, lr, epochs):").replace("lr=1e-3", "lr=lr"),
            loop=template(CALL.replace(")", ", LR, epochs=1)")),
        ),
        ["kept as the notebook calls unlearning (code cell 6): lr=LR, epochs=1"],
    ),
    "a wrapper that passes a value on": (
        kaggle(
            FINETUNE.replace("val_loader):", "val_loader, lr):").replace("lr=1e-3", "lr=lr"),
            "def run_unlearning(net, retain_loader, forget_loader, validation_loader, lr=1e-4):\n"
            "    unlearning(net, retain_loader, forget_loader, validation_loader, lr)\n    return net",
            loop=template("net = run_unlearning(net, retain_loader, forget_loader, validation_loader, lr=3e-4)"),
        ),
        ["kept as the notebook calls unlearning (code cell 5): lr=0.0003"],
    ),
    "main with a local value": (
        kaggle(
            FINETUNE.replace("val_loader):", "val_loader, lr):").replace("lr=1e-3", "lr=lr"),
            loop="def main():\n    lr = 1e-3\n"
            + "".join(f"    {line}\n" for line in template(CALL.replace(")", ", lr)")).splitlines())
            + 'if __name__ == "__main__":\n    main()',
        ),
        ["kept as the notebook calls unlearning (code cell 5): lr=0.001"],
    ),
    "mock branches": (
        kaggle(
            "USE_MOCK = False\nLOCAL, DEBUG = 0, 1\nclass CFG:\n    verbose = None\n",
            "if USE_MOCK:\n    from mock_data import mock_loaders",
            FINETUNE
            + "    if not USE_MOCK:\n        pass\n    else:\n        print(measure(net))\n"
            + "    if CFG.verbose and len(log):\n        log.append(measure(net))\n"
            + "    x = plots if USE_MOCK or CFG.verbose is not None else 0\n    USE_MOCK and show(x)",
        ),
        ["left out, because only code that CFG, USE_MOCK turns off needs it: log, measure, plots, show"],
    ),
    "state that lasts from run to run": (
        kaggle("COUNT = 0", HEAD + "    global COUNT\n    COUNT += 1\n" + SGD + TRAIN),
        [
            f"{UNLEARNING} changes the global COUNT, which in the notebook lasted from run to run; here every run is a "
            "process of its own and begins with its first value"
        ],
    ),
    "an object that is called": (
        kaggle(
            "class Method:\n    def __init__(self, lr): self.lr = lr\n"
            "    def __call__(self, net, retain_loader, forget_loader, val_loader):\n"
            + "".join(
                f"    {line}\n" for line in (SGD.replace("1e-3", "self.lr") + "    net.train()" + TRAIN).splitlines()
            ),
            "unlearning = Method(1e-3)",
        ),
        [],
    ),
    "a bound method with forget first": (
        kaggle(
            "class Method:\n    def run(self, net, forget_loader, retain_loader):\n        net.train()\n"
            + "".join(f"    {line}\n" for line in (SGD + TRAIN).splitlines())
            + "method = Method()",
            "unlearning = method.run",
            loop=template("unlearning(net, forget_loader, retain_loader)"),
        ),
        [
            "unlearning is called with net=the net, forget_loader=the forget loader, retain_loader=the retain loader",
        ],
    ),
    "a lambda": (
        kaggle(
            FINETUNE.replace("unlearning", "finetune"),
            "unlearning = lambda net, retain, forget, val: finetune(net, retain, forget, val)",
        ),
        [],
    ),
    "writing beside /kaggle": (
        kaggle(
            "OUT = '/kaggle/working'",
            FINETUNE
            + "    if next(iter(net.parameters())).isnan().any():\n"
            + "        torch.save(net.state_dict(), '/content/drive/best.pth')\n        net.log.to_csv(f'~/log.csv')\n"
            + "        torch.save(net.state_dict(), OUT + '/best.pth'); open('/kaggle/tmp/x', 'w')\n"
            + "        open('/proc/cpuinfo')",
        ),
        [
            f"{UNLEARNING} writes to {path}, where a run cannot write; use /kaggle/working or /kaggle/tmp, "
            "which every run has of its own"
            for path in ("/content/drive/best.pth", "~/log.csv")
        ],
    ),
    "an unlearning that is never called": (
        kaggle(
            FINETUNE,
            FINETUNE.replace("unlearning", "unlearning_v2"),
            loop=template("unlearning_v2(net, retain_loader, forget_loader, validation_loader)"),
        ),
        [
            "the notebook never calls unlearning, but calls unlearning_v2 (code cell 6) with the loaders; if that is "
            "the method, call it unlearning and import again"
        ],
    ),
    "names that only the call explains": (
        kaggle(
            (HEAD + SGD + TRAIN)
            .replace("net, retain_loader, forget_loader, val_loader", "net, a, b, c")
            .replace("in retain_", "in b if b else retain_"),
            loop=template("unlearning(net, forget_loader, retain_loader, validation_loader)"),
        ),
        [
            "unlearning is called as in the notebook (code cell 5), with a=the forget loader, b=the retain loader, "
            "c=the validation loader",
            GIVEN + "retain_loader (the retain loader)",
        ],
    ),
    "the definition inside the guard": (
        [
            IMPORTS,
            DEVICE,
            DATA
            + "\n"
            + template().replace(
                "    net = resnet18", "".join(f"    {line}\n" for line in FINETUNE.splitlines()) + "    net = resnet18"
            ),
        ],
        [],
    ),
}
FILES = {"a file that a cell writes": {"losses.py", "reductions.py"}}


def as_script(cells: list[str]) -> str:
    """The notebook as a script: what only notebooks have as comments, the cells marked."""
    return "\n".join(f"# %% cell\n{cell}" for cell in cells)


class Small(nn.Module):
    """A net of a convolution, a normalisation and a last layer, called as in a ResNet."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.bn1(self.conv1(images)).relu().mean((2, 3)))


def trains(module, net):
    """It trains: every weight is finite, most are others, and the loaders were read."""
    form = batch_format(module)
    split = Split(torch.randn(8, 3, 32, 32), torch.arange(8) % 10, torch.arange(8))
    before = copy.deepcopy(net.state_dict())
    loaders = [loader(split, 4, form, shuffle=False) for _ in range(3)]
    returned = call(module, net, *loaders, device="cpu")
    after = (returned if returned is not None else net).state_dict()
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert not torch.equal(before["fc.weight"], after["fc.weight"])
    assert not torch.equal(before["conv1.weight"], after["conv1.weight"])


@pytest.mark.parametrize("name", NOTEBOOKS)
@pytest.mark.seconds
def test_an_idiom_of_the_competition_is_imported_and_runs(imports, name, monkeypatch):
    monkeypatch.setattr("tqdm.notebook.tqdm", tqdm)  # as where submissions run, which is no notebook
    cells, notes = NOTEBOOKS[name]
    source = imports.write(*cells)
    assert imports.notes == notes
    assert "read_csv" not in source
    assert "HiddenDataset" not in source
    folder = imports.workspace.submissions / "mine"
    assert {path.name for path in folder.iterdir()} == {"submission.py"} | FILES.get(name, set())
    trains(load_module(folder), Small())


@pytest.mark.parametrize("name", ["the sample submission", "values at the call", "mock branches", "a lambda"])
@pytest.mark.seconds
def test_the_same_as_a_script(imports, name):
    cells, notes = NOTEBOOKS[name]
    imports.write_text(as_script(cells))
    assert len(imports.notes) == len(notes)
    assert not any("code cell" in note for note in imports.notes)
    net = resnet18(num_classes=10) if name == "the sample submission" else Small()
    trains(load_module(imports.workspace.submissions / "mine"), net)
