"""Writes the leaderboard's files from the scorecards that are on the disk."""

import pandas as pd
from filelock import FileLock

from benchmark.errors import BenchError
from benchmark.leaderboard.plots import plot_epsilon, plot_phi, plot_scores, plot_tradeoff
from benchmark.leaderboard.table import leaderboard
from benchmark.scenario import Scenario, options
from benchmark.scorecard import Scorecard, scorecards_folder
from benchmark.workspace import Workspace, write_atomically


def read_scorecards(workspace: Workspace) -> list[Scorecard]:
    """All scorecards. Raises BenchError, naming the file, when one cannot be read."""
    return [Scorecard.read(path) for path in sorted(scorecards_folder(workspace).glob("*/*.json"))]


def scored_submissions(workspace: Workspace, scenario: Scenario) -> list[str]:
    """The submissions that have figures on this scenario."""
    return [c.submission for c in read_scorecards(workspace) if c.scenario_hash == scenario.hash and c.figures]


def find_scorecard(workspace: Workspace, scenario: Scenario, submission: str) -> Scorecard:
    """Raises BenchError when the submission has not been run on the scenario."""
    for card in read_scorecards(workspace):
        if (card.scenario_hash, card.submission) == (scenario.hash, submission):
            return card
    raise BenchError(
        f"{submission} has no scorecard on {scenario.label}; run `bench run --submission {submission} "
        f"{options(scenario.name, scenario.protocol.models)}` first"
    )


def rebuild(workspace: Workspace, changed: list[Scorecard] | None = None) -> pd.DataFrame:
    """Writes `leaderboard.csv` and the plots; with `changed`, only the plots that one of these entries appears in.

    Returns the leaderboard.
    """
    workspace.leaderboard.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.leaderboard / ".lock"):
        cards = read_scorecards(workspace)
        rows = leaderboard(cards)
        write_atomically(
            workspace.leaderboard / "leaderboard.csv", rows.to_csv(index=False, float_format="%.6g").encode()
        )
        for label, comparable in _groups(cards).items():
            own = [card for card in comparable if changed is None or card in changed]
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
    folder = workspace.leaderboard / "plots" / label
    plot_scores(comparable, folder / "scores.png")
    plot_tradeoff(comparable, folder / "tradeoff.png")
    plot_epsilon(comparable, folder / "epsilon.png")
    for card in own:
        plot_phi(card, folder / f"phi-{card.submission}.png")
