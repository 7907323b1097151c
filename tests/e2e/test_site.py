"""`bench page` on real runs: the index and entries' pages, kept current, the same bytes each time."""

import webbrowser

import pytest
from html_pages import Page

from benchmark.scenario.schema import load_scenario
from benchmark.site.forget_examples import known_examples


@pytest.fixture
def site(finished, bench):
    assert bench("page", scenario=None).returncode == 0
    return finished.results / "site"


def pages(site):
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*.html")}


def test_every_entry_has_a_page_and_no_page_breaks_a_rule(site):
    found = pages(site)
    assert sorted(name.rpartition("/")[2] for name in found) == ["finetune.html", "identity.html", "index.html"]
    assert {name: Page(content).faults() for name, content in found.items()} == {name: [] for name in found}


def test_every_link_of_every_page_leads_to_a_file_or_a_place_in_it(site):
    for name in pages(site):
        path = site / name
        page = Page(path.read_bytes())
        for link in page.named("a"):
            href, _, fragment = link.attributes["href"].partition("#")
            if href.startswith("data:"):
                continue
            target = (path.parent / href).resolve() if href else path
            assert target.exists(), href
            if fragment:
                Page(target.read_bytes()).with_id(fragment)


def test_evidence_that_lies_here_is_drawn_for_every_example(site):
    (path,) = site.glob("entries/*/finetune.html")
    found = Page(path.read_bytes()).data("distributions")
    assert [(each["name"], each["models"]) for each in found["populations"]] == [
        ("unlearned", 8),
        ("retrained", 8),
        ("original", 8),
    ]
    assert len(found["examples"]) == 10
    assert all(sum(counts) == 8 for example in found["examples"] for counts in example[1:])


def test_examples_of_a_scenario_of_ones_own_are_named_and_shown(site):
    (path,) = site.glob("entries/*/finetune.html")
    page = Page(path.read_bytes())
    assert len([image for image in page.named("img") if image.attributes["alt"] in "0123456789"]) == 10
    assert "What these examples are is not known here" not in page.text
    assert "the budget is 100\u00a0%" in page.text


def test_the_source_is_shown_as_that_of_the_entry(site):
    (path,) = site.glob("entries/*/finetune.html")
    text = Page(path.read_bytes()).text
    assert "unlearning" in text
    assert "not known to be those that this entry ran with" not in text


def test_the_same_records_give_the_same_bytes(site, bench):
    before = pages(site)
    for name in before:
        (site / name).unlink()
    assert bench("page", scenario=None).returncode == 0
    assert pages(site) == before


def test_leaderboard_keeps_the_site_current(site, bench):
    assert bench("remove", "finetune").returncode == 0
    done = bench("leaderboard", scenario=None)
    assert done.returncode == 0
    assert str(site / "index.html") in done.stdout.replace("\n", "")
    assert sorted(name.rpartition("/")[2] for name in pages(site)) == ["identity.html", "index.html"]


def test_the_page_opens_in_a_browser_when_asked(site, bench, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    assert bench("page", "--open", scenario=None).returncode == 0
    assert opened == [(site / "index.html").as_uri()]


def test_without_a_browser_the_error_names_the_file(site, bench, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    done = bench("page", "--open", scenario=None)
    assert done.returncode == 2
    assert f"no browser opened {site / 'index.html'}" in done.stderr


def test_a_workspace_without_rows_has_a_page(workspace, bench):
    assert bench("page", scenario=None).returncode == 0
    assert Page((workspace.results / "site" / "index.html").read_bytes()).faults() == []


def test_examples_are_kept_once_they_were_read(tmp_path):
    scenario, kept = load_scenario("digits"), tmp_path / "examples" / "digits.json"
    found = known_examples(scenario, kept)
    assert len(found.examples) == 50
    assert {each.label for each in found.examples} <= set("0123456789")
    assert found.examples[0].picture.startswith("data:image/png;base64,")
    assert "UCI" in found.licence
    assert known_examples(scenario, kept) == found
    kept.write_text("no record")
    assert known_examples(scenario, kept) == found
