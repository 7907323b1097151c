"""Examples on which unlearned and retrained models differ most, of all that evidence holds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.data import load_problem
from benchmark.metrics.leak import leak
from benchmark.metrics.permutation import detectable
from benchmark.references.pool import Pool
from benchmark.results.evidence import PROBED
from benchmark.scenario.schema import Scenario
from benchmark.session import Session
from benchmark.storage.workspace import Arrays, write_atomically
from benchmark.study.stored import evidence_of_entry, reference_evidence

COLUMNS = ("submission", "split", "example", "leak", "unlearned", "retrained", "p_value", "differs")


def study_differences(session: Session, scenario: Scenario, names: Sequence[str]) -> pd.DataFrame:
    """Return how far apart φ of entries' and of retrained models are, an example a row, the furthest first.

    Of the forget set, and of as many retained, validation and test examples: those that evidence has φ of. Columns:
    submission, split, example (its number in the source), leak, unlearned and retrained (mean φ in nats), p_value of
    the permutation test, differs (at a false discovery rate of 5 % over an entry's rows); also in the results'
    `studies/` as a CSV. Where unlearning is right no example differs, whatever split it is of. Raises BenchError where
    evidence is not complete. Source: Shah et al. 2023 (2211.12491) for comparing trainings by inputs on which they
    differ.
    """
    problem = load_problem(scenario)
    retrained, _ = reference_evidence(Pool(session, scenario))
    rows = {"forget": np.arange(len(problem.forget)), **problem.evidence_form.probes}
    found = []
    for done, name in enumerate(names, 1):
        own = _compare(evidence_of_entry(session, scenario, name), retrained)
        own["example"] = [int(getattr(problem, split).ids[rows[split][at]]) for split, at in own["place"]]
        own["apart"] = (own["unlearned"] - own["retrained"]).abs()  # where populations do not overlap leaks are all 1
        found.append(own.assign(submission=name).sort_values(["leak", "apart"], ascending=False, kind="stable"))
        session.progress("comparing examples", done, len(names))
    table = pd.DataFrame(pd.concat(found, ignore_index=True), columns=list(COLUMNS))
    path = session.workspace.results / "studies" / f"differences-{scenario.label}.csv"
    write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
    return table


def _compare(unlearned: Arrays, retrained: Arrays) -> pd.DataFrame:
    """Return the columns of all examples but `example`, and `place`: the split and the column of its φ."""
    splits = ["forget", *PROBED]
    one, other = (
        np.concatenate([arrays[f"phi/{split}"].astype(np.float64) for split in splits], axis=1)
        for arrays in (unlearned, retrained)
    )
    p_values, differs = detectable(one, other)
    places = [(split, at) for split in splits for at in range(unlearned[f"phi/{split}"].shape[1])]
    return pd.DataFrame(
        {
            "split": [split for split, _ in places],
            "place": places,
            "leak": leak(one, other),
            "unlearned": one.mean(axis=0),
            "retrained": other.mean(axis=0),
            "p_value": p_values,
            "differs": differs,
        }
    )
