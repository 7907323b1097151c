"""The pages that scripts write say what the scripts would write now."""

import importlib.util

import pytest
from conftest import REPOSITORY

from benchmark.storage.workspace import Workspace


@pytest.mark.parametrize("name", ["write_methods", "write_results"])
def test_the_pages_are_current(name):
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for page, text in module.pages(Workspace(REPOSITORY)).items():
        assert (REPOSITORY / page).read_text() == text, f"run `python scripts/{name}.py`"
