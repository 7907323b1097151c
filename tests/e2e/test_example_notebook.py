"""The example notebook runs from its first to its last cell; its stored outputs are those that it gets."""

import nbformat
import pytest
from conftest import REPOSITORY
from nbclient import NotebookClient

NOTEBOOK = REPOSITORY / "examples" / "board.ipynb"


def texts(notebook) -> list[str]:
    """Return what every code cell prints or shows, as text."""
    return [
        "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@pytest.fixture(scope="module")
def executed():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    return NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(REPOSITORY)}}).execute()


@pytest.mark.long
def test_every_cell_runs_and_shows_what_it_says(executed):
    score, per_example, board, controls, verdict = texts(executed)[1:-1]
    assert "0.0999" in score
    assert "example_leak" in per_example
    assert "gap_closed_phi" in board
    assert {"retrain", "identity"} <= set(controls.split())
    assert "gap" in verdict
    pictures = [output for output in executed.cells[-1].outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 1


def test_the_scores_of_arrays_that_it_shows_are_those_it_gets(executed):
    assert texts(nbformat.read(NOTEBOOK, as_version=4))[1:3] == texts(executed)[1:3]
