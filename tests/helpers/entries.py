"""Cards of entries that close a given gap, and a board of them as the findings read it."""

from cards import card, with_gap, with_metrics
from findings.boards import Board


def entry(name, gap, spread=0.01, seed=0, phi=None, **about):
    """Return the card of an entry that closes this gap; `spread`: its standard error, of noise that a seed draws."""
    made = with_gap(card(name, 0.1, models=256, **about), gap, spread, seed)
    if phi is None:
        return made
    alone = with_gap(made, phi, spread, seed)
    rows = {**made.replicates, "gap_closed_phi": alone.replicates["gap_closed"]}
    changed = made.model_copy(update={"replicates": rows})
    return with_metrics(changed, gap_closed_phi=alone.estimate("gap_closed"))


def nothing():
    return with_gap(card("identity", 0.1, control=True, models=256), 0.0, 1e-12)


def board(scenario, *cards):
    return Board(scenario, cards)
