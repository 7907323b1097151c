"""Boards and pools far larger than any that ships: a study of minutes, `pytest -m slow tests/e2e/test_load.py`."""

import measure_load
import pytest

SECONDS, BYTES = 30, 1e9
LONG = {"the boards' plots, the first time"}
"""Steps that take a fixed time per board, and more than SECONDS for ten of them."""


@pytest.mark.slow
@pytest.mark.parametrize("load", ["boards", "pool"])
def test_large_boards_and_pools_take_seconds_and_less_than_a_gigabyte(load, tmp_path):
    if load == "boards":
        found = measure_load.load_boards(tmp_path / load, entries=200, scenarios=10)
    else:
        found = measure_load.load_pool(tmp_path / load, models=4096, block=32)
    assert not {step: used.cpu for step, used in found.items() if used.cpu > SECONDS and step not in LONG}
    assert not {step: used.memory for step, used in found.items() if used.memory > BYTES}
