"""Significance groups: letters that entries share exactly where they are not significantly different.

A compact letter display, made by *insert and absorb* (Piepho 2004, "An algorithm for a letter-based representation of
all-pairwise comparisons", J. Comput. Graph. Stat. 13(2)). It begins with one letter for all. For each pair that is
significantly different, every letter that both have is replaced by two, one without the one entry and one without the
other; a letter whose entries another has as well is absorbed. What is left is one letter for each largest set of
entries no two of which differ. In the end, letters are taken out whose every pair shares another letter too.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations
from string import ascii_letters

Pair = frozenset[str]
Group = frozenset[str]


def letters(ordered: Sequence[str], different: Collection[Pair], first: int = 0) -> dict[str, str]:
    """Return the letters of every entry, such as "ab".

    `ordered`: entries, best first; the best has the first letter. `different`: the pairs that are significantly
    different. `first`: how many letters other entries have taken, which these do not share.
    """
    place = {entry: k for k, entry in enumerate(ordered)}
    # Entry by entry: in any other order there may be far more letters on the way than in the end.
    in_turn = sorted(different, key=lambda pair: sorted(place[entry] for entry in pair))
    groups = _without_spare(_insert(ordered, in_turn))
    groups.sort(key=lambda group: sorted(place[entry] for entry in group))
    names = {group: letter(first + k) for k, group in enumerate(groups)}
    return {entry: "".join(name for group, name in names.items() if entry in group) for entry in ordered}


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


def _insert(entries: Sequence[str], different: Sequence[Pair]) -> list[Group]:
    groups = [frozenset(entries)] if entries else []
    for pair in different:
        split = [group for group in groups if pair <= group]
        groups = [group for group in groups if not pair <= group]
        for part in {group - {entry} for group in split for entry in pair}:
            groups = _absorb(groups, part)
    return groups


def _absorb(groups: list[Group], part: Group) -> list[Group]:
    """Add a group unless another has all of its entries; leave out those whose entries it has."""
    if any(part <= group for group in groups):
        return groups
    return [*(group for group in groups if not group <= part), part]


def _without_spare(groups: list[Group]) -> list[Group]:
    """Leave out, the smallest first, each group whose entries and pairs all share another group."""
    kept = list(groups)
    for group in sorted(groups, key=lambda group: (len(group), sorted(group))):
        others = [other for other in kept if other != group]
        pairs = [frozenset(pair) for pair in combinations(sorted(group), 2)]
        parts = pairs or [group]
        if all(any(part <= other for other in others) for part in parts):
            kept = others
    return kept
