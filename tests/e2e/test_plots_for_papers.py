"""Plots for papers: legible in grey and at half a column, the same bytes each time, names that do not meet."""

import io
import re
from itertools import combinations, pairwise

import numpy as np
import pytest
from canvases import keep_canvases
from cards import card, with_gap, with_metrics
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from PIL import Image

from benchmark.drawing import Canvas, colormaps
from benchmark.leaderboard import canvas as parts
from benchmark.leaderboard import gap_plots, plots, summarise, summary_plots
from benchmark.leaderboard.canvas import LOOKS, RETRAINED, SCREEN, UNLEARNED, Paper, new_canvas, save_plot
from benchmark.leaderboard.plot_files import FORMS
from benchmark.leaderboard.scatter import Mark, draw_marks, focus, name_marks
from benchmark.results.values import Estimate

HALF = Paper(2.75)


def grey(color):
    """Return the luminance of a colour, 0 to 255, as a printer without colours would have it (ITU-R BT.601)."""
    return float(255 * np.dot([0.299, 0.587, 0.114], to_rgb(color)))


def moved(whole, utility):
    ratio = Estimate(value=utility, low=utility - 0.001, high=utility + 0.001)
    one = Estimate(value=1.0, low=1.0, high=1.0)
    return with_metrics(whole, retain_ratio=ratio, test_ratio=one)


@pytest.fixture
def board():
    """A crowd near utility 1, one far off, pairs of published and tuned values, and both controls."""
    rng = np.random.default_rng(0)
    cards = []
    for k in range(12):
        base = with_gap(card(f"method_of_a_name_{k}", 0.1, seed=k), 0.01 * k - 0.04, 0.002, seed=k)
        cards.append(moved(base, 1 + 0.005 * rng.normal()))
        if k % 3 == 0:
            tuned = with_gap(card(f"method_of_a_name_{k}+tuned", 0.1, seed=k, values="tuned"), 0.01 * k + 0.02, 0.002)
            cards.append(moved(tuned, 1 + 0.005 * rng.normal()))
    cards.append(moved(with_gap(card("destroyer", 0.1, "over-budget"), -0.03), 0.2))
    cards.append(moved(with_gap(card("identity", 0.0, control=True), 0.0), 1.01))
    cards.append(moved(with_gap(card("retrain", 0.3, control=True), 1.0), 1.0))
    return cards


@pytest.fixture
def drawn(monkeypatch):
    """The canvases that were drawn, in place of their files."""
    return keep_canvases(monkeypatch, plots, gap_plots, summary_plots)


def points_of(axes):
    return [each for each in axes.collections if isinstance(each, PathCollection) and len(each.get_offsets())]


def names_on(canvas):
    """The names beside marks, and where each lies."""
    axes = canvas.axes[0]
    return {text.get_text(): text.get_window_extent() for text in axes.texts if text.get_visible()}


@pytest.mark.parametrize("paper", [SCREEN, HALF])
def test_names_meet_no_other_and_stay_inside(paper, board, drawn, tmp_path):
    gap_plots.plot_gap_tradeoff(board, tmp_path / "tradeoff.png", paper)
    (canvas,) = drawn
    boxes = names_on(canvas)
    assert len(boxes) >= (10 if paper is SCREEN else 4)
    assert not [pair for pair in combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])]
    around = canvas.axes[0].get_window_extent()
    assert all(around.x0 - 2 <= box.x0 and box.x1 <= around.x1 + 2 for box in boxes.values())
    assert {"identity", "retrain (100 %)"} <= boxes.keys()


def test_the_axes_are_where_the_entries_are_and_arrows_name_what_lies_beyond(board, drawn, tmp_path):
    gap_plots.plot_gap_tradeoff(board, tmp_path / "tradeoff.png")
    axes = drawn[0].axes[0]
    low, high = axes.get_xlim()
    assert 0.95 < low < 1 < high < 1.05
    assert axes.get_ylim()[1] < 0.3
    assert "destroyer (0.20)" in names_on(drawn[0])
    assert len([points for points in points_of(axes) if points.get_offsets()[0][0] < low + 0.002]) == 1


def test_the_best_at_any_cost_is_named_wherever_it_ranks(board, drawn, tmp_path):
    costly = moved(with_gap(card("costly", 0.1, "over-budget"), 0.4, 0.01), 1.0)
    gap_plots.plot_gap_tradeoff([*board[:-3], costly, *board[-3:]], tmp_path / "tradeoff.png", HALF)
    assert "costly" in names_on(drawn[0])


def test_perfect_unlearning_is_said_where_no_row_is_it(board, drawn, tmp_path):
    gap_plots.plot_gap_tradeoff(board[:-1], tmp_path / "tradeoff.png")
    assert "perfect unlearning (100 %) ↑" in names_on(drawn[0])


def test_published_and_tuned_are_joined_and_look_different(board):
    canvas, axes = new_canvas(SCREEN, 4.0)
    pair = [board[0], board[1]]
    marks = [Mark(each, 1.0 + k, 0.1 * k, 0.1 * k - 0.01, 0.1 * k + 0.01) for k, each in enumerate(pair)]
    places = draw_marks(axes, marks, ((0.0, 3.0), (-1.0, 1.0)))
    assert places == [(1.0, 0.0), (2.0, 0.1)]
    (line,) = axes.lines
    assert line.get_xydata().tolist() == [[1.0, 0.0], [2.0, 0.1]]
    faces = [tuple(points.get_facecolor()[0]) for points in points_of(axes)]
    hollow = (1.0, 1.0, 1.0, 1.0)
    assert [face == hollow for face in faces] == [True, False]
    name_marks(canvas, axes, marks, places, SCREEN, (str, str))
    assert [text.get_text() for text in axes.texts] == ["method_of_a_name_0"]  # one name of the two


def test_what_lies_beyond_is_named_beside_its_tuned_values_too(board, drawn, tmp_path):
    tuned = moved(with_gap(card("destroyer+tuned", 0.1, values="tuned"), 0.08), 1.0)
    gap_plots.plot_gap_tradeoff([*board, tuned], tmp_path / "tradeoff.png")
    assert {"destroyer (0.20)", "destroyer"} <= names_on(drawn[0]).keys()


@pytest.mark.parametrize(
    ("values", "always", "inside", "outside"),
    [
        ([1.0, 1.01, 0.99, 1.02, 0.2], [1.0], [0.99, 1.02], [0.2]),
        ([0.0, 0.01, 0.02, 0.03], [0.5], [0.5], []),
        ([], [1.0], [1.0], []),
        ([3.0], [0.0], [0.0, 3.0], []),
    ],
)
def test_an_axis_shows_all_but_outliers(values, always, inside, outside):
    low, high = focus(values, always, 0.02)
    assert all(low < value < high for value in inside)
    assert not any(low < value < high for value in outside)


def test_where_there_are_no_colours_shapes_say_the_same():
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)
    assert abs(grey(UNLEARNED) - grey(RETRAINED)) > 50
    assert all(grey("white") - grey(look.color) > 60 for look in LOOKS.values())
    assert len(set(summary_plots._LINES)) == len(summary_plots._LINES) == len(set(summary_plots._MARKS))
    shades = [grey(colormaps["viridis_r"](share)[:3]) for share in np.linspace(0, 1, 30)]
    assert all(later < earlier for earlier, later in pairwise(shades))


def test_unlearned_and_retrained_differ_on_grey_paper(tmp_path):
    """The plot itself, as a printer without colours would have it: dark fill here, pale hatching there."""
    from benchmark.leaderboard.entry_plots import plot_phi

    entry = card("entry", 0.1)
    apart = entry.best.model_copy(update={"edges": [0.0, 1.0, 2.0], "unlearned": [8, 0], "retrained": [0, 8]})
    (path,) = plot_phi(entry.model_copy(update={"best": apart, "worst": apart}), tmp_path / "phi.png")
    pixels = np.asarray(Image.open(path).convert("L"), dtype=float)
    half = pixels[80:-140, 60 : pixels.shape[1] // 2 - 20]
    left, right = half[:, : half.shape[1] // 2], half[:, half.shape[1] // 2 :]
    assert right.mean() - left.mean() > 40


def test_every_form_has_the_same_bytes_each_time(board, tmp_path):
    paper = Paper(5.5, FORMS)
    first, second = (gap_plots.plot_gap_tradeoff(board, tmp_path / name / "t.png", paper) for name in ("a", "b"))
    assert [path.suffix for path in first] == [".pdf", ".svg", ".png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    pdf, svg, png = (path.read_bytes() for path in first)
    assert b"/CreationDate" not in pdf
    assert b"/FontType 3" not in pdf
    assert b"/Type3" not in pdf
    assert not re.search(rb"<dc:date>|<date>", svg)
    assert b"<image" not in svg
    width = Image.open(io.BytesIO(png)).width
    assert width == pytest.approx(5.5 * parts._DPI, abs=2)


def test_fonts_are_embedded_as_truetype(tmp_path):
    drawing = Canvas(figsize=(2, 1))
    drawing.subplots().set_title("φ and ε")
    (path,) = save_plot(drawing, tmp_path / "t.png", Paper(2, ("pdf",)))
    assert b"/CIDFontType2" in path.read_bytes() or b"/Subtype /TrueType" in path.read_bytes()


@pytest.mark.parametrize("width", [2.75, 5.5])
def test_nothing_that_is_written_is_cut_off(width, board, drawn, tmp_path):
    paper = Paper(width)
    others = [
        each.model_copy(update={"scenario": "other", "scenario_hash": "bbb"})
        for each in board
        if each.submission != "destroyer"
    ]
    plots.plot_board(board, tmp_path, paper)
    plots.plot_scores(board, tmp_path / "x.png", paper)
    plots.plot_tradeoff(board, tmp_path / "x.png", paper)
    summary_plots.plot_summary(summarise([*board, *others]), tmp_path, paper)
    assert len(drawn) == 8
    for canvas in drawn:
        canvas.draw_without_rendering()
        for axes in (each for each in canvas.axes if each.get_visible()):
            for text in (axes.xaxis.label, axes.yaxis.label, axes.title, *axes.get_yticklabels()):
                box = text.get_window_extent()
                assert box.width == 0 or (box.x0 >= -1 and box.x1 <= canvas.bbox.x1 + 1), text.get_text()


@pytest.mark.parametrize("paper", [SCREEN, HALF])
def test_a_board_of_one_entry_has_room_too(paper, board, tmp_path):
    assert len(plots.plot_board(board[:1], tmp_path, paper)) == 3
    assert len(plots.plot_board([board[0], *board[-2:]], tmp_path, paper)) == 3
    assert plots.plot_tradeoff(board[:1], tmp_path / "x.png", paper)
    assert plots.plot_scores(board[:1], tmp_path / "x.png", paper)


def test_both_ends_are_on_the_plot_of_mean_ranks(board, drawn, tmp_path):
    others = [each.model_copy(update={"scenario": "other", "scenario_hash": "bbb"}) for each in board]
    summary = summarise([*board, *others])
    summary_plots.plot_mean_ranks(summary, tmp_path / "x.png")
    lines = {line.get_linestyle(): line.get_xdata()[0] for line in drawn[0].axes[0].lines}
    better = sum(board.gap_of(name).value > 0 for board in summary.boards[:1] for name in summary.entries)
    assert lines == {":": 1 + better, "--": 1}
