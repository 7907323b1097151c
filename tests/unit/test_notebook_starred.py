"""Starred arguments and `*args` at a notebook's call of `unlearning`: written out, passed on, or named as lost."""

import pytest
from notebooks import call

from benchmark.errors import BenchError

FOUR = "net", "retain", "forget", "validation"
CALL = "unlearning(net, retain_loader, forget_loader, validation_loader"
HEAD = "def unlearning(net, retain_loader, forget_loader, val_loader"
LOSES = "the notebook's call of unlearning (code cell {}) also gives {}, which is left out: no parameter takes it, or "


@pytest.mark.parametrize(
    ("params", "calling"),
    [
        ("params = {'lr': 5, 'epochs': 6}", f"{CALL}, **params)"),
        ("params = dict(lr=5, epochs=6)", f"{CALL}, **params)"),
        ("params = dict({'lr': 5}, epochs=6)", f"{CALL}, **params)"),
        ("base = {'lr': 1, 'epochs': 6}", f"{CALL}, **{{**base, 'lr': 5}})"),
        ("params = {'lr': 1, 'epochs': 6}\nparams['lr'] = 5", f"{CALL}, **params)"),
        ("params = {'epochs': 6}\nparams['lr'] = 5", f"{CALL}, **params)"),
        ("LR = 5\nparams = {'lr': LR, 'epochs': LR + 1}\nLR = 7", f"{CALL}, **params)"),
        ("class CFG:\n    params = {'lr': 5, 'epochs': 6}", f"{CALL}, **CFG.params)"),
        ("pass", f"{CALL}, **{{'lr': 5}}, epochs=6)"),
        ("pass", f"def main():\n    params = {{'lr': 5, 'epochs': 6}}\n    {CALL}, **params)\nmain()"),
        ("pass", f"def main(params):\n    {CALL}, **params)\nmain({{'lr': 5, 'epochs': 6}})"),
        ("params = 5, 6", f"{CALL}, *params)"),
        ("params = [5, 6]", f"{CALL}, *params)"),
        ("loaders = [retain_loader, forget_loader, validation_loader]", "unlearning(net, *loaders, 5, 6)"),
        ("def loaders(): pass", "unlearning(net, *loaders(), 5, epochs=6)"),
        ("args = net, retain_loader, forget_loader, validation_loader, 5, 6", "unlearning(*args)"),
        (
            "def run(n, r, f, v, lr=1, epochs=2):\n    unlearning(n, r, f, v, lr, epochs)",
            "params = dict(lr=5, epochs=6)\nrun(net, retain_loader, forget_loader, validation_loader, **params)",
        ),
        ("import os\nparams = dict([('lr', 5), ('epochs', 6)])", f"{CALL}, **params)"),
        ("def make(): return 5, 6\nparams = make()", f"{CALL}, *params)"),
    ],
)
def test_starred_values_are_kept(imports, params, calling):
    module = imports.load(params, f"{HEAD}, lr=1, epochs=2): return lr, epochs", calling)
    assert call(module, *FOUR) == (5, 6)
    assert [note for note in imports.notes if note.startswith("kept as the notebook calls unlearning")]


def test_starred_values_may_be_required(imports):
    cells = f"{HEAD}, lr, epochs): return lr, epochs", f"{CALL}, **params)"
    assert call(imports.load("params = {'lr': 5, 'epochs': 6}", *cells), *FOUR) == (5, 6)
    with pytest.raises(BenchError, match="unlearning asks for 'lr', which is not offered"):
        imports.write("import os\nparams = os.getcwd()", *cells, name="other")


@pytest.mark.parametrize(
    ("definition", "calling", "given"),
    [
        (f"{HEAD}, **cfg): return cfg", f"{CALL}, **params)", {"lr": 5}),
        (f"{HEAD}, **cfg): return cfg", f"{CALL}, k=2, **params)", {"lr": 5, "k": 2}),
        (f"{HEAD}, *rest): return rest", f"{CALL}, 3, LR)", (3, 5)),
        ("def unlearning(*args):\n    net, rl, fl, vl, e = args\n    return args", f"{CALL}, 3)", (*FOUR, 3)),
        ("unlearning = lambda *a: a", f"{CALL}, 3, LR)", (*FOUR, 3, 5)),
        ("def unlearning(net, *args): return args", f"{CALL}, LR)", (*FOUR[1:], 5)),
        (
            "def unlearning(*args):\n    net, fl, rl, e = args\n    return args",
            "unlearning(net, forget_loader, retain_loader, 3)",
            ("net", "forget", "retain", 3),
        ),
        (
            "def unlearning(net, forget_loader, retain_loader, val_loader, *rest): return forget_loader, rest",
            "unlearning(net, forget_loader, retain_loader, val_loader, 3)",
            ("forget", (3,)),
        ),
        ("def unlearning(*args): return args", "unlearning(model, a, b, c, 3)", (*FOUR, 3)),
        ("def unlearning(*args): return args", "unlearning(net, forget_loader, forget_loader, forget_loader)", FOUR),
        (
            "def make(lr):\n    def inner(net, rl, fl, vl, epochs): return lr, epochs\n    return inner\n"
            "unlearning = make(0.1)",
            f"{CALL}, 3)",
            (0.1, 3),
        ),
        (
            "def make(lr, k=2):\n    return lambda net, rl, fl, vl, n=1: (lr, k, n)\nunlearning = make(4, k=6)",
            f"{CALL}, n=3)",
            (4, 6, 3),
        ),
        (
            "class Make:\n    def __init__(self, lr): self.lr = lr\n    def __call__(self, net, rl, fl, vl, epochs):\n"
            "        return self.lr, epochs\nunlearning = Make(4)",
            f"{CALL}, 3)",
            (4, 3),
        ),
    ],
)
def test_extras_are_passed_on(imports, definition, calling, given):
    module = imports.load("LR = 5\nparams = {'lr': LR}", definition, calling)
    assert call(module, *FOUR) == given


@pytest.mark.parametrize(
    ("definition", "calling", "lost"),
    [
        (f"{HEAD}): return 1", f"{CALL}, 3)", "3"),
        (f"{HEAD}): return 1", f"{CALL}, lr=3)", "lr=3"),
        (f"{HEAD}, **more): return len(more) + 1", f"for i in range(9):\n    {CALL}, step=i)", "step=i"),
        (f"{HEAD}, lr=1): return lr", f"for p in [{{}}]:\n    {CALL}, **p)", "**p"),
        (f"{HEAD}, *more): return len(more) + 1", f"{CALL}, *[])", None),
        ("def unlearning(*a): return len(a) - 3", "loaders = open('x')\nunlearning(*loaders)", "*loaders"),
    ],
)
def test_a_value_that_is_lost_is_named(imports, definition, calling, lost):
    assert call(imports.load(definition, calling), *FOUR) == 1
    said = [note for note in imports.notes if "which is left out" in note]
    assert len(said) == (lost is not None)
    assert lost is None or said[0].startswith(LOSES.format(2, lost))


def test_an_extra_that_changes_from_run_to_run_is_refused(imports):
    with pytest.raises(BenchError, match=r"unlearning is given i by its call \(code cell 2\), which may be another"):
        imports.write("def unlearning(*args): return args", f"for i in range(9):\n    {CALL}, i)")


@pytest.mark.parametrize(
    "decorator",
    [
        "def deco(n):\n    def d(f):\n        def i(net, *a, **k): return n, f(net, *a, **k)\n        return i\n"
        "    return d\n@deco(3)",
        "def deco(n):\n    def d(f):\n        @wraps(f)\n        def i(*a, **k): return n, f(*a, **k)\n"
        "        return i\n    return d\n@deco(3)",
        "def deco(n):\n    return lambda f: lambda *a: (n, f(*a))\n@deco(n=3)",
        "deco = lambda f: lambda *a: (3, f(*a))\n@deco",
        "def deco(f):\n    def i(*a): return 3, f(*a)\n    return update_wrapper(i, f)\n@deco",
        "class deco:\n    def __init__(self, f): self.f = f\n    def __call__(self, *a, **k):\n"
        "        return 3, self.f(*a, **k)\n@deco",
        "class deco:\n    def __init__(self, f): self.f = f\n    def __call__(self, net, *a):\n"
        "        return 3, self.f(net, *a)\n@deco",
        "class deco:\n    def __init__(self, n): self.n = n\n    def __call__(self, f):\n"
        "        def i(*a, **k): return self.n, f(*a, **k)\n        return i\n@deco(3)",
        "class T:\n    def deco(n):\n        def d(f):\n            def i(*a): return n, f(*a)\n            return i\n"
        "        return d\n@T.deco(3)",
        "R = {}\ndef register(name):\n    def d(f):\n        R[name] = f\n        return f\n    return d\n"
        "def deco(f):\n    def i(*a): return 3, f(*a)\n    return i\n@deco\n@register('x')",
    ],
)
@pytest.mark.parametrize("k", [1, 7])
def test_a_decorator_stays_and_changes_no_parameter(imports, decorator, k):
    module = imports.load(
        "from functools import update_wrapper, wraps",
        f"{decorator}\ndef unlearning(net, forget_loader, retain_loader, val_loader, k=1): return retain_loader, k",
        f"unlearning(net, forget_loader, retain_loader, val_loader{', 7' if k == 7 else ''})",
    )
    assert call(module, *FOUR) == (3, ("retain", k))


def test_a_decorator_may_have_parameters_of_its_own(imports):
    module = imports.load(
        "def swap(n):\n    def d(f):\n        def i(net, forget_loader, retain_loader, lr):\n"
        "            return n, lr, f(net, retain_loader, forget_loader, 0)\n        return i\n    return d",
        "@swap(3)\ndef unlearning(net, retain_loader, forget_loader, val_loader): return retain_loader, forget_loader",
        "unlearning(net, forget_loader, retain_loader, 0.5)",
    )
    assert call(module, *FOUR) == (3, 0.5, ("retain", "forget"))
