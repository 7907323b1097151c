"""NPO and SimNPO against gradient ascent.

NPO's progression toward catastrophic collapse is exponentially slower than that of gradient ascent, and with a retain
term it is the first to forget half of TOFU reasonably: Zhang et al. 2024 (2404.05868). SimNPO does without the
reference and does better: Fan et al. 2024 (2410.07163).

Gradient ascent is NPO in the limit β → 0, so all run as the submission `npo`, with another β, from the same originals,
at one rate: their first steps are the same. `simnpo` is averaged over tokens, which NPO sums over; its rate is
larger by the tokens of an answer, so that its first step is as long. *Collapse*: half of the answers on test are lost.
"""

from benchmark.tasks.language import answer_mask
from claims.claim import Claim, Comparison, Curves
from claims.curves import difference, difference_of_best
from claims.settings import Setting, Size, scenario_of_people, setting_of

FACTS = 6
SHARES = (5, 10, 50)  # percent of the people
RATE = 5e-3
LIMIT = 1e-3  # a β at which NPO's weights stay equal: log-ratios are far smaller than 1 / β
ASCENT, NPO, SIMNPO = "gradient ascent", "NPO", "SimNPO"
BETAS = {ASCENT: LIMIT, NPO: 0.1}
ALONE = "10 %, nothing holds the rest"


def group_of(share: int) -> str:
    return f"{share} % of the people"


def settings(size: Size) -> list[Setting]:
    found = []
    for group, share, retain_weight in [(ALONE, 10, 0.0), *((group_of(share), share, 1.0) for share in SHARES)]:
        scenario = scenario_of_people(size, FACTS, count=max(1, round(size.people * share / 100)), seed=0)
        common = {"retain_weight": retain_weight, "weight_decay": 0.0}
        for method, beta in BETAS.items():
            values = {**common, "learning_rate": RATE, "beta": beta}
            found.append(setting_of(group, method, scenario, size, "npo", values))
        tokens = float(answer_mask(found[-1].problem.forget.targets).sum(dim=1).float().mean())
        rate = round(RATE * tokens, 6)
        values = {**common, "learning_rate": rate}
        found.append(setting_of(group, SIMNPO, scenario, size, "simnpo", values))
    return found


def compare(curves: Curves) -> list[Comparison]:
    found = []
    for method in (NPO, SIMNPO):
        collapse = difference(curves[ALONE, method], curves[ALONE, ASCENT], "collapse")
        found.append(Comparison(f"{method}: steps to collapse, more than ascent", collapse, 1, "steps"))
        for share in SHARES:
            one, ascent = curves[group_of(share), method], curves[group_of(share), ASCENT]
            lost, best = difference(one, ascent, "test_lost"), difference_of_best(one, ascent)
            found.append(Comparison(f"{method} at {share} %: test answers lost when forgotten", lost, -1, "points"))
            found.append(Comparison(f"{method} at {share} %: best gap closed", best, 1, "points"))
    return found


CLAIM = Claim("NPO, SimNPO and gradient ascent", "Zhang et al. 2024 (2404.05868), Fan et al. 2024", settings, compare)
