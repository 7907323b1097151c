"""Why a run failed: the exception itself, in a sentence, or the limit behind it."""

import errno

import pytest
import torch

from benchmark.sandbox.child.failure import describe, limit_reached
from benchmark.sandbox.messages import Limits

LIMITS = Limits(seconds=1, memory=1 << 29, file_bytes=64 << 20)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise ValueError('boom')", "ValueError: boom (submission.py, line 1)"),
        (
            r"x = 1\nraise RuntimeError('two\nlines')".replace(r"\nr", "\nr"),
            "RuntimeError: two (submission.py, line 2)",
        ),
        (r"raise RuntimeError('\n\n  second\nthird')", "RuntimeError: second (submission.py, line 1)"),
        (
            r"raise RuntimeError('Error(s) in loading:\n\tMissing a')",
            "RuntimeError: Error(s) in loading: Missing a (submission.py, line 1)",
        ),
        ("assert 1 == 2", "AssertionError (submission.py, line 1)"),
        ("{}['age']", "KeyError: 'age' (submission.py, line 1)"),
        ("import sys\nsys.exit(0)", "SystemExit: 0 (submission.py, line 2)"),
        ("import sys\nsys.exit('no GPU')", "SystemExit: no GPU (submission.py, line 2)"),
        ("exit_ = SystemExit()\nraise exit_", "SystemExit (submission.py, line 2)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (submission.py, line 1)"),
        ("raise GeneratorExit('x')", "GeneratorExit: x (submission.py, line 1)"),
        (
            "import json\njson.loads('{')",
            "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) "
            "(submission.py, line 2)",
        ),
        (
            "try:\n    1 / 0\nexcept Exception as error:\n    raise ValueError('chained') from error",
            "ValueError: chained (submission.py, line 4)",
        ),
        ("try:\n    1 / 0\nexcept Exception:\n    {}[1]", "KeyError: 1 (submission.py, line 4)"),
        (
            "raise ExceptionGroup('both', [ValueError('boom'), KeyError(1)])",
            "ExceptionGroup: both (2 sub-exceptions), the first ValueError: boom (submission.py, line 1)",
        ),
        ("compile('x = (', 'generated', 'exec')", "SyntaxError: '(' was never closed (submission.py, line 1)"),
        (
            "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('old')",
            "UserWarning: old (submission.py, line 3)",
        ),
        (
            "raise RuntimeError('CUDA error: device-side assert\\nKernel errors might be reported later')",
            "RuntimeError: CUDA error: device-side assert (submission.py, line 1)",
        ),
        (
            "class Odd(Exception):\n    def __str__(self): raise SystemExit(3)\nraise Odd",
            "Odd: (its message raised SystemExit) (submission.py, line 3)",
        ),
        (
            "class Odd(Exception):\n    def __str__(self): return str(self)\nraise Odd",
            "Odd: (its message raised RecursionError) (submission.py, line 3)",
        ),
        (
            "class Odd(Exception):\n    def __str__(self): return 3\nraise Odd",
            "Odd: (its message raised TypeError) (submission.py, line 3)",
        ),
    ],
)
def test_the_reason_is_type_first_line_and_place(source, expected, raised, tmp_path):
    assert describe(raised(source), tmp_path) == expected


def test_a_recursion_without_end_is_said_in_a_sentence(raised, tmp_path):
    reason = describe(raised("def f():\n    return f()\nf()"), tmp_path)
    assert reason == "RecursionError: maximum recursion depth exceeded (submission.py, line 2)"


def test_the_place_is_the_last_one_in_the_submissions_own_files(raised, tmp_path):
    (tmp_path / "adding.py").write_text("import torch\n\n\ndef add():\n    return torch.ones(2) + torch.ones(3)\n")
    source = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport adding\nsys.path.pop(0)\nadding.add()"
    reason = describe(raised(source), tmp_path)
    assert reason.startswith("RuntimeError: The size of tensor a (2) must match")
    assert reason.endswith("(adding.py, line 5)")
    assert describe(ValueError("boom"), tmp_path) == "ValueError: boom"


def test_a_syntax_error_has_the_submissions_line(raised, tmp_path):
    assert (
        describe(raised("x = 1\ndef unlearning(:\n"), tmp_path) == "SyntaxError: invalid syntax (submission.py, line 2)"
    )


MEMORY = "the run asked for more memory than the 0.5 GiB it may have"
FILE = "the run wrote a file larger than the 64 MiB it may write"


@pytest.mark.parametrize(
    ("error", "limit", "sentence"),
    [
        (MemoryError(), "memory", MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "memory", MEMORY),
        (RuntimeError("can't start new thread"), "memory", MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory", MEMORY),
        (OSError(errno.EFBIG, "File too large"), "file", FILE),
        (RuntimeError("C++ compile error\ng++: fatal error: File size limit exceeded signal"), "file", FILE),
        (OSError(errno.ENOSPC, "No space left on device"), "disk", "the run filled the "),
        (ExceptionGroup("some", [ValueError(), OSError(errno.EFBIG, "x")]), "file", FILE),
        (
            RuntimeError("No working C++ compiler found in torch._inductor.config.cpp.cxx"),
            "compiler",
            "torch.compile needs a C",
        ),
    ],
)
def test_a_limit_is_named_as_that_limit(error, limit, sentence, tmp_path):
    for outer in (error, caused(error)):
        found = limit_reached(outer, tmp_path, LIMITS, tmp_path)
        assert found is not None
        assert found[0] == limit
        assert found[1].startswith(sentence)


def caused(error: BaseException) -> BaseException:
    try:
        raise RuntimeError("the library failed") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    "error",
    [
        ValueError("No space left on device"),
        RuntimeError("shapes do not match"),
        OSError(errno.ENOENT, "x"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        SystemExit(3),
    ],
)
def test_any_other_exception_is_no_limit(error, tmp_path):
    assert limit_reached(error, tmp_path, LIMITS, tmp_path) is None


def test_a_limit_has_the_line_that_reached_it(raised, tmp_path):
    found = limit_reached(raised("x = 1\nraise MemoryError"), tmp_path, LIMITS, tmp_path)
    assert found == ("memory", f"{MEMORY} (submission.py, line 2)")
