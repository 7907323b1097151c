"""Writes the leaderboard's files from the scorecards that are on the disk."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from benchmark.data.choice import read_choice
from benchmark.errors import BadRecord, BadUsage, MissingRecord, note
from benchmark.faults import note_fault
from benchmark.leaderboard.drawn import digest_of, is_drawn, note_drawn
from benchmark.leaderboard.plot_files import FORMS, SUMMARY, entry_plots, plots_folder, remove_plots
from benchmark.leaderboard.summary import summarise
from benchmark.leaderboard.table import leaderboard
from benchmark.results.board_file import pack_cards, read_cards
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import Scenario, is_shipped, options
from benchmark.storage.locks import claim, hold
from benchmark.storage.workspace import Workspace, write_atomically
from benchmark.text import did_you_mean

Warn = Callable[[str], None]

_LOCK = ".lock"


def read_scorecards(workspace: Workspace, warn: Warn = note) -> list[Scorecard]:
    """Return the shipped scorecards and those made here; a file that is none is named to `warn` and left out.

    One made here takes the place of a shipped one of the same entry, scenario and scorer.
    """
    shipped, local = shipped_scorecards(workspace, warn), local_scorecards(workspace, warn)
    return _alike(list({_identity(card): card for card in [*shipped, *local]}.values()), warn)


def _alike(cards: list[Scorecard], warn: Warn) -> list[Scorecard]:
    """Return the cards with as many models and forget examples as most of their scenario; name the others to `warn`."""
    sizes = {_identity(card): (card.models, card.examples) for card in cards if card.is_scored}
    usual = {
        label: Counter(sizes[_identity(card)] for card in group).most_common(1)[0][0]
        for label, group in _groups(cards).items()
    }
    odd = {_identity(card): card for card in cards if card.is_scored and sizes[_identity(card)] != usual[card.label]}
    for identity, card in odd.items():
        models, examples = sizes[identity]
        warn(
            f"the scorecard of {card.submission} on {card.label} has {models} models and {examples} forget examples, "
            "expected as many as the others; run its submission again, until then its row is left out"
        )
    return [card for card in cards if _identity(card) not in odd]


def shipped_scorecards(workspace: Workspace, warn: Warn = note) -> list[Scorecard]:
    """The scorecards that came with the repository."""
    return [card.model_copy(update={"source": "shipped"}) for card in read_cards(workspace.shipped, warn)]


def local_scorecards(workspace: Workspace, warn: Warn = note) -> list[Scorecard]:
    """The scorecards that were made here; none where results replace the shipped ones."""
    return [] if workspace.publishes else read_cards(workspace.results, warn)


def own_scorecards(workspace: Workspace, warn: Warn = note) -> list[Scorecard]:
    """The scorecards in the folder that commands write to."""
    return shipped_scorecards(workspace, warn) if workspace.publishes else local_scorecards(workspace, warn)


def _identity(card: Scorecard) -> tuple[str, str, str]:
    return card.submission, card.scenario_hash, card.scorer_version


def scored_submissions(workspace: Workspace, scenario: Scenario) -> list[str]:
    """Return the submissions that have metrics on this scenario from runs of one's own."""
    return [c.submission for c in own_scorecards(workspace) if c.scenario_hash == scenario.hash and c.is_scored]


def find_scorecard(workspace: Workspace, scenario: Scenario, submission: str) -> Scorecard:
    """Return an entry's scorecard.

    Raises MissingRecord when it has not been run on the scenario, BadUsage for the name of a scenario.
    """
    found = reversed(read_scorecards(workspace))
    cards = {card.submission: card for card in found if card.scenario_hash == scenario.hash}
    if submission in cards:
        return cards[submission]
    if is_shipped(submission):
        raise BadUsage(f"{submission} is a scenario, expected an entry; name it with `--scenario {submission}`")
    near = did_you_mean(submission, cards)
    raise MissingRecord(
        f"{submission} has no scorecard on {scenario.label}{near}; run `bench run --submission {submission} "
        f"{options(scenario.name, scenario.protocol.models)}` first"
    )


def rebuild(workspace: Workspace, changed: Iterable[Scorecard] = (), warn: Warn = note) -> pd.DataFrame:
    """Write `leaderboard.csv`, and `summary.csv` where scenarios can be summed up together; return the leaderboard.

    Plots that show one of the entries `changed`, or a summary that has changed, are removed; `draw_boards` draws them.
    Where results replace the shipped ones, their scorecards are packed into one file per board.
    """
    with hold(workspace.results / _LOCK):
        return _rebuild(workspace, changed, warn)


def rebuild_unless_others_do(
    workspace: Workspace, changed: Iterable[Scorecard] = (), warn: Warn = note
) -> pd.DataFrame | None:
    """Do what `rebuild` does, and return None where another process is at it: whoever comes last has to call that one.

    A board is written whole, so that of many processes that make rows all but one would wait for one another.
    """
    with claim(workspace.results / _LOCK) as ours:
        return _rebuild(workspace, changed, warn) if ours else None


def _rebuild(workspace: Workspace, changed: Iterable[Scorecard], warn: Warn) -> pd.DataFrame:
    if workspace.publishes:
        pack_cards(workspace.results)
    cards = read_scorecards(workspace, warn)
    rows = leaderboard(cards)
    remove_plots(workspace, changed)
    write_atomically(workspace.results / "leaderboard.csv", rows.to_csv(index=False, float_format="%.6g").encode())
    _write_summary(workspace, cards)
    return rows


def _write_summary(workspace: Workspace, cards: list[Scorecard]) -> None:
    """Write the summary over scenarios, or remove it where there is none; its plots go when it changes."""
    path, summary = workspace.results / "summary.csv", summarise(cards)
    content = None if isinstance(summary, str) else summary.rows.to_csv(index=False, float_format="%.6g").encode()
    if path.exists() and path.read_bytes() == content:
        return
    shutil.rmtree(plots_folder(workspace, SUMMARY), ignore_errors=True)
    if content is None:
        path.unlink(missing_ok=True)
    else:
        write_atomically(path, content)


def draw_boards(workspace: Workspace) -> None:
    """Draw the plots of every board that rows made here appear in, among the shipped rows, and of the summary.

    Those that show the cards as they are now stay. Of several requests the board after the last is drawn, which has the
    course over all of them. Those that cannot be drawn for a fault of ours are noted and left out.
    """
    from benchmark.leaderboard.plots import plot_board  # matplotlib is slow
    from benchmark.leaderboard.summary_plots import plot_summary

    with hold(workspace.results / _LOCK):  # a run that ends meanwhile removes what is old by then
        cards = read_scorecards(workspace, warn=lambda _: None)  # what is wrong with a file has been said by now
        for label, comparable in _groups(cards).items():
            mine = workspace.publishes or any(card.source == "local" for card in comparable)
            if mine and not any(card.is_earlier for card in comparable):
                _draw(workspace, label, _shown(comparable, cards), partial(plot_board, comparable, others=cards))
        if not isinstance(summary := summarise(cards), str):
            shown = (card for board in summary.boards for card in (*board.controls.values(), *board.entries.values()))
            _draw(workspace, SUMMARY, shown, partial(plot_summary, summary))


def _shown(comparable: list[Scorecard], cards: list[Scorecard]) -> list[Scorecard]:
    """Return the cards that the plots of a board show: its own, and those after earlier requests."""
    others = cards if any(card.sequence for card in comparable) else ()
    return [*comparable, *(card for card in others if card.is_earlier)]


def _draw(workspace: Workspace, label: str, shown: Iterable[Scorecard], draw: Callable[[Path], Sequence[Path]]) -> None:
    digest = digest_of(shown)
    if is_drawn(workspace, label, digest):
        return
    try:
        note_drawn(workspace, label, digest, draw(plots_folder(workspace, label)))
    except Exception as error:
        note_fault(error, f"drawing the plots of {label}", workspace.log(label, "plots"))


def _groups(cards: list[Scorecard]) -> dict[str, list[Scorecard]]:
    """The cards that have metrics, by scenario and, within it, of the newest scorer version only."""
    groups: dict[str, list[Scorecard]] = {}
    for card in cards:
        if card.is_scored:
            groups.setdefault(card.label, []).append(card)
    for label, members in groups.items():
        newest = max((card.scorer_version for card in members), key=int)
        groups[label] = [card for card in members if card.scorer_version == newest]
    return groups


def plot_entry(workspace: Workspace, scenario: Scenario, entry: str, width: float) -> list[Path]:
    """Draw the plots of one entry for a paper's column of so many inches, and return where they lie.

    A card from before the privacy profile has none of it. Raises MissingRecord when the entry has no scorecard,
    BadRecord when that has no metrics.
    """
    from benchmark.leaderboard.canvas import Paper
    from benchmark.leaderboard.entry_plots import plot_classes, plot_epsilons, plot_hardness, plot_phi, plot_profile

    card = find_scorecard(workspace, scenario, entry)
    if not card.per_example("epsilon"):
        raise BadRecord(f"{entry} is {card.status} and has no ε to draw; {card.remedy}")
    cards = read_scorecards(workspace, warn=lambda _: None)  # what is wrong with a file has been said by now
    comparable = [each for each in cards if each.scorer_version == card.scorer_version and each.label == card.label]
    controls = [each for each in comparable if each.control and each.per_example("epsilon")]
    paper = Paper(width, FORMS)
    phi, epsilon, profile, classes, hardness = (
        path for path in entry_plots(workspace, card.label, entry) if path.suffix == ".png"
    )
    drawn = [*plot_phi(card, phi, paper), *plot_epsilons(card, controls, epsilon, paper)]
    if card.profile:
        drawn += plot_profile(card, controls, profile, paper)
    if card.class_leaks:
        drawn += plot_classes(card, controls, classes, paper)
    choice = read_choice(scenario) if scenario.forget.asks_models else None
    if choice and choice.scores:
        drawn += plot_hardness(card, choice, controls, hardness, paper)
    return drawn


def plot_scenario(workspace: Workspace, scenario: Scenario, width: float) -> list[Path]:
    """Draw the plots of a board for a paper's column of so many inches, and return where they lie.

    Raises MissingRecord where no entry has metrics on the scenario.
    """
    from benchmark.leaderboard import plots
    from benchmark.leaderboard.canvas import Paper

    cards = read_scorecards(workspace)
    groups = _groups(cards)
    if scenario.label not in groups:
        raise MissingRecord(f"no entry has metrics on {scenario.label}; run `bench run NAME` there first")
    folder = plots_folder(workspace, scenario.label)
    return plots.plot_board(groups[scenario.label], folder, Paper(width, FORMS), cards)


def plot_all_scenarios(workspace: Workspace, width: float) -> list[Path]:
    """Draw the plots of the summary over scenarios, as `plot_scenario` does; none where there is no summary."""
    from benchmark.leaderboard.canvas import Paper
    from benchmark.leaderboard.summary_plots import plot_summary

    summary = summarise(read_scorecards(workspace, warn=lambda _: None))  # it has been said by now
    return (
        [] if isinstance(summary, str) else plot_summary(summary, plots_folder(workspace, SUMMARY), Paper(width, FORMS))
    )
