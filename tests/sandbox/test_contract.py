"""The contract as a submission meets it: what it is given, where it may write, and what is said when it fails."""

import re
import shutil
import sys
import textwrap

import pytest
import torch

from benchmark.sandbox import bubblewrap as sandbox

HEAD = "import os, signal, sys, time, warnings\nimport torch\nfrom torch import nn\n"
TUNE = """
def tune(net, loader, steps=3):
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=1e-2)
    net.train()
    for step, (x, y) in enumerate(loader):
        if step == steps:
            break
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net.eval()
"""


def body(statements: str, before: str = "", parameters: str = "net, retain_loader, forget_loader, val_loader") -> str:
    return f"{HEAD}{before}\ndef unlearning({parameters}):\n{textwrap.indent(textwrap.dedent(statements), '    ')}\n"


def moved(run, weights) -> bool:
    return any(not torch.equal(run.weights[name], tensor) for name, tensor in weights.items())


@pytest.fixture
def sandboxed(worker):
    """Worker in a sandbox, which alone has folders of its own under /kaggle, and a limit on all that is written."""
    if sandbox.isolation() == "process":
        pytest.skip("there is no sandbox around this worker")


SIZES = "sizes = [len(loader.dataset) for loader in (retain, forget, val)]; assert sizes == [190, 10, 50], sizes"


@pytest.mark.parametrize(
    ("parameters", "lines", "note"),
    [
        ("net, retain, forget, val", SIZES, ""),
        ("net, forget, retain, val", SIZES, "net=the net, forget=the forget loader, retain=the retain loader"),
        ("net, *, val, forget, retain", SIZES, "net=the net, val=the validation loader, forget=the forget loader"),
        ("net, retain, forget, lr=0.001", "assert lr == 0.001; val = [0] * 50", "lr=its own default"),
        ("net, forget, retain, val, device, *, seed=None", f"assert seed == 1; {SIZES}", "seed=seed"),
    ],
)
def test_loaders_go_where_the_names_say(parameters, lines, note, attempt):
    run = attempt(body(lines, parameters=parameters))
    assert run.status == "ok", run.log
    assert note in run.note
    assert bool(note) == bool(run.note)


def test_what_is_bound_to_what_is_in_the_log_of_a_failed_run_too(attempt):
    run = attempt(body("1 / 0", parameters="net, forget_loader, retain_loader"))
    assert (run.status, run.reason) == ("crashed", "ZeroDivisionError: division by zero (submission.py, line 6)")
    assert "unlearning is called with net=the net, forget_loader=the forget loader" in run.log


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ("net, retain_loader, forget_loader, alpha", "asks for 'alpha', which is not offered"),
        ("net, retain_loader, remain_loader, val_loader", "retain_loader and remain_loader both say retain"),
        ("net, train_loader, forget_loader, val_loader", "asks for 'train_loader'"),
        ("net, forget_loader, *rest", r"\*rest could be any of the loaders"),
    ],
)
def test_an_unclear_parameter_is_no_submission_and_named(parameters, named, attempt):
    run = attempt(body("pass", parameters=parameters))
    assert run.status == "not-a-submission"
    assert re.search(named, run.reason), run.reason


FILL = "(net, forget, retain): net[1].bias.data[:] = len(forget.dataset) / 5"
CALLED = {
    "a partial": "import functools\ndef f(net, forget, retain, k): net[1].bias.data[:] = k\n"
    "unlearning = functools.partial(f, k=2)",
    "a bound method": f"class M:\n    def go{FILL.replace('(', '(self, ', 1)}\nunlearning = M().go",
    "an object": f"class M:\n    def __call__{FILL.replace('(', '(self, ', 1)}\nunlearning = M()",
    "decorated": "import functools\ndef d(f):\n    @functools.wraps(f)\n    def g(*a, **k): return f(*a, **k)\n"
    f"    return g\n@d\ndef unlearning{FILL}",
    "decorated without wraps": "def d(f):\n    def g(*a, **k): return f(*a, **k)\n    return g\n"
    f"@d\ndef unlearning{FILL}",
    "decorated by torch": f"import torch\n@torch.no_grad()\ndef unlearning{FILL.replace('.data[', '[')}",
    "a lambda": "unlearning = lambda net, forget, retain: [net[1].bias.data.fill_(len(forget.dataset) / 5), None][1]",
}


@pytest.mark.parametrize("kind", CALLED)
def test_whatever_is_called_like_a_function_works(kind, attempt):
    run = attempt(CALLED[kind])
    assert run.status == "ok", (run.reason, run.log)
    assert run.weights["1.bias"].tolist() == [2] * 16


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("class unlearning:\n    def __init__(self, net, a, b, c): pass", "a class"),
        ("async def unlearning(net, a, b, c): pass", "an async function"),
        ("class M:\n    async def __call__(self, net, a, b, c): pass\nunlearning = M()", "a M"),
        ("unlearning = 3", "an int"),
        ("import math as unlearning", "a module"),
    ],
)
def test_anything_else_is_refused_by_its_kind(source, what, attempt):
    run = attempt(source)
    assert (run.status, run.reason) == ("not-a-submission", f"unlearning is {what}, expected a plain function")


def test_classes_are_counted_from_the_examples(attempt):
    run = attempt(
        body(
            """
            counts = Counter(example["age_group"] for example in retain_loader.dataset)
            assert sorted(counts) == list(range(10)) and sum(counts.values()) == 190, counts
            weights = torch.tensor([1 / max(counts[c], 1) for c in range(10)])
            optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
            for batch in retain_loader:
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(batch["image"]), batch["age_group"], weight=weights).backward()
                optimizer.step()
            print(len(counts), "classes")
            return net
            """,
            before="from collections import Counter\nBATCH_FORMAT = 'kaggle'",
        )
    )
    assert run.status == "ok", run.log
    assert run.log == "10 classes\n"
    assert moved(run, attempt.weights)


RETURNED = {
    "DataParallel": "wrapped = nn.DataParallel(net)\ntune(wrapped, retain_loader)\nreturn wrapped",
    "compiled": "fast = torch.compile(net, backend='eager')\ntune(fast, retain_loader)\nreturn fast",
    "average": """
        averaged = torch.optim.swa_utils.AveragedModel(net)
        for _ in range(2):
            tune(net, retain_loader)
            averaged.update_parameters(net)
        torch.optim.swa_utils.update_bn(retain_loader, averaged)
        return averaged
        """,
}


@pytest.mark.parametrize("wrapper", RETURNED)
def test_a_returned_wrapper_is_taken_off(wrapper, attempt):
    run = attempt(body(RETURNED[wrapper], before=TUNE))
    assert run.status == "ok", (run.reason, run.log)
    assert moved(run, attempt.weights)


def test_checkpoints_are_written_where_the_competition_has_them(sandboxed, attempt):
    source = body(
        """
        os.makedirs("/kaggle/working", exist_ok=True)
        assert os.listdir("/kaggle/working") == os.listdir("/kaggle/tmp") == os.listdir("/kaggle/temp") == []
        torch.save(net.state_dict(), "/kaggle/working/best.pth")
        os.makedirs("/kaggle/tmp/deep/er")
        torch.save(net.state_dict(), "/kaggle/tmp/deep/er/0.pth")
        torch.save(net.state_dict(), "last.pth")
        assert os.path.exists("/kaggle/working/last.pth"), os.getcwd()
        net[1].bias.data.zero_()
        net.load_state_dict(torch.load("/kaggle/working/best.pth"))
        net[3].bias.data.zero_()
        return net
        """
    )
    for run in attempt(source, runs=2):  # the second finds nothing of the first's
        assert run.status == "ok", run.log
        assert torch.equal(run.weights["1.bias"], attempt.weights["1.bias"])
        assert not run.weights["3.bias"].any()


def test_nothing_else_of_kaggle_can_be_written_to(sandboxed, attempt):
    run = attempt(body("open('/kaggle/input', 'w')"))
    assert run.status == "crashed"
    assert run.reason.startswith("OSError: [Errno 30] Read-only file system: '/kaggle/input' (submission.py, line 6")


def test_a_net_with_adams_state_can_be_saved(attempt):
    lines = "torch.save([torch.zeros(60 << 18), net.state_dict()], 'big.pth')"  # 60 MiB
    assert attempt(body(lines)).status == "ok"


MEMORY, FILE = "the run asked for more memory than the 0.279 GiB it may have", "larger than the 4 MiB it may write"


@pytest.mark.parametrize(
    ("lines", "status", "reason"),
    [
        ("torch.ones(1 << 30)", "out-of-memory", MEMORY),
        ("bytearray(1 << 30)", "out-of-memory", MEMORY),
        ("import numpy\nnumpy.ones(1 << 28)", "out-of-memory", MEMORY),
        ("torch.save(torch.ones(2 << 20), 'x.pth')", "crashed", FILE),
        ("open('x', 'wb').write(bytes(8 << 20))", "crashed", FILE),
        ("import numpy\nnumpy.save('x', numpy.ones(1 << 20))", "crashed", FILE),
        ("from safetensors.torch import save_file\nsave_file({'x': torch.ones(2 << 20)}, 'x')", "crashed", FILE),
        (
            "try:\n    bytearray(1 << 30)\nexcept MemoryError as error:\n    raise ValueError from error",
            "out-of-memory",
            MEMORY,
        ),
    ],
)
def test_exceeding_a_limit_is_named_as_that_limit(lines, status, reason, attempt):
    if "memory" in reason and sys.platform != "linux":
        pytest.skip("memory is limited on Linux only")
    run = attempt(body(lines), memory=300_000_000, file_bytes=4 << 20)
    assert run.status == status, (run.reason, run.log)
    assert re.search(rf"{reason} \(submission.py, line \d+\)$", run.reason), run.reason


def test_too_much_memory_at_import_is_that_limit_too(attempt):
    run = attempt("import torch\nx = torch.ones(1 << 30)\ndef unlearning(net, a, b, c): pass", memory=300_000_000)
    assert (run.status, run.reason) == ("out-of-memory", f"{MEMORY} (submission.py, line 2)")


def test_a_full_folder_is_named_as_that_limit(sandboxed, attempt):
    run = attempt(body("for i in range(9): open(f'/kaggle/tmp/{i}', 'wb').write(bytes(200 << 20))"))
    assert run.status == "crashed"
    assert run.reason == "the run filled the 1 GiB it may write to in all (submission.py, line 6)"
    assert attempt(body("open('x', 'wb').write(bytes(200 << 20))")).status == "ok"  # and the next has it all again


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no C++ compiler")
@pytest.mark.long
def test_torch_compile_with_its_default_backend_works_or_names_a_limit(sandboxed, attempt):
    source = body(
        """
        inputs, _ = next(iter(retain_loader))  # the last batch has another shape, and would be compiled anew
        with torch.no_grad():  # or two graphs would be compiled
            assert torch.allclose(torch.compile(net)(inputs), net(inputs), atol=1e-4)
        """
    )
    run = attempt(source, seconds=300.0)
    assert run.status == "ok", (run.reason, run.log)
    limited = attempt(source, seconds=300.0, file_bytes=16 << 20)
    assert limited.status == "crashed"
    assert limited.reason.startswith("the run wrote a file larger than the 16 MiB it may write (submission.py, line ")


def test_without_a_compiler_torch_compile_says_so(attempt):
    lines = "torch.compile(net)(next(iter(retain_loader))[0])"
    run = attempt(body(f"os.environ['PATH'] = '/nowhere'\n{lines}"), seconds=120.0)
    assert run.status == "crashed"
    assert run.reason.startswith("torch.compile needs a C++ compiler, of which there is none here; leave it out")


NOISE = """
class Loud:
    def __del__(self): raise ValueError("noise from a destructor")
kept = Loud()
"""


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            r"raise RuntimeError('shapes do not match\nSet SOME_VARIABLE=1 for more')",
            "RuntimeError: shapes do not match",
        ),
        ("loud = Loud(); raise RuntimeError('the reason')", "RuntimeError: the reason"),
        ("import atexit; atexit.register(print, 'late'); raise OSError(5, 'broken')", "OSError: [Errno 5] broken"),
        ("print('last words', file=sys.stderr); raise KeyError('age')", "KeyError: 'age'"),
        ("sys.exit('no GPU')", "SystemExit: no GPU"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        (
            "raise ExceptionGroup('two', [ValueError('a'), ValueError('b')])",
            "ExceptionGroup: two (2 sub-exceptions), the first ValueError: a",
        ),
        ("def f(): return f()\nf()", "RecursionError: maximum recursion depth exceeded"),
        ("net.load_state_dict({})", "RuntimeError: Error(s) in loading state_dict for Sequential: Missing key(s)"),
    ],
)
def test_the_reason_is_the_exception_and_not_the_logs_last_line(lines, reason, attempt):
    run = attempt(body(lines, before=NOISE))
    assert run.status == "crashed"
    assert run.reason.startswith(reason), run.reason
    assert re.search(r" \(submission.py, line \d+\)$", run.reason), run.reason


def test_a_process_that_ends_itself_says_with_which_code(attempt):
    run = attempt(body("os._exit(9)"))
    assert (run.status, run.reason) == ("crashed", "the run's process ended itself with exit code 9")


@pytest.mark.parametrize(
    "line",
    [
        "from tqdm.notebook import tqdm",
        "from tqdm.notebook import tqdm_notebook as tqdm",
        "from tqdm.notebook import trange\ntqdm = lambda loader: [_ for _ in trange(len(loader))]",
        "import tqdm.notebook\ntqdm = tqdm.notebook.tqdm",
        "from tqdm import tqdm_notebook as tqdm",
        "from tqdm.auto import tqdm",
        "from tqdm.autonotebook import tqdm",
    ],
)
def test_bars_for_notebooks_are_plain_text(line, attempt):
    lines = "warnings.simplefilter('ignore')\nfor batch in tqdm(retain_loader): pass"
    run = attempt(body(lines, before=f"warnings.simplefilter('ignore')\n{line}"))
    assert run.status == "ok", (run.reason, run.log)
    assert "100%" in run.log
    assert "6/6" in run.log


def test_what_a_good_run_prints_comes_with_it(attempt):
    run = attempt(body("print('x' * 5000, 'end')"))
    assert run.status == "ok"
    assert (len(run.log), run.log[-5:]) == (4000, " end\n")


def test_a_submission_that_parses_arguments_finds_none(attempt):
    before = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--lr', type=float, default=0.1)"
    run = attempt(body("assert parser.parse_args().lr == 0.1; assert sys.argv == ['submission.py']", before))
    assert run.status == "ok", run.log
