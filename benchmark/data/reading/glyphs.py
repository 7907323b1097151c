"""Images of letters from the outlines of matplotlib's fonts, the same to the last bit on every machine.

The outlines are read in the fonts' own units, without scaling or hinting: whole numbers, which no version of FreeType
rounds. Every curve is cut into eight pieces, and a pixel is the share of 4×4 points in it that lie inside the outline.
That takes sums, products, quotients and comparisons of float64 numbers one at a time, whose results IEEE 754 fixes, and
neither a library's functions nor its sums of many numbers, whose order is free.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.data.reading.examples import Examples
from benchmark.errors import BadData

FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmmi10", "cmr10", "cmss10", "cmtt10"),
)
"""Those with letters that every version of matplotlib ships, by the names of their files."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
SIDE = 12  # pixels
SIZES = (8, 9, 10, 11)  # pixels of an em
_POINTS = 4  # along a pixel's side
_PIECES = 8  # of a curve; a power of two, so that the parameters are exact

Floats = NDArray[np.float64]


def load() -> Examples:
    """Return all images: float32 `[n, 1, 12, 12]`, white on black, every grey a sixteenth; labels and fonts.

    Raises BadData where matplotlib lacks one of the fonts.
    """
    targets = torch.arange(len(LETTERS)).repeat_interleave(len(SIZES)).repeat(len(FONTS))
    subjects = torch.arange(len(FONTS)).repeat_interleave(len(LETTERS) * len(SIZES))
    return Examples(
        torch.from_numpy(_draw_all()).float().unsqueeze(1),
        targets,
        class_names=tuple(LETTERS),
        subjects=subjects,
        subject_names=FONTS,
    )


@cache
def _draw_all() -> Floats:
    """Return every letter of every font in every size, drawn once: `[n, 12, 12]`."""
    images = []
    for name in FONTS:
        outlines, em = read_outlines(name)
        images += [draw(outline, size / em) for outline in outlines for size in SIZES]
    return np.stack(images)


def read_outlines(name: str) -> tuple[list[Floats], int]:
    """Return the outline of every letter as `segments` takes it apart, and the units of an em. Raises BadData."""
    import matplotlib
    from matplotlib import ft2font

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    if not path.is_file():
        raise BadData(f"{path} is missing, expected a font of matplotlib's; install matplotlib again")
    font = ft2font.FT2Font(str(path))
    unscaled: Any = ft2font.LoadFlags.NO_SCALE if hasattr(ft2font, "LoadFlags") else 1  # before matplotlib 3.10
    outlines = []
    for letter in LETTERS:
        font.load_char(ord(letter), flags=unscaled)
        vertices, codes = font.get_path()
        outlines.append(segments(64 * np.asarray(vertices), np.asarray(codes)))  # it divides by 64, always
    return outlines, font.units_per_EM


def segments(vertices: Floats, codes: NDArray) -> Floats:
    """Return the straight pieces `[pieces, 2, 2]` of a path of matplotlib's: from, to; x, y."""
    found: list[NDArray] = []
    place = start = vertices[0]
    step = 0
    while step < len(codes):
        degree = max(1, int(codes[step]) - 1)  # 2 is a line, 3 a quadratic and 4 a cubic curve
        if codes[step] == 1:
            place = start = vertices[step]
        elif codes[step] == 79:  # the contour is closed
            found.append(np.stack([place, start])[None])
            place, degree = start, 1
        else:
            points = np.vstack([place, vertices[step : step + degree]])
            along = bezier(points)
            found.append(np.stack([along[:-1], along[1:]], axis=1))
            place = points[-1]
        step += degree
    return np.concatenate(found)


def bezier(points: Floats) -> Floats:
    """Return the ends of the pieces of a curve with these control points; of two points, the points."""
    if len(points) == 2:
        return points
    t = np.linspace(0, 1, _PIECES + 1)[:, None, None]
    layer = np.broadcast_to(points, (len(t), *points.shape))
    while layer.shape[1] > 1:
        layer = layer[:, :-1] * (1 - t) + layer[:, 1:] * t
    return layer[:, 0]


def draw(outline: Floats, scale: float) -> Floats:
    """Return the image `[12, 12]` of an outline, its box in the middle, in shares of pixels that are inside."""
    corners = outline.reshape(-1, 2)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    side = SIDE * _POINTS
    offsets = (np.arange(side) + 0.5) / _POINTS - SIDE / 2
    inside = winding(outline, middle[0] + offsets / scale, middle[1] - offsets / scale) != 0
    return inside.reshape(SIDE, _POINTS, SIDE, _POINTS).mean(axis=(1, 3))


def winding(outline: Floats, columns: Floats, rows: Floats) -> NDArray[np.int64]:
    """Return how often the outline winds around every point, `[rows, columns]`, left turns positive; columns ascend."""
    (x0, y0), (x1, y1) = outline[:, 0].T, outline[:, 1].T
    direction = np.where(y1 > y0, -1, 1)  # of what crosses to the left of a point
    crossed = (np.minimum(y0, y1) <= rows[:, None]) & (rows[:, None] < np.maximum(y0, y1))
    row, piece = np.nonzero(crossed)
    share = (rows[row] - y0[piece]) / (y1 - y0)[piece]
    crossing = x0[piece] + share * (x1 - x0)[piece]
    found = np.zeros((len(rows), len(columns) + 1), dtype=np.int64)
    np.add.at(found, (row, np.searchsorted(columns, crossing, side="right")), direction[piece])
    return np.cumsum(found, axis=1)[:, :-1]
