"""The report: complete in one file, untrusted text escaped, people under pseudonyms, the answer up front."""

import csv
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from audits import write_arrays

from benchmark.audit.charts import draw_strip, odds_text, odds_ticks
from benchmark.audit.findings import Signals, find
from benchmark.audit.names import keyed_hash, pseudonyms
from benchmark.audit.pdf import print_pdf
from benchmark.audit.report import as_json, file_hashes, person_rows, render_report, write_report
from benchmark.audit.settings import read_audit
from benchmark.errors import BadRecord


class Tags(HTMLParser):
    """The tags of a page, with the attributes that load something."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.loads = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href", "style") and not value.startswith("#")]


@pytest.fixture
def audit(tmp_path):
    """Arrays of three people, with ids that a page should not obey."""
    return read_audit(write_arrays(tmp_path))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page that is written with ids."""
    (path,) = write_report(read_audit(write_arrays(tmp_path_factory.mktemp("audit"))), show_ids=True, pdf=False).paths
    return path.read_text()


def test_text_of_others_is_shown_and_not_obeyed(page):
    found = Tags(page)
    assert "script" not in found.tags
    assert found.loads == []
    assert page.count("&lt;script&gt;alert") >= 4
    assert "\u202e" not in page


def test_the_answer_stands_before_all_else(page):
    assert page.index("of the 3 people who asked for deletion") < page.index("What was asked") < page.index("Signature")


def test_every_word_of_the_glossary_is_used(page):
    for word in re.findall("<dt>(.*?)</dt>", page):
        assert page.lower().count(word.lower().removeprefix("signal ")) >= 2


def test_people_have_pseudonyms_unless_their_ids_are_asked_for(audit):
    path = write_report(audit, show_ids=False, pdf=False).paths[0]
    assert "anna@example.org" not in path.read_text()
    with audit.path("pseudonyms.csv").open() as file:
        table = {row["id"]: row["pseudonym"] for row in csv.DictReader(file)}
    assert table["anna@example.org"] in path.read_text()
    assert audit.path("pseudonyms.csv").stat().st_mode & 0o77 == 0
    assert audit.path("pseudonyms.key").stat().st_mode & 0o77 == 0


def test_pseudonyms_stay_the_same_and_need_the_key(audit):
    first = pseudonyms(audit, ["1", "2"])
    assert pseudonyms(audit, ["1", "2"]) == first
    assert len(set(first)) == 2
    assert keyed_hash(b"another", b"1")[:6] not in first[0]
    audit.path("pseudonyms.key").unlink()
    assert pseudonyms(audit, ["1", "2"]) != first


def test_a_damaged_key_is_one_sentence(audit):
    audit.path("pseudonyms.key").write_text("none")
    with pytest.raises(BadRecord, match="is no key of pseudonyms"):
        pseudonyms(audit, ["1"])


def test_a_list_of_ids_is_hashed_under_the_key(audit):
    plain, keyed = ({row[0]: row[1:] for row in file_hashes(audit, keyed=keyed)} for keyed in (False, True))
    assert plain["deletion.csv"][0] == "SHA-256"
    assert keyed["deletion.csv"][0] == "HMAC-SHA-256"
    assert keyed["deletion.csv"] != plain["deletion.csv"]
    assert keyed["retrained.npy"] == plain["retrained.npy"]


def test_a_report_has_the_same_bytes_each_time(audit):
    from benchmark.audit.sources import findings_of

    found, record = findings_of(audit)
    pages = [render_report(audit, found, record, ["a", "b", "c"], show_ids=True, today="2026-01-01") for _ in range(2)]
    assert pages[0] == pages[1]


def test_rows_and_json_say_what_the_findings_say():
    rng = np.random.default_rng(1)
    retrained, unlearned = rng.normal(size=(2, 24, 2))
    signals = {"retrained": Signals(retrained), "unlearned": Signals(unlearned + np.array([0, 9]))}
    found = find(["a", "b"], 1e-5, signals)
    rows = person_rows(found, ["a", "b"])
    assert [row.name for row in rows] == ["b", "a"]
    assert [row.cells[0].is_detectable for row in rows] == [True, False]
    assert rows[1].cells[0].verdict == "not detectable at N = 24"
    people = as_json(found, ["a", "b"])["comparisons"]["unlearned"]["people"]
    assert [each["detectable"] for each in people] == [False, True]
    assert people[1]["epsilon_lower_bound"] == found.comparisons["unlearned"].epsilon[1] > 0


def test_a_strip_shows_every_model_once():
    rng = np.random.default_rng(2)
    signals = {"retrained": Signals(rng.normal(size=(24, 1))), "production": Signals(np.array([[50.0]]))}
    strip = draw_strip(find(["a"], 1e-5, signals), 0, "a", "")
    assert strip.below == []
    assert strip.marks[0] > max(bar.x for bar in strip.above)
    assert all(0 <= tick.at <= 640 for tick in strip.ticks)


def test_odds_are_powers_of_ten():
    assert [odds_text(power) for power in (-2, 0, 3, 12)] == ["1 : 100", "1 : 1", "1,000 : 1", "10¹² : 1"]
    ticks = odds_ticks(-100.0, 100.0)
    assert len(ticks) <= 7
    assert "1 : 1" in [tick.text for tick in ticks]


def test_without_a_browser_the_page_is_to_be_printed(tmp_path):
    said = print_pdf(tmp_path / "report.html", tmp_path / "report.pdf", browsers=("no-such-browser",))
    assert "no Chromium or Chrome on PATH" in said
    assert "print it as PDF" in said


def test_a_browser_that_fails_is_one_sentence(tmp_path):
    said = print_pdf(tmp_path / "report.html", tmp_path / "report.pdf", browsers=("false",))
    assert "made no PDF (it ended with status 1)" in said
