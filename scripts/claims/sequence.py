"""People forgotten one group after the other against all at once.

"Sequential unlearning is better than trying to unlearn all the data at once": Knowledge Unlearning, Jang et al. 2023
(2210.01504), by gradient ascent. Here a quarter of the people is to be forgotten, at once or in four groups one after
the other, each with as many passes. A point is a whole run of so many passes.
"""

from dataclasses import replace

from claims.claim import Claim, Comparison, Curves
from claims.curves import difference, difference_of_best
from claims.settings import Setting, Size, scenario_of_people, setting_of

FACTS = 6
GROUPS = 4
ONCE, SEQUENCE = "all at once", f"in {GROUPS} groups"
METHODS = {
    "gradient ascent": ("gradient_ascent", {"learning_rate": 2e-2}),
    "GradDiff": ("grad_diff", {"learning_rate": 1e-3}),
}


def settings(size: Size) -> list[Setting]:
    scenario = scenario_of_people(size, FACTS, count=size.people // 4, seed=0)
    found = []
    for method, (submission, values) in METHODS.items():
        setting = setting_of(ONCE, method, scenario, size, submission, values)
        for group, chunks in ((ONCE, 1), (SEQUENCE, GROUPS)):
            found.append(replace(setting, group=group, chunks=chunks, points=size.passes))
    return found


def compare(curves: Curves) -> list[Comparison]:
    found = []
    for method in METHODS:
        sequence, once = curves[SEQUENCE, method], curves[ONCE, method]
        lost = difference(sequence, once, "test_lost")
        found += [
            Comparison(f"{method}: test answers lost when forgotten, in groups less at once", lost, -1, "points"),
            Comparison(f"{method}: best gap closed", difference_of_best(sequence, once), 1, "points"),
        ]
    return found


CLAIM = Claim(
    "people forgotten in groups and at once", "Jang et al. 2023 (2210.01504)", settings, compare, abscissa="passes"
)
