"""Project files that programs read: the citation, the changelog, the metadata of the package."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_citation_has_what_the_format_requires():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    known = {"cff-version", "message", "type", "title", "version", "license", "abstract", "keywords", "authors"}
    assert citation.keys() <= known | {"references", "date-released", "repository-code", "url", "doi", "identifiers"}
    assert all({"name"} <= one.keys() or {"family-names"} <= one.keys() for one in citation["authors"])
    assert all({"type", "title", "authors"} <= one.keys() for one in citation["references"])


def test_the_citation_is_of_this_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["title"], citation["version"]) == (PROJECT["name"], PROJECT["version"])
    assert citation["license"] == PROJECT["license"]["text"]


def test_the_changelog_keeps_its_format():
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    assert releases[0] == ("Unreleased", "")
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) and date for version, date in releases[1:])
    assert releases[1][0] == PROJECT["version"]
    kinds = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def snippets(text: str) -> list[str]:
    """Return the indented blocks of a page that are Python."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [block for block in blocks if re.search(r"^    (@|class |def )", block, re.MULTILINE)]


@pytest.mark.parametrize("number", range(5))
def test_what_contributors_are_shown_is_python_of_ten_lines_or_so(number):
    found = snippets((ROOT / "CONTRIBUTING.md").read_text())
    code = "\n".join(line[4:] for line in found[number].strip("\n").splitlines())
    assert ast.parse(code).body
    assert len([line for line in code.splitlines() if line.strip() and " import " not in f" {line}"]) <= 12


def test_files_that_contributors_are_sent_to_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert all((ROOT / link).exists() for link in re.findall(r"\]\(([\w./]+)\)", text))
    rooms = re.findall(r"^### .*`(benchmark/[\w/]+)/\w+\.py`", text, re.MULTILINE)
    assert rooms
    missing = [room for room in rooms if not (ROOT / room).is_dir()]
    assert not [room for room in missing if room not in ("benchmark/metrics/kinds", "benchmark/tasks")]


def test_the_repository_stays_small():
    """All files in git but the evidence of the shipped boards, which is packed for those who score it again."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git repository")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name and not name.startswith("leaderboard/evidence/")]
    assert sum(path.stat().st_size for path in paths if path.is_file()) < 20_000_000
