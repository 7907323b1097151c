"""Fixtures of the unit tests."""

import sys

import pytest
from notebooks import Imports


@pytest.fixture
def imports(tmp_path, monkeypatch) -> Imports:
    monkeypatch.setattr(sys, "path", [*sys.path])  # load_module adds the submission's folder
    monkeypatch.setitem(sys.modules, "submission", None)
    return Imports(tmp_path)
