"""An audit's report in a real browser: accessible, nothing loaded or run, whatever people's ids say."""

import pytest
from audits import HOSTILE, write_arrays

from benchmark.audit.report import write_report
from benchmark.audit.settings import read_audit


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    (path,) = write_report(read_audit(write_arrays(tmp_path_factory.mktemp("audit"))), show_ids=True, pdf=False).paths
    return path


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["light", "dark phone"])
def test_axe_finds_nothing_and_the_page_never_scrolls_sideways(width, dark, opened, report, accessible):
    with opened(report, width=width, dark=dark) as page:
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_ids_of_people_are_text(opened, report):
    with opened(report) as page:
        assert page.locator("th.person", has_text=HOSTILE).count() == 1
        assert page.locator("script").count() == 0


def test_every_picture_is_drawn(opened, report):
    with opened(report) as page:
        boxes = page.locator("svg").evaluate_all("all => all.map(each => each.getBoundingClientRect().height)")
        assert len(boxes) == 1 + 3 + 1
        assert min(boxes) > 40
        assert page.locator(".strip .mark").count() == 3
