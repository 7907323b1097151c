"""Submissions and the tasks that they are for: what they declare, or what their source shows."""

import pytest
from conftest import REPOSITORY

from benchmark.errors import BadSubmission, FailedEntry
from benchmark.rescoring import rescore
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.tasks import inapplicable, unfit
from benchmark.tasks.classification import Classification
from benchmark.tasks.regression import Regression

TASKS = {"classification": Classification(), "regression": Regression(kind="regression")}
PLAIN = "def unlearning(net, retain_loader, forget_loader, val_loader{more}): {body}\n"


def said(tmp_path, source, task):
    (tmp_path / "submission.py").write_text(source)
    return inapplicable(tmp_path, TASKS[task])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("more", ["", ", recipe", ", loss", ", loss, seed"])
def test_a_source_without_a_word_of_classes_is_for_every_task(tmp_path, task, more):
    assert said(tmp_path, PLAIN.format(more=more, body="return net"), task) is None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from torch.nn.functional import cross_entropy\n", "cross_entropy"),
        ("import torch\nloss = torch.nn.CrossEntropyLoss()\n", "CrossEntropyLoss"),
        ("from benchmark.toolbox import kl as distance\n", "kl"),
        ("guess = lambda net, x: net(x).argmax(1)\n", "argmax"),
        ("def f(net, retain_loader, class_weights): ...\n", "class_weights"),
    ],
)
def test_losses_of_classes_are_for_tasks_with_classes(tmp_path, source, name):
    source += PLAIN.format(more="", body="return net")
    assert said(tmp_path, source, "classification") is None
    assert said(tmp_path, source, "regression") == (
        f"it uses {name}, which is for classes, but the task regression has none"
    )


@pytest.mark.parametrize(
    ("constant", "fitting"),
    [
        ('("regression",)', {"regression"}),
        ('"regression"', {"regression"}),
        ('["classification"]', {"classification"}),
        ('("classification", "regression")', {"classification", "regression"}),
        ('"any"', {"classification", "regression"}),
        ('("language",)', set()),
    ],
)
def test_what_is_declared_counts_and_not_what_is_used(tmp_path, constant, fitting):
    source = f"from torch.nn.functional import cross_entropy\nTASKS = {constant}\n"
    for task in TASKS:
        reason = said(tmp_path, source, task)
        assert (reason is None) == (task in fitting)
        assert reason is None or f"but this scenario's is {task}" in reason


@pytest.mark.parametrize("constant", ["3", "()", '("regression", 3)', "tasks()", "None", "{}"])
@pytest.mark.seconds
def test_a_constant_that_names_no_tasks_is_refused(tmp_path, constant):
    with pytest.raises(BadSubmission, match=r"TASKS in submission.py of .* expected names such as"):
        said(tmp_path, f"TASKS = {constant}\n", "regression")


@pytest.mark.seconds
def test_shipped_submissions_are_for_what_they_can_do():
    folders = [path.parent for path in (REPOSITORY / "submissions").glob("*/submission.py")]
    fits = {name: {each.name for each in folders if not inapplicable(each, task)} for name, task in TASKS.items()}
    both = fits["classification"] & fits["regression"]
    assert fits["regression"] - both == {"blindspot", "gaussian_finetune"}
    exact = {"sisa", "safe", "s3t", "diffusion_soup", "clpu"}
    assert both == {"identity", "retrain", "finetune", "forget_a", "forget_b", "jit", "esc", *exact}
    for_language_alone = {each.name for each in folders} - fits["classification"] - fits["regression"]
    assert all(
        'TASKS = ("language",)' in (REPOSITORY / f"submissions/{name}/submission.py").read_text()
        for name in for_language_alone
    )


@pytest.mark.parametrize(
    ("name", "scenario", "sentence"),
    [
        ("uoe", "people", "it is for mixtures of experts, but gpt has none"),
        ("uoe", "digits", "it is for the task language, but this scenario's is classification"),
        (
            "lunar",
            "people-experts",
            "it uses perceptron, which is for blocks with one, but gpt has mixtures of experts",
        ),
        ("mechanistic", "people-experts", "it uses perceptron, which is for blocks with one, but gpt has mixtures of"),
        ("uoe", "people-experts", None),
        ("sisa", "digits", "it is for the network ensemble, but this scenario's is mlp"),
        ("sisa", "digits-exact", None),
        ("scar_self_forget", "digits", "it is for the access look-alikes, but this scenario has access to everything"),
        (
            "scar_self_forget",
            "digits-no-retain",
            "it is for the access look-alikes, but this scenario has the access",
        ),
        ("scar_self_forget", "digits-look-alikes", None),
        ("jit", "digits", "it is for the access forget-only or look-alikes or no-retain, but this scenario has access"),
        ("esc", "digits-forget-only", None),
        ("trew", "digits-look-alikes", None),
        ("meta_unlearn", "digits-look-alikes", None),
        (
            "meta_unlearn",
            "digits-exact",
            "it is for the access look-alikes, but this scenario has access to everything",
        ),
        ("clpu", "digits-exact", None),
        ("scar", "digits-no-retain", None),
        ("lunar", "people", None),
        ("grad_diff", "people-experts", None),
    ],
)
def test_some_submissions_are_for_some_nets_or_accesses_alone(name, scenario, sentence):
    said = unfit(REPOSITORY / "submissions" / name, load_scenario(scenario))
    assert said is None if sentence is None else said.startswith(sentence)


def test_a_user_s_own_net_may_have_experts(tmp_path):
    (tmp_path / "net.py").write_text("def build(shape, classes): ...\n")
    text = (REPOSITORY / "benchmark/scenarios/people.toml").read_text()
    own = 'name = "file"\nfile = "net.py:build"\n'
    (tmp_path / "own.toml").write_text(text.replace('name = "gpt"\nwidth = 48\nlayers = 2\nheads = 4\n', own))
    scenario = load_scenario(tmp_path / "own.toml")
    for name in ("uoe", "lunar"):
        assert unfit(REPOSITORY / "submissions" / name, scenario) is None


def test_a_constant_about_experts_is_a_truth_value(tmp_path):
    (tmp_path / "submission.py").write_text("NEEDS_EXPERTS = 4\n" + PLAIN.format(more="", body="return net"))
    with pytest.raises(BadSubmission, match=r"NEEDS_EXPERTS in submission.py of .* is 4, expected True or False"):
        unfit(tmp_path, load_scenario("people"))


def test_scoring_again_says_so_too_and_asks_for_no_run():
    session = Session(Workspace(REPOSITORY))
    with pytest.raises(FailedEntry, match=r"scrub is not-applicable: .*; choose another scenario or submission"):
        rescore(session, load_scenario("diabetes"), "scrub")
