"""The studies of papers' claims from populations to tables, as small as they go."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import torch
from claims import connectivity, distribution, memorised, preference, sequence
from claims.curves import Curve
from claims.paths import look, paths, unlearn, walk
from claims.plot import PANELS, draw_curves
from claims.populations import compute_missing, read_states, trainings
from claims.settings import Setting, Size, scenario_of_people

from benchmark.evidence import stack
from benchmark.models.build import seeded_model, state_of
from benchmark.results.values import Estimate

SIZE = Size(people=24, models=4, epochs=1, width=8, steps=(0, 1, 2), passes=(0, 1))


@pytest.mark.parametrize("module", [memorised, sequence, distribution, connectivity, preference])
def test_a_study_looks_along_the_paths_that_it_compares(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = module.settings(SIZE)
    curves = {(own.group, own.method): curve_of(own) for own in settings}
    assert len(curves) == len(settings)
    comparisons = module.compare(curves)
    assert len({each.text for each in comparisons}) == len(comparisons) >= 4
    assert all(each.expected in (-1, 1) and each.verdict == "undecided" for each in comparisons)
    one = settings[-1]
    pieces = [*trainings(tmp_path, one, one.problem.train, 4), *paths(tmp_path, one, 4)]
    assert compute_missing(pieces, 1) == 2
    assert compute_missing(pieces, 1) == 0
    assert len(read_states(pieces[:1])["tokens.weight"]) == 4
    looks = pieces[1].read()
    assert looks["phi"].shape == (len(one.points), 4, len(one.problem.forget))
    assert (looks["phi"][0] != looks["phi"][-1]).all()
    assert {name.removeprefix("utility/") for name in looks if name != "phi"} == set(one.probes)


def curve_of(setting):
    """Stand in for a curve whose runs are alike in every setting."""
    runs = dict.fromkeys(("steps", "test_lost", "collapse"), np.ones(4))
    return Curve(setting, None, runs, Estimate(value=0.5, low=0.4, high=0.6), "same")


@pytest.fixture(scope="module")
def setting():
    """GradDiff on a problem whose forget set is one batch, so that a pass over it is a step."""
    scenario = scenario_of_people(SIZE._replace(people=8), memorised.FACTS, count=1)
    problem = memorised.problem_of(scenario, easy=True)
    return Setting("easy", "GradDiff", scenario, problem, "grad_diff", {"learning_rate": 1e-3}, (0, 1, 3))


def net_of(setting, seed=0):
    problem = setting.problem
    return seeded_model(setting.scenario.architecture, problem.input_shape, problem.outputs, seed)


def on(setting, **changes):
    return Setting(**{**vars(setting), **changes})


def distance(one, other):
    return max((one[name] - other[name]).abs().max().item() for name in one)


def test_a_path_goes_through_what_shorter_runs_return(setting):
    begun, states = state_of(net_of(setting)), list(walk(setting, net_of(setting), 7))
    assert distance(states[0], begun) == 0
    for point, state in zip(setting.points[1:], states[1:], strict=True):
        net = net_of(setting)
        unlearn(setting, net, setting.problem.forget, 7, epochs=point)
        assert distance(state, state_of(net)) == 0
    assert distance(states[1], states[2]) > 0


def test_a_submission_that_ends_before_the_last_point_is_told(setting, monkeypatch):
    monkeypatch.setattr("claims.paths.ENDLESS", 1)
    with pytest.raises(AssertionError, match="grad_diff ended after 1 steps, and the last point is 3"):
        list(walk(setting, net_of(setting), 0))


def test_one_chunk_is_the_plain_run_and_none_is_left_out(setting):
    setting = on(setting, points=(0, 1))
    plain = list(walk(on(setting, points=(0, 1), chunks=1), net_of(setting), 3))
    divided = list(walk(on(setting, chunks=2), net_of(setting), 3))
    assert distance(plain[0], divided[0]) == 0
    assert distance(plain[1], divided[1]) > 0


def test_the_first_step_of_npo_in_the_limit_is_gradient_ascent(setting):
    """Check the limit β → 0 of Zhang et al. 2024: a step is the rate times the gradient of −log p, the batch's mean."""
    values = {"beta": preference.LIMIT, "retain_weight": 0.0, "weight_decay": 0.0, "learning_rate": 0.1}
    net = net_of(setting)
    before, after = walk(on(setting, submission="npo", values=values, points=(0, 1)), net_of(setting), 0)
    forget = setting.problem.forget
    outputs = net(forget.inputs).movedim(-1, 1)
    losses = torch.nn.functional.cross_entropy(outputs, forget.targets, reduction="none").sum(dim=1)
    gradients = torch.autograd.grad(losses.mean(), list(net.parameters()))
    for (name, _), gradient in zip(net.named_parameters(), gradients, strict=True):
        torch.testing.assert_close(after[name] - before[name], 0.1 * gradient, atol=1e-6, rtol=1e-3)


def test_looking_is_the_tasks_own_utility_and_signal(setting):
    nets = [net_of(setting, seed) for seed in (1, 2)]
    found = look(setting, stack([state_of(net) for net in nets]))
    task, split = setting.problem.task, setting.probes["test"]
    for at, net in enumerate(nets):
        with torch.no_grad():
            outputs = task.readout(net.eval()(split.inputs)[None], split.targets).numpy()
        assert found["utility/test"][at] == pytest.approx(task.utility(outputs, split.targets.numpy())[0])
    assert found["phi"].shape == (2, len(setting.problem.forget))


@pytest.mark.parametrize("groups", [2, 4])
def test_the_plot_has_a_line_per_setting(setting, groups, tmp_path):
    path = pd.DataFrame({"point": [0, 1, 3]})
    for quantity in PANELS:
        path = path.assign(**{quantity: 0.5, f"{quantity}_low": 0.4, f"{quantity}_high": 0.6})
    curves = [curve_of(on(setting, group=f"group {at}"))._replace(path=path) for at in range(groups)]
    drawn = []
    with patch("claims.plot.save_plot", lambda canvas, path: drawn.append(canvas)):
        draw_curves(curves, "facts", "steps", tmp_path / "claim.png")
    panels = drawn[0].get_axes()
    assert len(panels) == 3 * (1 if groups == 2 else groups)
    assert sum(len(panel.get_lines()) for panel in panels) == 3 * groups
    drawn[0].draw_without_rendering()
    assert len(drawn[0].legends[0].get_texts()) == (2 if groups == 2 else 1)
