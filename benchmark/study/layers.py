"""Linear probes on every hidden layer: where in a net what it was told to forget can still be read."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from benchmark.data import Problem, load_problem
from benchmark.metrics.leak_score import gap_closed
from benchmark.metrics.samples import Floats
from benchmark.models.build import skeleton
from benchmark.models.inside import State, hidden_layers, layer_inputs
from benchmark.references.pool import Pool
from benchmark.results.values import Estimate
from benchmark.scenario.schema import Scenario
from benchmark.seeds import derive_seed
from benchmark.session import Session
from benchmark.split import Split
from benchmark.storage.workspace import write_atomically
from benchmark.study.nets import retrained_nets, submission_to_study, unlearned_nets
from benchmark.study.plots import draw_layers
from benchmark.training.heads import apply_heads, fit_heads

EXAMPLES = 500
"""Retained examples that a probe is fitted on."""
_SIDE = 4  # of a feature map, to which larger ones are averaged
_SMALLEST = 1e-6  # spread of a feature; one that is constant says nothing

States = Sequence[State]


def study_layers(session: Session, scenario: Scenario, names: Sequence[str], models: int) -> pd.DataFrame:
    """Run entries so many times, and return the gap that each closes by a linear probe on every hidden layer.

    A probe is fitted on hidden features of retained examples and read on those of the forget examples; φ of what it
    answers is compared as φ of the net's own answers is. Unlearned, retrained and original nets are probed alike.
    Columns: submission, layer (what enters it is probed), models, gap_closed, low, high, reason (why there is none);
    also in the results' `studies/` as a CSV and a plot. Raises BenchError where an entry is not for the scenario, or a
    run fails.
    """
    torch.set_num_threads(session.jobs)
    pool = Pool(session, scenario.with_models(models))
    pool.prepare(("original",))
    submissions = {name: submission_to_study(session, scenario, name) for name in names}
    problem = load_problem(scenario)
    originals = [pool.original(index) for index in range(models)]
    retrained = retrained_nets(pool, problem, models)
    layers = hidden_layers(_net(scenario, problem), originals[0], problem.forget)
    shown = _draw_shown(problem, derive_seed(pool.hidden_seed, "layers"))
    probed = {
        what: {layer: probe(scenario, problem, states, layer, shown) for layer in layers}
        for what, states in (("retrained", retrained), ("original", originals))
    }
    rows = []
    for name, submission in submissions.items():
        nets = unlearned_nets(session, pool, submission, range(models))
        for done, layer in enumerate(layers, 1):
            phi = probe(scenario, problem, nets, layer, shown)
            closed = _close(phi, probed["retrained"][layer], probed["original"][layer])
            rows.append({"submission": name, "layer": layer, "models": models, **closed})
            session.progress(f"probing {name}", done, len(layers))
    table = pd.DataFrame(rows, columns=["submission", "layer", "models", "gap_closed", "low", "high", "reason"])
    path = session.workspace.results / "studies" / f"layers-{scenario.label}.csv"
    write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
    write_atomically(path.with_suffix(".png"), draw_layers(table, f"{scenario.name}, {models} nets of each"))
    return table


def probe(scenario: Scenario, problem: Problem, states: States, layer: str, shown: Split) -> Floats:
    """Return φ of the forget examples `[nets, examples]` by a head for each net on what enters a layer.

    It is fitted on the examples `shown`. Features have mean 0 and spread 1 over these, for every net by itself; feature
    maps are averaged to at most 4 × 4.
    """
    net, forget = _net(scenario, problem), problem.forget
    fitted, asked = (torch.stack([_flat(net, state, split, layer) for state in states]) for split in (shown, forget))
    flat = fitted.flatten(1, -2)
    mean, spread = flat.mean(1), flat.std(1).clamp_min(_SMALLEST)
    shape = (len(states), *[1] * (fitted.ndim - 2), -1)
    fitted, asked = ((each - mean.view(shape)) / spread.view(shape) for each in (fitted, asked))
    heads = fit_heads(fitted, shown.targets, problem.loss, problem.outputs)
    outputs = problem.task.readout(apply_heads(asked, *heads), forget.targets)
    return np.asarray(problem.task.signal(outputs.cpu().numpy(), forget.targets.cpu().numpy()), dtype=np.float64)


def _flat(net: nn.Module, state: State, split: Split, layer: str) -> Tensor:
    """Return what enters a layer, `[examples, features]`, or `[examples, context, features]` of sequences."""
    features = layer_inputs(net, state, split, layer)
    if features.ndim == 4:
        height, width = (min(side, _SIDE) for side in features.shape[-2:])
        return nn.functional.adaptive_avg_pool2d(features, (height, width)).flatten(1)
    return features


def _draw_shown(problem: Problem, seed: int) -> Split:
    """Return the retained examples that probes are fitted on."""
    rows = np.random.default_rng(seed).permutation(len(problem.retain))[:EXAMPLES]
    return problem.retain.at(torch.from_numpy(rows))


def _net(scenario: Scenario, problem: Problem) -> nn.Module:
    return skeleton(scenario.architecture, problem.input_shape, problem.outputs).eval()


def _close(unlearned: Floats, retrained: Floats, original: Floats) -> Mapping[str, float | str]:
    """Return the gap closed by what probes answer, or why there is none."""
    try:
        found: Estimate = gap_closed(unlearned, retrained, original)
    except ValueError as error:
        return {"gap_closed": np.nan, "low": np.nan, "high": np.nan, "reason": str(error)}
    return {"gap_closed": found.value, "low": found.low, "high": found.high, "reason": ""}
