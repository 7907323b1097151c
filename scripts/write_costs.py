"""Write docs/scenario-costs.md: what has ever been run of every scenario, and what it cost, from the committed boards.

python scripts/write_costs.py
"""

from pathlib import Path
from statistics import median

from findings.boards import Board, load_boards
from findings.tables import to_markdown
from findings.wording import ABSENT

from benchmark.data import load_problem
from benchmark.data.choice import is_unchosen
from benchmark.data.loading import with_stand_in
from benchmark.references.planning import bytes_per_model
from benchmark.scenario.schema import Role, Scenario, load_scenario, scenario_names
from benchmark.storage.workspace import Workspace

PAGE = "docs/scenario-costs.md"

TEXT = """# What scenarios cost, and what has been run

Written by `python scripts/write_costs.py` from the shipped scenarios and the committed boards. `bench prepare
--dry-run --scenario NAME` says what a scenario takes on your machine, before anything starts;
[Performance](performance.md) has the hardware and the versions of measured times.

- **models**: what a pool trains, originals and all others, in whole blocks. A forget set that looks at models trains
  some before. Of several requests all are counted.
- **disk**: weights of the originals and evidence of all models; known here where the data is in the package.
- **board**: entries with a score, controls not counted, and N. *Never run*: no board of it is committed. Some of these
  were tried with N = 32 ([Scenarios](scenarios.md#every-key)), others were only ever loaded, by a test.
- **a retraining**: CPU seconds of one model trained by itself in the sandbox, median over the board's rows (cost of a
  run over its share of retraining).
- **the pool, one by one**: models times that. Small networks train in blocks, at a twentieth to a half of it.
- **an entry**: N runs of the median entry, in CPU minutes, without scoring.

{table}
"""
HEADINGS = ("scenario", "models", "disk", "board", "a retraining", "the pool, one by one", "an entry")


def main() -> None:
    root = Path(__file__).parents[1]
    for name, text in pages(Workspace(root)).items():
        (root / name).write_text(text)


def pages(workspace: Workspace) -> dict[str, str]:
    """Return docs/scenario-costs.md as it ought to be, by its path in the repository."""
    boards = load_boards(workspace)
    rows = [_row(load_scenario(name), boards.get(name)) for name in scenario_names()]
    return {PAGE: TEXT.format(table="\n".join(to_markdown(rows, HEADINGS)).rstrip())}


def _row(scenario: Scenario, board: Board | None) -> list[str]:
    models = sum(map(_trained, scenario.roles, [scenario] * len(scenario.roles)))
    cells = [f"`{scenario.name}`", f"{models:,}", _disk(scenario, models)]
    return [*cells, *(_measured(board, models) if board else ["never run", ABSENT, ABSENT, ABSENT])]


def _trained(role: Role, scenario: Scenario) -> int:
    """Return how many models of a role are trained: whole blocks, of all but originals for every request."""
    return scenario.block_count(role) * scenario.protocol.block


def _disk(scenario: Scenario, models: int) -> str:
    if not scenario.data.in_package:
        return ABSENT
    known = with_stand_in(scenario) if is_unchosen(scenario) else scenario
    weights, evidence = bytes_per_model(known, load_problem(known))
    return f"{(weights * _trained('original', scenario) + evidence * models) / 1e6:.1f} MB"


def _measured(board: Board, models: int) -> list[str]:
    costs = [
        (seconds, share)
        for card in board.completed
        if (seconds := card.value("run_seconds")) is not None and (share := card.value("retraining_share"))
    ]
    scored = f"{len(board.completed)} entries, N = {board.models}"
    if not costs:
        return [scored, ABSENT, ABSENT, ABSENT]
    retraining = median(seconds / share for seconds, share in costs)
    entry = board.models * median(seconds for seconds, _ in costs)
    return [scored, f"{retraining:.2f} s", f"{models * retraining / 60:.0f} min", f"{entry / 60:.1f} min"]


if __name__ == "__main__":
    main()
