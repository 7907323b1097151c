"""Significance groups: against their definition, and against all sets of entries there are."""

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.leaderboard.groups import letter, letters, letters_used, split_letters


def pairs(*names):
    return {frozenset(pair) for pair in names}


@st.composite
def comparisons(draw, most=9):
    """Entries, best first, and any pairs of them as the significantly different ones."""
    names = [f"entry{k}" for k in range(draw(st.integers(1, most)))]
    every = [frozenset(pair) for pair in combinations(names, 2)]
    return names, draw(st.sets(st.sampled_from(every))) if every else set()


def members(display):
    """Letter → the entries that have it."""
    return {name: {e for e, text in display.items() if name in split_letters(text)} for name in all_letters(display)}


def all_letters(display):
    return {name for text in display.values() for name in split_letters(text)}


@pytest.mark.parametrize(
    ("names", "different", "expected"),
    [
        ("abc", (), ["a", "a", "a"]),
        ("abc", ("ab", "ac", "bc"), ["a", "b", "c"]),
        ("abc", ("ac",), ["a", "ab", "b"]),
        ("abcd", ("ac", "ad", "bd"), ["a", "ab", "bc", "c"]),
        ("abcd", ("ab", "cd"), ["ab", "cd", "ac", "bd"]),  # a square: no order of entries explains it
        ("a", (), ["a"]),
        ("", (), []),
    ],
)
def test_displays_written_by_hand(names, different, expected):
    assert list(letters(list(names), pairs(*different)).values()) == expected


@settings(max_examples=60, deadline=None)
@given(comparisons())
def test_two_entries_share_a_letter_exactly_where_they_are_not_significantly_different(case):
    names, different = case
    display = letters(names, different)
    assert list(display) == names
    for one, other in combinations(names, 2):
        shared = set(split_letters(display[one])) & set(split_letters(display[other]))
        assert bool(shared) != (frozenset((one, other)) in different)


@settings(max_examples=60, deadline=None)
@given(comparisons())
def test_no_letter_can_be_left_out(case):
    names, different = case
    groups = members(letters(names, different))
    for left_out in groups:
        others = [group for name, group in groups.items() if name != left_out]
        covered = {frozenset(pair) for group in others for pair in combinations(sorted(group), 2)}
        alone = {entry for group in others for entry in group}
        whole = {frozenset(pair) for pair in combinations(names, 2)} - different <= covered and alone == set(names)
        assert not whole, left_out


def largest_sets(names, different):
    """Every set no two of which differ and that no other such set holds, from all subsets."""
    subsets = [set(subset) for size in range(1, len(names) + 1) for subset in combinations(names, size)]
    alike = [subset for subset in subsets if not any(pair <= subset for pair in different)]
    return [subset for subset in alike if not any(subset < other for other in alike)]


@settings(max_examples=40, deadline=None)
@given(comparisons(most=7))
def test_every_letter_is_one_of_the_largest_sets_without_a_difference(case):
    names, different = case
    largest = largest_sets(names, different)
    groups = list(members(letters(names, different)).values())
    assert all(group in largest for group in groups)
    if len(groups) < len(largest):  # those left out hold nothing that others do not
        covered = {frozenset(pair) for group in groups for pair in combinations(sorted(group), 2)}
        missing = [group for group in largest if group not in groups]
        assert all(frozenset(pair) in covered for group in missing for pair in combinations(group, 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(0, 12))
def test_where_only_distance_decides_letters_follow_the_order(values, gap):
    """Equal spreads: every letter is then a run of neighbours, and letters come in their order."""
    ordered = sorted(values, reverse=True)
    names = [f"entry{k}" for k in range(len(ordered))]
    different = {
        frozenset((names[i], names[j])) for i, j in combinations(range(len(names)), 2) if ordered[i] - ordered[j] > gap
    }
    display = letters(names, different)
    groups = members(display)
    spans = [sorted(names.index(entry) for entry in groups[name]) for name in sorted(groups)]
    assert all(span == list(range(span[0], span[-1] + 1)) for span in spans)
    assert spans == sorted(spans)


@pytest.mark.seconds
def test_letters_of_hundreds_of_entries_take_no_time():
    """Entries of several boards of one size: pair after pair, 400 entries took minutes."""
    rng = np.random.default_rng(0)
    values, spreads = np.sort(rng.normal(0, 3, 400))[::-1], rng.uniform(0.8, 1.2, 400)
    names = [f"entry{k}" for k in range(400)]
    far = np.triu(values[:, None] - values > 4 * np.hypot(spreads[:, None], spreads) / 10)
    started = time.process_time()
    display = letters(names, [frozenset((names[a], names[b])) for a, b in np.argwhere(far)])
    assert time.process_time() - started < 10
    groups = {name: set(split_letters(text)) for name, text in display.items()}
    sample = rng.integers(0, 400, (2000, 2)).tolist()
    assert all(groups[names[a]].isdisjoint(groups[names[b]]) == bool(far[a, b] or far[b, a]) for a, b in sample)


def test_letters_go_on_after_those_of_others_and_after_the_alphabet():
    assert letters(["x", "y"], pairs("xy"), first=2) == {"x": "c", "y": "d"}
    assert [letter(k) for k in (0, 25, 26, 51, 52, 104)] == ["a", "z", "A", "Z", "a1", "a2"]
    many = [f"e{k}" for k in range(60)]
    display = letters(many, {frozenset(pair) for pair in combinations(many, 2)})
    assert letters_used(display.values()) == 60
    assert display["e59"] == "h1"
    assert split_letters("abh1Z") == ["a", "b", "h1", "Z"]
