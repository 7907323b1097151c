"""Twelve sentences at the top of the page, from the boards alone; where one is not there, that is the sentence."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

from benchmark.leaderboard.ranks import paired_difference
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from findings.boards import (
    Board,
    against_nothing,
    at_level,
    count_groups,
    is_classic,
    is_finalist,
    method_of,
    sign_of,
    value_of,
)
from findings.hardness import Correlation, correlate_hardness
from findings.ranking import Agreement, compare_rankings
from findings.wording import join, say_number, say_points, say_share

DIGITS, CNN, FASHION, PATCH = "digits-hard", "digits-cnn-hard", "fashion-hard", "digits-patch"
Boards = dict[str, Board]


def twelve_sentences(boards: Boards, studies: Path, lacking: Mapping[str, int]) -> list[str]:
    """Return the sentences in the order of the page.

    `studies`: the folder of the tables of `bench study`. `lacking`: how many methods have no row, by board.
    """

    def of(name: str, say: Callable[[Board], str]) -> str:
        return say_of(boards[name], say, lacking) if name in boards else say_missing(name)

    return [
        of(FASHION, say_competition),
        of(CNN, say_competition),
        of(DIGITS, say_competition),
        say_rankings(boards.values()),
        say_hardness(boards),
        of(CNN, say_better_than_nothing),
        of(FASHION, say_better_than_nothing),
        of(DIGITS, say_better_than_nothing),
        of(DIGITS, say_signals),
        of(CNN, say_tuning),
        say_orders(boards, studies),
        of(PATCH, say_repair),
    ]


def say_of(board: Board, say: Callable[[Board], str], lacking: Mapping[str, int]) -> str:
    """Say something of a board, and that it is not finished where it lacks methods."""
    count = lacking.get(board.name, 0)
    unfinished = f" This board is not finished: {count} methods have no row on it yet." if count else ""
    return say(board) + unfinished


def say_missing(name: str) -> str:
    return f"There is no board of `{name}` yet, so nothing is said about it."


def say_competition(board: Board) -> str:
    """Say whether the competition's finalists beat fine-tuning and the classics, within the budget and at any cost."""
    parts = [
        f"{where} {part}"
        for where, cards in (("within the budget", board.within), ("at any cost", board.entries))
        if (part := _say_best_finalist(board, cards))
    ]
    if not parts:
        return f"On `{board.name}` no finalist of the competition can be compared with fine-tuning and the classics."
    return f"On `{board.name}` {'; '.join(parts)}; {_say_finalists(board)}."


def _say_best_finalist(board: Board, cards: Sequence[Scorecard]) -> str | None:
    """Compare the best finalist among entries with the best of fine-tuning and the classics; None where one lacks.

    The best of many is high by chance too: the difference is at 95 % for all pairs of a finalist and a classic.
    """
    known = board.having("gap_closed", cards)
    finalists, classics = ([card for card in known if is_one(card)] for is_one in (is_finalist, is_classic))
    if not finalists or not classics:
        return None
    best, rival = finalists[0], classics[0]
    difference = paired_difference("gap_closed", best, rival, 1 - 0.05 / (len(finalists) * len(classics)))
    if difference is None:
        return None
    return (
        f"the best of the competition's finalists, `{best.submission}`, closes {say_share(_gap(best))} of the gap "
        f"and {_comparison(difference)} the best of fine-tuning and the classics, "
        f"`{rival.submission}`, by {say_points(difference)}"
    )


def _comparison(difference: Estimate) -> str:
    return ("is not significantly different from", "is significantly better than", "is significantly worse than")[
        sign_of(difference)
    ]


def _say_finalists(board: Board) -> str:
    """Say how many finalists, at any cost, are significantly better and worse than fine-tuning as the sample entry."""
    finalists = [card for card in board.having("gap_closed") if is_finalist(card)]
    rival = board.scored.get("finetune")
    if rival is None or rival.estimate("gap_closed") is None:
        return "`finetune` has no gap closed to compare with"
    found = [paired_difference("gap_closed", card, rival, 1 - 0.05 / len(finalists)) for card in finalists]
    signs = [sign_of(each) for each in found if each]
    return (
        f"of {len(finalists)} entries of finalists {signs.count(1)} are significantly better than `finetune`, the "
        f"competition's sample entry, and {signs.count(-1)} worse"
    )


def say_rankings(boards: Iterable[Board]) -> str:
    """Say whether the ranking changes with the forget set, on all pairs of boards that differ in it alone."""
    pairs = [pair for pair in combinations(boards, 2) if _differ_in_forget_set(*pair)]
    found = [(a, b, alike) for a, b in pairs if (alike := compare_rankings(a, b))]
    if not found:
        return "No two boards differ in their forget set alone, so nothing is said about rankings by it."
    verdict = "changes" if any(alike.reversed for *_, alike in found) else "has not been shown to change"
    said = "; ".join(_say_agreement(*each) for each in found)
    return f"The ranking of entries {verdict} with the forget set: {said}."


def _say_agreement(first: Board, second: Board, alike: Agreement) -> str:
    by = "" if alike.order == "gap_closed" else ", by published score"
    return (
        f"between `{first.name}` and `{second.name}` Kendall's τ is {say_number(alike.tau)} over {alike.entries} "
        f"entries{by}, and {alike.reversed} of the {alike.separated} pairs that are significantly different on both "
        "are reversed"
    )


def _differ_in_forget_set(first: Board, second: Board) -> bool:
    alike = [
        (own.data, own.architecture, own.manipulation, own.recipe, own.protocol.access, own.protocol.requests)
        for own in (first.scenario, second.scenario)
    ]
    return alike[0] == alike[1] and first.scenario.forget != second.scenario.forget


def say_hardness(boards: Boards) -> str:
    """Say whether harder examples leak more where nothing is done, on every board whose examples have scores."""
    rules = {board.name: board.scenario.protocol for board in boards.values()}
    # The others have the models of these, or some of their examples.
    whole = [board for board in boards.values() if not (rules[board.name].access or rules[board.name].requests)]
    found = [each for board in whole if (each := correlate_hardness(board, boards.values()))]
    if not found:
        return "No board has stored scores of hardness of its forget examples, so nothing is said about memorisation."
    said = "; ".join(map(_say_correlation, found))
    return f"{judge_hardness(found)} (Spearman's ρ over forget examples): {said}."


def judge_hardness(found: Sequence[Correlation]) -> str:
    """Return what the correlations say together: whether significant ones are positive, negative or both."""
    signs = [sign_of(each) for own in found for each in (own.leak, own.epsilon) if each]
    if 1 in signs and -1 in signs:
        return "Whether harder examples leak more depends on the board, where nothing is done"
    if 1 in signs:
        return "Harder examples leak more, where nothing is done"
    if -1 in signs:
        return "Harder examples leak less, where nothing is done"
    return "Hardness and leak have not been shown to go together"


def _say_correlation(found: Correlation) -> str:
    ends = "all of one end, a restricted range" if found.one_end else "chosen without regard to it"
    numbers = [
        f"{say_number(each)} with the {name}"
        for name, each in (("published ε", found.epsilon), ("leak by all signals", found.leak))
        if each
    ]
    said = " and ".join(numbers) or "not known"
    return f"on `{found.board}` {said} ({found.examples} examples, {ends}, by {found.by})"


def say_better_than_nothing(board: Board) -> str:
    """Say how many entries are significantly better than doing nothing, how many groups there are, and the best."""
    if not board.has_gap:
        return f"On `{board.name}` no entry has a gap closed."
    parts = [
        f"{title}{_say_counts(board, metric)}"
        for title, metric in (("", "gap_closed"), ("by φ alone ", "gap_closed_phi"))
        if board.having(metric)
    ]
    examples = next(iter(board.scored.values())).examples
    return (
        f"On `{board.name}` (N = {board.models}, {examples} forget examples) {'; '.join(parts)}; "
        f"{_say_both_best(board)}."
    )


def _say_counts(board: Board, metric: str) -> str:
    more, less = against_nothing(board, metric)
    groups = count_groups(board, metric)
    of_groups = "groups are not known" if groups is None else f"those within the budget fall into {groups} groups"
    return (
        f"{len(more)} of {len(board.having(metric))} entries are significantly better than doing nothing, "
        f"{len(less)} worse, and {of_groups}"
    )


def _say_both_best(board: Board) -> str:
    """Name the best entry within the budget and the best at any cost, once where they are one."""
    best = [cards[0] for each in (board.within, board.entries) if (cards := board.having("gap_closed", each))]
    if len(best) == 2 and best[0] is best[1]:
        return _say_best(board, board.entries, "at any cost, which is within the budget,")
    said = ((board.within, "within the budget"), (board.entries, "at any cost"))
    return ", ".join(_say_best(board, *each) for each in said)


def _say_best(board: Board, cards: Sequence[Scorecard], where: str) -> str:
    entries = board.having("gap_closed", cards)
    if not entries:
        return f"no entry {where} has a gap closed"
    return f"the best {where} is `{entries[0].submission}` with {say_best_share(entries)}"


def say_best_share(entries: Sequence[Scorecard]) -> str:
    """Return the gap that the first of these entries closes, at 95 % for all: the best is high by chance too."""
    return say_share(at_level(entries[0], "gap_closed", 1 - 0.05 / len(entries)))


def say_how_to_read(board: Board) -> str:
    """Say in words what the row of the best entry within the budget says."""
    entries = [card for card in board.having("gap_closed", board.within) if card.estimate("leak")]
    if not entries:
        return f"On `{board.name}` no entry within the budget has a gap closed."
    best = entries[0]
    kept = [value_of(best, name) for name in ("retain_ratio", "test_ratio")]
    return (
        f"How to read a row: `{best.submission}` closes {say_share(_gap(best))} of the gap between the originals, "
        "which have forgotten nothing (0 %), and models that never saw the forget set (100 %), and a run costs "
        f"{value_of(best, 'retraining_share'):.0%} of a retraining. Its leak: whoever compares outputs on a forget "
        "example, and on inputs around it, tells its models from retrained ones with a true less a false positive "
        f"rate of {value_of(best, 'leak'):.2f} in the mean (0 = cannot tell). It keeps {kept[0]:.0%} of the retrained "
        f"models' accuracy on retained and {kept[1]:.0%} on test examples. Entries that share a letter are not "
        "significantly different; those that cost more than the budget stand below all others."
    )


def say_signals(board: Board) -> str:
    """Say how far what closes the gap by φ alone closes it by all signals."""
    both = [card for card in board.having("gap_closed_phi") if card.estimate("gap_closed")]
    if not both:
        return f"On `{board.name}` no entry has a gap closed by φ alone and by all signals."
    top = both[0]
    alone, combined = top.estimate("gap_closed_phi"), _gap(top)
    assert alone is not None
    aimed = [card for card in both if value_of(card, "gap_closed_phi") > 0.05]
    beyond = [c.submission for c in aimed if value_of(c, "gap_closed") < value_of(c, "gap_closed_phi") / 2]
    return (
        f"On `{board.name}` the entry that closes most of the gap by φ of the forget examples alone, "
        f"`{top.submission}`, closes {say_share(alone)} of it, and {say_share(combined)} by all signals; of "
        f"{len(aimed)} entries that close more than 5 % by φ, {len(beyond)} close less than half as much by all "
        f"signals: {join(beyond)}."
    )


def say_tuning(board: Board) -> str:
    """Say how many methods tuning helps, of those that have run with published and with tuned values."""
    cards = {card.submission: card for card in board.having("gap_closed")}
    pairs = [(card, cards[method_of(card)]) for name, card in cards.items() if name != method_of(card) in cards]
    if not pairs:
        return f"On `{board.name}` no method has a gap closed with published and with tuned values."
    level = 1 - 0.05 / len(pairs)
    found = [(tuned, paired_difference("gap_closed", tuned, published, level)) for tuned, published in pairs]
    raised, lowered = ([method_of(card) for card, each in found if each and sign_of(each) == sign] for sign in (1, -1))
    return (
        f"On `{board.name}` tuning raises the gap that {len(raised)} of {len(pairs)} methods close ({join(raised)}) "
        f"and lowers that of {len(lowered)} ({join(lowered)}), significantly; the rest do not differ."
    )


def say_orders(boards: Boards, studies: Path) -> str:
    """Say of every board that has been studied how far fewer models order and separate its entries as all do."""
    found = {name: rows for name, board in boards.items() if (rows := _read_order(board, studies))}
    if not found:
        command = f"`bench study --order --scenario {DIGITS}`"
        return f"How far fewer models order entries alike has not been studied; {command} does."
    said = "; ".join(say_order(name, rows) for name, rows in found.items())
    return (
        "Fewer models order the pairs of entries that are significantly different by all models with this Kendall's τ "
        f"(in brackets the lowest and the highest of disjoint parts of the models): {said}."
    )


def say_order(name: str, rows: Sequence[dict[str, str]]) -> str:
    """Say how far fewer models order a board's entries as all of them do; `rows`: of `bench study --order`."""
    whole = max(int(row["models"]) for row in rows)
    fewer = sorted({int(row["models"]) for row in rows} - {whole})
    orders = {row["order"]: int(row["pairs"]) for row in rows}
    parts = [
        f"{_ORDERS[order]} {pairs} pairs: {' and '.join(_say_tau(rows, order, models) for models in fewer)}"
        for order, pairs in orders.items()
        if pairs
    ]
    return f"on `{name}` (N = {whole}) {', '.join(parts) or 'no pair is significantly different'}"


def _say_tau(rows: Sequence[dict[str, str]], order: str, models: int) -> str:
    row = next(row for row in rows if row["order"] == order and int(row["models"]) == models)
    value, low, high = (float(row[name]) for name in ("tau", "tau_low", "tau_high"))
    tau = say_number(Estimate(value=value, low=low, high=high))
    return f"{tau} with N = {models}, separating {float(row['found']):.0f} alone"


_ORDERS = {"gap_closed": "by gap closed", "gap_closed_phi": "by φ alone", "score": "by published score"}


def _read_order(board: Board, studies: Path) -> list[dict[str, str]]:
    path = studies / f"order-{board.label}.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def say_repair(board: Board) -> str:
    """Say how much of the damage of manipulated examples the best entry undoes, beside retraining."""
    entries = board.having("repaired", board.within)
    if not entries:
        return f"On `{board.name}` no entry within the budget has a share of the damage repaired."
    best, control = entries[0], board.scored.get("retrain")
    retrained = control.estimate("repaired") if control else None
    found = best.estimate("repaired")
    assert found is not None
    beside = f"; retraining without the identified examples repairs {say_share(retrained)}" if retrained else ""
    return (
        f"On `{board.name}` the entry within the budget that repairs most of the damage of manipulated examples is "
        f"`{best.submission}` with {say_share(found)}{beside}."
    )


def _gap(card: Scorecard) -> Estimate:
    found = card.estimate("gap_closed")
    assert found is not None
    return found
