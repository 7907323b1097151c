"""Names on plots meet neither one another nor a point."""

import numpy as np
import pytest
from cards import card

from benchmark.leaderboard.plots import name_places


@pytest.mark.parametrize("seed", range(5))
def test_names_meet_neither_one_another_nor_a_point(seed):
    rng = np.random.default_rng(seed)
    cards = [card("e" * int(rng.integers(1, 25)), score, control=k == 0) for k, score in enumerate(rng.random(60))]
    crowd = rng.random((60, 2)) * [0.03, 0.4] + [0.7, 0.1]
    points = np.where(rng.random((60, 1)) < 0.7, crowd, rng.random((60, 2)) * [0.7, 1])
    places = name_places(cards, [tuple(point) for point in points])
    named = [(place, 0.0125 * len(each.submission)) for place, each in zip(places, cards, strict=True) if place]
    assert len(named) >= 5
    for k, ((x, y), width) in enumerate(named):
        for (other_x, other_y), other_width in named[:k]:
            assert abs(y - other_y) > 0.03 or x > other_x + other_width or other_x > x + width
        assert not any(x < px < x + width and abs(py - y) < 0.019 for px, py in points)


def test_among_neighbours_the_higher_point_has_the_higher_name():
    cards = [card(f"entry{k}", score) for k, score in enumerate([0.9, 0.1, 0.5])]
    places = name_places(cards, [(0.5, 0.50), (0.5, 0.52), (0.5, 0.51)])
    assert places[1][1] > places[2][1] > places[0][1]
