"""A submission that looks for the hidden forget set while it is judged on the public scenario finds nothing of it."""

import hashlib
import json
import re
from contextlib import redirect_stdout
from io import StringIO

import pytest
from competing import begin_competition
from hostile import needs_sandbox
from in_process import run_main

from benchmark.compete.competition import open_competition
from benchmark.compete.states import log_tail
from benchmark.references.pool import Pool
from benchmark.session import Session

pytestmark = pytest.mark.own_worker  # which starts where the secrets are

SEARCHING = """
import gc, hashlib, os, re, sys

WANTED = {wanted}       # SHA-256 of each: whoever finds one knows it
FOLDER = {folder!r}
SYSTEM = ("usr", "lib", "lib32", "lib64", "bin", "sbin", "sys", "boot", "environment", "harness")
TOKEN = re.compile(rb"[0-9a-f]{{32,64}}|[0-9]{{5,19}}")


def tokens(content):
    return {{hashlib.sha256(each).hexdigest() for each in TOKEN.findall(content)}}


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 22)
    except OSError:
        return b""


def below(folder):
    for parent, folders, names in os.walk(folder):
        if parent.startswith((sys.base_prefix, sys.prefix)):  # where no competition can lie
            folders[:] = []
            continue
        yield from (os.path.join(parent, name) for name in names)


def places():
    for name in os.listdir("/"):
        if name not in SYSTEM + ("proc", "dev"):
            yield from below("/" + name)
    for number in os.listdir("/proc"):
        for name in ("environ", "cmdline", "mountinfo", "mounts", "status", "comm", "maps"):
            yield "/proc/" + number + "/" + name
        for root in ("root", "cwd"):
            yield from below("/proc/" + number + "/" + root + FOLDER)
            yield from below("/proc/" + number + "/" + root + "/hidden")
    for folder in (FOLDER, FOLDER + "/..", "../submissions", "../hidden", "/given"):
        yield from below(folder)


def look():
    seen = 0
    for path in places():
        content = read(path)
        seen += bool(content)
        if tokens(content) & WANTED or b"hidden" + b"-1" in content:
            print("FOUND in", path)
    held = [each for each in gc.get_objects() if type(each) in (str, dict)]
    inside = repr([os.environ, sys.argv, sys.orig_argv]) + " ".join(each for each in held if isinstance(each, str))
    inside += " ".join(str(value) for each in held if isinstance(each, dict) for value in list(each.values())[:50]
                       if isinstance(value, (str, int)))
    if tokens(inside.encode(errors="replace")) & WANTED:
        print("FOUND in this process")
    print("looked at", seen, "files")


def unlearning(net, retain_loader, forget_loader, val_loader):
    look()
    raise RuntimeError("looked everywhere")
"""


@pytest.fixture
def competition(tmp_path, monkeypatch):
    """A competition whose hidden scenario has a pool already, and is named in the environment of the judge."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    begin_competition(tmp_path / "first", hidden="1")  # whose secret is a row of zeros
    competition = begin_competition(
        tmp_path / "fog", hidden="1", opens="2020-01-01T00:00:00Z", closes="2100-01-01T00:00:00Z"
    )
    (hidden,) = competition.hidden
    monkeypatch.chdir(competition.folder)
    Pool(Session(competition.workspace, warn=lambda _: None), hidden).prepare()
    monkeypatch.setenv("HIDDEN_SALT", str(hidden.salt))
    return competition


def searching(competition):
    """Return the source of a submission that knows what it looks for by its hash alone."""
    (hidden,) = competition.hidden
    secret = (competition.folder / "hidden" / "secret").read_text()
    words = [secret, str(hidden.salt), str(hidden.forget.seed), str(hidden.data.seed), str(hidden.protocol.seed)]
    words.append((competition.workspace.pool(hidden) / "secret").read_text())
    wanted = {hashlib.sha256(word.encode()).hexdigest() for word in words}
    return SEARCHING.format(wanted=wanted, folder=str(competition.folder))


@needs_sandbox
@pytest.mark.long
def test_the_hidden_forget_set_is_found_nowhere(competition, tmp_path, capfd):
    (tmp_path / "sent.py").write_text(source := searching(competition))
    assert run_main(capfd, ["compete", "submit", competition.folder, "alpha", tmp_path / "sent.py"]).status == 0
    done = run_main(capfd, ["compete", "judge", competition.folder, "--json"])
    assert done.status == 0, done.err
    (verdict,) = json.loads(done.out)["verdicts"]
    assert verdict["status"] == "crashed"
    log = competition.workspace.log(competition.public.label, verdict["content"]).read_text()
    assert "looked everywhere" in log
    assert int(re.search(r"looked at (\d+) files", log)[1]) > 5
    assert "FOUND" not in log
    assert "looked everywhere" in log_tail(open_competition(competition.folder), verdict["content"])
    assert finds_something(source)


def finds_something(source):
    """Say whether the same code finds what it looks for where no sandbox hides it."""
    module = {"__file__": "/nowhere/submission.py"}
    exec(
        compile(source.replace('os.listdir("/proc")', '("self",)').replace('os.listdir("/")', "()"), "s", "exec"),
        module,
    )
    with redirect_stdout(StringIO()) as printed:
        module["look"]()
    return "FOUND in /" in printed.getvalue() and "FOUND in this process" in printed.getvalue()
