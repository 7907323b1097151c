"""Files to import from: notebooks of every format, scripts, and what is neither."""

import json
import re

import pytest
from notebooks import DEFINITION, as_notebook

from benchmark.errors import BenchError
from benchmark.sandbox.child.contract import load_module
from benchmark.submissions.notebook import import_notebook


@pytest.mark.parametrize("file", ['it\'s "so".ipynb', "back\\slash\\.ipynb", "entrée.ipynb", '""".ipynb'])
def test_a_file_may_have_any_name(imports, file):
    module = imports.load(DEFINITION + "net", file=file)
    assert f"imported from {file}" == module.REFERENCE
    assert file in module.__doc__


def test_a_notebook_of_format_3(imports):
    cells = [
        {"cell_type": "markdown", "source": "text"},
        {
            "cell_type": "code",
            "language": "python",
            "input": "# one\rA = 1\r\n# two\rB = 2\r\n",
            "collapsed": False,
            "outputs": [],
        },
        {"cell_type": "code", "language": "python", "input": [DEFINITION, "A,\\\r\n B"], "outputs": []},
    ]
    imports.write_json({"metadata": {"name": ""}, "nbformat": 3, "worksheets": [{"cells": cells, "metadata": {}}]})
    assert load_module(imports.workspace.submissions / "mine").unlearning(1, 2, 3, 4) == (1, 2)


@pytest.mark.parametrize("metadata", [{}, {"kernelspec": {"name": "python3"}}, {"language_info": {"name": None}}])
def test_a_notebook_that_names_no_language_is_python(imports, metadata):
    assert "return 1" in imports.write_json(as_notebook([DEFINITION + "1"], metadata=metadata))


@pytest.mark.parametrize("code", ["x" + ".a" * 50_000, "-" * 100_000 + "1", "(" * 1000])
def test_a_cell_nested_too_deep_is_no_python(imports, code):
    assert "return 1" in imports.write(code, DEFINITION + "1")
    with pytest.raises(BenchError, match=r"code cell 1, which mentions it, is not Python \(.+\); define"):
        imports.write(f"A = {code}", DEFINITION + "A", name="other")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no notebook", "is not JSON; give an .ipynb file"),
        ("\xff\xfe\xfa", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is JSON but no Jupyter notebook"),
        ('{"cells": [3]}', "is JSON but no Jupyter notebook"),
        ('{"cells": [{"cell_type": "code", "source": [1]}]}', "is JSON but no Jupyter notebook"),
        ("{}", "has no cells"),
        (json.dumps(as_notebook([])), "has no Python code cell"),
        (json.dumps(as_notebook([" \n"])), "has no Python code cell"),
        (json.dumps(as_notebook(["x <- 1"], metadata={"kernelspec": {"language": "R"}})), "has no Python code cell"),
        (
            json.dumps(as_notebook(["class A:\n    def unlearning(self): pass"])),
            "has no function unlearning at the top",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_said_to_be_so(imports, content, message):
    path = imports.root / "entry.ipynb"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BenchError, match=re.escape(message)):
        import_notebook(path, "mine", imports.workspace, pytest.fail)
    assert list(imports.workspace.submissions.iterdir()) == []


def test_a_file_that_is_not_there(imports):
    with pytest.raises(BenchError, match=r"nothing.ipynb cannot be read \(No such file or directory\)"):
        import_notebook(imports.root / "nothing.ipynb", "mine", imports.workspace, pytest.fail)


def test_a_submission_is_never_overwritten_and_needs_a_name(imports):
    source = imports.write(DEFINITION + "1")
    with pytest.raises(BenchError, match="is there already; choose another name"):
        imports.write(DEFINITION + "2")
    with pytest.raises(BenchError, match="cannot name a submission"):
        imports.write(DEFINITION + "2", name="../up")
    assert (imports.workspace.submissions / "mine" / "submission.py").read_text() == source


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (b"#!/usr/bin/env python\n# -*- coding: latin-1 -*-\nA = '\xe9'\n" + (DEFINITION + "A").encode(), "é"),
        (b"\xef\xbb\xbfA = '\xc3\xa9'\r\n" + (DEFINITION + "A").encode(), "é"),
        (("# %%\nTEXT = '''\n# %%\n'''\n#%% two\n" + DEFINITION + "TEXT").encode(), "\n# %%\n"),
        (("# %%\nprint 'old'\n# %%\n" + DEFINITION + "3").encode(), 3),
        (("!pip install x\nA = 4\n" + DEFINITION + "A").encode(), 4),
        ((DEFINITION + 'B\nif __name__ == "__main__":\n    B = 5\n    unlearning(1, 2, 3, 4)').encode(), 5),
    ],
)
def test_a_script(imports, script, result):
    source = imports.write_text(script)
    assert load_module(imports.workspace.submissions / "mine").unlearning(1, 2, 3, 4) == result
    assert "coding:" not in source
    assert source.startswith('"""The function unlearning of the script entry.py, ')


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (b"A = '\xe9'", "entry.py is not text ("),
        (b"# coding: klingon\n", "entry.py is not text (unknown encoding"),
        (b"A = 1", "entry.py has no function unlearning at the top level of its code; give"),
        (b"A = (\ndef unlearning(net): pass", "mentions it, is not Python ("),
        (b"A = '\0'", "entry.py has no function unlearning"),
        (b"", "entry.py has no function unlearning"),
        (
            b"# %%\nA = 1\n# %%\nB +\n# %%\ndef unlearning(net, r, f, v): return B",
            "and line 4, which mentions it, is not",
        ),
    ],
)
def test_a_script_that_cannot_be_used(imports, script, message):
    with pytest.raises(BenchError, match=re.escape(message)):
        imports.write_text(script)
    assert list(imports.workspace.submissions.iterdir()) == []
