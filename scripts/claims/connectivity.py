"""Highly connected against sparse facts.

"Unlearning is harder for data with higher inter-connectivity": PISTOL, Qiu et al. 2024 (2406.16810). Here everybody has
six facts, of which none, two or four are relations, so that people who stay name those to forget. `linked` are
retained questions whose answer is somebody to forget.
"""

import torch

from benchmark.data import load_problem
from benchmark.data.reading.people import facts_of_people
from benchmark.data.sources.people import People
from benchmark.scenario.schema import Scenario
from benchmark.split import Split
from claims.claim import Claim, Comparison, Curves, compare_paths
from claims.settings import Setting, Size, scenario_of_people

FACTS = 6
RELATIONS = (0, 2, 4)
METHODS = {
    "GradDiff": ("grad_diff", {"learning_rate": 1e-3}),
    "SimNPO": ("simnpo", {"learning_rate": 3e-2, "weight_decay": 0.0}),
}


def settings(size: Size) -> list[Setting]:
    found = []
    for relations in RELATIONS:
        scenario = scenario_of_people(
            size, FACTS - relations, connectivity=relations or None, count=size.people // 8, seed=0
        )
        problem = load_problem(scenario)
        asked = {"linked": linked(scenario)} if relations else {}
        found += [
            Setting(group_of(relations), method, scenario, problem, submission, values, size.steps, asked=asked)
            for method, (submission, values) in METHODS.items()
        ]
    return found


def group_of(relations: int) -> str:
    return f"{relations} of {FACTS} are relations"


def linked(scenario: Scenario) -> Split:
    """Return the retained test questions whose answer is a person to forget."""
    problem = load_problem(scenario)
    assert isinstance(scenario.data, People)
    names, facts = facts_of_people(scenario.data)
    assert problem.forget.subjects is not None
    forgotten = {names[at] for at in problem.forget.subjects.unique().tolist()}
    wordings = scenario.data.paraphrases + 2
    rows = [facts[row // wordings].answer in forgotten for row in problem.test.ids.tolist()]
    return problem.test.at(torch.tensor(rows))


def compare(curves: Curves) -> list[Comparison]:
    found = []
    for method in METHODS:
        most, none = (curves[group_of(relations), method] for relations in (RELATIONS[-1], RELATIONS[0]))
        found += compare_paths(method, "four relations less none", most, none, cost=1)
    return found


CLAIM = Claim("facts with and without relations", "Qiu et al. 2024 (2406.16810)", settings, compare)
