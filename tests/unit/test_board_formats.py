"""Boards as LaTeX and Markdown: every cell is there, and nothing in it is a command."""

import re

import pytest
from cards import card, with_gap, with_metrics

from benchmark.leaderboard import leaderboard, summarise
from benchmark.leaderboard.grids import Grid, board_grid, summary_grid
from benchmark.leaderboard.writers import escape_latex, to_latex, to_markdown
from benchmark.results.values import Estimate, Value

ODD = "a_b & c% $x$ #1 {y} ~z ^w \\input{passwd} [0] <p> | `q` *r*"


def of_latex(cell):
    """Read an escaped cell as LaTeX prints it: the reverse, written independently."""
    printed = cell.replace(r"\textbackslash{}", "\0").replace("{[}", "[").replace("{]}", "]")
    for command, letter in ((r"\textasciitilde{}", "~"), (r"\textasciicircum{}", "^"), (r"$\varphi$", "φ")):
        printed = printed.replace(command, letter)
    printed = printed.replace(r"\textless{}", "<").replace(r"\textgreater{}", ">").replace("$-$", "−")
    return re.sub(r"\\([&%$#_{}])", r"\1", printed).replace("\0", "\\")


@pytest.fixture
def rows():
    entries = [with_gap(card(f"method_{k}+tuned", 0.1, seed=k), 0.5 - 0.1 * k, seed=k) for k in range(3)]
    dear = with_metrics(with_gap(card("dear", 0.1, "over-budget"), 0.9), retraining_share=Value(value=0.4))
    controls = [with_gap(card(name, 0.1, control=True), gap) for name, gap in (("identity", 0.0), ("retrain", 1.0))]
    return leaderboard([*entries, dear, *controls, card("broken", status="crashed")])


@pytest.mark.seconds
def test_a_board_has_the_columns_that_fit_on_a_page(rows):
    grid = board_grid(rows, "digits, N = 8")
    assert grid.headings == ("rank", "group", "entry", "gap closed, %", "by φ alone, %", "score", "cost, %")
    by_name = {row[2]: row for row in grid.rows}
    assert by_name["method_0+tuned"] == ("1", "a", "method_0+tuned", "50.0 [48.0, 52.0]", "–", "0.1000", "10")
    assert by_name["dear"][-1] == "40†"
    assert by_name["identity"][:4] == ("control", "", "identity", "0.0 [−2.0, 2.0]")
    assert "broken" not in by_name
    assert grid.notes[1:] == ("†: over the budget.", "Without a rank: broken (crashed).")
    assert max(sum(map(len, row)) for row in grid.rows) < 75
    no_gap = board_grid(leaderboard([card("a", 0.5), card("b", 0.25)]), "digits")
    assert no_gap.headings == ("rank", "group", "entry", "score", "of perfect, %", "cost, %")
    assert no_gap.rows[0][3:] == ("0.5000 [0.4800, 0.5200]", "50", "10")


@pytest.mark.seconds
def test_latex_has_every_cell_and_escapes_it(rows):
    grid = board_grid(rows, "digits, N = 8")
    lines = to_latex(grid).splitlines()
    assert lines[0] == r"% \usepackage{booktabs}"
    start = lines.index(r"\begin{tabular}{@{}lllrrrr@{}}")
    assert all(line.startswith("%") for line in lines[:start])
    assert [lines[start + 1], lines[start + 3], *lines[-2:]] == [
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    body = [line.removesuffix(r" \\").split(" & ") for line in lines[start + 4 : -2]]
    assert [len(row) for row in body] == [7] * len(grid.rows)
    assert of_latex(body[1][2]) == "method_0+tuned"
    assert r"40\rlap{$^{\dagger}$}" in " ".join(map(" ".join, body))


def test_a_long_latex_table_breaks_between_pages():
    grid = Grid("t", ("rank", "group", "entry", "x"), (("1", "a", "b", "2"),) * 60)
    text = to_latex(grid)
    assert r"\usepackage{booktabs,longtable}" in text
    assert text.count(r"\begin{longtable}") == text.count(r"\end{longtable}") == 1
    assert r"\endhead" in text
    assert text.count(r"1 & a & b & 2 \\") == 60


def test_what_a_cell_holds_is_no_command_of_latex():
    escaped = escape_latex(ODD)
    assert of_latex(escaped) == ODD
    allowed = {r"\&", r"\%", r"\$", r"\#", r"\_", r"\{", r"\}"} | {
        rf"\{name}" for name in ("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater")
    }
    assert set(re.findall(r"\\(?:[a-z]+|.)", escaped)) <= allowed
    title = to_latex(Grid("two\nlines \\input{x}", ("a", "b", "c"), ()))
    assert [line for line in title.splitlines() if r"\input" in line] == [r"% two lines \input{x}"]


@pytest.mark.seconds
def test_markdown_is_a_table_of_github(rows):
    grid = board_grid(rows, "digits, N = 8")
    lines = to_markdown(grid).splitlines()
    assert lines[0] == "**digits, N = 8**"
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == len(grid.rows) + 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 8 for line in table)
    assert table[1] == "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    odd = to_markdown(Grid(ODD, ("a", "b", "c"), ((ODD, "", ""),)))
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in odd.splitlines() if line.startswith("| "))
    assert r"\*r\*" in odd
    assert r"\<p\>" in odd


def test_a_summary_is_a_grid_too():
    cards = []
    for scenario in ("digits", "fashion"):
        for k in range(3):
            own = card(f"e{k}", 0.1, seed=k, scenario=scenario, scenario_hash=scenario[:3])
            own = with_gap(own, 0.6 - 0.2 * k, seed=k)
            cards.append(with_metrics(own, gap_closed=Estimate(value=0.6 - 0.2 * k, low=0.0, high=0.7)))
    grid = summary_grid(summarise(cards))
    assert grid.title == "Summary over 2 scenarios: digits, fashion"
    assert [row[:3] for row in grid.rows] == [("1", "a", "e0"), ("2", "b", "e1"), ("3", "c", "e2")]
    assert grid.rows[0][3].startswith("1.0 [")
    assert grid.rows[0][5] == "2 of 2"
    assert r"\begin{tabular}" in to_latex(grid)
