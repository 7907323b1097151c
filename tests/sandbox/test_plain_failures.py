"""Submissions that do nothing worse than fail: the status and the reason of a run, tried in one worker."""

import re
import textwrap

import pytest
from hostile import body

# What it is → its source, the status it gets, the reason it gets.
FAILURES = {
    "syntax error": ("def unlearning(:", "not-a-submission", "SyntaxError"),
    "not utf-8": (b"x = '\xff'\ndef unlearning(net, a, b, c): pass", "not-a-submission", "SyntaxError: .*utf-8"),
    "nested too deeply": ("x = " + "-" * 200_000 + "1", "not-a-submission", "RecursionError|MemoryError"),
    "missing function": ("def unlearn(net, a, b, c): pass", "not-a-submission", "has no function unlearning"),
    "wrong signature": ("def unlearning(net, loader): pass", "not-a-submission", "takes 2 arguments"),
    "a partial": (
        "import functools\nunlearning = functools.partial(lambda n, a, b, c, d: n, 1)",
        "invalid-output",
        "returned an int, expected the unlearned net",
    ),
    "a lambda that yields no net": (
        "unlearning = lambda net, a, b, c: (yield 3)",
        "invalid-output",
        "returned an int, expected the unlearned net",
    ),
    "inf": (body("net[3].bias.data[0] = -float('inf')"), "invalid-output", "3.bias .*not finite"),
    "wrong dtype": (body("net.double()"), "invalid-output", "is .* of torch.float64, expected .* of torch.float32"),
    "other tensors": (
        body("net.more = torch.nn.Linear(2, 2); net[3] = torch.nn.Identity()"),
        "invalid-output",
        r"other tensors than the original: more\..* new",
    ),
    "huge tensors": (
        body("net.more = torch.nn.Parameter(torch.zeros(10_000_000))"),
        "invalid-output",
        "other tensors than the original: more is new",
    ),
    "os._exit": (body("os._exit(0)"), "invalid-output", "without returning weights"),
    "sys.exit": (body("sys.exit(0)"), "crashed", "SystemExit"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_what_fails_gets_a_status_and_a_reason(case, attempt):
    source, status, reason = FAILURES[case]
    run = attempt(textwrap.dedent(source) if isinstance(source, str) else source)
    assert run.status == status, (run.reason, run.log)
    assert re.search(reason, run.reason), run.reason
    assert run.weights is None
