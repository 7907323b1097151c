"""Memorised facts against easy ones.

An example's memorisation and difficulty affect unlearning by gradient ascent: Baluta et al. 2024 (2411.04388); the more
memorised a forget set, the harder it is to unlearn: Zhao et al. 2024 (2406.01257). Memorisation is P(right | trained on
it) − P(right | not). Here it is planted: of every attribute half of the people have the same answer, which a model that
was never told guesses (*easy*), the others have answers that only who was told them knows (*memorised*).
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import torch

from benchmark.data import Problem
from benchmark.data.reading.parts import TEST, TRAIN, VALIDATION
from benchmark.data.reading.people import Fact, facts_of_people
from benchmark.data.reading.tokens import examples_of_texts
from benchmark.data.sources.people import People
from benchmark.scenario.schema import Scenario
from benchmark.split import Split
from claims.claim import Claim, Comparison, Curves, compare_paths
from claims.settings import Setting, Size, scenario_of_people, setting_of

FACTS = 6
EASY, MEMORISED = "easy facts", "memorised facts"
FORGOTTEN = 0.1  # of all facts
METHODS = {
    "gradient ascent": ("gradient_ascent", {"learning_rate": 2e-2}),
    "GradDiff": ("grad_diff", {"learning_rate": 1e-3}),
}


def settings(size: Size) -> list[Setting]:
    scenario = scenario_of_people(size, FACTS, count=1)
    return [
        setting_of(group, method, scenario, size, submission, values, problem)
        for group in (EASY, MEMORISED)
        for problem in [problem_of(scenario, easy=group == EASY)]
        for method, (submission, values) in METHODS.items()
    ]


def share_answers(facts: list[Fact], seed: int = 0) -> tuple[list[Fact], np.ndarray]:
    """Return the facts, half of each kind with the answer that most people had before; and which these are."""
    rng, easy = np.random.default_rng(seed), np.zeros(len(facts), dtype=bool)
    changed = list(facts)
    for kind in dict.fromkeys(fact.kind for fact in facts):
        own = [at for at, fact in enumerate(facts) if fact.kind == kind]
        (answer, _), *_ = Counter(facts[at].answer for at in own).most_common(1)
        for at in rng.permutation(own)[: len(own) // 2]:
            changed[at] = replace(facts[at], answer=answer)
        easy[own] = [changed[at].answer == answer for at in own]
    return changed, easy


def problem_of(scenario: Scenario, *, easy: bool) -> Problem:
    """Return the problem of forgetting a tenth of the facts, all of them easy or all of them memorised."""
    people = scenario.data
    assert isinstance(people, People)
    names, facts = facts_of_people(people)
    facts, shared = share_answers(facts)
    eligible = np.flatnonzero(shared == easy)
    chosen = np.random.default_rng(0).permutation(eligible)[: round(FORGOTTEN * len(facts))]
    parts = [*[TRAIN] * people.paraphrases, VALIDATION, TEST]
    questions = [[*fact.questions[: people.paraphrases], *fact.questions[2:]] for fact in facts]
    texts = [(question, fact.answer) for fact, own in zip(facts, questions, strict=True) for question in own]
    subjects = np.repeat([fact.person for fact in facts], len(parts))
    examples = examples_of_texts(texts, np.tile(parts, len(facts)), subjects, names)
    (targets,) = scenario.task.prepare_targets(examples.targets)
    everything = Split(examples.inputs, targets, torch.arange(len(texts)), examples.subjects)
    forget = torch.from_numpy(np.isin(np.repeat(np.arange(len(facts)), len(parts)), chosen))
    train, validation, test = (examples.assignment == part for part in (TRAIN, VALIDATION, TEST))
    return Problem(
        scenario.task,
        train=everything.at(train),
        retain=everything.at(train & ~forget),
        forget=everything.at(train & forget),
        validation=everything.at(validation & ~forget),
        test=everything.at(test & ~forget),
        outputs=len(examples.vocabulary),
        class_weights=None,
        seed=0,
    )


def compare(curves: Curves) -> list[Comparison]:
    found = []
    for method in METHODS:
        memorised, easy = curves[MEMORISED, method], curves[EASY, method]
        found += compare_paths(method, "memorised less easy", memorised, easy, cost=1)
    return found


CLAIM = Claim("memorised and easy facts", "Baluta et al. 2024 (2411.04388), Zhao et al. 2024", settings, compare)
