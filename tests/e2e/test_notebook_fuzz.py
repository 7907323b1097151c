"""Arbitrary notebooks and scripts: imported, or an error of the user's; never a traceback."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notebooks import DEFINITION, as_notebook

from benchmark.errors import BenchError
from benchmark.submissions.files import FILE
from benchmark.submissions.notebook import submission_files

FOLDER = tempfile.TemporaryDirectory()  # one for all examples: making and removing one takes longer than an import


def source_of(content: bytes, file: str) -> str:
    """The submission's source, without a workspace to write it to. Raises BenchError."""
    path = Path(FOLDER.name, file)
    path.write_bytes(content)
    return submission_files(path, "mine", str)[FILE]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cells", "worksheets", "metadata", "kernelspec", "language", "source", "cell_type"]),
            inner | st.just("code"),
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(notebook=JSON | JSON.map(lambda cell: {"cells": [cell]}))
@settings(max_examples=40, deadline=None)
def test_whatever_json_comes_is_a_notebook_or_an_error_of_the_users(notebook):
    with pytest.raises(BenchError):
        source_of(json.dumps(notebook).encode(), "entry.ipynb")


LINES = [
    "A = 1",
    "!ls 'x",
    "%%time",
    "if A:",
    "    %cd",
    "    A = 2",
    "(",
    ")",
    '"""',
    "A?",
    "é = 'é'; B = 1",
    "\tpass",
    "\\",
]


@given(cell=st.lists(st.sampled_from(LINES) | st.text(max_size=8), max_size=6).map("\n".join))
@settings(max_examples=40, deadline=None)
def test_no_cell_keeps_the_others_from_being_imported(cell):
    assert "return 5\n" in source_of(json.dumps(as_notebook([cell, DEFINITION + "5"])).encode(), "entry.ipynb")


@st.composite
def programs(draw) -> list[str]:
    """Cells that bind, rebind and change a few names in every order; no statement of theirs can fail."""
    value = st.sampled_from(["a", "b", "c", "f()", "g()", "h()", "len(l)", "sum(l)", "K.k", "1", "2"])
    below = {"f": ["a", "b", "c", "sum(l)"], "g": ["a", "f()", "K.k"], "h": ["b", "g()", "f()", "len(l)"]}
    cells = ["a = b = 0; c = 1", "l = [0]", *(f"def {f}(): return {below[f][0]}" for f in "fgh"), "class K: k = c"]

    def statement() -> str:
        name, function, one, two = draw(st.sampled_from("abc")), draw(st.sampled_from("fgh")), draw(value), draw(value)
        deferred = draw(st.sampled_from(below[function]))
        return draw(
            st.sampled_from(
                [
                    f"{name} = {one} + {two}",
                    f"{name} += {one}",
                    f"l = [{one}]",
                    f"l.append({one})",
                    f"l[0] = {one}",
                    f"K.k = {one}",
                    f"class K:\n    k = {one}",
                    f"def {function}(x={one}):\n    return x + {deferred}",
                    f"if {one} > {two}:\n    {name} = {two}\n    l.append(1)",
                    f"for {name} in range(3):\n    l.append({one})",
                    f'if __name__ == "__main__":\n    {name} = {one}; l = [3]\n    K.k = {two}',
                ]
            )
        )

    cells += [statement() for _ in range(draw(st.integers(0, 12)))]
    cells.append(DEFINITION + ", ".join(["0", *draw(st.lists(value, min_size=1, max_size=3))]))
    cells += [statement() for _ in range(draw(st.integers(0, 4)))]
    cells.append("result = unlearning(1, 2, 3, 4)")
    return cells + [statement() for _ in range(draw(st.integers(0, 3)))]


@given(cells=programs())
@settings(max_examples=40, deadline=None)
def test_an_imported_function_returns_what_it_returned_in_the_notebook(cells):
    ran: dict[str, object] = {"__name__": "__main__"}
    exec("\n".join(cells), ran)
    source = source_of(json.dumps(as_notebook(cells)).encode(), "entry.ipynb")
    imported: dict[str, object] = {"__name__": "submission"}
    exec(source, imported)
    assert imported["unlearning"](1, 2, 3, 4) == ran["result"]  # type: ignore[operator]


def imported_or_refused(content: bytes) -> str | None:
    """The submission's source, which is Python; None when the script was refused in a sentence."""
    try:
        source = source_of(content, "entry.py")
    except BenchError as error:
        source, sentence = None, str(error)
    if source is None:
        assert "\n" not in sentence
    else:
        compile(source, "submission.py", "exec")
    return source


@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
@settings(max_examples=50, deadline=None)
def test_whatever_bytes_come_are_a_script_or_an_error_of_the_users(content):
    imported_or_refused(content)
    imported_or_refused(content + b"\n# %%\ndef unlearning(net, r, f, v): pass\n")


PIECES = [
    "# %% cell",
    "#%%",
    "#!/usr/bin/env python",
    "# -*- coding: latin-1 -*-",
    "import os, torch",
    "from torch import *",
    "from . import x",
    "from __future__ import annotations",
    "MOCK = False",
    "LR: float = 1e-3",
    "net = make()",
    "retain_loader, forget_loader, val_loader = 1, 2, 3",
    "optimizer = SGD(net)",
    "if MOCK:",
    "else:",
    "    optimizer.step(LR)",
    "for i in range(3):",
    "    unlearning(net, retain_loader, forget_loader, val_loader)",
    "    unlearning(net, retain_loader, forget_loader, val_loader, LR, i, *MOCK, lr=2)",
    "unlearning(net, forget_loader, retain_loader, lr=LR)",
    "def unlearning(net, retain_loader, forget_loader, val_loader):",
    "def unlearning(net, a: T, b, c, lr, *rest, wd: float = 3, **more) -> T:",
    "def unlearning(net, forget, /, retain, lr=(1,\n  2)):",
    "    global LR, net",
    "    return f(net) if MOCK else retain_loader and LR",
    "    while MOCK or not LR: pass",
    "def f(net, retain_loader=LR): return unlearning(net, retain_loader, LR)",
    "class C:",
    "    def __call__(self, net, *loaders): return MOCK.x",
    "unlearning = C()",
    "unlearning = partial(f, LR, net=LR)",
    "unlearning = C.run",
    "unlearning: object = lambda net, r, f, v=LR: net",
    "del LR",
    "async def unlearning(net): pass",
    "try:",
    "except E as LR: pass",
    'if __name__ == "__main__": unlearning(net, retain_loader, forget_loader, val_loader, LR)',
    'X = """',
    "%%writefile x.py",
    "!ls (",
    "x = [(y := LR) for LR in net]",
    "@C\n@torch.no_grad()",
    "import x; y = 1; z = f'{LR!r:>{MOCK}}'",
    "match net:\n    case C(x=LR): pass\n    case 'a' | None if MOCK: pass\n    case y: LR",
    "params = dict(lr=LR, **net)\nparams[[1]] = {[2]: 3}",
    "    unlearning(*net, LR, *params, lr=LR, **params, **{'wd': i})",
    "def unlearning(*args, **more): return f(*args)",
    "def deco(n):\n    return lambda g: lambda *a, **k: g(*a)",
    "@deco(LR)",
    "unlearning = deco(3)(f)",
    "net = copy.deepcopy(net).to(display)",
    "A, (B, *LR) = C = net, MOCK",
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--mock', action=[LR])\nLR = p.parse_args()",
    "MOCK = os.environ.get('X', params.get([1], 2)) == p.parse_known_args()[0].mock",
    "    save(net, OUT + f'{LR}/x' % params, get_ipython().x)",
]


@given(lines=st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=14))
@settings(max_examples=60, deadline=None)
def test_whatever_script_comes_is_imported_or_an_error_of_the_users(lines):
    imported_or_refused("\n".join(lines).encode("utf-8", "replace"))
    imported_or_refused("\n".join([*lines, "# %%", *PIECES[20:25], *lines]).encode("utf-8", "replace"))


@given(
    parts=st.lists(st.sampled_from([p for p in PIECES if not p.startswith((" ", "%", "!", "X ="))]), max_size=14),
    body=st.lists(st.sampled_from([p for p in PIECES if p.startswith("    ")]), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_whatever_program_comes_is_imported_or_an_error_of_the_users(parts, body):
    inside = [line.replace("\n", "\n    ") for line in body]
    whole = [
        "\n".join([part, *(inside if part.endswith(":") else [])])
        for part in ["MOCK = False", *parts]
        if not part.startswith(("else", "try", "except", "@"))
    ]
    imported_or_refused("\n".join(whole).encode())
