"""Content of an entry's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from benchmark.metrics.kinds import all_metrics
from benchmark.metrics.metric import GROUPS
from benchmark.metrics.published_search import CAP
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Profile
from benchmark.site.boards import Board
from benchmark.site.charts import Chart, chart, path, round_ticks, stairs, x_scale, y_scale
from benchmark.site.code import Code, run_command
from benchmark.site.columns import format_metric, heading_of, metric_sentence
from benchmark.site.downloads import downloads
from benchmark.site.forget_examples import ForgetExamples
from benchmark.site.harms import say_harms
from benchmark.site.hyperparameters import Hyperparameters
from benchmark.site.numbers import MISSING, format_interval, format_value, list_names
from benchmark.site.rows import badges, cost_cell, is_unsettled, rank_text, seconds_text
from benchmark.site.sayings import entry_caveats, entry_sentence, say_left, tuned_difference

WIDTH, HEIGHT = 560.0, 340.0
_SMALL = 260.0  # pixels of a small histogram's width
_LOW = 90.0  # of its height
_SHOWN = ("example_leak", "epsilon", "epsilon_lower_bound", "p_values")
_HEADINGS = {"example_leak": "leak", "epsilon": "ε", "epsilon_lower_bound": "ε at least", "p_values": "p-value"}
_SMALLEST_P = 0.0002  # permutations reach a little less than half of it


@dataclass(frozen=True, eq=False)
class Beside:
    """The content of an entry's page beside its card, as far as it lies here.

    `evidence`: the place of its evidence in the folder of results, empty where that is not here. `built_with`: the
    versions and the machine of its pool, likewise. `course`: what it closes after each of several requests.
    """

    examples: ForgetExamples | None = None
    distributions: dict[str, Any] | None = None
    code: Code | None = None
    hyperparameters: Hyperparameters | None = None
    evidence: str = ""
    built_with: str = ""
    course: str = ""


class MetricRow(NamedTuple):
    """A metric of an entry beside the controls of its board, as text."""

    heading: str
    sentence: str
    value: str
    controls: list[str]


class ExampleRow(NamedTuple):
    """A forget example of an entry; `bar`: its leak or ε from 0 to 100."""

    number: int
    cells: list[str]
    bar: float


def entry_context(board: Board, card: Scorecard, beside: Beside) -> dict[str, Any]:
    """Return what the template of an entry's page shows."""
    controls = [each for each in board.cards.values() if each.control and each.is_scored and each is not card]
    return {
        "card": card,
        "kind": "control" if card.control else card.values,
        "board": {"label": board.label, "scenario": card.scenario, "models": card.models},
        "title": card.title if card.title.lower() != card.submission.lower() else "",
        "rank": rank_text(board, card.submission),
        "group": board.rows[card.submission]["group"] or "",
        "badges": badges(card),
        "sentence": entry_sentence(board, card),
        "others": _say_others(board, card),
        "left": say_left(board, card),
        "harms": say_harms(board, card),
        "course": beside.course,
        "cost": _say_cost(board, card),
        "sibling": board.sibling_of(card.submission) or "",
        # A cost that is not settled has been said.
        "caveats": [
            *([card.reason] if card.reason and not is_unsettled(card) else []),
            *card.remarks,
            *entry_caveats(board, card),
        ],
        "controls": [each.submission for each in controls],
        "metrics": metric_groups(card, controls),
        "absent": sorted(card.absent().items()),
        "columns": [(name, _HEADINGS[name]) for name in _SHOWN if card.per_example(name)],
        "examples": example_rows(card),
        "known": beside.examples,
        "classes": [(each.name, each.examples, format_interval(each.leak, ".3f")) for each in card.class_leaks],
        "populations": _populations(beside),
        "extremes": [_extreme(card, which) for which in ("best", "worst") if getattr(card, which)],
        "profile": profile_chart(card, controls),
        "integrity": integrity_facts(card, beside.built_with),
        "code": beside.code,
        "hyperparameters": beside.hyperparameters,
        "tuned_difference": tuned_difference(board, card),
        "command": run_command(card),
        "show_command": run_command(card, "show"),
        "downloads": downloads(board, card),
        "evidence": beside.evidence,
    }


def entry_data(beside: Beside) -> dict[str, object]:
    """Return the data block of an entry's page: what its script draws; empty where that is nothing."""
    return {"distributions": beside.distributions} if beside.distributions else {}


def _populations(beside: Beside) -> list[str]:
    """Return the names of the populations whose φ is drawn of every example; none where that is not known."""
    return [each["name"] for each in beside.distributions["populations"]] if beside.distributions else []


def _say_others(board: Board, card: Scorecard) -> str:
    if not board.is_ranked(card.submission):
        return ""
    if not (close := board.inseparable_from(card.submission)):
        return "It is significantly different from every other entry that is not over the budget."
    return f"The runs do not separate it from {list_names(close)}."


def _say_cost(board: Board, card: Scorecard) -> str:
    cell = cost_cell(card, board.budget)
    if cell.sort is None:
        return ""
    budget = "" if board.budget is None or card.control else f"; the budget is {format_value(board.budget, '.0%')}"
    ends = f" ({cell.ends})" if cell.ends else ""
    seconds = f", {spent} of CPU time" if (spent := seconds_text(card)) else ""
    settled = ", and timing cannot tell whether a run keeps to it" if is_unsettled(card) else ""
    return f"A run costs {cell.text} of retraining{ends}{seconds}{budget}{settled}."


def metric_groups(card: Scorecard, controls: Sequence[Scorecard]) -> list[tuple[str, list[MetricRow]]]:
    """Return the metrics of one number that the entry or a control has, by the groups of the registry.

    An entry without any metrics has no rows.
    """
    if not card.is_scored:
        return []
    rows: dict[str, list[MetricRow]] = {}
    numbers = [each.numbers() for each in (card, *controls)]
    for metric in all_metrics():
        found = [each.get(metric.name) for each in numbers]
        if any(found):
            value, *others = (format_metric(metric.name, each) for each in found)
            row = MetricRow(heading_of(metric.name), metric_sentence(metric), value, others)
            rows.setdefault(GROUPS[metric.group], []).append(row)
    return list(rows.items())


def example_rows(card: Scorecard) -> list[ExampleRow]:
    """Return every forget example, the worst forgotten first."""
    names = [name for name in _SHOWN if card.per_example(name)]
    columns = [card.per_example(name) or [] for name in names]
    if not columns:
        return []
    largest = 1.0 if names[0] == "example_leak" else max(1e-9, *(min(each, CAP) for each in columns[0]))
    rows = [
        ExampleRow(
            number=k,
            cells=[_cell(name, value) for name, value in zip(names, values, strict=True)],
            bar=round(100 * min(1.0, max(0.0, values[0] / largest)), 1),
        )
        for k, values in enumerate(zip(*columns, strict=True))
    ]
    return sorted(rows, key=lambda row: (-columns[0][row.number], row.number))


def _cell(name: str, value: float) -> str:
    if name == "epsilon" and value >= CAP:
        return "∞"
    if name == "p_values" and value < _SMALLEST_P:
        return f"≤ {_SMALLEST_P}"
    return format_value(value, ".4f" if name == "p_values" else ".3f")


def _extreme(card: Scorecard, which: Literal["best", "worst"]) -> dict[str, Any]:
    """Return the small histograms of the example with the smallest or largest ε, which cards with metrics hold."""
    histograms, leaks = card.best if which == "best" else card.worst, card.per_example("example_leak")
    assert histograms is not None
    most = max(*histograms.unlearned, *histograms.retrained, 1)
    return {
        "which": which,
        "example": histograms.example,
        "epsilon": _cell("epsilon", histograms.epsilon),
        "leak": format_value(leaks[histograms.example], ".3f") if leaks else "",
        "low": format_value(histograms.edges[0], ".2g"),
        "high": format_value(histograms.edges[-1], ".2g"),
        "width": _SMALL,
        "height": _LOW,
        "unlearned": stairs(histograms.unlearned, _SMALL, _LOW, most),
        "retrained": stairs(histograms.retrained, _SMALL, _LOW, most),
    }


class Curve(NamedTuple):
    """A line in a chart, named at a point."""

    name: str
    line: str
    x: float
    y: float


class ProfileChart(NamedTuple):
    """The privacy profile of an entry with its band, and those of the controls."""

    chart: Chart
    own: Curve
    band: str
    controls: list[Curve]


def profile_chart(card: Scorecard, controls: Sequence[Scorecard]) -> ProfileChart | None:
    """Return the chart of a card's privacy profile; None where it has none."""
    profile = card.profile
    if profile is None:
        return None
    most = max(profile.epsilon[-1], 1.0)
    x, y = x_scale(0.0, most, WIDTH), y_scale(0.0, 1.0, HEIGHT)
    marks = {"x": round_ticks(0.0, most), "y": round_ticks(0.0, 1.0)}
    drawn = chart(WIDTH, HEIGHT, x, y, marks, "g|g", "ε (nats)|δ(ε), held out; lower is better")

    def curve(name: str, of: Profile) -> Curve:
        points = [(x(e), y(d)) for e, d in zip(of.epsilon, of.delta, strict=True)]
        return Curve(name, path(points), *points[min(2, len(points) - 1)])

    upper = [(x(e), y(end)) for e, end in zip(profile.epsilon, profile.high, strict=True)]
    lower = [(x(e), y(end)) for e, end in zip(profile.epsilon, profile.low, strict=True)]
    others = [curve(each.submission, each.profile) for each in controls if each.profile]
    return ProfileChart(drawn, curve(card.submission, profile), path([*upper, *lower[::-1]]) + "Z", others)


_SEEDS = {
    "secret": "secret: a pool trained elsewhere has other models, on which numbers differ within their intervals",
    "public": "public: the same models, and so the same numbers, can be made elsewhere; a submission could do so too",
}


def integrity_facts(card: Scorecard, built_with: str = "") -> list[tuple[str, str]]:
    """Return what was noticed about the runs, in words and values; `built_with`: the versions of its pool."""
    facts = [
        ("Runs", f"{card.attempted_runs} attempted, {card.failed_runs} failed"),
        ("Isolation", "sandbox" if card.isolation == "sandbox" else "plain process: untrusted code was not isolated"),
        ("Seeds of the retrained models", _SEEDS[card.seeds]),
        ("Files beside the code", f"{len(card.data_files)} ({card.data_bytes:,} bytes)"),
    ]
    if found := card.integrity:
        facts += [
            ("Distance from the original", _say_change(found.change, found.fresh_change)),
            ("Weights that changed at all", format_value(found.touched, ".1%")),
            ("Runs that returned their original", f"{found.unchanged_runs}"),
            ("Runs with the weights of another run", f"{found.repeated_runs}"),
            ("Runs with the outputs of a retrained model", f"{len(found.replayed_runs)}"),
            ("Same seed, same weights", "yes" if found.deterministic else "no"),
            ("Looks like retraining", "yes" if found.retrains else "no"),
            ("Passes over retain, forget, validation", _say_epochs(card)),
        ]
    if built_with:
        facts.append(("Models trained with", built_with))
    if card.cost and card.cost.machine:
        facts.append(("Cost timed on", card.cost.machine))
    return [*facts, ("Hashes", _say_hashes(card)), ("Scored by version", card.scorer_version), ("Date", card.date)]


def _say_change(change: float, fresh: float | None) -> str:
    own = f"{format_value(change, '.3g')} of its norm"
    return own if fresh is None else f"{own}; a retrained net is {format_value(fresh, '.3g')} away"


def _say_epochs(card: Scorecard) -> str:
    assert card.integrity is not None
    passes = (card.integrity.retain_epochs, card.integrity.forget_epochs, card.integrity.validation_epochs)
    return ", ".join(format_value(each, ".3g") for each in passes)


def _say_hashes(card: Scorecard) -> str:
    hashes = {"scenario": card.scenario_hash, "pool": card.pool_hash, "submission": card.submission_hash}
    named = {**hashes, "evidence": card.evidence_hash or MISSING}
    return ", ".join(f"{name} {digest}" for name, digest in named.items())
