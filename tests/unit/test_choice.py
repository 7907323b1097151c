"""The file of ids that a forget set has chosen by models: found, damaged, another's, pinned, hidden."""

import json

import numpy as np
import pytest
from conftest import MINIATURE

from benchmark.data import load_problem
from benchmark.data.choice import Choice, checksum_of, choice_name, is_kept, read_choice
from benchmark.data.loading import load_training_set
from benchmark.errors import BadRecord, BadScenario, MissingRecord
from benchmark.references.choosing import choose
from benchmark.scenario import schema
from benchmark.scenario.schema import load_scenario
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.tuning.scenario import tuning_scenario

HARD = 'kind = "hardness"\nby = "el2n"\nend = "high"\nsize = 10\nseed = 0\nmodels = 2'


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A workspace to be in."""
    (tmp_path / "submissions").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(root, more="", head=""):
    path = root / "hard.toml"
    path.write_text(head + MINIATURE.replace('kind = "random"\nsize = 10\nseed = 0', HARD + more))
    return load_scenario(str(path))


def keep(root, scenario, places=range(10), **more):
    """Write the file of ids that these places of train would have been chosen with; return it."""
    ids = tuple(sorted(load_training_set(scenario).ids[list(places)].tolist()))
    choice = Choice(decided_by=scenario.choice_hash, sha256=checksum_of(ids), ids=ids, **more)
    path = root / "reference_models" / choice_name(scenario)
    path.parent.mkdir(exist_ok=True)
    path.write_text(choice.model_dump_json())
    return path


def test_before_anything_is_chosen_a_scenario_loads_and_its_problem_does_not(root):
    scenario = load(root)
    assert scenario.forget.choice is None
    with pytest.raises(MissingRecord, match=r"has not chosen yet .*`bench prepare --scenario miniature\.toml"):
        load_problem(scenario)


def test_a_choice_is_found_counts_for_the_hash_and_is_what_is_forgotten(root):
    unsettled = load(root)
    hashes = {unsettled.hash, unsettled.pool_hash}
    for rows in (range(10), range(3, 13)):
        keep(root, unsettled, rows)
        scenario = load(root)
        assert scenario.choice_hash == unsettled.choice_hash
        assert not {scenario.hash, scenario.pool_hash} & hashes
        hashes |= {scenario.hash, scenario.pool_hash}
        problem = load_problem(scenario)
        assert problem.forget.ids.tolist() == problem.train.ids[list(rows)].tolist()
        assert len(problem.retain) == 190
        assert scenario.with_models(6).forget == scenario.forget


def test_what_decides_the_choice_is_all_but_the_choice_and_the_number_of_models(root):
    scenario = load(root)
    assert load(root, '\nchosen = "' + 64 * "0" + '"').choice_hash == scenario.choice_hash
    assert scenario.with_models(6).choice_hash == scenario.choice_hash
    others = [load(root, head=f'salt = "{32 * digit}"\n').choice_hash for digit in "ab"]
    path = root / "hard.toml"
    for old, new in (("epochs = 4", "epochs = 5"), ("widths = [16]", "widths = [17]"), ("train = 200", "train = 199")):
        load(root)
        path.write_text(path.read_text().replace(old, new))
        others.append(load_scenario(str(path)).choice_hash)
    assert len({scenario.choice_hash, *others}) == 6


def test_tuning_forgets_the_examples_that_come_next_by_the_scores(root):
    train = load_training_set(load(root))
    scores = np.random.default_rng(0).permutation(len(train))
    ranked = np.argsort(-scores)
    keep(root, load(root), ranked[:10], scores={"el2n": tuple(scores / 1000)}, rows=tuple(train.ids.tolist()))
    problem = load_problem(tuning_scenario(load(root)))
    assert sorted(problem.forget.ids.tolist()) == sorted(train.ids[ranked[10:20].copy()].tolist())


@pytest.mark.seconds
def test_tuning_forgets_as_many_others_at_random_where_no_scores_are_kept(root):
    keep(root, load(root))
    scenario = load(root)
    tuned_on = tuning_scenario(scenario)
    assert (tuned_on.forget.kind, tuned_on.forget.size) == ("random", 10)
    assert not set(load_problem(tuned_on).forget.ids.tolist()) & set(load_problem(scenario).forget.ids.tolist())


@pytest.mark.seconds
def test_a_damaged_or_another_scenarios_file_is_named_set_aside_and_made_again(root):
    path = keep(root, load(root))
    content = json.loads(path.read_text())
    for damage, said in (
        ("{", "is not a choice"),
        (json.dumps({**content, "ids": content["ids"][1:]}), "its ids have another checksum than it says"),
        (json.dumps({**content, "decided_by": "abc"}), "was chosen for another scenario, abc"),
    ):
        path.write_text(damage)
        scenario = load(root)  # bench list and the board go on
        assert scenario.forget.choice is None
        with pytest.raises(BadRecord, match=said):
            load_problem(scenario)
        warnings = []
        chosen = choose(Session(Workspace(root), warn=warnings.append), scenario)
        assert any(said in warning and "set aside as forget-" in warning for warning in warnings), warnings
        assert path.with_suffix(".damaged").read_text() == damage
        assert load(root).hash == chosen.hash
        assert len(load_problem(chosen).forget) == 10


@pytest.mark.seconds
def test_a_pinned_choice_has_to_be_the_one_in_the_file(root):
    path = keep(root, load(root))
    sha256 = json.loads(path.read_text())["sha256"]
    pinned = load(root, f'\nchosen = "{sha256}"')
    assert pinned.hash == load(root).hash
    assert is_kept(pinned)
    other = load(root, '\nchosen = "' + 64 * "0" + '"')
    assert not is_kept(other)
    for use in (load_problem, lambda scenario: choose(Session(Workspace(root), warn=pytest.fail), scenario)):
        with pytest.raises(BadScenario, match=r"expected those of forget\.chosen in the scenario, 000000000000"):
            use(other)
    assert path.exists()
    path.unlink()
    with pytest.raises(BadScenario, match=r"this machine chooses the examples .*, expected forget\.chosen, 0{64}"):
        choose(Session(Workspace(root)), other)
    assert not path.exists()


def test_a_shipped_file_goes_before_the_workspaces_and_is_not_moved(root, monkeypatch):
    shipped = root / "scenarios"
    shipped.mkdir()
    scenario = load(root)
    path = keep(root, scenario, range(20, 30))
    path.rename(shipped / path.name)
    keep(root, scenario)
    monkeypatch.setattr(schema, "SHIPPED", shipped)
    problem = load_problem(load(root))
    assert problem.forget.ids.tolist() == problem.train.ids[20:30].tolist()
    (shipped / path.name).write_text("{")
    with pytest.raises(BadRecord, match="is not a choice"):
        choose(Session(Workspace(root)), load(root))
    assert (shipped / path.name).exists()


def test_ids_that_are_not_in_train_are_told(root):
    scenario = load(root)
    ids = tuple(range(5000, 5010))
    choice = Choice(decided_by=scenario.choice_hash, sha256=checksum_of(ids), ids=ids)
    path = root / "reference_models" / choice_name(scenario)
    path.parent.mkdir()
    path.write_text(choice.model_dump_json())
    with pytest.raises(BadRecord, match=r"0 of the 10 examples that .* stands for are among the 200 of train"):
        load_problem(load(root))


def test_what_a_hidden_scenario_forgets_is_the_users_alone(root):
    hidden = choose(Session(Workspace(root)), load(root, head=f'salt = "{32 * "a"}"\n'))
    (path,) = (root / "reference_models").glob("forget-*.json")
    assert path.stat().st_mode & 0o077 == 0
    published = json.dumps(hidden.published())
    assert hidden.forget.choice not in published
    assert hidden.published()["forget"] == {"kind": "hardness"}
    for manifest in (root / "reference_models").glob("*/manifest.json"):
        text = manifest.read_text()
        assert hidden.salt not in text
        assert hidden.forget.choice not in text
        assert "el2n" not in text


@pytest.mark.parametrize(("name", "hashed"), [("digits-hard", "980657bdc9f2"), ("digits-cnn-hard", "c29fd54e3efc")])
def test_the_hard_digits_ship_with_their_choice(name, hashed, root):
    scenario = load_scenario(name)
    choice = read_choice(scenario)
    assert scenario.hash == hashed
    assert scenario.forget.chosen == choice.sha256
    problem = load_problem(scenario)
    assert problem.train.ids.tolist() == list(choice.rows)
    assert problem.forget.ids.tolist() == choice.forget_rows.tolist()
    assert max(choice.forget_scores["confidence"]) == sorted(choice.scores["confidence"])[49]


def test_the_hard_clothes_ship_with_their_choice():
    scenario = load_scenario("fashion-hard")
    choice = read_choice(scenario)
    assert (scenario.hash, scenario.forget.chosen) == ("5ca27144ee53", choice.sha256)
    assert len(choice.rows) == 4000
    assert min(choice.forget_scores["memorisation"]) == sorted(choice.scores["memorisation"])[-100]
