"""Studies of a scenario on stored evidence of its entries: variants of the scorer, and fewer models."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from benchmark.errors import BadScenario, BadUsage, BenchError, MissingRecord
from benchmark.metrics import Population
from benchmark.metrics.evidence_pair import EvidencePair, model_evidence
from benchmark.metrics.samples import Floats
from benchmark.references.controls import do_nothing
from benchmark.references.pool import Pool
from benchmark.runs.runs import Runs
from benchmark.scenario.schema import Scenario, options
from benchmark.session import Session
from benchmark.storage.workspace import Arrays, write_atomically
from benchmark.study.ordering import FEWEST_MODELS, measure_orders
from benchmark.study.plots import draw_study
from benchmark.study.variants import evaluate_variants
from benchmark.submissions.source import find_submission


def study(session: Session, scenario: Scenario, names: list[str]) -> pd.DataFrame:
    """Return the variants on the stored evidence of `names`; also in the results' `studies/` as a CSV and a plot.

    The row with one original is there when evidence of all entries is stored for the same scenario with
    `originals = 1`; otherwise a warning says what to run. Another names the entries that are left out, because their
    failed runs were allowed. Raises BenchError, naming the command that helps, when an entry's evidence or the pool's
    is not complete, and when there are fewer than two entries.
    """
    evidence = _complete_evidence(session, scenario, names)
    references = reference_evidence(Pool(session, scenario))

    def population(arrays: Arrays) -> Population:
        return model_evidence(arrays, references[0], scenario.task).population

    entries = {name: population(arrays) for name, arrays in evidence.items()}
    retrained, calibration = map(population, references)
    utilities = _utilities(scenario, entries, retrained)
    rows = evaluate_variants(
        populations={name: entry.confidences for name, entry in entries.items()},
        retrained=retrained.confidences,
        calibration=calibration.confidences,
        utilities=utilities,
        delta=scenario.protocol.delta,
        originals=scenario.originals,
        one_original=_one_original(session, scenario, list(entries), population),
        progress=session.progress,
    )
    path = session.workspace.results / "studies" / f"{scenario.label}.csv"
    write_atomically(path, rows.to_csv(index=False, float_format="%.6g").encode())
    write_atomically(path.with_suffix(".png"), draw_study(rows, f"{scenario.name}, {len(entries)} entries"))
    return rows


def study_order(session: Session, scenario: Scenario, names: list[str]) -> pd.DataFrame:
    """Return how a quarter and a half of the models order the entries `names`; also in `studies/` as a CSV.

    Columns as in `measure_orders`. Warnings name entries that are left out: their failed runs were allowed, or they
    have no hidden signals and the pool has. Raises BenchError as `study`, and BadUsage where N is below 64.
    """
    if scenario.protocol.models < FEWEST_MODELS:
        raise BadUsage(
            f"N is {scenario.protocol.models}, and a quarter of it orders nothing: --order takes at least "
            f"{FEWEST_MODELS}; study a scenario with more models"
        )
    evidence = _complete_evidence(session, scenario, names)
    pool = Pool(session, scenario)
    retrained, calibration = reference_evidence(pool)
    reference = model_evidence(retrained, retrained, scenario.task)
    entries = {name: model_evidence(arrays, retrained, scenario.task) for name, arrays in evidence.items()}
    for name in [name for name, entry in entries.items() if EvidencePair(entry, reference).lacks(("hidden",))]:
        del entries[name]
        session.warn(f"{name} is left out: it has no hidden signals, as evidence of an older form; run it again")
    _check_rankable(list(entries))
    _utilities(scenario, {name: entry.population for name, entry in entries.items()}, reference.population)
    rows = measure_orders(
        entries,
        retrained=reference,
        original=do_nothing(pool).unlearned,
        calibration=model_evidence(calibration, retrained, scenario.task),
        delta=scenario.protocol.delta,
        jobs=session.jobs,
        progress=session.progress,
    )
    path = session.workspace.results / "studies" / f"order-{scenario.label}.csv"
    write_atomically(path, rows.to_csv(index=False, float_format="%.6g").encode())
    return rows


def _complete_evidence(session: Session, scenario: Scenario, names: list[str]) -> dict[str, Arrays]:
    """Return the evidence of entries with all of their runs; a warning names the others."""
    evidence = {name: evidence_of_entry(session, scenario, name) for name in names}
    for name in [name for name, arrays in evidence.items() if _count(arrays) < scenario.protocol.models]:
        runs = _count(evidence.pop(name))
        session.warn(
            f"{name} is left out: it has {runs} of {scenario.protocol.models} runs, and a study needs all of them"
        )
    _check_rankable(list(evidence))
    return evidence


def _check_rankable(names: list[str]) -> None:
    if len(names) < 2:
        raise BadUsage(f"a study ranks entries, so it needs two or more; got {', '.join(names) or 'none'}")


def _utilities(scenario: Scenario, entries: Mapping[str, Population], retrained: Population) -> dict[str, float]:
    """Return (RA_U / RA_R)·(TA_U / TA_R) of every entry. Raises BadScenario where one has no such ratio."""
    utilities = {name: _utility(entry, retrained) for name, entry in entries.items()}
    if without := [name for name, utility in utilities.items() if not np.isfinite(utility)]:
        raise BadScenario(
            f"a study ranks scores, and on {scenario.label} there is no ratio of accuracies for {', '.join(without)}: "
            "a retrained accuracy is 0, or one was not measured; study a scenario whose retrained models have learned"
        )
    return utilities


def _utility(unlearned: Population, retrained: Population) -> float:
    """Return (RA_U / RA_R)·(TA_U / TA_R) of all models, nan where a ratio does not exist."""
    if 0 in (retrained.retain_accuracy.mean(), retrained.test_accuracy.mean()):
        return float("nan")
    retain = unlearned.retain_accuracy.mean() / retrained.retain_accuracy.mean()
    return float(retain * unlearned.test_accuracy.mean() / retrained.test_accuracy.mean())


def _count(arrays: Arrays) -> int:
    """Return how many models evidence is of."""
    return len(arrays["phi/forget"])


def evidence_of_entry(session: Session, scenario: Scenario, name: str) -> Arrays:
    """Return the evidence of an entry of the pool. Raises BenchError, with what helps, where it is not complete."""
    submission = find_submission(name, session.workspace, scenario)
    if submission.trains:
        raise BadUsage(
            f"{name} is compared with models that it trains itself, expected entries of one pool; leave it out"
        )
    try:
        return Runs(Pool(session, scenario), submission).evidence()
    except BenchError:
        raise MissingRecord(
            f"there is no complete evidence of {name} on {scenario.label}; "
            f"type `bench run --submission {name} {options(scenario.name, scenario.protocol.models)}`"
        ) from None


def reference_evidence(pool: Pool) -> tuple[Arrays, Arrays]:
    """Return the evidence of the retrained and of the calibration models. Raises BenchError when some is missing."""
    scenario = pool.scenario
    try:
        return pool.evidence("retrained"), pool.evidence("calibration")
    except BenchError:
        command = f"bench prepare {options(scenario.name, scenario.protocol.models)}"
        raise MissingRecord(f"the pool {pool.store.folder} is not complete; type `{command}`") from None


def _one_original(
    session: Session, scenario: Scenario, names: list[str], population: Callable[[Arrays], Population]
) -> dict[str, Floats] | None:
    """φ of the entries on the same scenario with one original, under whatever name; None where some is missing."""
    if scenario.originals == 1:
        return None
    protocol = scenario.protocol.model_copy(update={"originals": 1})
    single = scenario.model_copy(update={"protocol": protocol})
    for folder in session.workspace.evidence.glob(f"*-{single.hash}"):
        named = single.model_copy(update={"name": folder.name.removesuffix(f"-{single.hash}")})
        try:
            found = {name: population(evidence_of_entry(session, named, name)).confidences for name in names}
        except BenchError:
            continue
        if all(len(confidences) == scenario.protocol.models for confidences in found.values()):
            return found
    session.warn(
        f"one original against {scenario.originals} is left out: copy the scenario's file, keep its name, add "
        f"`originals = 1` to [protocol], and type `bench run --submission NAME --scenario COPY.toml "
        f"--models {scenario.protocol.models}` for {', '.join(names)}"
    )
    return None
