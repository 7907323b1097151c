"""`unlearning` in a notebook, and how the notebook calls it: bound by meaning, kept, or refused by name."""

import pytest
from notebooks import DEFINITION, call

from benchmark.errors import BenchError

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


@pytest.mark.parametrize("statement", ["from utils_of_mine import *", "from . import tools\nf = tools.f"])
def test_a_module_that_is_not_here_is_a_note(imports, statement):
    imports.write(statement, DEFINITION + "f(net)")
    assert any("which is not installed here; put its file into the submission's folder" in n for n in imports.notes)


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
