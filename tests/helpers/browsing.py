"""A real browser, Debian's chromium, that tests open pages in: nothing may be logged, and no request leave the file."""

import os
import shutil
from contextlib import contextmanager

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def chromium():
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("there is no chromium, expected one where CI is set; install Debian's package chromium")
        pytest.skip("there is no chromium; install Debian's package chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The sandbox of the browser needs a user that is not root; the pages are the repository's own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open a file in a window of its own: `with opened(path, width=390, dark=True) as page`.

    Leaving the context fails where the page logged anything, raised, or asked for anything but files of its folder.
    """

    @contextmanager
    def open_page(path, width=1280, height=900, dark=False, fragment=""):
        folder, said, left = path.parent.resolve().as_uri(), [], []
        scheme = "dark" if dark else "light"
        page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: left.append(request.url))
        try:
            page.goto(path.resolve().as_uri() + fragment)
            yield page
            abroad = [url for url in left if not url.startswith((folder, "data:"))]
            assert not said, said
            assert not abroad, abroad
        finally:
            page.close()

    return open_page


@pytest.fixture
def accessible():
    """Fail with what axe-core finds on a page."""
    from axe_playwright_python.sync_playwright import Axe

    def check(page):
        found = Axe().run(page).response["violations"]
        said = [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"][:3]]
        assert not said, said

    return check
