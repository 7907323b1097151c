"""Subjects of which only some topics are forgotten, or of which submissions are given only a part."""

import pytest
import torch

from benchmark.data.forget.subjects import SubjectForget
from benchmark.data.forget_set import Models, select_from
from benchmark.data.loading import load_problem, load_training_set, problem_facts
from benchmark.errors import BadScenario
from benchmark.scenario.schema import load_scenario

SCENARIO = load_scenario("people").model_copy(
    update={"data": load_scenario("people").data.model_copy(update={"people": 20, "facts": 4, "connectivity": 1})}
)


@pytest.fixture(scope="module")
def train():
    return load_training_set(SCENARIO)


def forgetting(**section):
    return SubjectForget(kind="subject", seed=1, **section)


def mask_of(train, **section):
    return select_from(forgetting(**section), train).mask


@pytest.mark.seconds
def test_topics_are_the_attributes_and_relations(train):
    assert train.examples.topic_names == ("birthplace", "job", "employer", "instrument", "friend")
    assert torch.equal(train.topics.bincount(), torch.full((5,), 40))


def test_what_is_on_other_topics_stays(train):
    whole, private = mask_of(train, count=4), mask_of(train, count=4, topics=("job", "friend"))
    assert int(whole.sum()) == 4 * 5 * 2
    asked = torch.isin(train.topics, torch.tensor([1, 4]))
    assert torch.equal(private, whole & asked)
    of_all = select_from(SubjectForget(kind="subject", topics=("job", "friend")), train).mask
    assert torch.equal(of_all, asked)


@pytest.mark.seconds
def test_what_stays_of_a_subject_stays_in_validation_and_test(train):
    forget = forgetting(count=4, topics=("job", "friend"), elsewhere="drop")
    problem = load_problem(SCENARIO.model_copy(update={"forget": forget}))
    people = problem.forget.subjects.unique()
    for part in (problem.validation, problem.test):
        topics = train.examples.topics_of(part.ids)[torch.isin(part.subjects, people)]
        assert topics.bincount().tolist() == [4, 0, 4, 4]
        assert len(part) == 20 * 5 - 4 * 2


@pytest.mark.seconds
def test_submissions_are_given_whole_facts_of_every_subject_and_judged_on_all(train):
    scenario = SCENARIO.model_copy(update={"forget": forgetting(count=3, given=0.4, elsewhere="drop")})
    problem = load_problem(scenario)
    topics = train.examples.topics_of(problem.forget.ids)
    for subject in problem.forget.subjects.unique():
        own = problem.forget.subjects == subject
        hidden, shown = (set(topics[own & part].tolist()) for part in (problem.withheld, ~problem.withheld))
        assert (len(hidden), len(shown)) == (3, 2)
        assert not hidden & shown
    assert len(problem.given) == 3 * 2 * 2
    assert not torch.isin(problem.retain.subjects, problem.forget.subjects).any()
    assert not torch.isin(problem.test.subjects, problem.forget.subjects).any()
    assert (
        "submissions are given all but 18 of the forget examples, and judged on all" in problem_facts(scenario).remarks
    )


def test_other_sets_to_tune_on_are_of_the_same_kind(train):
    forget = forgetting(count=3, topics=("job",), given=None)
    chosen = select_from(forget, train).mask
    other = forget.others(train, chosen, 5)[0]
    assert (other.count, other.topics) == (3, ("job",))
    alone = SubjectForget(kind="subject", topics=("job",))
    assert alone.others(train, select_from(alone, train).mask, 5)[0].topics is None


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"count": 2, "topics": ("jobs",)}, r"forget\.topics has 'jobs', .*did you mean 'job'"),
        ({"count": 2, "topics": ("job",), "given": 0.5}, "one topic or example to forget, which forget.given cannot"),
    ],
)
def test_topics_that_are_none_or_cannot_be_divided_are_refused(train, section, sentence):
    with pytest.raises(BadScenario, match=sentence):
        forgetting(**section).select(train, Models(1, lambda *_: None))


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({}, "one of subjects .* or topics"),
        ({"subjects": ("ada lang",), "count": 2}, "both subjects"),
        ({"topics": ("job",), "seed": 1}, "forget.seed is for forget.count and forget.given"),
    ],
)
def test_one_way_of_choosing_is_asked_for(section, sentence):
    with pytest.raises(ValueError, match=sentence):
        SubjectForget(kind="subject", **section)
