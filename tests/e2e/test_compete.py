"""A competition at miniature size: a dozen entries of a few teams, from `init` to `close`, with real runs."""

import json
import os
import signal
import subprocess
import sys
import time

import jsonschema
import pytest
from competing import SOURCE, source_of, write_settings, zipped
from conftest import REPOSITORY
from hostile import needs_sandbox
from html_pages import Page

from benchmark.compete.competition import check, open_competition
from benchmark.compete.states import entry_states

pytestmark = needs_sandbox

SCHEMA = json.loads((REPOSITORY / "docs" / "schema.json").read_text())
OPEN = {"opens": "2020-01-01T00:00:00Z", "closes": "2100-01-01T00:00:00Z"}
FINETUNE = (REPOSITORY / "submissions" / "finetune" / "submission.py").read_text()
TITLED = '<script>alert("x")</script>'


def failing(statement):
    return f"def unlearning(net, retain_loader, forget_loader, val_loader):\n    {statement}\n    return net\n"


ENTRIES = {
    ("alpha", "nothing.py"): SOURCE,
    ("alpha", "finetune.py"): FINETUNE,
    ("beta", "copy.zip"): zipped({"mine/submission.py": FINETUNE}),
    ("beta", "other.py"): f"{FINETUNE}\nAUTHOR = 'beta'\n",
    ("gamma", "crash.py"): failing("print('I saw ' + str(len(forget_loader.dataset))); raise ValueError('<b>')"),
    ("gamma", "leave.py"): failing("import os; os._exit(9)"),
    ("gamma", "none.py"): failing("return 'no net'"),
    ("delta", "titled.py"): f"TITLE = {TITLED!r}\n{source_of(1)}",
    ("delta", "reach.py"): failing("open('/etc/passwd').read()"),
    ("epsilon", "infinite.py"): failing("[p.data.fill_(float('inf')) for p in net.parameters()]"),
    ("epsilon", "fork.py"): failing("import os; [os.fork() for _ in range(9)]"),
    ("epsilon", "weights.py"): f"{source_of(2)}",
}
REFUSED = {
    ("zeta", "link.zip"): zipped({"../submission.py": SOURCE}),
    ("zeta", "bomb.zip"): zipped({"submission.py": SOURCE, "a.bin": bytes(1 << 22)}),
    ("zeta", "no.py"): "x = 1\n",
    ("zeta", "notes.txt"): "hello",
}


@pytest.fixture
def compete(bench):
    """Calls `bench compete ARGUMENTS`, and with --json returns the document, once it is of its schema."""

    def call(command, *arguments, status=0):
        done = bench("compete", command, *map(str, arguments), scenario=None)
        assert done.returncode == status, done.stderr
        if "--json" not in arguments:
            return done.stdout
        document = json.loads(done.stdout)
        validate(document, "an error" if status else f"bench compete {command}")
        return document

    return call


def validate(document, command):
    """Raise unless a document is as docs/schema.json says of a command."""
    jsonschema.validate(document, {**SCHEMA["documents"][command], "$defs": SCHEMA["$defs"]})


@pytest.fixture
def folder(compete, tmp_path):
    """A competition that has begun, with files of all teams in its intake folder."""
    folder = tmp_path / "fog"
    write_settings(folder, **OPEN, hidden="1", entries_per_day="3", run_again="1")
    assert compete("init", folder, "--json")["frozen"]
    for (team, name), content in {**ENTRIES, **REFUSED}.items():
        path = folder / "intake" / team / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.mark.long
def test_a_competition_from_init_to_close(folder, compete, tmp_path):
    answers = compete("submit", folder, "--json")["answers"]
    assert {(each["team"], each["file"]) for each in answers if each["answer"] == "accepted"} == ENTRIES.keys()
    assert {(each["team"], each["file"]) for each in answers if each["answer"] == "refused"} == REFUSED.keys()
    assert {each["answer"] for each in compete("submit", folder, "--json")["answers"]} == {"known", "refused"}
    assert compete("submit", folder, "gamma", write(tmp_path, source_of(9)), "--json", status=2)["error"]["code"]

    judged = compete("judge", folder, "--json")
    assert (len(judged["verdicts"]), judged["waiting"]) == (11, 0)  # two teams sent the same files
    assert compete("judge", folder, "--json")["verdicts"] == []
    board = compete("board", folder, "--json")
    states = {(each["team"], each["entry"]): each for each in board["states"]}
    assert len(states) == 12
    by_file = {(each["team"], each["file"]): states[each["team"], each["entry"]] for each in answers if each["entry"]}
    assert by_file["beta", "copy.zip"]["same_as"] == f"alpha {by_file['alpha', 'finetune.py']['entry']}"
    scored = {key for key, state in by_file.items() if state["state"] == "scored"}
    assert {("alpha", "finetune.py"), ("beta", "other.py"), ("delta", "titled.py")} <= scored
    statuses = {key: by_file[key]["status"] for key in by_file.keys() - scored}
    assert statuses["gamma", "crash.py"] == statuses["delta", "reach.py"] == statuses["gamma", "leave.py"] == "crashed"
    assert statuses["gamma", "none.py"] == statuses["epsilon", "infinite.py"] == "invalid-output"
    rows = {row["team"]: row for row in board["rows"]}
    assert [row["team"] for row in board["rows"]][-1] == "gamma"
    assert rows["gamma"]["place"] is None
    assert rows["alpha"]["value"] == rows["beta"]["value"]
    assert "(submission.py, line 2)" in by_file["gamma", "crash.py"]["reason"]

    compete("close", folder, "--json", status=2)  # before its date
    final = compete("close", folder, "--early", "--json")
    assert final["stage"] == "final"
    places = [row["place"] for row in final["rows"] if row["place"]]
    assert places == sorted(places)
    assert len(places) == 4
    assert {row["team"] for row in final["rows"] if row["fresh"]} == {
        row["team"] for row in final["rows"] if row["private"] == 1
    }
    before = files_of(folder)
    assert compete("close", folder, "--json") == compete("board", folder, "--json") == final
    assert files_of(folder) == before
    compete("submit", folder, "eta", write(tmp_path, source_of(9)), "--json", status=2)
    check_files(folder)


def write(folder, source):
    path = folder / "late.py"
    path.write_text(source)
    return path


def files_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_files(folder):
    """Check every page, and that neither these nor what is public hold anything of what is hidden."""
    competition = open_competition(folder)
    pages = [folder / "public" / "index.html", *sorted((folder / "teams").iterdir())]
    assert [path.stem for path in pages] == ["index", "alpha", "beta", "delta", "epsilon", "gamma"]
    assert {path.name: Page(path.read_bytes()).faults() for path in pages} == {path.name: [] for path in pages}
    assert 'alert("x")' in Page(pages[0].read_bytes()).text
    gamma = Page((folder / "teams" / "gamma.html").read_bytes()).text
    assert "I saw 10" in gamma
    assert "ValueError: <b>" in gamma
    scenarios = [*competition.hidden, *competition.fresh]
    words = [str(word) for each in scenarios for word in (each.salt, each.forget.seed, each.protocol.seed)]
    words += [(folder / name / "secret").read_text() for name in ("hidden", "fresh")]
    shown = [*pages, *(folder / "public").iterdir(), folder / "receipts.jsonl"]
    assert not [(word, path) for path in shown for word in words if word != 64 * "0" and word in path.read_text()]
    assert len({(folder / name / "secret").read_text() for name in ("hidden", "fresh")}) == 2
    pools = [competition.workspace.pool(each) / "secret" for each in (competition.public, *scenarios)]
    assert len({path.read_text() for path in pools}) == 3


def test_the_settings_are_written_first_and_errors_are_documents(compete, tmp_path):
    folder = tmp_path / "new"
    document = compete("init", folder, "--json")
    assert (document["frozen"], document["receipt"]) == (False, None)
    assert compete("judge", folder, "--json", status=2)["error"]["code"] == "missing-record"
    assert compete("init", folder, "--json")["frozen"]
    assert compete("init", folder, "--json", status=2)["error"]["code"] == "bad-usage"
    assert compete("submit", folder, "alpha", "--json", status=2)["error"]["code"] == "bad-usage"
    assert compete("submit", folder, "alpha", tmp_path / "absent.py", "--json", status=2)["error"]["code"]
    assert compete("board", tmp_path / "absent", "--json", status=2)["error"]["code"] == "missing-data"


def test_documents_of_runs_are_of_their_schema(bench, finished, submit):
    validate(json.loads(bench("run", "finetune", "--json").stdout), "bench run NAME")
    submit(failing("raise ValueError"))
    failed = bench("run", "newcomer", "--json")
    assert failed.returncode == 2
    validate(json.loads(failed.stdout), "bench run NAME")
    validate(json.loads(bench("run", "absent", "--json").stdout), "an error")
    with pytest.raises(jsonschema.ValidationError):
        validate({"error": {"code": "none of ours"}}, "an error")


def bench_process(*arguments):
    command = [sys.executable, "-P", "-m", "benchmark.cli", "compete", *map(str, arguments)]
    environment = {**os.environ, "LOKY_MAX_CPU_COUNT": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def do(*arguments):
    """Run `bench compete ARGUMENTS` in a process of its own, to its end."""
    process = bench_process(*arguments)
    said = process.communicate()[1]
    assert process.returncode == 0, said


@pytest.mark.faults
@pytest.mark.own_worker
def test_a_judge_that_is_killed_leaves_its_entry_to_others(tmp_path):
    folder = tmp_path / "fog"
    write_settings(folder, **OPEN, hidden="1")
    do("init", folder)
    for number in range(2):
        do("submit", folder, f"team{number}", write(tmp_path, source_of(number)))
    competition = open_competition(folder)
    killed = bench_process("judge", folder, "--jobs", "1")
    wait_for(lambda: [each for each in entry_states(competition) if each.state == "judging"])
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    both = [bench_process("judge", folder, "--jobs", "1") for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    check(competition)
    assert [each.state for each in entry_states(competition)] == ["scored"] * 2
    receipts = (folder / "receipts.jsonl").read_text().splitlines()
    assert len([line for line in receipts if '"verdict"' in line]) == 2


def wait_for(happens, seconds=120):
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.1)


WRITING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from benchmark.compete.chain import Chain
from benchmark.compete.receipts import Accepted

chain = Chain(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    with chain.hold():
        receipt = chain.append(Accepted, datetime.now(UTC), team=sys.argv[2], entry=number, content=f"{number:032x}")
    print(chain.seal_of(receipt), flush=True)
"""


@pytest.mark.faults
def test_no_receipt_is_lost_when_writers_are_killed_at_any_moment(tmp_path):
    write_settings(tmp_path, **OPEN)
    do("init", tmp_path)
    told = []
    for turn in range(4):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITING, str(tmp_path), f"{team}{turn}"], stdout=subprocess.PIPE, text=True
            )
            for team in "ab"
        ]
        told += [writer.stdout.readline().strip() for writer in writers]  # both are at it by then
        time.sleep(0.3 + 0.17 * turn)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            told += [line for line in writer.communicate()[0].splitlines() if len(line) == 64]
    competition = open_competition(tmp_path)
    receipts = competition.chain.read()
    seals = {competition.chain.seal_of(each) for each in receipts}
    assert len(told) > 50
    assert set(told) <= seals


def test_agents_are_told_where_the_schema_is():
    assert "schema.json" in (REPOSITORY / "docs" / "agents.md").read_text()
