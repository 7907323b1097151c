"""Writes docs/metrics.md from the registry of metrics.

python scripts/write_metrics.py
"""

from pathlib import Path

from benchmark.metrics.evidence_pair import NEEDS
from benchmark.metrics.kinds import METRICS, all_metrics
from benchmark.metrics.metric import GROUPS, Metric
from benchmark.registry import SHIPPED

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"

INTRODUCTION = """# Metrics

Four are enough to read a board: [`gap_closed`](#gap_closed), [`leak`](#leak), [`retain_ratio`](#retain_ratio) and
[`retraining_share`](#retraining_share); [How to read a board](reading-a-board.md) explains them. The others answer one
question each, or compare with papers.

Written by `python scripts/write_metrics.py` from the metrics themselves; `bench list metrics` has them in short, with
those of installed packages. [scoring.md](scoring.md) has the statistics behind them.

A metric that does not exist for an entry (it needs a ratio to something that is 0, or more models than there are) is
absent, and the scorecard says why. A metric with an interval has two more columns in `leaderboard.csv`, `NAME_low` and
`NAME_high`, with the ends of its 95 % interval over models. Those with a heading are columns in the terminal as well.
"""

ADDING = '''## Add a metric

Write one file, `benchmark/metrics/kinds/NAME.py`, and its test:

```python
import numpy as np

from benchmark.metrics.kinds import METRICS
from benchmark.metrics.metric import metric


@METRICS.add
@metric(heading="gap", unit="nats", direction="lower", group="forgetting", good="0 = as if retrained")
def median_gap(evidence):
    """Median distance between the medians of φ.

    What follows the first paragraph says more, with the source.
    """
    unlearned, retrained = (np.median(phi, axis=0) for phi in evidence.signals)
    return float(np.median(np.abs(unlearned - retrained)))
```

`evidence` is an `EvidencePair`: `evidence.signals` has φ of the unlearned and of the retrained models, `[models,
examples]` each, `evidence.unlearned.utility` their utility by split, `evidence.probed("test")` φ of
both on a probe of test (or retain, validation). A metric returns a number, an `Estimate` (with
`interval=True`), an array with a value per forget example (with `per_example=True`), or `Absent(absent=reason)`. What
it takes beside φ it names in `needs`; where that is not there it is absent without being called:

{needs}

A package of your own brings the same function, without `METRICS.add`, as an entry point; nothing here is changed:

```toml
[project.entry-points."unlearning_benchmark.metric"]
median_gap = "my_package.my_module:median_gap"
```

Then `bench score` computes it for the entries whose evidence lies here. Scorecards keep its values when the package is
gone, and the board leaves out its column.
'''


def page() -> str:
    """Return the page: every shipped metric, and how one is added."""
    shipped = [metric for metric in all_metrics() if METRICS.origin(metric.name) == SHIPPED]
    parts = [INTRODUCTION]
    for group, heading in GROUPS.items():
        if metrics := [metric for metric in shipped if metric.group == group]:
            parts += [f"## {heading}\n", *map(_entry, metrics)]
    needs = "\n".join(f'- `"{name}"`, else "{reason}";' for name, reason in NEEDS.items())
    return "\n".join([*parts, ADDING.replace("{needs}", needs.removesuffix(";") + ".")])


def _entry(metric: Metric) -> str:
    better = metric.better or ("neither way is better" if metric.direction == "none" else "")
    facts = [metric.unit, "per forget example" if metric.per_example else "", better]
    facts += ["with an interval" if metric.interval else "", f"heading “{metric.heading}”" if metric.heading else ""]
    lines = [f"### `{metric.name}`", f"{metric.summary} *{'; '.join(filter(None, facts))}.*", ""]
    lines += [metric.description, ""] if metric.description else []
    return "\n".join([*lines, f"Reading it: {metric.good}.", ""])


if __name__ == "__main__":
    PAGE.write_text(page())
