"""Tests of what several requests ask for, one after another, and of scenarios after each of them."""

import numpy as np
import pytest
import torch
from cards import card, with_gap
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data import load_problem, problem_facts
from benchmark.data.accesses import ACCESSES
from benchmark.data.requests import SoFar, requested_so_far, sentence_of
from benchmark.errors import BadScenario
from benchmark.leaderboard.course import course_of, describe_course
from benchmark.leaderboard.entry_summary import summarise_entry
from benchmark.leaderboard.position import Position
from benchmark.leaderboard.summary import summarise
from benchmark.results.scorecard import InSequence
from benchmark.scenario.schema import load_scenario
from benchmark.split import Split
from benchmark.submissions.source import tuned_file

ONCE = {"digits-requests": "digits-hard"}


def asking(scenario, requests, request=None):
    """Return the scenario with so many requests, after one of them."""
    protocol = scenario.protocol.model_copy(update={"requests": requests})
    changed = scenario.model_copy(update={"protocol": protocol})
    return changed if request is None else changed.after_request(request)


def ids(split):
    return set(split.ids.tolist())


@pytest.mark.parametrize("name", ["digits-requests", "fonts-requests"])
@pytest.mark.seconds
def test_requests_ask_for_disjoint_parts_of_the_whole_forget_set(name):
    scenario = load_scenario(name)
    problems = [load_problem(each) for each in scenario.so_far]
    asked = [ids(problem.given) for problem in problems]
    whole = ids(load_problem(load_scenario(ONCE[name])).forget) if name in ONCE else ids(problems[-1].forget)
    assert set.union(*asked) == whole
    assert sum(map(len, asked)) == len(whole)
    for number, problem in enumerate(problems, start=1):
        assert ids(problem.forget) == set.union(*asked[:number])
        assert ids(problem.retain) == ids(problem.train) - ids(problem.forget)
    if name == "fonts-requests":
        assert [len(problem.given.subjects.unique()) for problem in problems] == [1] * 4


def test_the_scenario_after_every_request_has_a_name_and_models_of_its_own():
    scenario = load_scenario("digits-requests")
    names = ["digits-requests-1", "digits-requests-2", "digits-requests-3", "digits-requests"]
    assert [each.name for each in scenario.so_far] == names
    assert [load_scenario(name) for name in names] == list(scenario.so_far)
    assert len({each.hash for each in scenario.so_far}) == len({each.pool_hash for each in scenario.so_far}) == 4
    assert {each.choice_hash for each in scenario.so_far} == {load_scenario("digits-hard").choice_hash}
    assert [each.earlier and each.earlier.name for each in scenario.so_far] == [None, *names[:-1]]
    assert load_scenario("digits-requests-2").so_far == scenario.so_far[:2]
    assert {InSequence.of(each).last for each in scenario.so_far} == {scenario.hash}


def test_a_scenario_with_one_request_is_the_same_as_before():
    scenario = load_scenario("digits")
    assert (scenario.hash, scenario.request, scenario.so_far, scenario.earlier) == (
        "f1ae3288bb17", 1, (scenario,), None,
    )  # fmt: skip
    assert InSequence.of(scenario) is None


@pytest.mark.parametrize("name", ["digits-requests-0", "digits-requests-4", "digits-requests-01", "digits-1"])
def test_there_is_no_scenario_after_a_request_that_nobody_makes(name):
    with pytest.raises(BadScenario, match=f"there is no scenario '{name}'"):
        load_scenario(name)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ("request = 1", "request is 1, but there are no requests; take it out, or give requests"),
        ("requests = 3\nrequest = 3", "request is 3, expected 1 to 2; leave it out for the last"),
        ("requests = 1", "requests"),
    ],
)
def test_wrong_requests_are_told(keys, sentence, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f'base = "digits"\nname = "mine"\n[protocol]\n{keys}\n')
    with pytest.raises(BadScenario, match=sentence):
        load_scenario(path)


def test_more_requests_than_there_is_to_forget_are_told(miniature):
    with pytest.raises(BadScenario, match="requests is 11, but there are 10 examples to forget"):
        load_problem(asking(miniature, 11))
    with pytest.raises(BadScenario, match="requests is 2, but there are 1 classes to forget"):
        load_problem(asking(load_scenario("digits-class"), 2))


def test_facts_say_what_is_asked_for_now(miniature):
    assert (
        "request 1 of 3: 4 examples are to be forgotten now, 0 were before"
        in problem_facts(asking(miniature, 3, 1)).sentences
    )
    last = problem_facts(asking(miniature, 3)).sentences
    assert any(
        "given the nets that the request before left, 3 examples are to be forgotten now, 7" in each for each in last
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), min_size=8, max_size=40), st.integers(2, 4), st.integers(0, 2**31))
def test_subjects_are_never_torn_apart(miniature, subjects, requests, seed):
    codes, size = torch.tensor(subjects), len(subjects)
    forgotten = torch.from_numpy(np.random.default_rng(seed).random(size) < 0.7)
    train = Split(torch.zeros(size, 1), torch.zeros(size, dtype=torch.int64), torch.arange(size), subjects=codes)
    units = codes[forgotten].unique()
    scenarios = asking(miniature, requests).so_far
    if len(units) < requests:
        with pytest.raises(BadScenario, match="subjects to forget"):
            requested_so_far(scenarios[0], train, forgotten, None)
        return
    before, sizes = torch.zeros(size, dtype=torch.bool), []
    for scenario in scenarios:
        so_far, withheld, earlier = requested_so_far(scenario, train, forgotten, None)
        assert torch.equal(before, earlier)
        now = so_far & ~before
        assert torch.equal(before, torch.zeros_like(before) if withheld is None else withheld)
        assert not set(codes[now].tolist()) & set(codes[before].tolist())
        sizes.append(len(codes[now].unique()))
        before = so_far
    assert torch.equal(before, forgotten)
    assert max(sizes) - min(sizes) <= 1


def test_what_a_forget_set_withholds_stays_withheld(miniature):
    train = load_problem(miniature).train
    forgotten = torch.arange(len(train)) < 12
    withheld = torch.arange(len(train)) < 3
    last = asking(miniature, 3)
    so_far, kept_back, earlier = requested_so_far(last, train, forgotten, withheld)
    assert torch.equal(so_far, forgotten)
    first = requested_so_far(last.so_far[0], train, forgotten, withheld)
    assert not first.earlier.any()
    assert "0 were before" in sentence_of(last.so_far[0], first)
    assert f"{int(earlier.sum())} were before" in sentence_of(last, SoFar(so_far, kept_back, earlier))
    assert (kept_back & withheld).sum() == 3
    assert not (kept_back & ~forgotten).any()


def after(request, gap, **changes):
    own = InSequence(request=request, requests=3, last="abc")
    made = with_gap(card("some", 0.1), gap)
    return made.model_copy(update={"sequence": own, "scenario_hash": f"00000000000{request}", **changes})


def test_the_course_of_an_entry_is_that_of_the_same_files_and_requests():
    cards = [after(3, 0.2), after(1, 0.6), after(2, 0.4)]
    others = [after(2, 0.9, submission="other"), after(2, 0.8, submission_hash="beef"), card("some", 0.1)]
    course = course_of(cards[0], [*others, *cards])
    assert [each.sequence.request for each in course] == [1, 2, 3]
    said = describe_course(course)
    assert said.startswith("Of the gap it closes 60 % (")
    assert said.endswith("%) after request 3.")
    position = Position(1, 3, "a", None, (), (), (), None)
    entry = summarise_entry(cards[0], position, 0.2, cards)
    assert entry["requests"] == said
    assert "N = 8, after request 3 of 3" in entry["entry"]
    assert course_of(cards[0], [cards[0], cards[1]]) == []  # the second is missing
    assert course_of(card("some", 0.1), cards) == []


def test_no_mean_goes_over_boards_of_requests():
    cards = [after(request, 0.1, scenario=f"some-{request}") for request in (1, 2, 3)]
    assert "boards by gap closed: none" in summarise(cards)


def test_values_are_tuned_for_all_requests_together(tmp_path):
    files = {tuned_file(tmp_path, each) for each in load_scenario("digits-requests").so_far}
    assert {path.name for path in files} == {"digits-requests.json"}


def test_look_alikes_are_of_what_is_asked_for_now():
    scenario = load_scenario("digits-requests")
    problem = load_problem(scenario)
    given = ACCESSES["look-alikes"](kind="look-alikes").give(problem)
    assert set(given.forget.targets.tolist()) == set(problem.given.targets.tolist())
    assert set(problem.given.targets.tolist()) < set(problem.forget.targets.tolist())
