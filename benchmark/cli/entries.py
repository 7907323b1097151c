"""`bench show`, and the end of `bench run`: one entry in words, as a person reads it first."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli.options import JsonOption, ModelsOption, OutOption, ScenarioOption
from benchmark.cli.shared import out as terminal
from benchmark.cli.shared import print_json, read_scenario, show_files
from benchmark.errors import BenchError

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.console import RenderableType

    from benchmark.leaderboard.position import Position
    from benchmark.results.scorecard import Scorecard
    from benchmark.scenario.schema import Scenario
    from benchmark.storage.workspace import Workspace

Steps = Mapping[str, str]
"""Commands that a person may type next, and what they do."""


def show(
    name: Annotated[str, typer.Argument(help="An entry, as the board calls it.")],
    scenario: ScenarioOption = "digits",
    models: ModelsOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show everything about one entry: in words, every metric beside the controls', its worst forgotten examples.

    Then what was noticed of its runs, its hyper-parameters, and the command that reproduces it.
    """
    from benchmark.leaderboard import find_scorecard, read_scorecards
    from benchmark.leaderboard.entry_summary import summarise_entry
    from benchmark.leaderboard.position import comparable_cards, position_of
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(out), read_scenario(scenario, models)
    card = find_scorecard(workspace, chosen, name)
    cards = read_scorecards(workspace, warn=lambda _: None)
    comparable = comparable_cards(card, cards)
    position = position_of(card, comparable)
    summary = summarise_entry(card, position, chosen.protocol.budget, cards)
    if as_json:
        print_json(_as_json(card, summary, position, chosen, workspace))
        return
    print_box(card, summary, {})
    for each in _details(card, comparable, chosen, workspace):
        terminal.print(each, soft_wrap=isinstance(each, str), highlight=False)


def show_entry(workspace: "Workspace", scenario: "Scenario", card: "Scorecard", rows: "DataFrame") -> None:
    """Print an entry in words and a few rows of its board around it; `rows` are of all boards."""
    from benchmark.leaderboard import read_scorecards
    from benchmark.leaderboard.entry_summary import summarise_entry
    from benchmark.leaderboard.neighbours import render_around
    from benchmark.leaderboard.position import comparable_cards, position_of

    cards = read_scorecards(workspace, warn=lambda _: None)  # what is wrong with a file has been said by now
    position = position_of(card, comparable_cards(card, cards))
    summary = summarise_entry(card, position, scenario.protocol.budget, cards)
    print_box(card, summary, _next_steps(card, scenario, workspace))
    places = {"scenario_hash": card.scenario_hash, "scorer_version": card.scorer_version}
    board = rows.loc[(rows[list(places)] == list(places.values())).all(axis=1)]
    if card.submission in board["submission"].tolist():  # of another size than most, it has no row
        terminal.print(render_around(board, card.submission))
    show_files(workspace, scenario)


def options_of(scenario: "Scenario") -> str:
    """Return the options that choose a scenario, with a space before them; none for the default."""
    chosen = "" if scenario.name == "digits" else f" --scenario {_name_of(scenario)}"
    return chosen + _models_option(scenario)


def _name_of(scenario: "Scenario") -> str:
    """Return what a person types for a scenario: of a user's own, the file it should be in."""
    from benchmark.scenario.schema import is_shipped

    return scenario.name if is_shipped(scenario.name) else shlex.quote(f"{scenario.name}.toml")


def _models_option(scenario: "Scenario") -> str:
    """Return the option that chooses N, with a space before it; none where it is a shipped scenario's own."""
    from benchmark.scenario.schema import is_shipped, load_scenario

    name, models = scenario.name, scenario.protocol.models
    is_usual = is_shipped(name) and load_scenario(name).protocol.models == models
    return "" if is_usual else f" --models {models}"


def print_box(card: "Scorecard", summary: Mapping[str, str], steps: Steps) -> None:
    """Print a box of an entry in words; nothing of it is read as markup."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from benchmark.leaderboard.entry_table import WIDTH

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    for heading, said in summary.items():
        grid.add_row(Text(heading, "dim"), Text(said))
    for heading, (command, what) in zip(["next", *[""] * len(steps)], steps.items(), strict=False):
        grid.add_row(Text(heading, "dim"), Text.assemble((command, "bold"), f"  {what}"))
    title = Text(card.submission, "bold")
    terminal.print(Panel(grid, title=title, title_align="left", width=min(WIDTH, terminal.width)))


def _next_steps(card: "Scorecard", scenario: "Scenario", workspace: "Workspace") -> Steps:
    """Return what to type after a run."""
    from benchmark.submissions.source import tuned_entries

    name, chosen = card.submission, options_of(scenario)
    steps = {f"bench show {name}{chosen}": "everything about it"}
    if card.is_scored:
        steps["bench page"] = "all of it to look at and compare, in a browser"
    if card.values == "published":
        for tuned in tuned_entries(name, workspace, scenario):
            steps[f"bench run {tuned}{chosen}"] = "the same with tuned values"
    steps[f"bench board {_name_of(scenario)}{_models_option(scenario)}"] = "the whole table"
    return steps


def _details(
    card: "Scorecard", comparable: "Sequence[Scorecard]", scenario: "Scenario", workspace: "Workspace"
) -> "list[RenderableType]":
    """Return all that is shown below the box."""
    from benchmark.leaderboard.entry_table import (
        example_table,
        metric_tables,
        part,
        say_integrity,
        say_values,
        worst_examples,
    )

    controls = [each for each in comparable if each.control and each.is_scored]
    found: list[RenderableType] = list(metric_tables(card, controls, terminal.width)) if card.is_scored else []
    if examples := worst_examples(card):
        found.append(part("Worst forgotten examples, by their place in the forget set", example_table(examples)))
    if noticed := say_integrity(card):
        found.append(part("Runs", *noticed))
    values = values_of(card, scenario, workspace)
    said = "not known: the submission is not here as it ran" if values is None else say_values(values)
    found.append(part("Hyper-parameters", said))
    hashes = f"scenario {card.scenario_hash}, submission {card.submission_hash[:12]}, scorer {card.scorer_version}"
    found.append(part("Reproduce", reproduce_command(card, scenario), f"{hashes}; scored on {card.date}"))
    return found


def reproduce_command(card: "Scorecard", scenario: "Scenario") -> str:
    """Return the command that makes an entry's row again."""
    allowed = f" --allow-failures {card.allowed_failures}" if card.allowed_failures else ""
    return f"bench run {card.submission}{options_of(scenario)}{allowed}"


def values_of(card: "Scorecard", scenario: "Scenario", workspace: "Workspace") -> dict[str, Any] | None:
    """Return the hyper-parameters that an entry ran with; None where its files are not here as they ran."""
    from benchmark.submissions.constants import PUBLISHED, read_literal
    from benchmark.submissions.source import find_submission

    try:
        submission = find_submission(card.submission, workspace, scenario)
        if not submission.is_named_by(card.submission_hash):
            return None
        return {**read_literal(submission.name, submission.folder, PUBLISHED), **submission.hyperparameters}
    except BenchError:
        return None


def _as_json(
    card: "Scorecard",
    summary: Mapping[str, str],
    position: "Position",
    scenario: "Scenario",
    workspace: "Workspace",
) -> dict[str, Any]:
    from benchmark.leaderboard.entry_table import worst_examples

    return {
        "summary": dict(summary),
        "position": position.to_dict(),
        "worst_examples": worst_examples(card),
        "hyperparameters": values_of(card, scenario, workspace),
        "reproduce": reproduce_command(card, scenario),
        "scorecard": card.content(),
    }
