"""Kinds of errors: the tree in the module's docstring, stable codes, and what `--json` prints."""

import ast
import json
import re
import signal

import pytest
from conftest import REPOSITORY

from benchmark import cli, errors
from benchmark.data.sources import SOURCES
from benchmark.errors import BadSubmission, BadUsage, BenchError, FailedEntry, MissingData

CODES = {
    "BenchError": "error",
    "BadUsage": "bad-usage",
    "BadScenario": "bad-scenario",
    "BadData": "bad-data",
    "MissingData": "missing-data",
    "BadSubmission": "bad-submission",
    "FailedEntry": "failed-entry",
    "FailedTraining": "failed-training",
    "BadRecord": "bad-record",
    "MissingRecord": "missing-record",
    "BadMachine": "bad-machine",
    "NoSandbox": "no-sandbox",
    "HarnessError": "harness",
}


def kinds(base=BenchError):
    return [base, *(kind for each in base.__subclasses__() for kind in kinds(each))]


def test_every_error_of_the_package_has_a_kind():
    sources = [path.read_text() for path in (REPOSITORY / "benchmark").rglob("*.py")]
    trees = (ast.parse(source) for source in sources if re.search(r"BenchError\s*\(", source))
    calls = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    assert [ast.unparse(call) for call in calls if ast.unparse(call.func).endswith("BenchError")] == []


@pytest.mark.parametrize(
    "data",
    [
        {"source": "celeba", "attribute": "Smiling", "size": 8},
        {"source": "casia_surf", "size": 8, "age_groups": 2, "seed": 0},
        {"source": "femnist"},
        {"source": "cifar10", "validation": 10, "seed": 0},
    ],
    ids=lambda data: data["source"],
)
def test_a_data_set_that_is_absent_is_missing_data(data, tmp_path):
    section = SOURCES.named(data["source"]).model_validate(data)
    with pytest.raises(MissingData):
        section.load(tmp_path)


def test_codes_are_stable_and_every_kind_has_one_of_its_own():
    assert {kind.__name__: kind.code for kind in kinds() if kind.__module__ == errors.__name__} == CODES


def test_the_tree_in_the_docstring_is_the_tree():
    assert dict(re.findall(r"(\w+) {2,}([a-z-]+) {2,}", errors.__doc__)) == CODES


def test_a_kind_says_who_sees_it():
    assert all(kind.__doc__.startswith("Seen ") for kind in kinds()[1:] if kind.__module__ == errors.__name__)


def test_an_error_as_json_has_a_code_a_sentence_and_a_log():
    error = FailedEntry("mine raised\nValueError; mend it", "line 1\nline 2")
    expected = {"code": "failed-entry", "message": "mine raised ValueError; mend it", "log": "line 1\nline 2"}
    assert error.to_json() == expected
    assert isinstance(error, BadSubmission)


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Calls `bench ARGUMENTS` in an empty workspace; its exit status, output and errors."""
    (tmp_path / "submissions").mkdir()
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        handler = signal.getsignal(signal.SIGINT)
        with pytest.raises(SystemExit) as end:
            cli.main([*arguments])
        signal.signal(signal.SIGINT, handler)
        return end.value.code, *capfd.readouterr()

    return call


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("run", "nobody", "--json"), "bad-submission", "there is no submission 'nobody'"),
        (("run", "--json"), "bad-usage", "name one submission"),
        (("run", "a", "--submission", "b", "--json"), "bad-usage", "two submissions came"),
        (("list", "planets", "--json"), "bad-usage", "there is nothing called 'planets' to list"),
        (("study", "a", "--json"), "bad-submission", "there is no submission 'a'"),
        (("study", "a", "--planted", "--json"), "bad-usage", "a came beside --planted"),
        (("study", "--planted", "--pools", "2", "--json"), "bad-usage", "--pools is 2"),
        (("study", "--pools", "5", "--json"), "bad-usage", "--pools or --metric came without --planted"),
        (("study", "--models", "64", "--models", "128", "--json"), "bad-usage", "--models came 2 times"),
    ],
)
def test_json_of_a_command_that_fails_names_the_kind(arguments, code, sentence, run):
    status, output, said = run(*arguments)
    error = json.loads(output)["error"]
    assert (status, error["code"]) == (2, code)
    assert error["message"].startswith(sentence)
    assert " ".join(said.split()).startswith(f"error: {sentence}")


def test_without_json_standard_output_stays_empty(run):
    status, output, _ = run("run", "nobody")
    assert (status, output) == (2, "")


def test_a_fault_of_the_harness_is_json_too(run, monkeypatch):
    monkeypatch.setattr("benchmark.cli.listings.LISTINGS", {"pools": lambda workspace: 1 / 0})
    status, output, _ = run("list", "pools", "--json")
    assert (status, json.loads(output)["error"]["code"]) == (3, "harness")
    assert "division by zero" in json.loads(output)["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "bases"), [(MissingData, ["BadData"]), (BadUsage, ["BenchError"]), (errors.NoSandbox, ["BadMachine"])]
)
def test_a_narrower_kind_can_be_caught_as_the_wider_one(kind, bases):
    assert [base.__name__ for base in kind.__bases__] == bases
