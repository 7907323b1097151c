"""Linear probes on hidden layers, against a probe at a time by plain torch."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmark.data import load_problem
from benchmark.metrics import logit_scaled_confidence
from benchmark.models.build import seeded_model, state_of
from benchmark.study.layers import _close as close
from benchmark.study.layers import probe
from benchmark.study.plots import draw_layers
from benchmark.training.heads import apply_heads, fit_heads


def test_a_probe_is_what_plain_torch_fits_to_each_net(miniature):
    problem = load_problem(miniature)
    nets = [seeded_model(miniature.architecture, problem.input_shape, problem.outputs, seed).eval() for seed in (1, 2)]
    shown = problem.retain.at(torch.arange(40))
    (layer,) = [name for name, module in nets[0].named_modules() if isinstance(module, nn.Linear)][1:]
    found = probe(miniature, problem, [state_of(net) for net in nets], layer, shown)
    for row, net in enumerate(nets):
        below = net[: int(layer)]
        with torch.no_grad():
            features, asked = (below(split.normalised(split.inputs)) for split in (shown, problem.forget))
        mean, spread = features.mean(0), features.std(0).clamp_min(1e-6)
        head = nn.Linear(features.shape[1], problem.outputs)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
        for _ in range(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(head((features - mean) / spread), shown.targets).backward()
            optimizer.step()
        with torch.no_grad():
            logits = head((asked - mean) / spread).double().numpy()
        expected = logit_scaled_confidence(logits, problem.forget.targets.numpy())
        np.testing.assert_allclose(found[row], expected, rtol=0.03, atol=0.02)  # Adam makes much of rounding errors


def test_heads_of_several_nets_are_fitted_as_each_by_itself():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 20, 4, 6, generator=generator, dtype=torch.float64)  # such as of sequences
    targets = torch.randint(0, 5, (20, 4), generator=generator)

    def loss(outputs, targets):
        return nn.functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())

    torch.set_default_dtype(torch.float64)
    try:
        together = fit_heads(features, targets, loss, 5)
        alone = [fit_heads(features[row : row + 1], targets, loss, 5) for row in range(3)]
    finally:
        torch.set_default_dtype(torch.float32)
    for place in (0, 1):
        np.testing.assert_allclose(together[place], torch.cat([each[place] for each in alone]), atol=1e-12)
    outputs = apply_heads(features, *together)
    weights, biases = together
    np.testing.assert_allclose(outputs[1, 2, 3], features[1, 2, 3] @ weights[1] + biases[1, 0], atol=1e-12)


def test_probes_that_answer_as_originals_close_nothing_and_as_retrained_everything():
    rng = np.random.default_rng(0)
    original, retrained, again = (rng.normal(mean, 1, (64, 12)) for mean in (2, 0, 0))
    assert close(original, retrained, original)["gap_closed"] == pytest.approx(0, abs=1e-9)
    all_of_it = close(again, retrained, original)
    assert all_of_it["low"] <= 1 <= all_of_it["high"]
    assert all_of_it["low"] > 0.5
    none = close(original, retrained, again)
    assert np.isnan(none["gap_closed"])
    assert "no gap to close" in none["reason"]


@pytest.mark.long
def test_the_command_says_what_layers_still_tell(bench, workspace):
    done = bench("study", "identity", "retrain", "--layers", "8", "--json")
    assert done.returncode == 0, done.stderr
    rows = {row["submission"]: row for row in json.loads(done.stdout)}
    assert (rows["identity"]["layer"], rows["identity"]["models"]) == (rows["retrain"]["layer"], 8)
    assert "no gap to close" in rows["identity"]["reason"]  # of ten examples, by eight small nets
    assert rows["identity"]["gap_closed"] is None
    (written,) = workspace.results.glob("studies/layers-miniature-*.csv")
    assert list(pd.read_csv(written).submission) == ["identity", "retrain"]
    assert written.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.seconds
def test_the_plot_leaves_out_what_has_no_gap():
    rows = pd.DataFrame(
        [
            {"submission": name, "layer": layer, "gap_closed": value, "low": value - 0.1, "high": value + 0.1}
            for name, layer, value in (("one", "a", 0.5), ("one", "b", np.nan), ("other", "a", np.nan))
        ]
    )
    assert draw_layers(rows, "a title").startswith(b"\x89PNG")
