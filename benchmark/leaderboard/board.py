"""Writes the leaderboard's files from the scorecards that are on the disk."""

from pathlib import Path

import pandas as pd
from filelock import FileLock

from benchmark.errors import BenchError
from benchmark.leaderboard.plots import plot_epsilon, plot_phi, plot_scores, plot_tradeoff
from benchmark.leaderboard.table import leaderboard
from benchmark.scenario import Scenario, options
from benchmark.scorecard import Scorecard
from benchmark.text import did_you_mean
from benchmark.workspace import Workspace, write_atomically


def read_scorecards(workspace: Workspace) -> list[Scorecard]:
    """Return the shipped scorecards and those made here.

    One made here takes the place of a shipped one of the same entry, scenario and scorer. Raises BenchError, naming the
    file, when one cannot be read.
    """
    shipped, local = shipped_scorecards(workspace), local_scorecards(workspace)
    return list({_identity(card): card for card in [*shipped, *local]}.values())


def shipped_scorecards(workspace: Workspace) -> list[Scorecard]:
    """The scorecards that came with the repository."""
    return [card.model_copy(update={"source": "shipped"}) for card in _read(workspace.shipped)]


def local_scorecards(workspace: Workspace) -> list[Scorecard]:
    """The scorecards that were made here; none where results replace the shipped ones."""
    return [] if workspace.publishes else _read(workspace.results)


def _read(results: Path) -> list[Scorecard]:
    return [Scorecard.read(path) for path in sorted(results.glob("scorecards/*/*.json"))]


def _identity(card: Scorecard) -> tuple[str, str, str]:
    return card.submission, card.scenario_hash, card.scorer_version


def scored_submissions(workspace: Workspace, scenario: Scenario) -> list[str]:
    """The submissions that have figures on this scenario from runs of one's own."""
    cards = shipped_scorecards(workspace) if workspace.publishes else local_scorecards(workspace)
    return [c.submission for c in cards if c.scenario_hash == scenario.hash and c.figures]


def find_scorecard(workspace: Workspace, scenario: Scenario, submission: str) -> Scorecard:
    """Raises BenchError when the submission has not been run on the scenario."""
    found = reversed(read_scorecards(workspace))
    cards = {card.submission: card for card in found if card.scenario_hash == scenario.hash}
    if submission in cards:
        return cards[submission]
    near = did_you_mean(submission, cards)
    raise BenchError(
        f"{submission} has no scorecard on {scenario.label}{near}; run `bench run --submission {submission} "
        f"{options(scenario.name, scenario.protocol.models)}` first"
    )


def rebuild(workspace: Workspace, changed: list[Scorecard] | None = None) -> pd.DataFrame:
    """Write `leaderboard.csv` and the plots that rows made here appear in, among the shipped rows.

    With `changed`, only the plots that one of these entries appears in. Returns the leaderboard.
    """
    workspace.results.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.results / ".lock"):
        cards = read_scorecards(workspace)
        rows = leaderboard(cards)
        write_atomically(workspace.results / "leaderboard.csv", rows.to_csv(index=False, float_format="%.6g").encode())
        drawn = None if changed is None else {_identity(card) for card in changed}
        for label, comparable in _groups(cards).items():
            made_here = [card for card in comparable if workspace.publishes or card.source == "local"]
            own = [card for card in made_here if drawn is None or _identity(card) in drawn]
            if own:
                _plot(workspace, label, comparable, own)
    return rows


def _groups(cards: list[Scorecard]) -> dict[str, list[Scorecard]]:
    """The cards that have figures, by scenario and, within it, of the newest scorer version only."""
    groups: dict[str, list[Scorecard]] = {}
    for card in cards:
        if card.figures:
            groups.setdefault(f"{card.scenario}-{card.scenario_hash}", []).append(card)
    for label, members in groups.items():
        newest = max((card.scorer_version for card in members), key=int)
        groups[label] = [card for card in members if card.scorer_version == newest]
    return groups


def _plot(workspace: Workspace, label: str, comparable: list[Scorecard], own: list[Scorecard]) -> None:
    folder = workspace.results / "plots" / label
    plot_scores(comparable, folder / "scores.png")
    plot_tradeoff(comparable, folder / "tradeoff.png")
    plot_epsilon(comparable, folder / "epsilon.png")
    for card in own:
        plot_phi(card, folder / f"phi-{card.submission}.png")
