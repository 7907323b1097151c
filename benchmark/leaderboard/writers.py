"""Grids as GitHub's Markdown and as LaTeX with booktabs."""

import re
from collections.abc import Iterable

from benchmark.leaderboard.grids import Grid

_LONGEST_ON_A_PAGE = 45  # rows; a longer table breaks between pages
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",  # or it would be an option of the command before it
    "]": "{]}",
    "φ": r"$\varphi$",
    "−": "$-$",
    "–": "--",
    "†": r"\rlap{$^{\dagger}$}",  # hangs over, so that digits stay below each other
}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~])")


def to_markdown(grid: Grid) -> str:
    """Return a table as GitHub shows it, under a heading and above its notes."""
    align = ["---"] * grid.names + ["---:"] * (len(grid.headings) - grid.names)
    lines = [map(_plain, grid.headings), align, *(map(_plain, row) for row in grid.rows)]
    return "\n".join([f"**{_plain(grid.title)}**", "", *map(_pipe_cells, lines), "", *map(_plain, grid.notes), ""])


def _pipe_cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def to_latex(grid: Grid) -> str:
    """Return a table for LaTeX, to be put into a document by `\\input`: booktabs, and longtable where it is long.

    Its preamble names the packages it needs; title and notes are comments, from which a caption can be made.
    """
    is_long = len(grid.rows) > _LONGEST_ON_A_PAGE
    kind = "longtable" if is_long else "tabular"
    packages = r"% \usepackage{booktabs,longtable}" if is_long else r"% \usepackage{booktabs}"
    head = [r"\toprule", _row(grid.headings), r"\midrule"]
    columns = "l" * grid.names + "r" * (len(grid.headings) - grid.names)
    lines = [
        packages,
        *(f"% {' '.join(text.split())}" for text in (grid.title, *grid.notes)),
        rf"\begin{{{kind}}}{{@{{}}{columns}@{{}}}}",
        *(_repeat_head(head, len(grid.headings)) if is_long else head),
        *map(_row, grid.rows),
        r"\bottomrule",
        rf"\end{{{kind}}}",
        "",
    ]
    return "\n".join(lines)


def _repeat_head(head: list[str], columns: int) -> list[str]:
    """Return the head of a long table, which stands on every page, and what its pages but the last end with."""
    return [
        *head,
        r"\endhead",
        r"\midrule",
        rf"\multicolumn{{{columns}}}{{r}}{{continued}} \\",
        r"\endfoot",
        r"\endlastfoot",
    ]


def _row(cells: Iterable[str]) -> str:
    return " & ".join(map(escape_latex, cells)) + r" \\"


def escape_latex(text: str) -> str:
    """Return a text as LaTeX prints it, whatever it holds."""
    return "".join(_LATEX.get(letter, letter) for letter in text)
