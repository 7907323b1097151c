"""The source `fonts`: outlines in pieces, pixels as shares of what is inside, the same on every machine."""

import hashlib

import numpy as np
import pytest

from benchmark.data.reading.glyphs import LETTERS, SIDE, bezier, draw, read_outlines, segments, winding
from benchmark.errors import BenchError

MOVE, LINE, QUADRATIC, CUBIC, CLOSE = 1, 2, 3, 4, 79
SHA256 = "5067030c70bf995b6a8d50571f0e89a464ecfcf38f6c87050ab8499f13b41eca"


def box(low, high, clockwise=False):
    corners = [(low, low), (high, low), (high, high), (low, high)][:: -1 if clockwise else 1]
    return segments(np.array([*corners, (0, 0)], dtype=float), np.array([MOVE, LINE, LINE, LINE, CLOSE]))


def test_a_box_is_as_white_as_its_pixels_are_covered():
    image = draw(box(0, 4), 1.0)
    inside = slice(SIDE // 2 - 2, SIDE // 2 + 2)
    assert (image[inside, inside] == 1).all()
    assert image.sum() == 16
    assert draw(box(0, 4), 1.25).sum() == 25
    assert draw(box(-100, 100), 1.0).min() == 1  # larger than the image: cut off


def test_a_hole_winds_the_other_way_and_overlapping_parts_stay_filled():
    assert draw(np.concatenate([box(0, 8), box(2, 6, clockwise=True)]), 1.0).sum() == 64 - 16
    assert draw(np.concatenate([box(0, 8), box(2, 6)]), 1.0).sum() == 64


def test_up_is_up():
    triangle = segments(np.array([(0, 0), (8, 0), (4, 8), (0, 0)], dtype=float), np.array([MOVE, LINE, LINE, CLOSE]))
    widths = draw(triangle, 1.0).sum(axis=1)
    assert widths[2] < widths[5] < widths[9]


def test_winding_against_the_angle_that_the_outline_turns():
    outline = read_outlines("STIXGeneralItalic")[0][LETTERS.index("g")]
    columns, rows = np.linspace(-50, 500, 13) + 0.37, np.linspace(-200, 450, 11) + 0.21
    found = winding(outline, columns, rows)
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            start, end = (complex(x, y) - (outline[:, k] @ [1, 1j]) for k in (0, 1))
            assert found[i, j] == round(np.angle(end / start).sum() / (2 * np.pi))


def test_curves_begin_and_end_at_their_ends_and_lie_on_their_polynomials():
    points = np.array([(0, 0), (1, 3), (4, 0)], dtype=float)
    t = np.linspace(0, 1, 9)[:, None]
    assert bezier(points) == pytest.approx((1 - t) ** 2 * points[0] + 2 * t * (1 - t) * points[1] + t**2 * points[2])
    path = np.array([(0, 0), (1, 3), (4, 0), (5, 1), (6, 2), (7, 0), (0, 0)], dtype=float)
    pieces = segments(path, np.array([MOVE, QUADRATIC, QUADRATIC, CUBIC, CUBIC, CUBIC, CLOSE]))
    assert len(pieces) == 8 + 8 + 1
    assert (pieces[1:, 0] == pieces[:-1, 1]).all()
    assert (pieces[0, 0] == pieces[-1, 1]).all()


def test_the_letters_of_a_font_are_the_same_to_the_last_bit_on_every_machine():
    outlines, em = read_outlines("cmmi10")
    drawn = np.stack([draw(outline, 11 / em) for outline in outlines])
    assert hashlib.sha256(drawn.tobytes()).hexdigest() == SHA256


def test_a_font_that_is_not_there_is_named():
    with pytest.raises(BenchError, match=r"Nonesuch\.ttf is missing, expected a font of matplotlib's"):
        read_outlines("Nonesuch")
