"""Boards for the site's tests, made by hand."""

from cards import card, with_gap, with_metrics

from benchmark.leaderboard import leaderboard
from benchmark.results.values import Estimate, PerExample, Profile, Value
from benchmark.site.boards import site_boards

LEAKS = [0.2, 0.9, 0.5]
PROFILE = Profile(epsilon=[0.0, 1.0, 2.0], delta=[0.6, 0.4, 0.1], low=[0.5, 0.3, 0.0], high=[0.7, 0.5, 0.2])


def whole_card(name, gap, cost=0.1, seed=0, **changes):
    """A card with everything that the site shows: gap closed, leak per example, cost, profile."""
    made = with_gap(card(name, 0.05, seed=seed, **changes), gap, seed=seed)
    leak = Estimate(value=1 - gap, low=0.98 - gap, high=1.0 - gap + 0.02)
    found = with_metrics(
        made,
        leak=leak,
        example_leak=PerExample(values=[min(1.0, each * (1 - gap)) for each in LEAKS]),
        retraining_share=Value(value=cost),
        ceiling=Value(value=0.12),
        retain_ratio=Estimate(value=0.99, low=0.98, high=1.0),
        test_ratio=Estimate(value=1.01, low=1.0, high=1.02),
    )
    replicates = {**found.replicates, "leak": [1 - each for each in found.replicates["gap_closed"]]}
    return found.model_copy(update={"profile": PROFILE, "replicates": replicates})


def usual_cards(**changes):
    """A board: two controls, a submission with published and tuned values, others of every status."""
    return [
        whole_card("retrain", 1.0, cost=1.0, control=True, **changes),
        whole_card("identity", 0.0, cost=0.01, control=True, **changes),
        whole_card("sharp+tuned", 0.5, seed=1, values="tuned", **changes),
        whole_card("sharp", 0.1, seed=2, **changes),
        whole_card("near", 0.495, seed=3, **changes),
        whole_card("dear", 0.7, cost=0.6, seed=4, status="over-budget", reason="a run costs 60%", **changes),
        whole_card("cheat", 0.9, seed=5, status="suspect", reason="the same weights each time", **changes),
        card("broken", status="crashed", reason="8 of 8 runs failed; run 0: ValueError", **changes),
    ]


def board_of(cards):
    """Return the one board that these cards make."""
    (board,) = site_boards(cards, leaderboard(cards))
    return board
