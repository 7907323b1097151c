"""The steps of relearning that suit a scenario: by hand, and against treating one net after another."""

import json

import numpy as np
import pandas as pd
import pytest

import benchmark
from benchmark.data import load_problem
from benchmark.errors import BadScenario
from benchmark.evidence import evidence_of, stack
from benchmark.models.build import seeded_model
from benchmark.references.pool import Pool
from benchmark.scenario.schema import load_scenario
from benchmark.seeds import derive_seed
from benchmark.session import Session
from benchmark.study.relearning import add_shares, chosen_steps, study_relearning
from benchmark.training import train_model
from benchmark.treatments import treated_block, treatments_digest
from benchmark.treatments.kinds.relearning import relearned_forget
from benchmark.treatments.treatment import Given

MODELS = 8


def with_steps(scenario, steps):
    protocol = scenario.protocol.model_copy(update={"relearning_steps": steps})
    return scenario.model_copy(update={"protocol": protocol})


def rows(*suits):
    return pd.DataFrame({"steps": [0, 1, 2, 5, 10][: len(suits)], "suits": suits})


@pytest.mark.parametrize(
    ("suits", "expected"),
    [
        ((True, True, True, False, False), 2),
        ((True, True, True, True, True), 10),
        ((True, True, False, True, True), 1),  # what suits again after more steps was lost on the way
        ((True, False, True, True), None),
    ],
)
def test_the_most_steps_up_to_which_all_suit_are_chosen(suits, expected):
    assert chosen_steps(rows(*suits)) == expected


def test_what_is_left_and_kept_are_shares_of_untreated_models():
    found = add_shares(
        pd.DataFrame(
            {"steps": [0, 1, 2, 5], "models": 8, "leak": [0.8, 0.4, 0.39, 0.7], "utility": [0.9, 0.9, 0.9, 0.8]}
        )
    )
    np.testing.assert_allclose(found["left"], [1, 0.5, 0.4875, 0.875])
    np.testing.assert_allclose(found["kept"], [1, 1, 1, 8 / 9])
    assert found["suits"].tolist() == [True, True, False, False]


def test_steps_of_a_scenario_are_trained_and_change_what_its_evidence_is_called(miniature):
    problem, own = load_problem(miniature), with_steps(miniature, 7)
    net = seeded_model(miniature.architecture, problem.input_shape, problem.outputs, 3)
    state = stack([net.state_dict()])
    by_default = relearned_forget.apply(state, Given(miniature, problem, [1], 2))
    five = relearned_forget.apply(state, Given(with_steps(miniature, 5), problem, [1], 2))
    seven = relearned_forget.apply(state, Given(own, problem, [1], 2))
    for name in state:
        assert by_default[name].equal(five[name])
    assert not any(seven[name].equal(five[name]) for name in state if state[name].ndim == 3)
    assert (own.pool_hash, own.hash != miniature.hash) == (miniature.pool_hash, True)
    assert treated_block(own, "retrained", 0) != treated_block(miniature, "retrained", 0)
    assert treatments_digest({}, 7) not in (treatments_digest({}), treatments_digest({}, 6))


@pytest.fixture(scope="module")
def leaking_file(miniature_file, tmp_path_factory):
    """The miniature with a whole class to forget, which originals know and retrained models do not."""
    before, _, rest = miniature_file.read_text().partition("[forget]")
    behind = rest.partition("[architecture]")[2]
    path = tmp_path_factory.mktemp("leaking") / "leaking.toml"
    path.write_text(f'{before}[forget]\nkind = "class"\nclasses = ["9"]\n\n[architecture]{behind}')
    return path


@pytest.fixture(scope="module")
def leaking(leaking_file):
    return load_scenario(str(leaking_file))


@pytest.mark.seconds
def test_the_study_compares_originals_with_retrained_models_that_were_treated_alike(workspace, leaking):
    session = Session(workspace)
    found = study_relearning(session, leaking, MODELS).set_index("steps")
    assert found.index.tolist() == [0, 1, 2, 5, 10, 20, 50, 100]
    assert pd.read_csv(workspace.results / "studies" / f"relearning-{leaking.label}-{MODELS}.csv").leak.notna().all()
    problem, pool = load_problem(leaking), Pool(session, leaking.with_models(MODELS))
    retrained = []
    for index in range(MODELS):
        seed = pool.seed("retrained", index)
        net = seeded_model(leaking.architecture, problem.input_shape, problem.outputs, seed)
        train_model(net, leaking.recipe, problem.retain, seed, problem.loss)
        retrained.append(net.state_dict())
    states = stack([pool.original(index) for index in range(MODELS)]), stack(retrained)
    root = derive_seed(pool.hidden_seed, "treatment")
    seeds = [derive_seed(root, index) for index in range(MODELS)]
    for steps in (0, 20):
        given = Given(with_steps(leaking, steps or None), problem, seeds, root)
        treated = [relearned_forget.apply(state, given) if steps else state for state in states]
        original, other = (evidence_of(leaking, problem, state) for state in treated)
        apart = benchmark.leak(original["phi/forget"], other["phi/forget"]).mean()
        assert found.leak[steps] == pytest.approx(apart, abs=0.03)
        assert found.utility[steps] == pytest.approx(other["utility/test"].mean(), abs=0.01)
    assert found.leak[20] < found.leak[0] - 0.05
    assert (found.left[0], found.kept[0]) == (1, 1)


@pytest.mark.seconds
def test_the_command_says_how_many_steps_to_write(bench, leaking_file):
    done = bench("study", "--relearning", "8", "--json", scenario=str(leaking_file))
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert [row["steps"] for row in shown["rows"]] == [0, 1, 2, 5, 10, 20, 50, 100]
    assert shown["relearning_steps"] in {None, 1, 2, 5, 10, 20, 50, 100}


@pytest.mark.seconds
def test_without_a_leak_there_is_nothing_to_choose_by(bench):
    done = bench("study", "--relearning", "8")
    assert done.returncode == 2
    assert "not significantly apart from retrained models, expected a leak" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("finetune", "--relearning", "8"),
            "finetune came beside --relearning, which is about no entry; leave one out",
        ),
        (
            ("--relearning", "8", "--models", "9"),
            "--models came beside --relearning, which says itself how many models",
        ),
        (("--relearning", "8", "--order"), "came beside"),
    ],
)
def test_what_contradicts_it_is_said(bench, arguments, sentence):
    done = bench("study", *arguments)
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())


def test_a_scenario_says_its_steps_within_bounds(miniature_file, tmp_path):
    for steps in (3, 0):
        text = miniature_file.read_text().replace("[protocol]", f"[protocol]\nrelearning_steps = {steps}")
        (tmp_path / "own.toml").write_text(text)
        if steps:
            assert load_scenario(str(tmp_path / "own.toml")).protocol.relearning_steps == 3
    with pytest.raises(BadScenario, match="relearning_steps"):
        load_scenario(str(tmp_path / "own.toml"))
