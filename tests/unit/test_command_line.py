"""The command line before anything heavy begins: names, suggestions, the version."""

import re
from importlib import metadata

import pytest
from in_process import run_main

from benchmark.cli.listings import LISTINGS
from benchmark.text import did_you_mean


@pytest.fixture
def bench(tmp_path, monkeypatch, capfd):
    """Calls `bench ARGUMENTS` in a workspace with two submissions; its exit status and all it printed, on one line."""
    for name in ("finetune", "my-Method"):
        (tmp_path / "submissions" / name).mkdir(parents=True)
        (tmp_path / "submissions" / name / "submission.py").write_text("def unlearning(net, r, f, v): pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: str) -> tuple[int, str]:
        done = run_main(capfd, arguments)
        return done.status, " ".join((done.out + done.err).split())

    return run


def test_the_help_of_list_names_all_that_can_be_listed(bench):
    named = re.findall(r"[a-z-]+", bench("list", "--help")[1])
    assert set(LISTINGS) <= set(named)


def test_the_version(bench):
    assert bench("--version") == (0, f"bench {metadata.version('unlearning-benchmark')}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run",), "name one submission, as in `bench run NAME`, or take all with --all"),
        (("run", "finetune", "--all"), "name one submission, as in `bench run NAME`, or take all with --all"),
        (("tune",), "name one submission, as in `bench tune NAME`, or take all with --all"),
        (("run", "finetune", "--submission", "other"), "two submissions came, finetune and --submission other"),
        (("score", "finetune", "--submission", "other"), "two submissions came, finetune and --submission other"),
        (("run", "finetun"), "there is no submission 'finetun' (did you mean 'finetune'?) in"),
        (("run", "--submission", "finetun"), "there is no submission 'finetun' (did you mean 'finetune'?) in"),
        (("run", "finetun", "--submission", "finetun"), "there is no submission 'finetun' (did you mean 'finetune'?)"),
        (("check", "mymethod"), "there is no submission 'mymethod' (did you mean 'my-Method'?) in"),
        (("score", "finetun"), "there is no submission 'finetun' (did you mean 'finetune'?) in"),
        (("check", "zzz"), "there is no submission 'zzz' in"),
        (("run", "finetune", "--scenario", "digit"), "there is no scenario 'digit' (did you mean 'digits'?); name"),
        (("data", "check", "CIFAR10"), "there is no scenario 'CIFAR10' (did you mean 'cifar10'?); name one of"),
        (("list", "submisions"), "nothing called 'submisions' to list (did you mean 'submissions'?); name one of"),
        (("chekc", "finetune"), "No such command 'chekc'. Did you mean 'check'?"),
        (("data", "chek", "digits"), "No such command 'chek'. Did you mean 'check'?"),
        (("run", "--scenrio", "digits"), "No such option: --scenrio"),
        (("compare", "finetune", "finetnue"), "has no scorecard on digits-"),
    ],
)
@pytest.mark.seconds
def test_names_that_are_not_there(bench, arguments, sentence):
    status, text = bench(*arguments)
    assert (status, sentence in text) == (2, True), text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        (
            "[recipe]\nlearning_rat = 0.1",
            "recipe.learning_rat is not a key this version knows (did you mean 'learning_r",
        ),
        (
            "[recipee]\nepochs = 3",
            "recipee is not a key this version knows (did you mean 'recipe'?); accepted here: nam",
        ),
        ("[protocol]\nmodel = 8", "protocol.model is not a key this version knows (did you mean 'models'?)"),
        ('[recipe]\noptimizer = "sdg"', "recipe.optimizer is 'sdg', expected 'sgd' or 'adam' (did you mean 'sgd'?)"),
        (
            '[forget]\nkind = "randm"\nsize = 9',
            "forget.kind is 'randm', expected 'class', 'core', 'hardness', 'identified', 'indices', "
            "'out-of-distribution', 'random', 'rows', 'subject' or 'worst-case' (did you mean",
        ),
        (
            '[forget]\nknd = "random"',
            "forget.knd is not a key this version knows (did you mean 'kind'?); accepted here: ",
        ),
        ('[data]\nsorce = "digits"', "data.sorce is not a key this version knows (did you mean 'source'?)"),
        (
            "[recipe]\nzzzzzz = 1",
            "recipe.zzzzzz is not a key this version knows; accepted here: optimizer, learning_rate",
        ),
    ],
)
def test_keys_and_values_that_a_scenario_does_not_know(bench, tmp_path, toml, sentence):
    (tmp_path / "mine.toml").write_text(f'base = "digits"\n{toml}\n')
    status, text = bench("prepare", "--dry-run", "--scenario", "mine.toml")
    assert (status, sentence in text) == (2, True), text


def test_a_mistyped_base_is_said_before_what_then_is_missing(bench, tmp_path):
    (tmp_path / "mine.toml").write_text('bas = "digits"\nname = "mine"\n')
    assert (
        "bas is not a key this version knows (did you mean 'base'?)" in bench("prepare", "--scenario", "mine.toml")[1]
    )
    (tmp_path / "mine.toml").write_text('base = "digitz"\n')
    assert "no scenario 'digitz' (did you mean 'digits'?)" in bench("prepare", "--scenario", "mine.toml")[1]


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("finetnue", " (did you mean 'finetune'?)"),
        ("FINETUNE", " (did you mean 'finetune'?)"),
        ("finetune+tund", " (did you mean 'finetune+tuned'?)"),
        ("zzz", ""),
        ("", ""),
        (None, ""),
        ("x" * 100_000, ""),
    ],
)
def test_only_near_names_are_suggested(name, suggestion):
    assert did_you_mean(name, ["finetune", "finetune+tuned", "sun"]) == suggestion
    assert did_you_mean(name, []) == ""
