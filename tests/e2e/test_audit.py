"""`bench audit` from data to a report, with the user's code in child processes; and the commands of docs/audit.md."""

import json
from functools import partial

import numpy as np
import pytest
from audits import SETTINGS, TRAIN, write_audit
from in_process import run_main
from pages import blocks, run

from benchmark.audit.pdf import BROWSERS, print_pdf
from benchmark.cli import shared
from benchmark.storage.block_store import BlockStore

UNLEARN = """
def unlearn(model, retain_loader, forget_loader, seed):
    for inputs, targets in retain_loader:
        model.means += 0.01 * (inputs[:2] - model.means)
"""
LOAD = """
def load(path):
    model = Centroids.__new__(Centroids)
    model.means = np.load(path)
    return model
"""


@pytest.fixture
def bench(capfd, monkeypatch):
    """Calls `bench audit ARGUMENTS` in this process, on a wide terminal: its exit status, output and errors."""
    monkeypatch.setattr(shared.out, "width", 200)
    return lambda *arguments: run_main(capfd, ["audit", *arguments])


def measured(folder):
    """The names of the models that an audit has measured."""
    (store,) = (folder / "signals").iterdir()
    return sorted(BlockStore(store, {}).finished())


def test_models_are_trained_once_and_more_of_them_later(bench, tmp_path):
    folder = write_audit(tmp_path, code=TRAIN + UNLEARN)
    planned = bench("plan", folder, "--models", 8, "--jobs", 1)
    assert planned.status == 0
    assert "16 + 8 unlearned" in planned.out
    assert measured(folder) == ["original/0000", "retrained/0000", "unlearned/0000"]  # for the time, and kept
    assert bench("run", folder, "--jobs", 2).status == 0
    assert len(measured(folder)) == 18
    before = {path: path.read_bytes() for path in (folder / "signals").rglob("*.safetensors")}
    again = bench("run", folder)
    assert "nothing to do: all 18 models have been measured" in again.out
    (folder / "audit.toml").write_text(SETTINGS.format(code="model").replace("models = 6", "models = 7"))
    assert bench("run", folder, "--jobs", 1).status == 0
    assert len(measured(folder)) == 21
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_report_says_what_was_measured(bench, tmp_path):
    folder = write_audit(tmp_path, code=TRAIN + UNLEARN + LOAD, settings=SETTINGS + 'production = "means.npy"\n')
    np.save(folder / "means.npy", np.array([[0.0, 0.0], [1.0, 1.0]]))
    unfinished = bench("report", folder, "--no-pdf")
    assert unfinished.status == 2
    assert "nothing has been measured yet" in unfinished.err
    assert bench("run", folder, "--jobs", 1).status == 0
    written = bench("report", folder, "--no-pdf", "--json")
    found = json.loads(written.out)
    assert [*found["comparisons"]] == ["production", "original", "unlearned"]
    assert len(found["comparisons"]["unlearned"]["people"]) == 3
    page = (folder / "report.html").read_text()
    for said in ("means.npy", "model.py", "numpy", "without a sandbox", "20 people"):
        assert said in page
    (folder / "model.py").write_text(TRAIN + UNLEARN + LOAD + "\n# another version")
    assert "nothing has been measured yet" in bench("report", folder).err
    assert "all models are trained anew, and the old ones stay" in bench("run", folder, "--jobs", 1).err


def test_a_damaged_block_is_set_aside_and_trained_again(bench, tmp_path):
    folder = write_audit(tmp_path, code=TRAIN + UNLEARN)
    bench("run", folder, "--jobs", 1)
    damaged = next((folder / "signals").rglob("unlearned/0003.safetensors"))
    content = damaged.read_bytes()
    damaged.write_bytes(b"damaged")
    assert bench("report", folder, "--no-pdf").status == 2
    assert bench("run", folder, "--jobs", 1).status == 0
    assert damaged.read_bytes() != b"damaged"
    assert len(damaged.read_bytes()) == len(content)


def test_a_damaged_record_is_said_and_written_anew(bench, tmp_path):
    folder = write_audit(tmp_path, code=TRAIN + UNLEARN)
    bench("run", folder, "--jobs", 1)
    (record,) = (folder / "signals").glob("*/run.json")
    whole = json.loads(record.read_text())
    for damaged in ("{", "[1]", "{}", json.dumps(whole | {"functions": [3]}), json.dumps(whole | {"packages": "x"})):
        record.write_text(damaged)
        said = bench("report", folder, "--no-pdf")
        assert said.status == 2
        assert "run.json is damaged (" in said.err
        assert "nothing has been measured" not in said.err
    again = bench("run", folder, "--jobs", 1)
    assert again.status == 0
    assert json.loads(record.read_text())["roles"] == whole["roles"]
    assert bench("report", folder, "--no-pdf").status == 0


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("def train(loader): pass", "expected it to be called as train(loader, seed)"),
        ("def trian(loader, seed): pass", "did you mean train where it says trian?"),
        ("import no_such_module", "raised ModuleNotFoundError when it was imported"),
        (
            "def train(loader, seed): return 3",
            "train returned an object of type int, expected a model",
        ),
        ("def train(loader, seed): 1 / 0", "train in model.py raised ZeroDivisionError: division by zero"),
        (
            "import os\ndef train(loader, seed): os._exit(7)",
            "ended its own process with status 7, expected",
        ),
        ("def train(loader, seed): input()", "train in model.py raised EOFError"),
        (
            TRAIN + "def unlearn(*arguments): return 3",
            "unlearn returned an object of type int, expected a model",
        ),
        ("import sys\ndef train(loader, seed): sys.exit('no')", "raised SystemExit: no"),
        ("def train(loader, seed): return lambda inputs: inputs[:, :1]", "the model gave the shape (3, 1) for 3 rows"),
        (TRAIN, "names no model in production, and the code defines no unlearn"),
        (TRAIN.replace("rng.choice", "(lambda rows, n: rows)") + UNLEARN, "all 6 retrained models answer alike"),
        (TRAIN + "def unlearn(model): pass", "expected it to be called as unlearn(model, retain_loader"),
    ],
)
def test_code_that_cannot_be_used_is_one_sentence(code, sentence, bench, tmp_path):
    unlearn = "" if "unlearn" in code or code == TRAIN else "\n\ndef unlearn(*loaders): pass\n"
    said = bench("run", write_audit(tmp_path, code=code + unlearn), "--jobs", 1)
    assert said.status == 2
    (line,) = (line for line in said.err.splitlines() if line.startswith("error:"))
    assert sentence in line
    assert "Traceback" not in said.err


def test_what_went_wrong_is_mended_and_goes_on(bench, tmp_path):
    failing = "\ncalls = []\n\ndef train(loader, seed):\n    calls.append(1)\n    assert len(calls) < 4\n"
    folder = write_audit(tmp_path, code=TRAIN + UNLEARN + failing + "    return Centroids(loader, seed)\n")
    assert "raised AssertionError" in bench("run", folder, "--jobs", 1).err
    first = measured(folder)
    assert first
    bench("run", folder, "--jobs", 1)
    assert len(measured(folder)) > len(first)


def test_missing_checkpoints_and_loaders_are_named(bench, tmp_path):
    folder = write_audit(tmp_path, settings=SETTINGS + 'production = "absent.pkl"\n')
    assert "code.production is absent.pkl, which is not there" in bench("run", folder, "--jobs", 1).err
    (folder / "absent.pkl").touch()
    assert "defines no function load, expected load(path)" in bench("run", folder, "--jobs", 1).err


@pytest.mark.parametrize("arguments", [(), ("--arrays",), ("--example", "breast-cancer")])
def test_what_init_writes_can_be_read_and_is_never_overwritten(arguments, bench, tmp_path):
    folder = tmp_path / "new"
    assert bench("init", folder, *arguments).status == 0
    assert "pseudonyms" in (folder / ".gitignore").read_text()
    (folder / "audit.toml").write_text((folder / "audit.toml").read_text() + "# mine")
    assert bench("init", folder, *arguments).status == 2
    assert (folder / "audit.toml").read_text().endswith("# mine")


def test_an_unknown_example_is_one_sentence(bench, tmp_path):
    assert "expected breast-cancer without --arrays" in bench("init", tmp_path / "new", "--example", "lungs").err


def test_arrays_are_held_against_each_other_without_training(bench, tmp_path):
    folder = tmp_path / "arrays"
    bench("init", folder, "--arrays")
    rng = np.random.default_rng(1)
    np.save(folder / "retrained.npy", rng.normal(size=(24, 4)))
    np.save(folder / "unlearned.npy", rng.normal(size=(24, 4)) + np.array([9, 0, 0, 0]))
    said = bench("report", folder, "--no-pdf", "--show-ids")
    assert said.status == 0
    assert "For 1 of the 4 people who asked for deletion, unlearned models can be distinguished" in said.out
    assert "nothing to train" in bench("run", folder).err
    with (folder / "audit.toml").open("a") as settings:
        settings.write('ids = "ids.csv"\n')
    (folder / "ids.csv").write_text("id\na\nb\na\nc\n")
    assert "names 1 (a) people twice, expected one id per column" in bench("report", folder).err
    (folder / "ids.csv").write_text("id\na\nb\nc\nd\n")
    (folder / "pseudonyms.key").write_text("00")  # a key that could be guessed
    assert "is no key of pseudonyms, expected 64 hex digits" in bench("report", folder).err
    np.save(folder / "unlearned.npy", np.zeros((24, 3)))
    assert "unlearned has 3 examples and retrained 4" in bench("report", folder).err


def test_a_browser_prints_the_report(bench, tmp_path):
    page, target = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text("<p>one page</p>")
    said = print_pdf(page, target)
    if "no Chromium or Chrome" in said:
        pytest.skip(f"none of {', '.join(BROWSERS)} is here")
    assert said == ""
    assert target.read_bytes().startswith(b"%PDF")


@pytest.mark.long
def test_the_tutorial_goes_from_a_csv_to_a_report(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, *further = [
        line for block in blocks("audit.md") if block.language == "bash" for line in block.content.splitlines()
    ]
    run(first, partial(run_main, capfd))
    where = tmp_path / "hospital"
    monkeypatch.chdir(where)
    settings = where / "audit.toml"  # fewer models, that it takes seconds
    settings.write_text(settings.read_text().replace("models = 64", "models = 24"))
    for line in further:
        run(line, partial(run_main, capfd))
    page = (where / "report.html").read_text()
    assert "of the 20 people who asked for deletion, unlearned models can be distinguished" in page
    assert "BC-1" not in page
    assert (where / "report.pdf").exists() or print_pdf(where / "report.html", tmp_path / "x.pdf")
