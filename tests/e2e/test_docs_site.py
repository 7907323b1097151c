"""The documentation site builds without a warning, and its pages load nothing from another host."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from conftest import REPOSITORY

import benchmark
from benchmark.cli import COMMANDS

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Links(HTMLParser):
    """Collects what a page loads, and where its own links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag in LOADED and values.get(LOADED[tag]) and values.get("rel") != "canonical":
            self.loaded.append(values[LOADED[tag]])
        if tag == "a" and values.get("href"):
            self.linked.append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs") / "site"
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(build, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.long
def test_the_site_is_complete_and_loads_nothing_from_elsewhere(site):
    pages = {path: Links(path.read_text()) for path in sorted(site.rglob("*.html"))}
    assert {"index.html", "faq.html", "metrics.html", "changelog.html"} <= {path.name for path in pages}
    for path, links in pages.items():
        loaded = [link for link in links.loaded if not link.startswith(("data:", "#"))]
        assert loaded
        assert not [link for link in loaded if re.match(r"\w+:|/", link) and path.name != "404.html"]
        here = [link for link in links.linked if not re.match(r"\w+:|#|\.$", link) and path.name != "404.html"]
        gone = [link for link in here if not (path.parent / link.partition("#")[0]).exists()]
        assert not gone, path.name
    # Search from file:// takes an index that is a script, and a worker that is a frame.
    assert (site / "search" / "search_index.js").stat().st_size > 100_000
    assert "javascripts/iframe-worker.js" in pages[site / "faq.html"].loaded
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert not re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", styles)


def test_every_function_and_every_command_has_its_place(site):
    reference = (site / "api-reference.html").read_text()
    homes = {name: getattr(benchmark, name).__module__ for name in benchmark.__all__ if name != "__version__"}
    assert not [name for name, home in homes.items() if f'id="{home}.{name}"' not in reference]
    commands = (REPOSITORY / "docs" / "commands.md").read_text()
    assert not [name for name in COMMANDS if f"`bench {name}" not in commands]
