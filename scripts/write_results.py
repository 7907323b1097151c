"""Write docs/results.md, and the summary in README.md, from the committed scorecards: sentences, claims and tables.

python scripts/write_results.py
"""

from collections.abc import Sequence

from findings.boards import Board, load_boards, method_of
from findings.claims import say_claims
from findings.holding import say_holding
from findings.language import five_sentences
from findings.requests import request_lines
from findings.sentences import CNN, DIGITS, FASHION, say_better_than_nothing, say_how_to_read, say_of, twelve_sentences
from findings.tables import board_table, short_table
from findings.wording import join

from benchmark.leaderboard import shipped_scorecards
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import submission_names, tuned_entries
from benchmark.submissions.tasks import inapplicable, unfit

INTRODUCTION = """# Results

Written by `python scripts/write_results.py` from the scorecards in `leaderboard/` and the tables of `bench study`;
nothing here is typed by hand. `bench make-board SCENARIO ... --out leaderboard` makes boards; a clone holds what it has
made, so remove `leaderboard/boards/`, `leaderboard/evidence/` and `submissions/*/tuned/` to make all of it anew.
[tuning.md](tuning.md) says how values are tuned and costs measured, [metrics.md](metrics.md) and
[scoring.md](scoring.md) what the columns mean, [methods.md](methods.md) what the methods do, and
`leaderboard/summary.csv` sums boards up: mean ranks, performance profiles, forgetting against cost.

Intervals in brackets are of 95 %, over models. Differences are paired, and significant where 0 is outside such an
interval after a correction for the comparisons of the same sentence (Bonferroni); groups are corrected for one entry's
comparisons. The best of many is high by chance too, so its interval is one that holds for all of them. These are small
networks on small images and made-up facts: they say what these methods do here.
"""
CLAIMS = """## Claims of the methods' papers

Differences of the gap closed with the values that the papers publish, at any cost; in percentage points, at 95 % for
all claims of a board together. The papers measure by other means (accuracies, classifier MIAs), on larger nets and
other data: a claim that does not hold here may hold there. A rival is what comes nearest to the paper's among the
entries; `scripts/findings/claims.py` says by what measure each paper judges, and which tables were not consulted.
"""
HOLDING = """[Treatments](treatments.md) are done to the unlearned nets, to the retrained ones and to the originals
alike, and then the gap closed is taken, by φ of the forget examples. *Clearly* less: the two intervals have nothing in
common.
"""
README_BEGIN, README_END = "<!-- written by scripts/write_results.py -->\n", "<!-- end -->\n"


def main() -> None:
    workspace = Workspace.find()
    for name, text in pages(workspace).items():
        (workspace.root / name).write_text(text)


def pages(workspace: Workspace) -> dict[str, str]:
    """Return docs/results.md and README.md as they ought to be, by their paths in the repository."""
    boards = load_boards(workspace)
    lacking = {name: len(methods_without_row(workspace, board)) for name, board in boards.items()}
    sentences = twelve_sentences(boards, workspace.shipped / "studies", lacking)
    page = [INTRODUCTION, "## In twelve sentences", "", *(f"{at}. {own}" for at, own in enumerate(sentences, 1)), ""]
    classes = load_scenario("digits").task
    for_language = {name for name in submission_names(workspace) if inapplicable(workspace.submissions / name, classes)}
    said = (f"{at}. {own}" for at, own in enumerate(five_sentences(boards, lacking, for_language), 1))
    page += ["## Language models, in five sentences", "", *said, ""]
    held = [f"{at}. {own}" for at, own in enumerate(say_holding(boards, shipped_scorecards(workspace)), 1)]
    page += ["## What holds after unlearning", "", HOLDING, *held, ""] if held else []
    page += [CLAIMS, *say_claims([boards[name] for name in (FASHION, CNN, DIGITS) if name in boards]), ""]
    cards = shipped_scorecards(workspace)
    for board in boards.values():
        page += section(workspace, board, cards)
    return {"docs/results.md": "\n".join(page).rstrip() + "\n", "README.md": _readme(workspace, boards, lacking)}


def _readme(workspace: Workspace, boards: dict[str, Board], lacking: dict[str, int]) -> str:
    path = workspace.root / "README.md"
    before, begin, rest = path.read_text().partition(README_BEGIN)
    _, end, after = rest.partition(README_END)
    if not (begin and end):
        raise SystemExit(f"{path} has lost one of the two comments that the summary stands between")
    summary = []
    if first := next(iter(boards.values()), None):
        summary = [f"`{first.name}`, N = {first.models}:", "", *short_table(first), f"{say_how_to_read(first)}\n"]
        if first.has_gap:
            summary += [f"{say_of(first, say_better_than_nothing, lacking)}\n"]
    return before + README_BEGIN + "\n".join(summary) + README_END + after


def section(workspace: Workspace, board: Board, cards: Sequence[Scorecard]) -> list[str]:
    """Return the lines about one board: a plot, its table, and what has no row in it; `cards`: of all boards."""
    plot = f"![every entry with its interval](../leaderboard/plots/{board.label}/scores.png)"
    title = f"## {board.name}, N = {board.models}"
    lines = [title, "", board.scenario.description, "", plot, "", *board_table(board)]
    lines += request_lines(board, cards)
    if failed := [card for card in board.cards if not card.is_scored and card.status != "not-applicable"]:
        lines += ["Without a score: " + "; ".join(f"{c.submission} ({c.status}: {c.reason})" for c in failed) + ".", ""]
    names = {card.submission for card in board.cards}
    if missing := [name for name in wanted(workspace, board.scenario) if name not in names]:
        lines += [f"Not on this board yet: {join(missing, len(missing))}.", ""]
    return lines


def methods_without_row(workspace: Workspace, board: Board) -> list[str]:
    """Return the submissions that a board has no row of, neither with published nor with tuned values."""
    return sorted(_applicable(workspace, board.scenario) - {method_of(card) for card in board.cards})


def wanted(workspace: Workspace, scenario: Scenario) -> list[str]:
    """Return the entries that a whole board of a scenario has, with published and with tuned values."""
    names = _applicable(workspace, scenario)
    return sorted({*names, *(entry for name in names for entry in tuned_entries(name, workspace, scenario))})


def _applicable(workspace: Workspace, scenario: Scenario) -> set[str]:
    folders = {name: workspace.submissions / name for name in submission_names(workspace)}
    return {name for name, folder in folders.items() if not unfit(folder, scenario)}


if __name__ == "__main__":
    main()
