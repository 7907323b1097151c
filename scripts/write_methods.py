"""Writes docs/methods.md: what every submission says of itself, and what the board says of it.

python scripts/write_methods.py
"""

import ast
import re
from pathlib import Path

from benchmark.leaderboard import shipped_scorecards
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import submission_names

SCENARIOS = ("digits", "digits-cnn-hard")

INTRODUCTION = """# Methods

Written by `python scripts/write_methods.py` from the submissions' own docstrings and constants, and from the committed
scorecards. **Data** (R retain, F forget, V validation) and **epochs**, in the same order, are what the runs took from
their loaders; **touched** is the share of the weights that changed; all three as counted on {measured}, where it has
been run, else on digits. Scores are those of the published values / of the tuned ones; a dash: not run, or no score
(the board says why). Published values are those in the submission's file, where comments say which are the paper's and
which are chosen here.

"""
COLUMNS = ("submission", "idea", "data", "epochs", "touched", *SCENARIOS, "source")


def main() -> None:
    workspace = Workspace.find()
    for name, text in pages(workspace).items():
        (workspace.root / name).write_text(text)


def pages(workspace: Workspace) -> dict[str, str]:
    """Return docs/methods.md as it ought to be, by its path in the repository."""
    known = {load_scenario(name).hash for name in SCENARIOS}  # not the boards of another N
    cards = [card for card in shipped_scorecards(workspace) if card.scenario_hash in known]
    newest = {(card.scenario, card.submission): card for card in sorted(cards, key=lambda card: card.date)}
    rows, details = [], []
    for name in submission_names(workspace):
        title, reference, documentation, published = described(workspace.submissions / name / "submission.py")
        idea, *rest = [re.sub(r"\s+", " ", part) for part in documentation.split("\n\n")]
        counted = next((newest[s, name] for s in reversed(SCENARIOS) if counted_in(newest.get((s, name)))), None)
        scores = [f"{score(newest.get((s, name)))} / {score(newest.get((s, f'{name}+tuned')))}" for s in SCENARIOS]
        cells = [f"[{name}](#{name.lower()})", first_sentence(idea), *consumption(counted), *scores, reference]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        details += [f"## {name}", "", f"**{title}.** {idea}", ""]
        details += [line for part in [*rest, f"Published values: {published}."] for line in (part, "")]
    header = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    return {"docs/methods.md": INTRODUCTION.format(measured=SCENARIOS[-1]) + "\n".join([*header, *rows, "", *details])}


def described(path: Path) -> tuple[str, str, str, str]:
    """Return title, reference, docstring and hyper-parameters as they are written, without running the file."""
    tree = ast.parse(path.read_text())
    constants: dict[str, ast.expr] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            constants[target.id] = node.value
    values = constants["HYPERPARAMETERS"]
    assert isinstance(values, ast.Dict)
    pairs = zip(values.keys, values.values, strict=True)
    written = ", ".join(f"{ast.literal_eval(key)} {ast.unparse(value)}" for key, value in pairs if key)
    title, reference = (ast.literal_eval(constants[name]) for name in ("TITLE", "REFERENCE"))
    return title, reference, ast.get_docstring(tree) or "", written or "none"


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?]) ", text)[0]


def counted_in(card: Scorecard | None) -> bool:
    return card is not None and card.integrity is not None


def consumption(card: Scorecard | None) -> list[str]:
    """Return data, epochs and the share of the weights touched."""
    if card is None or card.integrity is None:
        return ["–"] * 3
    found = card.integrity
    epochs = {"R": found.retain_epochs, "F": found.forget_epochs, "V": found.validation_epochs}
    used = {letter: count for letter, count in epochs.items() if count > 0}
    return [
        " ".join(used) or "none",
        " ".join(f"{count:.3g}" for count in used.values()) or "0",
        f"{found.touched:.0%}",
    ]


def score(card: Scorecard | None) -> str:
    if card is None or not card.is_scored:
        return "–" if card is None else f"– ({card.status})"
    remark = "" if card.status == "ok" else f" ({card.status})"
    value = card.value("score")
    return f"–{remark}" if value is None else f"{value:.3f}{remark}"


if __name__ == "__main__":
    main()
