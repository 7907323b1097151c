"""The public Python API's docstrings, page and namespace, with every example in them."""

import doctest
import inspect
import re

import pytest
from conftest import REPOSITORY

import benchmark

IN_A_REPOSITORY = {"compare", "load_problem", "read_board"}  # tests/e2e runs their examples
FUNCTIONS = sorted(set(benchmark.__all__) - {"__version__"})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_takes_returns_and_raises(name):
    text = inspect.getdoc(getattr(benchmark, name)) or ""
    for heading in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"{heading}\n{'-' * len(heading)}" in text, heading


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - IN_A_REPOSITORY))
@pytest.mark.seconds
def test_the_examples_of_the_docstrings(name):
    function = getattr(benchmark, name)
    examples = doctest.DocTestFinder(recurse=False).find(function, name, globs={**vars(benchmark), name: function})
    results = [doctest.DocTestRunner().run(each) for each in examples]
    assert sum(each.attempted for each in results) > 0
    assert not any(each.failed for each in results)


@pytest.mark.seconds
def test_the_page_shows_what_a_real_run_prints():
    text = (REPOSITORY / "docs" / "api.md").read_text()
    shown = re.sub(
        r"```\n+```text\n(.*?)```", lambda block: block[1].replace("\n\n", "\n<BLANKLINE>\n"), text, flags=re.S
    )
    examples = doctest.DocTestParser().get_doctest(shown.replace("```", ""), {}, "api.md", None, 0)
    results = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples)
    assert results.attempted >= 10
    assert not results.failed


def test_the_page_names_every_function():
    table = (REPOSITORY / "docs" / "api.md").read_text()
    assert not [name for name in FUNCTIONS if f"`{name}(" not in table]
    assert "docs/api.md" in (REPOSITORY / "README.md").read_text()


def test_the_namespace():
    assert set(benchmark.__all__) <= set(dir(benchmark))
    assert re.fullmatch(r"\d+\.\d+.*", benchmark.__version__)
    with pytest.raises(AttributeError, match="module 'benchmark' has no attribute 'scor'"):
        benchmark.scor  # noqa: B018
    from benchmark import metrics as scoring

    assert scoring.klom is benchmark.klom


def test_the_package_is_typed():
    assert (REPOSITORY / "benchmark" / "py.typed").exists()
