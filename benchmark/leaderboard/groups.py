"""Significance groups: letters that entries share exactly where they are not significantly different.

A compact letter display (Piepho 2004, "An algorithm for a letter-based representation of all-pairwise comparisons", J.
Comput. Graph. Stat. 13(2)): one letter for each largest set of entries no two of which differ, without the letters
whose every pair shares another letter too. Such sets are the maximal cliques of the graph of pairs that do not differ.
Piepho inserts pair after pair, which takes hours for a thousand entries; here Bron and Kerbosch's search finds the sets
(Tomita, Tanaka & Takahashi 2006, Theor. Comput. Sci. 363(1), for the choice of the pivot), with sets as bits of
integers.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from string import ascii_letters

import numpy as np

Pair = frozenset[str]


def letters(ordered: Sequence[str], different: Collection[Pair], first: int = 0) -> dict[str, str]:
    """Return the letters of every entry, such as "ab".

    `ordered`: entries, best first; the best has the first letter. `different`: the pairs that are significantly
    different. `first`: how many letters other entries have taken, which these do not share.
    """
    place = {entry: k for k, entry in enumerate(ordered)}
    alike = [(1 << len(ordered)) - 1 - (1 << k) for k in range(len(ordered))]
    for one, other in different:
        alike[place[one]] &= ~(1 << place[other])
        alike[place[other]] &= ~(1 << place[one])
    groups = sorted(_without_spare([list(_places(group)) for group in _largest_sets(alike)], ordered))
    found = dict.fromkeys(ordered, "")
    for k, group in enumerate(groups):
        for member in group:
            found[ordered[member]] += letter(first + k)
    return found


def letter(number: int) -> str:
    """Return the letter of that number: a to z, A to Z, then a1, b1 and so on."""
    turn, place = divmod(number, len(ascii_letters))
    return ascii_letters[place] + (str(turn) if turn else "")


def letters_used(display: Iterable[str]) -> int:
    """Return how many different letters entries have."""
    return len({name for text in display for name in split_letters(text)})


def split_letters(text: str) -> list[str]:
    """Return the letters of one entry: "abc1" has a, b and c1."""
    found: list[str] = []
    for sign in text:
        if sign.isalpha():
            found.append(sign)
        else:
            found[-1] += sign
    return found


def _largest_sets(alike: Sequence[int]) -> Iterator[int]:
    """Yield every largest set of entries no two of which differ; `alike[k]`: the others that entry k is like.

    A set of entries is an integer with a bit per entry.
    """
    if not alike:
        return
    open_sets = [(0, (1 << len(alike)) - 1, 0)]  # chosen; may be added; would only repeat a set that was found
    while open_sets:
        chosen, left, done = open_sets.pop()
        for k in _places(left):  # whoever is like all others is in every set from here
            if left & ~alike[k] == 1 << k:
                chosen, left, done = chosen | 1 << k, left & ~(1 << k), done & alike[k]
        if not left:
            if not done:
                yield chosen
            continue
        pivot = max(_places(left | done), key=lambda k: (left & alike[k]).bit_count())
        for k in _places(left & ~alike[pivot]):
            open_sets.append((chosen | 1 << k, left & alike[k], done & alike[k]))
            left, done = left & ~(1 << k), done | 1 << k


def _places(group: int) -> Iterator[int]:
    """Yield the places of the bits of a set, the lowest first."""
    while group:
        lowest = group & -group
        yield lowest.bit_length() - 1
        group ^= lowest


def _without_spare(groups: list[list[int]], names: Sequence[str]) -> list[list[int]]:
    """Leave out, the smallest first, each group whose entries and pairs all share another group."""
    shared = np.zeros((len(names), len(names)), dtype=np.int32)
    for group in groups:
        part, pairs = _window(shared, group)
        part += pairs
    kept = []
    for group in sorted(groups, key=lambda group: (len(group), sorted(names[k] for k in group))):
        part, pairs = _window(shared, group)
        if (part[pairs] > 1).all():
            part -= pairs
        else:
            kept.append(group)
    return kept


def _window(table: np.ndarray, group: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a table of pairs that a group, whose entries are neighbours mostly, is in, and its pairs."""
    first, last = group[0], group[-1] + 1
    members = np.zeros(last - first, dtype=bool)
    members[np.array(group) - first] = True
    return table[first:last, first:last], np.logical_and.outer(members, members)
