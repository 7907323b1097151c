"""The steps that treatments train on forget examples: chosen for a scenario, by its own populations."""

import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data import Problem, load_problem
from benchmark.errors import BadUsage
from benchmark.evidence import stack
from benchmark.metrics.leak import leak
from benchmark.metrics.leak_score import gap_closed
from benchmark.references.pool import Pool
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.storage.workspace import Arrays, write_atomically
from benchmark.study.nets import retrained_nets
from benchmark.treated import treated_evidence_of
from benchmark.treatments.kinds.relearning import relearned_forget
from benchmark.treatments.treatment import Treatment, leave

STEPS = (1, 2, 5, 10, 20, 50, 100)
LEFT = 0.5
"""The share of the leak between originals and retrained models that has to be left, or there is little to measure."""
USEFUL = 0.95
"""The share of their test utility that retrained models have to keep."""

_UNTREATED = Treatment("untreated", leave, "nothing", "Nothing is done.")


def study_relearning(session: Session, scenario: Scenario, models: int) -> pd.DataFrame:
    """Return how far apart so many originals and retrained models are after each number of steps of relearning.

    The treatment is `relearned_forget`. Columns: steps (0: untreated), models, leak (of originals against retrained
    models, by φ, the mean over the forget set), left (the share of that without a step), utility (of retrained models
    on test), kept (the share of that without a step), suits (whether at least LEFT and USEFUL remain); also in the
    results' `studies/` as a CSV. Raises BenchError, also where originals leak nothing, or fewer of them are trained.
    """
    if scenario.protocol.originals and models > scenario.protocol.originals:
        raise BadUsage(f"--relearning is {models}, and there are {scenario.protocol.originals} originals; give fewer")
    torch.set_num_threads(session.jobs)
    pool = Pool(session, scenario.with_models(models))
    pool.prepare(("original",))
    problem = load_problem(scenario)
    nets = {
        "original": stack([pool.original(index) for index in range(models)]),
        "retrained": stack(retrained_nets(pool, problem, models)),
    }
    rows: list[dict] = []
    for steps in (0, *STEPS):
        found = {role: _treat(scenario, problem, state, steps, pool.hidden_seed) for role, state in nets.items()}
        if not steps:
            _check_gap(*(found[role]["phi/forget"] for role in ("original", "retrained")))
        apart = float(leak(*(found[role]["phi/forget"] for role in ("original", "retrained"))).mean())
        utility = float(found["retrained"]["utility/test"].mean())
        rows.append({"steps": steps, "models": models, "leak": apart, "utility": utility})
        session.progress("relearning", len(rows), len(STEPS) + 1)
    table = add_shares(pd.DataFrame(rows))
    path = session.workspace.results / "studies" / f"relearning-{scenario.label}-{models}.csv"
    write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
    return table


def _check_gap(original: NDArray, retrained: NDArray) -> None:
    """Raise BadUsage where originals do not leak significantly: nothing can be left of it."""
    try:
        gap_closed(original, retrained, original)
    except ValueError:
        raise BadUsage(
            "untreated originals are not significantly apart from retrained models, expected a leak; give more models, "
            "or another scenario"
        ) from None


def add_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, of which the first is untreated, with what is left and kept of it and whether that suits."""
    left, kept = (rows[name] / rows[name].iloc[0] for name in ("leak", "utility"))
    table = rows.assign(left=left, kept=kept, suits=(left >= LEFT) & (kept >= USEFUL))
    return pd.DataFrame(table, columns=["steps", "models", "leak", "left", "utility", "kept", "suits"])


def chosen_steps(rows: pd.DataFrame) -> int | None:
    """Return the most steps up to which every number suits; None where one already does not."""
    good = []
    for steps, suits in zip(rows["steps"], rows["suits"], strict=True):
        if not suits:
            break
        good.append(int(steps))
    return good[-1] if len(good) > 1 else None


def _treat(scenario: Scenario, problem: Problem, state: dict[str, Tensor], steps: int, seed: int) -> Arrays:
    """Return φ of the forget set and test utility of nets after so many steps."""
    if steps:
        protocol = scenario.protocol.model_copy(update={"relearning_steps": steps})
        scenario = scenario.model_copy(update={"protocol": protocol})
    treated = relearned_forget if steps else _UNTREATED
    models = range(len(next(iter(state.values()))))
    found = treated_evidence_of(scenario, problem, state, models, seed, {treated.name: treated})
    return {name: found[f"{treated.name}/{name}"] for name in ("phi/forget", "utility/test")}
