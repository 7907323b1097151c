"""The harm that an entry does beside forgetting, told by intervals and tests that say it is no chance."""

from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import Board
from benchmark.site.numbers import format_value


def say_harms(board: Board, card: Scorecard) -> str:
    """Return a sentence on what an entry makes worse than doing nothing does; empty where nothing is certain.

    Retained examples that give themselves away more and accuracy on the test set count where both 95 % intervals are
    apart, the accuracy also below that of retrained models; overshoot where more examples are significantly past
    retraining, by the test behind `moved_past`, or `over_unlearned` on boards without it.
    """
    nothing = board.nothing
    if nothing is None or card.control or not card.is_scored:
        return ""
    found = [*_say_retained(card, nothing), *_say_accuracy(card, nothing), *_say_overshoot(card, nothing)]
    return f"At a price: {'; '.join(found)}." if found else ""


def _say_retained(card: Scorecard, nothing: Scorecard) -> list[str]:
    own, before = card.estimate("retain_leak"), nothing.estimate("retain_leak")
    if own is None or before is None or own.low <= before.high:
        return []
    return [f"examples that stay leak {own.value:.3f}, with nothing done {before.value:.3f} (retain leak)"]


def _say_accuracy(card: Scorecard, nothing: Scorecard) -> list[str]:
    own, before, ratio = card.estimate("test_accuracy"), nothing.estimate("test_accuracy"), card.estimate("test_ratio")
    if own is None or before is None or own.high >= before.low or ratio is None or ratio.high >= 1:
        return []
    texts = [format_value(each, ".1%") for each in (own.value, before.value, own.value / ratio.value)]
    return ["test accuracy is {}, with nothing done {} and {} of the pool's retrained models".format(*texts)]


def _say_overshoot(card: Scorecard, nothing: Scorecard) -> list[str]:
    name = "over_unlearned" if card.value("moved_past") is None else "moved_past"
    own, before = card.value(name), nothing.value(name)
    if own is None or before is None or own <= before:
        return []
    share = format_value(own, ".0%")
    return [f"in part of the runs {share} of the examples are over-unlearned, significantly past retraining"]
