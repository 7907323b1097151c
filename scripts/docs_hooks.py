"""Hooks of the documentation site: files outside docs/ that its pages show, so that they are written once.

The pages are read on the site and in the repository, where a link leads from docs/ to the root.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]

PAGES = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages in the root, and what they are called on the site."""

FROM_DOCS = re.compile(r"\]\(\.\./(leaderboard/[\w./-]+|examples/[\w./-]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root, and every plot, table and notebook that a page links to."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=_from_root((ROOT / name).read_text())))
    linked = {link for file in files.documentation_pages() for link in FROM_DOCS.findall(file.content_string)}
    for name in sorted(linked):
        if (ROOT / name).is_file():  # a link to what is missing stays, and is an error
            files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return a page with links to where the site has these files."""
    return FROM_DOCS.sub(r"](\1)", markdown)


def _from_root(text: str) -> str:
    text = re.sub(r"\]\(docs/", "](", text)
    for name, page in PAGES.items():
        text = text.replace(f"]({name})", f"]({page})")
    return text
