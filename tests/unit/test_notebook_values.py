"""Arguments of a notebook's call beside the net and the loaders: kept, made of the run's, or refused."""

import inspect

import pytest
from notebooks import DEFINITION, call, own_names

from benchmark.errors import BenchError
from benchmark.sandbox.child.contract import load_module

FOUR = "net", "retain", "forget", "validation"
CALL = "unlearning(net, retain_loader, forget_loader, validation_loader"


@pytest.mark.parametrize(
    ("parameters", "calling", "signature", "value"),
    [
        ("lr", f"{CALL}, 0.1)", "lr=0.1", 0.1),
        ("lr", f"{CALL}, lr=0.1)", "lr=0.1", 0.1),
        ("lr: float", f"{CALL}, -1e-3)", "lr: float = -0.001", -0.001),
        ("lr = 1", f"{CALL}, 2)", "lr = 2", 2),
        ("lr=(1,\n    2)", f"{CALL}, lr=[3])", "lr=[3]", [3]),
        ("*, lr, é='ü'", f"{CALL}, lr=LR)", "lr=LR, é='ü'", 7),
        ("lr", f"{CALL}, CFG.lr * 2)", "lr=CFG.lr * 2", 10),
        ("lr", f"for i in range(9):\n    rate = LR\n    {CALL}, rate)", "lr=LR", 7),
        ("lr", f"def main():\n    rate = 4\n    {CALL}, rate)\nmain()", "lr=4", 4),
        ("lr", f"def main(rate=6):\n    {CALL}, rate)\nmain()", "lr=6", 6),
        (
            "lr",
            "def run(n, r, f, v, x):\n    unlearning(n, r, f, v, x)\ndef go(x): run(1, 2, 3, 4, x)\ngo(LR)",
            "lr=LR",
            7,
        ),
        ("lr=1", f"{CALL})", "lr=1", 1),
        ("lr=1", f"{CALL}, 1)", "lr=1", 1),
        ("lr=1", "pass", "lr=1", 1),
    ],
)
def test_a_value_at_the_call_is_kept_as_a_default(imports, parameters, calling, signature, value):
    definition = f"def unlearning(net, retain_loader, forget_loader, val_loader, {parameters}):\n    return lr"
    cells = "LR = 7\nclass CFG:\n    lr = 5", definition, calling
    source = imports.write(*cells)
    assert f", {signature}):" in source
    assert call(imports.load(*cells, name="other"), *FOUR) == value


@pytest.mark.parametrize(
    ("definition", "calling", "result"),
    [
        ("def unlearning(net, lr, retain_loader, forget_loader): return lr, retain_loader",
         "unlearning(net, LATE, retain_loader, forget_loader)", (9, "retain")),
        ("def unlearning(net, retain_loader, forget_loader, val_loader, lr): return lr", f"{CALL}, LATE)", 9),
        ("def unlearning(a, b, c, d, lr): return a, b, c, d, lr",
         "unlearning(net, validation_loader, forget_loader, retain_loader, 3)", ("net", *FOUR[:0:-1], 3)),
        ("def unlearning(net, retain_loader, forget_loader, **more): return more['lr'], more['k']",
         "unlearning(net, retain_loader, forget_loader, val_loader=validation_loader, lr=LATE, k=2)", (9, 2)),
        ("def unlearning(net, retain_loader, forget_loader, val_loader, n): return n",
         f"{CALL}, len(retain_loader))", 6),
        ("def unlearning(net, retain_loader, forget_loader, device, lr): return device, lr",
         "unlearning(net, retain_loader, forget_loader, DEVICE, LATE)", ("cpu", 9)),
    ],
)  # fmt: skip
def test_a_value_that_can_be_no_default_is_passed_by_what_calls_the_function(imports, definition, calling, result):
    module = imports.load("LATE = 1", definition, "LATE = 9", calling)
    assert call(module, *FOUR, device="cpu") == result
    assert list(inspect.signature(module.unlearning).parameters)[:4] == [
        *("net", "retain_loader", "forget_loader", "val_loader")
    ]


@pytest.mark.parametrize(
    ("parameters", "calling"),
    [
        ("i", f"for i in range(512):\n    {CALL}, i)"),
        ("path", f"for i in range(512):\n    path = f'{{i}}.pth'\n    path = path + 'x'\n    {CALL}, path)"),
        ("x", f"def main(k):\n    {CALL}, k)\nfor k in range(5):\n    main(k)"),
    ],
)
def test_a_value_that_changes_from_run_to_run_is_refused_or_left_at_the_default(imports, parameters, calling):
    definition = "def unlearning(net, retain_loader, forget_loader, val_loader, {}): return 1"
    with pytest.raises(
        BenchError, match=f"parameter {parameters} is given .* another value in every run; give the para"
    ):
        imports.write(definition.format(parameters), calling)
    module = imports.load(definition.format(f"{parameters}=None"), calling)
    assert call(module, *FOUR) == 1
    assert any(f"parameter {parameters} keeps its default" in note for note in imports.notes)


def test_globals_of_the_template_are_those_of_the_run(imports):
    module = imports.load(
        "def size(): return len(retain_loader), forget_loader, validation_loader, val_loader",
        DEFINITION + "size()",
        "retain_loader = open('table.csv')",
    )
    assert call(module, "net", [1, 2], "f", "v") == (2, "f", "v", "v")
    assert call(module, "net", [1], "f", "w") == (1, "f", "w", "w")
    assert "table.csv" not in imports.write("def f(): return val_loader", DEFINITION + "f()", name="other")
    (note,) = imports.notes
    assert note == "global names that are set to what each run is given: val_loader (the validation loader)"


def test_what_is_made_of_a_runs_net_is_made_in_every_run(imports):
    module = imports.load(
        "def double(x): return [*x, *x]",
        DEFINITION + "N, TEACHER, HALF",
        "model = [0]\nN = len(double(model))\nTEACHER: list = list(model)\nHALF = N // 2",
        "unlearning(model, retain_loader, forget_loader, val_loader)",
    )
    assert call(module, [1, 2], 0, 0, 0) == (4, [1, 2], 2)
    assert call(module, [3], 0, 0, 0) == (2, [3], 1)
    assert "_notebook_unlearning" in own_names(module)
    assert sum("so every run makes it anew" in note for note in imports.notes) == 3
    with pytest.raises(BenchError, match=r"the definition of unlearning itself uses .*val_loader"):
        imports.write(DEFINITION.replace("val_loader)", "val_loader, n=len(val_loader))") + "n", name="other")


def test_a_script_with_options_is_imported_as_if_it_was_started_without_any(imports, monkeypatch):
    monkeypatch.setattr("sys.argv", ["worker", "--no-such-option"])
    script = """\
import argparse
parser = argparse.ArgumentParser(description="x.parse_args()")
parser.add_argument("--lr", type=float, default=0.25)
parser.add_argument("--epochs", type=int, default=2)
options = parser.parse_args()
def unlearning(net, retain_loader, forget_loader, val_loader, lr):
    return lr, options.epochs
def main(args):
    unlearning(net, retain_loader, forget_loader, val_loader, args.lr)
if __name__ == "__main__":
    main(parser.parse_args())
"""
    assert 'description="x.parse_args()"' in imports.write_text(script)
    assert any("`options = parser.parse_args()` reads the command line" in note for note in imports.notes)
    imports.write_text(script, name="other")
    module = load_module(imports.workspace.submissions / "other")
    assert call(module, *FOUR) == (0.25, 2)


def test_arguments_may_all_be_passed_by_name(imports):
    module = imports.load(
        "def size(): return len(train), model",
        "def unlearning(net, retain, forget, val, lr): return size(), retain, forget, lr",
        "unlearning(lr=3, net=model, val=v, forget=f, retain=train)",
    )
    assert call(module, "net", [1, 2], "f", "v") == ((2, "net"), [1, 2], "f", 3)


@pytest.mark.parametrize(
    "calling",
    [
        "if True:\n    net = ['foreign']\n    {call}, teacher=copy.copy(net))",
        "for i in range(9):\n    net = ['foreign']\n    {call}, copy.copy(net))",
        "for i in range(9):\n    net = ['foreign']\n    n0 = net\n    t = copy.copy(n0)\n    {call}, t)",
        "for i in range(9):\n    net0 = ['foreign']\n    net = net0\n    {call}, copy.copy(net0))",
        "def submit():\n    net = copy.deepcopy(best)\n    t = copy.copy(net)\n    {call}, t)\nsubmit()",
        "def run(net, r, f, v, t):\n    unlearning(net, r, f, v, t)\n"
        "def main():\n    m = ['foreign']\n    run(m, 1, 2, 3, copy.copy(m))\nmain()",
    ],
)
def test_a_value_made_of_the_net_is_made_of_the_runs_net(imports, calling):
    module = imports.load(
        "import copy\nbest = ['foreign']",
        "def unlearning(net, retain_loader, forget_loader, val_loader, teacher): return teacher",
        calling.format(call=CALL),
    )
    net = ["net"]
    given = call(module, net, *FOUR[1:])
    assert given == net
    assert given is not net


def test_constants_at_the_call_are_no_loaders(imports):
    module = imports.load(
        "E, LR = 4, 0.5",
        "def unlearning(net, data, epochs, lr): return data, epochs, lr",
        "unlearning(net, retain_loader, E, LR)",
    )
    assert call(module, *FOUR) == ("retain", 4, 0.5)
    assert "with data=the retain loader" in imports.notes[0]
    assert "epochs=E, lr=LR" in imports.notes[1]


OPTIONS = """\
import argparse

def get_args():  # x.parse_args()
    parser = argparse.ArgumentParser(description="x.parse_args()")
    parser.add_argument("--lr", type=float, default=0.25)
    return parser.parse_args()

def unlearning(net, retain_loader, forget_loader, val_loader, {parameter}):
    return {returned}

{calling}
"""


@pytest.mark.parametrize(
    ("parameter", "returned", "calling"),
    [
        ("lr", "lr", f"def main():\n    args = get_args()\n    {CALL}, args.lr)\nmain()"),
        ("args", "args.lr", f"def main():\n    args = get_args()\n    {CALL}, args)\nmain()"),
        ("args", "args.lr", f"def main(args=None):\n    args = get_args()\n    {CALL}, args)\nmain()"),
        ("args", "args.lr", f"def main(args):\n    {CALL}, args)\nmain(get_args())"),
        ("*_", "get_args().lr", f"{CALL})"),
        ("lr", "lr", f"args = get_args()\n{CALL}, lr=args.lr)"),
    ],
)
def test_options_that_a_function_reads_have_their_defaults(imports, monkeypatch, parameter, returned, calling):
    monkeypatch.setattr("sys.argv", ["worker", "--no-such-option"])
    source = imports.write_text(OPTIONS.format(parameter=parameter, returned=returned, calling=calling))
    assert 'description="x.parse_args()"' in source
    assert "# x.parse_args()\n" in source
    assert call(load_module(imports.workspace.submissions / "mine"), *FOUR) == 0.25
    (note,) = [note for note in imports.notes if "reads the command line" in note]
    assert note == (
        "line 3: `def get_args():  # x.parse_args()` reads the command line, of which a submission has none: every "
        "option has its default"
    )


RETAIN = "retain_loader, forget_loader, validation_loader"


@pytest.mark.parametrize(
    "calling",
    [
        "unlearning(copy.deepcopy(net), {loaders}, copy.copy(net))",
        "unlearning(copy.deepcopy(net), {loaders}, net)",
        "unlearning(net.cuda(), {loaders}, copy.copy(net))",
        "net0 = net\nunlearning(net0, {loaders}, copy.copy(net))",
        "net0 = net\nunlearning(net, {loaders}, copy.copy(net0))",
        "m = copy.deepcopy(net)\nunlearning(m, {loaders}, copy.copy(m))",
        "m = copy.deepcopy(net).to('cpu')\nunlearning(m, {loaders}, net)",
        "for i in range(9):\n    m = copy.deepcopy(net)\n    unlearning(m, {loaders}, net)",
        "for i in range(9):\n    net = load()\n    unlearning(copy.deepcopy(net), {loaders}, [*net])",
        "for i in range(9):\n    net = load()\n    t = [*net]\n    unlearning(net, {loaders}, t)",
        "for i in range(9):\n    b = load()\n    net = copy.deepcopy(b)\n    unlearning(net, {loaders}, b)",
        "b = load()\nnet = copy.deepcopy(b)\nif b:\n    unlearning(net, {loaders}, b)",
        "if net:\n    t = [*net]\nunlearning(net, {loaders}, t)",
        "def mk(m): return [*m]\nfor i in range(9):\n    net = load()\n    unlearning(net, {loaders}, mk(net))",
        "def mk(): return [*net]\nfor i in range(9):\n    unlearning(net, {loaders}, mk())",
        "def submit():\n    m = load()\n    unlearning(copy.deepcopy(m), {loaders}, teacher=m)\nsubmit()",
        "def submit():\n    m = copy.deepcopy(net)\n    t = [*m]\n    unlearning(m, {loaders}, t)\nsubmit()",
        "def submit():\n    if net:\n        t = [*net]\n        unlearning(net, {loaders}, t)\nsubmit()",
        "def submit(model):\n    m = copy.deepcopy(model)\n    unlearning(m, {loaders}, model)\nsubmit(net)",
        "def submit(m, t):\n    unlearning(m, {loaders}, t)\nsubmit(copy.deepcopy(net), [*net])",
        "def submit(m, t):\n    unlearning(m, {loaders}, t)\ndef go():\n    n = load()\n    submit(n, [*n])\ngo()",
    ],
)
def test_no_other_net_takes_the_place_of_the_runs(imports, calling):
    module = imports.load(
        "import copy\ndef load(): return ['foreign']\nnet = load()",
        "def unlearning(net, retain_loader, forget_loader, val_loader, teacher): return net, teacher",
        calling.format(loaders=RETAIN),
    )
    ran = ["net"]
    net, teacher = call(module, ran, *FOUR[1:])
    assert net is ran
    assert teacher == ["net"]
    assert teacher is not net
