"""Write the table of planted leaks into docs/scoring.md, out of leaderboard/studies/planted.csv.

python scripts/write_planted.py
"""

from collections.abc import Iterable
from math import isfinite

import pandas as pd
from findings.tables import to_markdown

from benchmark.storage.workspace import Workspace
from benchmark.study.leaks import LEAKS

PAGE = "docs/scoring.md"
STUDY = "leaderboard/studies/planted.csv"
BEGIN, END = "<!-- written by scripts/write_planted.py -->\n", "<!-- end -->\n"

METRICS = (
    *("gap_closed", "gap_closed_phi", "leak", "leak_phi", "retain_leak", "example_leak", "score", "forgetting_quality"),
    *("normalised_score", "detectable", "under_unlearned", "over_unlearned", "epsilon_lower_bound_examples"),
    *("median_epsilon", "epsilon", "mean_klom", "klom", "effect", "not_moved", "moved_past", "ulira_auc"),
    *("ulira_tpr_at_1", "ruli_auc", "classifier_mia", "classifier_mia_svm", "tug_of_war", "tug_of_war_mia"),
    *("adaptive_unlearning_score", "forget_accuracy", "test_accuracy"),
)


def pages(workspace: Workspace) -> dict[str, str]:
    """Return docs/scoring.md as it ought to be, by its path in the repository."""
    before, begin, rest = (workspace.root / PAGE).read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{PAGE} has lost one of the two comments that the table stands between")
    rows = pd.read_csv(workspace.root / STUDY)
    if lacking := sorted(set(METRICS) - set(rows["metric"])):
        raise SystemExit(f"{STUDY} lacks {', '.join(lacking)}; run the study of planted leaks without --metric")
    lines = table(rows)
    return {PAGE: before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after}


def table(rows: pd.DataFrame) -> list[str]:
    """Return a row per metric in Markdown: the size of each leak that it detects, at every N of the study."""
    groups = dict(list(rows.groupby("metric", sort=False)))
    cells = [
        [
            f"`{name}` ({own['rule'].iloc[0]})",
            *(_joined(own[leak.name], ".2g") for leak in LEAKS),
            _joined(own["null"].round(3) + 0.0, ".2g"),
            _joined(100 * own["false_reports"], ".0f", " %"),
        ]
        for name in METRICS
        for own in [groups[name]]
    ]
    return to_markdown(cells, ("metric (by)", *(leak.name for leak in LEAKS), "without a leak", "false"))


def _joined(values: Iterable[float], form: str, unit: str = "") -> str:
    """Return the values at every N, a dash where there is none, and one dash where there is none at all."""
    texts = [f"{value:{form}}{unit}" if isfinite(value) else "–" for value in values]
    return " · ".join(texts) if set(texts) != {"–"} else "–"


def main() -> None:
    workspace = Workspace.find()
    for name, text in pages(workspace).items():
        (workspace.root / name).write_text(text)


if __name__ == "__main__":
    main()
