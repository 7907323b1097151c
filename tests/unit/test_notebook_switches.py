"""Branches that a constant of a notebook turns off: what only they need is left out."""

import pytest
from notebooks import DEFINITION, call

from benchmark.errors import BenchError

FOUR = "net", "retain", "forget", "validation"
CALL = "unlearning(net, retain_loader, forget_loader, validation_loader"


def test_a_mock_branch_is_a_note(imports):
    source = imports.write(
        "MOCK = False",
        "def measure(net, loader): return table[loader]",
        DEFINITION + "measure(net, validation_set) if MOCK else 5",
    )
    assert "measure(net, loader)" not in source
    assert imports.notes == ["left out, because only code that MOCK turns off needs it: measure, validation_set"]


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


def test_what_a_test_asks_for_is_needed_though_its_answer_is_known(imports):
    module = imports.load(
        "OFF = False\nasked = []",
        "def ask(): return asked.append(1)",
        "def unlearning(net, *loaders):\n    if ask() and OFF:\n        absent()\n"
        "    return (absent if ask() and OFF else 1), len(asked)",
    )
    assert module.unlearning(1, 2, 3, 4) == (1, 2)


PARSER = "import argparse\np = argparse.ArgumentParser()\np.add_argument"


@pytest.mark.parametrize(
    ("switch", "test", "by"),
    [
        ("A, B = False, False", "A", "A"),
        ("A, B = False, False", "B", "B"),
        ("import os\nA, B = os.getcwd(), False", "B", "B"),
        ("[A, (B, C)] = 1, (0, 2)", "B", "B"),
        ("pair = 1, 0\nA, B = pair", "B", "B"),
        ("A = B = False", "A", "A"),
        ("A = B = False", "B", "B"),
        ("cfg = dict(debug=False)", "cfg['debug']", "cfg"),
        ("cfg = dict(debug=False)", "cfg.get('debug')", "cfg"),
        ("import os\ncfg = {'where': os.getcwd(), 'debug': False}", "cfg['debug']", "cfg"),
        ("cfg = {'lr': 1}", "cfg.get('debug')", "cfg"),
        ("cfg = {'lr': 1}", "cfg.get('debug', False)", "cfg"),
        ("cfg = {'lr': 1}", "'debug' in cfg", "cfg"),
        ("cfg = {'a': {'debug': False}}", "cfg['a']['debug']", "cfg"),
        ("from types import SimpleNamespace\ncfg = SimpleNamespace(mock=False)", "cfg.mock", "cfg"),
        ("import types\ncfg = types.SimpleNamespace(lr=1, mock=False)", "cfg.mock", "cfg"),
        ("from argparse import Namespace\ncfg = Namespace(mock=False)", "cfg.mock", "cfg"),
        (f"{PARSER}('--mock', action='store_true')\nargs = p.parse_args([])", "args.mock", "args"),
        (f"{PARSER}('-m', '--mock-run', action='store_true')\nargs = p.parse_args()", "args.mock_run", "args"),
        (f"{PARSER}('--real', action='store_false')\nargs = p.parse_args([])", "not args.real", "args"),
        (f"{PARSER}('--mock', dest='m', type=int, default=0)\nargs, _ = p.parse_known_args()", "args.m", "args"),
        (
            "import argparse\ndef options():\n    p = argparse.ArgumentParser()\n"
            "    p.add_argument('--mock', action='store_true')\n    args = p.parse_args()\n    return args\n"
            "args = options()",
            "args.mock",
            "args",
        ),
        ("import os", "os.environ.get('DEBUG', '0') == '1'", "$DEBUG"),
        ("import os", "os.getenv('DEBUG')", "$DEBUG"),
        ("import os", "'DEBUG' in os.environ", "$DEBUG"),
        ("import os\nD = bool(int(os.environ.get('DEBUG', 0)))", "D", "D"),
    ],
)
def test_a_switch_may_be_set_in_many_ways(imports, switch, test, by):
    definition = f"def unlearning(net, *loaders):\n    if {test}:\n        absent(net)\n    return 4"
    assert imports.load(switch, definition).unlearning(1, 2, 3, 4) == 4
    assert f"left out, because only code that {by} turns off needs it: absent" in imports.notes


@pytest.mark.parametrize(
    ("switch", "test"),
    [
        ("A, B = False, True", "B"),
        ("A, *B = False, True", "B"),
        ("A = B = {}\nB['x'] = 1", "A"),
        ("cfg = dict(debug=True)", "cfg.get('debug')"),
        ("import os\ncfg = dict(debug=os.getcwd())", "cfg.get('debug')"),
        ("import json\ncfg = {**json.loads('{}')}", "cfg.get('debug')"),
        ("cfg = dict(debug=False)\ncfg.update(debug=True)", "cfg['debug']"),
        ("from types import SimpleNamespace\ncfg = SimpleNamespace(mock=False)\ncfg.mock = 1", "cfg.mock"),
        (f"{PARSER}('--mock', action='store_true')\np.set_defaults(mock=1)\nargs = p.parse_args()", "args.mock"),
        (f"{PARSER}('--mock', type=int, default='1')\nargs = p.parse_args()", "args.mock"),
        ("import os", "os.environ.get('DEBUG', '1') == '1'"),
        ("import os", "os.environ.get('HOME')"),
        ("import os\nos.environ['DEBUG'] = '1'", "os.environ.get('DEBUG')"),
    ],
)
def test_a_switch_that_may_be_on_keeps_its_branch(imports, switch, test):
    with pytest.raises(BenchError, match="unlearning needs absent, which nothing before its call defines"):
        imports.write(switch, f"def unlearning(net, *loaders):\n    if {test}:\n        absent(net)")


@pytest.mark.parametrize(
    ("mode", "cases"),
    [
        ("'real'", ["'mock': absent()", "_: return 4"]),
        ("'real'", ["'real' | 'full': return 4", "_: absent()"]),
        ("None", ["1: absent()", "None: return 4", "other: absent(other)"]),
        ("'real'", ["'real' if OFF: absent()", "'real': return 4"]),
    ],
)
def test_a_case_that_is_never_taken_is_not_needed(imports, mode, cases):
    body = "\n".join(f"        case {case}" for case in cases)
    module = imports.load(f"MODE = {mode}\nOFF = False", f"def unlearning(net, *loaders):\n    match MODE:\n{body}")
    assert module.unlearning(1, 2, 3, 4) == 4
    with pytest.raises(BenchError, match="needs absent"):
        imports.write(
            "import os\nMODE, OFF = os.getcwd(), os.sep",
            f"def unlearning(net, *loaders):\n    match MODE:\n{body}",
            name="b",
        )


@pytest.mark.parametrize(
    ("definition", "calling"),
    [
        ("def unlearning(net, retain_loader, forget_loader, val_loader, debug=False):\n", f"{CALL})"),
        ("def unlearning(net, retain_loader, forget_loader, val_loader, *, debug=OFF):\n", f"{CALL})"),
        ("def unlearning(net, retain_loader, forget_loader, val_loader, debug=True):\n", f"{CALL}, debug=False)"),
        ("def unlearning(net, retain_loader, forget_loader, val_loader, debug):\n", f"{CALL}, OFF)"),
        (f"{DEFINITION}step(net)\ndef step(net, debug=False):\n", f"{CALL})"),
        (f"{DEFINITION}step(net)\ndef step(net):\n    debug = False\n", f"{CALL})"),
    ],
)
def test_a_parameter_may_turn_a_branch_off(imports, definition, calling):
    module = imports.load("OFF = False", f"{definition}    if debug:\n        absent()\n    return 4", calling)
    assert call(module, *FOUR) == 4
    assert "left out, because only code that debug turns off needs it: absent" in imports.notes


@pytest.mark.parametrize(
    ("definition", "calling"),
    [
        ("def unlearning(net, retain_loader, forget_loader, val_loader, debug=False):\n", f"{CALL}, debug=True)"),
        ("def unlearning(net, retain_loader, forget_loader, val_loader, debug=0):\n    debug = len(net)\n", f"{CALL})"),
        (f"{DEFINITION}step(net, True)\ndef step(net, debug=False):\n", f"{CALL})"),
        (f"{DEFINITION}step(net, **net)\ndef step(net, debug=False):\n", f"{CALL})"),
        (f"{DEFINITION}[f(net, 1) for f in [step]]\ndef step(net, debug=False):\n", f"{CALL})"),
    ],
)
def test_a_parameter_that_is_given_something_turns_nothing_off(imports, definition, calling):
    with pytest.raises(BenchError, match="unlearning needs absent, which nothing before its call defines"):
        imports.write(f"{definition}    if debug:\n        absent()", calling)


def test_what_the_notebook_imports_or_assigns_is_not_said_to_be_left_out(imports):
    cells = [
        "import torch\nfrom torch import nn\nz = 1\nMOCK = False",
        f"{DEFINITION}nn.Linear(torch.zeros(z), measure) if MOCK else 4",
    ]
    assert imports.load(*cells).unlearning(1, 2, 3, 4) == 4
    assert imports.notes == ["left out, because only code that MOCK turns off needs it: measure"]
    imports.write(cells[0], cells[1].replace(", measure", ""), name="other")
    assert imports.notes == []
