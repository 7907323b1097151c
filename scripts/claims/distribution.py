"""In- against out-of-distribution forget sets.

"Unlearning out-of-distribution examples requires more unlearning steps but overall presents a better trade-off. For
in-distribution examples we observe a rapid decay in performance": Baluta et al. 2024 (2411.04388), by gradient ascent.
Here as many facts are forgotten either way. In distribution: all facts of an eighth of the people; about the others
there are facts of every kind. Out of distribution: one kind of fact, of everybody; its questions and answers have words
that nothing retained has.
"""

from claims.claim import Claim, Comparison, Curves, compare_paths
from claims.settings import Setting, Size, scenario_of_people, setting_of

IN, OUT = "in distribution", "out of distribution"
FACTS = 8
METHODS = {
    "gradient ascent": ("gradient_ascent", {"learning_rate": 2e-2}),
    "GradDiff": ("grad_diff", {"learning_rate": 1e-3}),
}


def settings(size: Size) -> list[Setting]:
    scenarios = {
        IN: scenario_of_people(size, FACTS, count=size.people // FACTS, seed=0),
        OUT: scenario_of_people(size, FACTS, topics=("instrument",)),
    }
    return [
        setting_of(group, method, scenario, size, submission, values)
        for group, scenario in scenarios.items()
        for method, (submission, values) in METHODS.items()
    ]


def compare(curves: Curves) -> list[Comparison]:
    found = []
    for method in METHODS:
        out, within = curves[OUT, method], curves[IN, method]
        found += compare_paths(method, "out less in", out, within, cost=-1)
    return found


CLAIM = Claim("forget sets in and out of distribution", "Baluta et al. 2024 (2411.04388)", settings, compare)
