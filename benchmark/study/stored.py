"""The study of a scenario: every variant of the scorer on the evidence that its entries left on the disk."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmark.data import load_problem
from benchmark.engine import Progress
from benchmark.errors import BadScenario, BadUsage, BenchError, MissingRecord
from benchmark.metrics import Population
from benchmark.metrics.evidence_pair import model_evidence
from benchmark.metrics.samples import Floats
from benchmark.references.pool import Pool
from benchmark.runs.runs import Runs
from benchmark.scenario.schema import Scenario, options
from benchmark.storage.workspace import Arrays, Workspace, write_atomically
from benchmark.study.plots import draw_study
from benchmark.study.variants import evaluate_variants
from benchmark.submissions.source import find_submission


def study(
    scenario: Scenario,
    workspace: Workspace,
    names: list[str],
    progress: Progress,
    warn: Callable[[str], None],
) -> pd.DataFrame:
    """Return the variants on the stored evidence of `names`; also in the results' `studies/` as a CSV and a plot.

    The row with one original is there when evidence of all entries is stored for the same scenario with
    `originals = 1`; otherwise `warn` says what to run, as it names entries whose failed runs were allowed, which are
    left out. Raises BenchError, naming the command that helps, when an entry's evidence or the pool's is not complete,
    and when there are fewer than two entries.
    """
    entries = {name: _entry(scenario, name, workspace) for name in names}
    for name in [name for name, entry in entries.items() if len(entry.confidences) < scenario.protocol.models]:
        runs = len(entries.pop(name).confidences)
        warn(f"{name} is left out: it has {runs} of {scenario.protocol.models} runs, and a study needs all of them")
    if len(entries) < 2:
        raise BadUsage(f"a study ranks entries, so it needs two or more; got {', '.join(entries) or 'none'}")
    retrained, calibration = _references(scenario, workspace)
    utilities = {name: _utility(entry, retrained) for name, entry in entries.items()}
    if without := [name for name, utility in utilities.items() if not np.isfinite(utility)]:
        raise BadScenario(
            f"a study ranks scores, and on {scenario.label} there is no ratio of accuracies for {', '.join(without)}: "
            "a retrained accuracy is 0, or one was not measured; study a scenario whose retrained models have learned"
        )
    rows = evaluate_variants(
        populations={name: entry.confidences for name, entry in entries.items()},
        retrained=retrained.confidences,
        calibration=calibration.confidences,
        utilities=utilities,
        delta=scenario.protocol.delta,
        originals=scenario.originals,
        one_original=_one_original(scenario, list(entries), workspace, warn),
        progress=progress,
    )
    path = workspace.results / "studies" / f"{scenario.label}.csv"
    write_atomically(path, rows.to_csv(index=False, float_format="%.6g").encode())
    write_atomically(path.with_suffix(".png"), draw_study(rows, f"{scenario.name}, {len(entries)} entries"))
    return rows


def _utility(unlearned: Population, retrained: Population) -> float:
    """Return (RA_U / RA_R)·(TA_U / TA_R) of all models, nan where a ratio does not exist."""
    if 0 in (retrained.retain_accuracy.mean(), retrained.test_accuracy.mean()):
        return float("nan")
    retain = unlearned.retain_accuracy.mean() / retrained.retain_accuracy.mean()
    return float(retain * unlearned.test_accuracy.mean() / retrained.test_accuracy.mean())


def _entry(scenario: Scenario, name: str, workspace: Workspace) -> Population:
    submission = find_submission(name, workspace, scenario)
    pool = Pool(scenario, workspace)
    try:
        evidence = Runs(scenario, submission, pool, workspace).evidence()
    except BenchError:
        raise MissingRecord(
            f"there is no complete evidence of {name} on {scenario.label}; "
            f"type `bench run --submission {name} {options(scenario.name, scenario.protocol.models)}`"
        ) from None
    retrained, _ = _reference_evidence(pool)
    return model_evidence(evidence, retrained, load_problem(scenario).targets).population


def _references(scenario: Scenario, workspace: Workspace) -> tuple[Population, Population]:
    """Return the retrained and the calibration models."""
    retrained, calibration = _reference_evidence(Pool(scenario, workspace))
    targets = load_problem(scenario).targets
    reference = model_evidence(retrained, retrained, targets)
    return reference.population, model_evidence(calibration, retrained, targets).population


def _reference_evidence(pool: Pool) -> tuple[Arrays, Arrays]:
    """Return the evidence of the retrained and of the calibration models. Raises BenchError when some is missing."""
    scenario = pool.scenario
    try:
        return pool.evidence("retrained"), pool.evidence("calibration")
    except BenchError:
        command = f"bench prepare {options(scenario.name, scenario.protocol.models)}"
        raise MissingRecord(f"the pool {pool.store.folder} is not complete; type `{command}`") from None


def _one_original(
    scenario: Scenario, names: list[str], workspace: Workspace, warn: Callable[[str], None]
) -> dict[str, Floats] | None:
    """φ of the entries on the same scenario with one original, under whatever name; None where some is missing."""
    if scenario.originals == 1:
        return None
    protocol = scenario.protocol.model_copy(update={"originals": 1})
    single = scenario.model_copy(update={"protocol": protocol})
    for folder in (workspace.evidence).glob(f"*-{single.hash}"):
        named = single.model_copy(update={"name": folder.name.removesuffix(f"-{single.hash}")})
        try:
            found = {name: _entry(named, name, workspace).confidences for name in names}
        except BenchError:
            continue
        if all(len(confidences) == scenario.protocol.models for confidences in found.values()):
            return found
    warn(
        f"one original against {scenario.originals} is left out: copy the scenario's file, keep its name, add "
        f"`originals = 1` to [protocol], and type `bench run --submission NAME --scenario COPY.toml "
        f"--models {scenario.protocol.models}` for {', '.join(names)}"
    )
    return None
