"""Pages of docs/: codes and JSON that programs rely on, and pages that are written from the boards."""

import json
import re

import pytest
import write_costs
import write_faq
import write_planted
from conftest import REPOSITORY
from pages import blocks

from benchmark import errors
from benchmark.leaderboard import shipped_scorecards
from benchmark.scenario.schema import scenario_names
from benchmark.storage.workspace import Workspace

DOCS = REPOSITORY / "docs"


@pytest.fixture(scope="module")
def card():
    cards = shipped_scorecards(Workspace(REPOSITORY))
    return next(card for card in cards if (card.scenario, card.submission) == ("digits", "retrain"))


@pytest.mark.parametrize(("status", "names"), [("ok", {"gap", "cost"}), ("crashed", {"reason"})])
@pytest.mark.seconds
def test_the_example_for_agents_reads_a_scorecard(status, names, card, tmp_path, monkeypatch):
    (example,) = [block for block in blocks("agents.md") if block.language == "python"]
    (tmp_path / "card.json").write_text(json.dumps({**card.content(), "status": status}))
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(example.content, found)
    assert found.keys() >= names
    assert status != "ok" or found["cost"] > 0.5


def test_agents_are_told_every_code():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.BenchError)]
    codes = {kind.code for kind in kinds} - {errors.BenchError.code}
    assert not [code for code in codes if f"`{code}`" not in (DOCS / "agents.md").read_text()]


def test_the_questions_are_those_that_are_written():
    asked = re.findall(r"^## (.+)$", (DOCS / "faq.md").read_text(), re.MULTILINE)
    written = re.findall(r"^## (.+)$", write_faq.TEXT, re.MULTILINE)
    assert len(asked) == len(written) >= 10
    assert asked[1:] == written[1:]


def test_every_scenario_has_its_row_of_costs():
    page = (DOCS / "scenario-costs.md").read_text()
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE) == scenario_names()
    assert write_costs.TEXT.partition("{")[0] in page


def test_the_table_of_planted_leaks_is_that_of_the_study():
    for name, page in write_planted.pages(Workspace(REPOSITORY)).items():
        assert (REPOSITORY / name).read_text() == page, "run `python scripts/write_planted.py`"


def test_the_readme_is_short_and_what_it_links_to_exists():
    text = (REPOSITORY / "README.md").read_text()
    assert len(text.splitlines()) < 120
    links = re.findall(r"\]\(([\w./-]+)\)|src=\"([^\"]+)\"", text)
    assert len(links) > 20
    assert not [link for pair in links for link in pair if link and not (REPOSITORY / link).exists()]


def test_pictures_of_the_site_are_small():
    sizes = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    assert sizes
    assert max(sizes.values()) < 150_000
