"""Facts about a submission's source before any of it runs."""

import pytest

from benchmark.errors import BenchError
from benchmark.submissions.parsing import check_source

FUNCTION = "def unlearning(net, retain_loader, forget_loader, val_loader): pass\n"


@pytest.fixture
def submission(tmp_path):
    """A folder with a submission.py, and other files by their names."""

    def write(source, **others):
        for name, content in {"submission": source, **others}.items():
            (tmp_path / f"{name}.py").write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return write


@pytest.mark.parametrize(
    "source",
    [
        FUNCTION,
        "from functools import partial\ndef f(*a): pass\nunlearning = partial(f)",
        "from helper import unlearning",
        "from helper import run as unlearning",
        "from helper import *",
        "import helper as unlearning",  # a run says what it is
        "if True:\n    def unlearning(*a): pass",
        "try:\n    import faster\nexcept ImportError:\n    def unlearning(*a): pass",
        "with open('/dev/null'):\n    unlearning = lambda *a: None",
        "a, unlearning = 1, print",
        "def f():\n    global unlearning\n    unlearning = print\nf()",
        "exec('def unlearning(*a): pass')",
        "globals()['unlearning'] = print",
        "(unlearning := print)",
        "async def unlearning(*a): pass",
        "# -*- coding: latin-1 -*-\n# \xe4\n".encode("latin-1") + FUNCTION.encode(),
        "import torch\n'\\d'\n" + FUNCTION,
    ],
)
def test_what_could_be_a_submission_passes(source, submission):
    check_source("mine", submission(source, helper=FUNCTION))


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def unlearning(net:\n", r"SyntaxError: .*\(submission\.py, line 1\): def unlearning\(net:"),
        (FUNCTION + "x = 1 +\n", r"SyntaxError: .*\(submission\.py, line 2\)"),
        ("def unlearning(*a):\npass", r"IndentationError: .*\(submission\.py, line 2\)"),
        ("if True:\n\tx = 1\n        y = 2\n" + FUNCTION, r"TabError: .*\(submission\.py, line 3\)"),
        (FUNCTION + "return 3", r"SyntaxError: 'return' outside function \(submission\.py, line 2\)"),
        (FUNCTION + "print 'done'", r"SyntaxError: Missing parentheses .*\(submission\.py, line 2\)"),
        (b"\xff\xfe" + FUNCTION.encode(), "SyntaxError: .*submission.py"),
        (FUNCTION + "\0", r"submission\.py"),
        ("", "submission.py defines no unlearning, expected a function"),
        ("def unlearn(net, a, b, c): pass", "defines no unlearning"),
        ("class A:\n    def unlearning(self, *a): pass", "defines no unlearning"),
        ("def f():\n    def unlearning(*a): pass", "defines no unlearning"),
        ("import unlearning.methods as m", "defines no unlearning"),
        ("import broken\n" + FUNCTION, r"SyntaxError: .*\(broken\.py, line 2\)"),
        ("import whole\n" + FUNCTION, r"SyntaxError: .*\(broken\.py, line 2\)"),
        ("(" * 10_000, "submission.py"),
    ],
)
def test_what_can_be_none_is_refused_with_the_line(source, sentence, submission):
    folder = submission(source, broken="x = 1\ndef f(:\n", whole="from broken import f")
    with pytest.raises(BenchError, match=f"mine is not-a-submission: .*{sentence}"):
        check_source("mine", folder)


def test_a_folder_without_the_file_says_so(tmp_path):
    with pytest.raises(BenchError, match=r"mine is not-a-submission: there is no submission\.py"):
        check_source("mine", tmp_path)


def test_a_broken_module_that_is_not_imported_is_no_hindrance(submission):
    check_source("mine", submission(FUNCTION + "def f():\n    import broken", broken="def f(:"))


def test_modules_that_import_one_another_end(submission):
    check_source("mine", submission("import a\n" + FUNCTION, a="import b", b="import a, submission"))
