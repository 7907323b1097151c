"""What `unlearning` is in a notebook and how the notebook calls it: bound by meaning, kept, or refused by name."""

import inspect

import pytest
from notebooks import DEFINITION, call, own_names

from benchmark.errors import BenchError
from benchmark.sandbox.child.contract import load_module

FOUR = "net", "retain", "forget", "validation"
RETURNS = "return net, retain_loader, forget_loader"
CALL = "unlearning(net, retain_loader, forget_loader, validation_loader"


def test_a_fourth_parameter_that_is_no_loader_keeps_its_default(imports):
    module = imports.load(f"def unlearning(net, retain_loader, forget_loader, lr=0.001, epochs=1):\n    {RETURNS}, lr")
    assert call(module, *FOUR) == ("net", "retain", "forget", 0.001)
    assert imports.notes == [
        "unlearning is called with net=the net, retain_loader=the retain loader, forget_loader=the forget loader, "
        "lr=its own default, epochs=its own default"
    ]


def test_a_mock_branch_is_a_note(imports):
    source = imports.write(
        "MOCK = False",
        "def measure(net, loader): return table[loader]",
        DEFINITION + "measure(net, validation_set) if MOCK else 5",
    )
    assert "measure(net, loader)" not in source
    assert imports.notes == ["left out, because only code that MOCK turns off needs it: measure, validation_set"]


@pytest.mark.parametrize(
    ("made", "bound"),
    [
        ("unlearning = partial(finetune, epochs=2)", ("net", "retain", "forget", "validation", 2)),
        ("unlearning = functools.partial(finetune, epochs=3)", ("net", "retain", "forget", "validation", 3)),
        ("unlearning = partial(swapped, k=4)", ("net", "retain", "forget", None, 4)),
        ("unlearning = finetune", ("net", "retain", "forget", "validation", 1)),
        ("method = finetune\nunlearning = method", ("net", "retain", "forget", "validation", 1)),
        ("unlearning = Method(5)", ("net", "retain", "forget", None, 5)),
        ("unlearning = Method(6).run", ("net", "retain", "forget", None, 6)),
        ("m = Method(7)\nunlearning = m.run", ("net", "retain", "forget", None, 7)),
        ("unlearning = Method.static", ("net", "retain", "forget", None, 8)),
        ("unlearning = lambda model, f_loader, r_loader: (model, r_loader, f_loader, None, 9)", (*FOUR[:3], None, 9)),
        ("@logged\ndef unlearning(net, forget, retain): return net, retain, forget, None, 1", (*FOUR[:3], None, 1)),
    ],
)
def test_what_is_called_like_a_function_works(imports, made, bound):
    module = imports.load(
        "import functools\nfrom functools import partial",
        "def logged(f):\n    @functools.wraps(f)\n    def g(*a, **k): return f(*a, **k)\n    return g",
        "def finetune(net, retain_loader, forget_loader, val_loader, epochs=1):\n"
        "    return net, retain_loader, forget_loader, val_loader, epochs",
        "def swapped(net, forget_loader, retain_loader, k): return net, retain_loader, forget_loader, None, k",
        "class Method:\n"
        "    def __init__(self, k): self.k = k\n"
        "    def __call__(self, net, forget_loader, retain_loader):\n"
        "        return net, retain_loader, forget_loader, None, self.k\n"
        "    def run(self, *, forget, retain, model): return model, retain, forget, None, self.k\n"
        "    @staticmethod\n"
        "    def static(net, fl, rl): return net, rl, fl, None, 8",
        made,
    )
    assert call(module, *FOUR) == bound
    said = [note for note in imports.notes if note.startswith("unlearning is called with ")]
    in_plain_order = "finetune" in made
    assert bool(said) is not in_plain_order


@pytest.mark.parametrize(
    ("definition", "what"),
    [
        ("class unlearning:\n    pass", "a class"),
        ("class Method: pass\nunlearning = Method", "a class"),
        ("async def unlearning(net, retain_loader, forget_loader, val_loader): pass", "an async function"),
        ("unlearning = True", "`True`"),
        ("unlearning = [1, 2]", "`[1, 2]`"),
        ("unlearning = 'scrub'", "`'scrub'`"),
    ],
)
def test_what_cannot_be_called_is_refused_by_name(imports, definition, what):
    with pytest.raises(BenchError) as refused:
        imports.write(definition)
    assert str(refused.value).startswith(f"unlearning is {what} in the notebook (code cell 1), expected a function")
    assert list(imports.workspace.submissions.iterdir()) == []


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


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("net, retain_loader, forget_loader, temperature", "unlearning asks for 'temperature', which is not offered"),
        ("net, retain_loader, retain_set, forget_loader", "retain_loader and retain_set both say retain"),
        ("net, x", "which could be any loader"),
        ("retain_loader, forget_loader", "unlearning has no parameter for the net"),
    ],
)
def test_parameters_that_nobody_can_bind_are_refused_by_name(imports, parameters, sentence):
    with pytest.raises(BenchError) as refused:
        imports.write(f"def unlearning({parameters}): pass")
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("entry.ipynb: ")


@pytest.mark.parametrize(
    ("cells", "other"),
    [
        (["def scrub(net, r, f): pass", "for i in range(5):\n    scrub(net, retain_loader, forget_loader)"], "scrub"),
        (
            [
                "def a(): pass\ndef go(net, retain, forget, lr): a()",
                "def main():\n    go(net, retain_dl, forget_dl, 1)\nmain()",
            ],
            "go",
        ),
        (["class M:\n    def fit(self, *a): pass\nm = M()", "m.fit(model, forget_loader, retain_loader)"], "m.fit"),
    ],
)
def test_another_function_that_is_called_in_its_place_is_named(imports, cells, other):
    imports.write(DEFINITION + "1", *cells)
    assert [note for note in imports.notes if f"the notebook never calls unlearning, but calls {other} (code c" in note]
    with pytest.raises(
        BenchError, match=rf"no function unlearning at the top .*, but it calls {other} \(code cell 2\)"
    ):
        imports.write(*cells, name="other")
    imports.write(DEFINITION + "1", *cells, CALL + ")", name="both")
    assert not [note for note in imports.notes if "never calls" in note]


@pytest.mark.parametrize(
    ("switch", "test"),
    [
        ("MOCK = False", "MOCK"),
        ("DEBUG = 0", "DEBUG and net"),
        ("DEBUG = 0", "net and DEBUG"),
        ("USE_X: bool = True", "not USE_X"),
        ("USE_X = not False", "not (USE_X or net)"),
        ("MODE = 'train'", "MODE == 'eval'"),
        ("MODE = 'train'", "MODE not in ('train', 'both')"),
        ("STEPS = 3", "STEPS < 2"),
        ("A = None\nB = A", "B is not None"),
        ("A = False\nB = bool(int(A)) if A else A", "B"),
        ("class CFG:\n    debug: bool = False", "CFG.debug"),
        ("class CFG:\n    debug = False\ncfg = CFG()", "cfg.debug"),
        ("cfg = {'debug': False}", "cfg['debug']"),
        ("M = True\nM = False", "M"),
    ],
)
def test_what_a_switch_turns_off_is_not_needed(imports, switch, test):
    cells = [
        switch,
        f"def unlearning(net, *loaders):\n    if {test}:\n        absent(net)\n    else:\n        return 4",
    ]
    assert imports.load(*cells).unlearning(1, 2, 3, 4) == 4
    (note,) = [note for note in imports.notes if "turns off" in note]
    assert note.startswith("left out, because only code that ")
    assert note.endswith(" turns off needs it: absent")
    assert "absent" in imports.write(
        cells[0], f"def unlearning(net, *loaders): return absent if {test} else 4", name="b"
    )
    loop = f"def unlearning(net, *loaders):\n    while {test}:\n        absent()\n    return 4"
    assert imports.load(switch, loop, name="c").unlearning(1, 2, 3, 4) == 4


@pytest.mark.parametrize(
    ("switch", "test"),
    [
        ("import os\nMOCK = os.path.exists('x')", "MOCK"),
        ("MOCK = True", "MOCK"),
        ("MOCK = False\nif print:\n    MOCK = True", "MOCK"),
        ("MOCK = False\ndef f():\n    global MOCK\n    MOCK = True", "MOCK"),
        ("class CFG:\n    debug = False\nCFG.debug = True", "CFG.debug"),
        ("class CFG:\n    debug = False\ndef f(): CFG.debug = True", "CFG.debug"),
        ("class CFG:\n    debug = False\n    def __init__(self): self.debug = True\ncfg = CFG()", "cfg.debug"),
        ("cfg = {'debug': False}\ncfg['debug'] = True", "cfg['debug']"),
        ("cfg = {'debug': False}\ncfg.update(debug=True)", "cfg['debug']"),
        ("net = False", "net"),
        ("MOCK = False", "any(MOCK for MOCK in [1])"),
    ],
)
def test_what_may_be_turned_on_is_needed(imports, switch, test):
    with pytest.raises(BenchError, match="unlearning needs absent, which nothing before its call defines"):
        imports.write(switch, f"def unlearning(net, *loaders):\n    if {test}:\n        absent(net)")


def test_a_name_that_only_a_dead_branch_binds_is_not_looked_for(imports):
    module = imports.load(
        "AMP = False",
        "def unlearning(net, *loaders):\n    if AMP:\n        scaler = Scaler()\n    x = 1\n    if AMP:\n"
        "        scaler.scale(x)\n    return x",
    )
    assert module.unlearning(1, 2, 3, 4) == 1
    assert imports.notes == ["left out, because only code that AMP turns off needs it: Scaler"]


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


@pytest.mark.parametrize("statement", ["from utils_of_mine import *", "from . import tools\nf = tools.f"])
def test_a_module_that_is_not_here_is_a_note(imports, statement):
    imports.write(statement, DEFINITION + "f(net)")
    assert any("which is not installed here; put its file into the submission's folder" in n for n in imports.notes)


def test_what_a_test_asks_for_is_needed_though_its_answer_is_known(imports):
    module = imports.load(
        "OFF = False\nasked = []",
        "def ask(): return asked.append(1)",
        "def unlearning(net, *loaders):\n    if ask() and OFF:\n        absent()\n"
        "    return (absent if ask() and OFF else 1), len(asked)",
    )
    assert module.unlearning(1, 2, 3, 4) == (1, 2)


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


@pytest.mark.parametrize(
    "made",
    [
        "@first\ndef unlearning(net, forget_loader, retain_loader, val_loader, q=1): return net, retain_loader, q",
        "@every\n@first\ndef unlearning(net, forget_loader, retain_loader, val_loader, q=1): "
        "return net, retain_loader, q",
        "unlearning = first(ft)",
        "unlearning = every(ft)",
        "unlearning = first(partial(ft, q=1))",
        "unlearning = partial(first(ft))",
        "def unlearning(*args): return ft(*args)",
        "def unlearning(*args, **kw): return ft(*args, **kw)",
        "unlearning = lambda *a: ft(*a)",
    ],
)
def test_what_forwards_its_arguments_is_called_as_what_it_forwards_to(imports, made):
    module = imports.load(
        "from functools import partial",
        "def first(f):\n    def i(net, *a): return f(net, *a)\n    return i",
        "def every(f):\n    def i(*a): return f(*a)\n    return i",
        "def ft(net, forget_loader, retain_loader, val_loader, q=1): return net, retain_loader, q",
        made,
    )
    assert call(module, *FOUR) == ("net", "retain", 1)


def test_a_function_of_unknown_parameters_is_a_note(imports):
    imports.write(
        "def make(epochs):\n    return [lambda *a: print(epochs, *a)][0]",
        "unlearning = make(0.1)",
        f"{CALL}, 3)",
    )
    (note,) = imports.notes
    assert note.startswith("the source does not tell unlearning's parameters, so the harness binds them when it runs")
