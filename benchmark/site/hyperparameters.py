"""Hyper-parameters of an entry, published and tuned, and the search that found the tuned ones."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmark.errors import BenchError
from benchmark.results.scorecard import Scorecard
from benchmark.results.tuning import Trial, Tuning
from benchmark.scenario.schema import Scenario
from benchmark.site.numbers import format_value
from benchmark.storage.workspace import Workspace
from benchmark.submissions.constants import PUBLISHED, read_literal
from benchmark.submissions.source import find_submission, tuned_file

_SPACE = "SEARCH_SPACE"
_MOST = 60  # letters of a value in a table
_STATES = {"complete": "complete", "pruned": "given up early", "over-budget": "over the budget", "failed": "failed"}


class ValueRow(NamedTuple):
    """A hyper-parameter as text; empty where a column has none."""

    name: str
    published: str
    searched: str
    tuned: str


class Hyperparameters(NamedTuple):
    """The values of a submission, and what is known of their search, a sentence each."""

    rows: list[ValueRow]
    search: list[str]


def read_hyperparameters(workspace: Workspace, card: Scorecard, scenario: Scenario | None) -> Hyperparameters | None:
    """Return the values of an entry's submission, read from its source; None where that is not here or has none."""
    try:
        found = find_submission(card.submission.removesuffix("+tuned"), workspace, scenario)
        published, space = (read_literal(found.name, found.folder, name) for name in (PUBLISHED, _SPACE))
        record = Tuning.read(tuned_file(found.folder, scenario)) if scenario else None
    except BenchError:
        return None
    tuned = (record.hyperparameters or {}) if record else {}
    names = dict.fromkeys([*published, *tuned])
    rows = [
        ValueRow(name, _show(published, name), _range(space.get(name)) if record else "", _show(tuned, name))
        for name in names
    ]
    return Hyperparameters(rows, say_search(record) if record else []) if rows else None


def say_search(record: Tuning) -> list[str]:
    """Return how many values a search tried, by what it judged them, and what the published and the best ones got."""
    counts = Counter(trial.state for trial in record.trials)
    states = ", ".join(f"{counts[state]} {words}" for state, words in _STATES.items() if counts[state])
    objective = "the gap closed" if record.objective == "gap_closed" else "the published score"
    found = [
        f"Tuning tried {len(record.trials)} sets of values ({states}). It judged them by {objective}, with validation "
        f"in the place of test examples, after {', '.join(map(str, record.rungs))} runs on models and a forget set of "
        f"its own; a set may cost {format_value(record.allowed_share, '.0%')} of retraining, a tenth less than the "
        "budget, which leaves room for the noise of timing."
    ]
    if record.best is None:
        return [*found, "None of the complete ones kept to that, so there are no tuned values."]
    best, start = (_say_score(record, trial) for trial in (record.best, record.trials[0]))
    return [
        *found,
        f"There the best got {best}, the published values {start}. Another forget set and other models make another "
        "gap, so these shares do not compare with those of this board; and the best of few trials, by few runs, may do "
        "worse on others.",
    ]


def _say_score(record: Tuning, trial: Trial) -> str:
    """Return the last score of a trial: "9.3 % (32 runs, given up early)"."""
    if not trial.scores:
        return f"none ({_STATES[trial.state]})"
    score = format_value(trial.scores[-1], ".1%" if record.objective == "gap_closed" else ".4f")
    ended = "" if trial.state == "complete" else f", {_STATES[trial.state]}"
    return f"{score} ({record.rungs[len(trial.scores) - 1]} runs{ended})"


def _show(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return ""
    value = values[name]
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _range(given: Any) -> str:
    """Return what was searched: "0.0001 to 0.1, evenly in the logarithm", or choices; empty where nothing was."""
    if isinstance(given, tuple) and len(given) in (2, 3):
        ends = " to ".join(_show({"": end}, "") for end in given[:2])
        return f"{ends}, evenly in the logarithm" if len(given) == 3 else ends
    return _show({"": ", ".join(map(str, given))}, "") if isinstance(given, list) else ""
