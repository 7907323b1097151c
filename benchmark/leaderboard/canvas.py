"""The parts that plots share: paper, a canvas of its width, colours and marks by status, files.

Every plot can be read in grey: what a colour says, a mark, a line or a hatch says too.
"""

import io
import math
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

from PIL import Image

from benchmark.drawing import Axes, Canvas
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import write_atomically

UNLEARNED, RETRAINED, CONTROL, GRID = "#9c2f10", "#4f9bd9", "#555555", "#d0d0d0"
ROW = 0.125  # inches an entry
SMALL, NORMAL, TITLE = 6.5, 7.5, 8.5  # points, on paper
_OVER_BUDGET, _SUSPECT = "#d9a441", "#9a5fb5"
_DPI = 200
_LETTERS = 14  # an inch, of what stands below axes
_NAMES = 1.6  # inches that names at the left take
_NARROW = 4.0  # inches: half a page
_METADATA = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}  # no dates: the same bytes each time


class Paper(NamedTuple):
    """The paper that plots are drawn for: its width in inches, and the forms that are written."""

    width: float = 5.5
    """That of a column of NeurIPS; 2.75 is half of it."""
    forms: tuple[str, ...] = ("png",)

    @property
    def is_narrow(self) -> bool:
        return self.width < _NARROW

    def title(self, what: str, place: str) -> str:
        """Return a title that fits: `what` on `place`, in two lines on narrow paper."""
        return f"{what}\non {place}" if self.is_narrow else f"{what} on {place}"

    def height(self, rows: int) -> float:
        """Return the inches of a plot with a row per entry; on narrow paper more lines stand below it."""
        return (2.7 if self.is_narrow else 1.6) + ROW * rows

    def wrap(self, text: str, share: float = 1.0) -> str:
        """Return a text in lines that fit below axes which take a share of the width."""
        lines = text.replace(" %", "\u00a0%").split("\n")
        return "\n".join(fill(line, round(_LETTERS * share * self.width)) for line in lines)

    def wrap_beside_names(self, text: str) -> str:
        """Return the same where names of entries stand at the left of the axes."""
        return self.wrap(text, max(0.35, 1 - _NAMES / self.width))


SCREEN = Paper()


def new_canvas(paper: Paper, height: float) -> tuple[Canvas, Axes]:
    canvas = Canvas(figsize=(paper.width, height), layout="constrained")
    axes = canvas.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return canvas, axes


def save_plot(canvas: Canvas, path: Path, paper: Paper = SCREEN) -> list[Path]:
    """Write a plot in every form of the paper, each under `path` with its own ending, and return where."""
    paths = [path.with_name(f"{path.stem}.{form}") for form in paper.forms]
    for form, own in zip(paper.forms, paths, strict=True):
        drawn = io.BytesIO()
        canvas.savefig(drawn, dpi=_DPI, format=form, metadata=_METADATA[form])
        write_atomically(own, with_palette(drawn) if form == "png" else drawn.getvalue())
    return paths


_COLOURS = 24  # of a plot, with the shades of its edges


def with_palette(drawn: io.BytesIO) -> bytes:
    """Return a PNG with a palette of few colours, a quarter of the bytes: plots lie in repositories."""
    few = io.BytesIO()
    with Image.open(drawn) as picture:
        # By coverage, which keeps the colours that say something apart; the shades of edges share the rest.
        small = picture.convert("RGB").quantize(
            _COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE
        )
        small.save(few, "PNG", optimize=True, dpi=(_DPI, _DPI))
    return few.getvalue()


def place_of(card: Scorecard) -> str:
    """Return the scenario of a card and its number of models, for titles."""
    return f"{card.scenario}, N = {card.models}"


def largest_epsilon(card: Scorecard) -> float:
    """Return the largest finite ε that so many models can show."""
    return math.log(card.models - 1)


class Look(NamedTuple):
    """The look of an entry: its colour, its mark, and what both say."""

    color: str
    marker: str
    meaning: str


LOOKS = {
    "ok": Look(UNLEARNED, "o", "within the budget"),
    "over-budget": Look(_OVER_BUDGET, "s", "over budget"),
    "control": Look(CONTROL, "D", "control"),
    "suspect": Look(_SUSPECT, "X", "suspect"),
}


def look_of(card: Scorecard) -> Look:
    """Return how an entry is drawn; a control that is suspect shows that."""
    status = card.status if card.status in ("suspect", "over-budget") else "control" if card.control else "ok"
    return LOOKS[status]


def color_of(card: Scorecard) -> str:
    return look_of(card).color


def marker_of(card: Scorecard) -> str:
    return look_of(card).marker


def explain_looks(canvas: Canvas, axes: Axes, cards: list[Scorecard], paper: Paper) -> None:
    """Draw a legend of what marks say below the axes, where there is more than one."""
    present = [look for look in LOOKS.values() if look in set(map(look_of, cards))]
    for look in present:
        axes.scatter([], [], color=look.color, marker=look.marker, s=14, label=look.meaning)
    if len(present) > 1:
        add_legend(canvas, len(present), paper)


def add_legend(canvas: Canvas, columns: int, paper: Paper) -> None:
    """Draw a legend of all that has a label below the axes, in as many columns as fit."""
    most = 2 if paper.is_narrow else columns
    canvas.legend(fontsize=SMALL, frameon=False, loc="outside lower center", ncols=min(columns, most))
