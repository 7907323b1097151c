"""Source of a submission for its entries' pages, and the command that runs an entry."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from benchmark.errors import BenchError
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import Scenario, options
from benchmark.storage.reading import read_file
from benchmark.storage.workspace import Workspace
from benchmark.submissions.files import LARGEST_TEXT
from benchmark.submissions.source import find_submission
from benchmark.text import printable

_FILE = "submission.py"


class Code(NamedTuple):
    """The source that lies here; `is_same`: whether the entry ran with exactly these files and values."""

    markup: Markup
    is_same: bool


def read_code(workspace: Workspace, card: Scorecard, scenario: Scenario | None) -> Code | None:
    """Return the highlighted source of an entry; None where its submission is not here, or cannot be read."""
    try:
        found = find_submission(card.submission, workspace, scenario)
        text = read_file(found.folder / _FILE, LARGEST_TEXT).decode()
    except (BenchError, OSError, ValueError):
        return None
    return Code(highlight(text), found.is_named_by(card.submission_hash))


@cache
def highlight(text: str) -> Markup:
    """Return Python code as markup with a class per kind of token, without characters that hide or reorder text."""
    from pygments import highlight as colour
    from pygments.formatters import HtmlFormatter
    from pygments.lexers.python import PythonLexer

    shown = printable(text, len(text), keep="\n\t")
    return Markup(colour(shown, PythonLexer(), HtmlFormatter(nowrap=True)))


def run_command(card: Scorecard, verb: str = "run") -> str:
    """Return the command that makes an entry's row again, or that shows it."""
    return f"bench {verb} {card.submission} {options(card.scenario, card.models)}"


def source_path(workspace: Workspace, card: Scorecard) -> Path:
    """Return where the source of an entry lies, or would."""
    return workspace.submissions / card.submission.removesuffix("+tuned") / _FILE
