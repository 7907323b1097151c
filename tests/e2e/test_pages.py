"""The pages that scripts write say what the scripts would write now."""

import pytest
from conftest import REPOSITORY
from script import load_script

from benchmark.storage.workspace import Workspace


@pytest.mark.parametrize("name", ["write_methods", "write_results", "write_schema"])
def test_the_pages_are_current(name):
    for page, text in load_script(name).pages(Workspace(REPOSITORY)).items():
        assert (REPOSITORY / page).read_text() == text, f"run `python scripts/{name}.py`"
