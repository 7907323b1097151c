"""Sentences on top of a board: who leads, by how much, whether it is real, what it costs; and how to read it."""

from math import log

from benchmark.leaderboard.ranks import at_level, corrected_level, paired_difference, sign_of
from benchmark.metrics.support import RECOMMENDED, most_provable
from benchmark.results.scorecard import TUNED, Scorecard
from benchmark.results.values import Estimate
from benchmark.site.boards import Board
from benchmark.site.columns import heading_of
from benchmark.site.harms import say_harms
from benchmark.site.numbers import PERCENT, format_value, gap_text, list_names

OWN_TRAINING = (
    "Some entries train their own originals, and are compared with models that their own training makes without the "
    "forget set: their gaps, costs and accuracies start from those, not from the controls of this board."
)
_AGAINST = {1: "significantly better than", 0: "not significantly different from", -1: "significantly worse than"}


def leader_sentences(board: Board) -> list[str]:
    """Return who leads and by how much, whether that is real, what it costs and harms, and who does better for more."""
    if not board.ranked_cards:
        return list(filter(None, ["No entry within the budget has a rank on this board yet.", say_dearer(board)]))
    leader = board.ranked_cards[0]
    return [
        _say_lead(board, leader),
        _say_whether_real(board, leader),
        *filter(None, [_say_tuning(board, leader), _say_by_phi(board, leader), _say_repair(board, leader)]),
        *filter(None, [say_left(board, leader), say_harms(board, leader)]),
        *filter(None, [_say_cost(board, leader), _say_request(leader), say_settled(board, leader)]),
        *filter(None, [say_cheaper(board, leader), say_dearer(board)]),
    ]


def headline(board: Board) -> str:
    """Return the leader's value in a few words, for lists of boards."""
    if not board.ranked_cards:
        return "nobody is ranked yet"
    leader = board.ranked_cards[0]
    found = leader.estimate(board.order)
    assert found is not None
    return _few_words(board, found) + say_attack(board, leader)


def say_attack(board: Board, card: Scorecard) -> str:
    """Return the end of a sentence that says how often manipulated inputs still fool an entry; "" where nothing was."""
    attack = card.value("attack_success")
    is_known = _is_corrective(board) and attack is not None
    return f"; the attack still succeeds on {format_value(attack, '.0%')}" if is_known else ""


def _few_words(board: Board, found: Estimate) -> str:
    if board.order == "gap_closed":
        return "closes {} of the gap ({})".format(*gap_text(found))
    return f"scores {found.value:.4f} ({found.low:.4f}–{found.high:.4f})"


def _say_lead(board: Board, leader: Scorecard) -> str:
    found = leader.estimate(board.order)
    assert found is not None
    if board.order == "gap_closed":
        value, ends = gap_text(found)
        return (
            f"{leader.submission} leads: it closes {value} of the gap between doing nothing and retraining from "
            f"scratch (95{PERCENT} interval {ends})."
        )
    ceiling = leader.value("ceiling")
    nothing = board.nothing.value("score") if board.nothing else None
    ends = [f"doing nothing gets {nothing:.4f}"] if nothing is not None else []
    ends += [f"perfect unlearning about {ceiling:.3f}"] if ceiling else []
    share = f", where {' and '.join(ends)}" if ends else ""
    return (
        f"{leader.submission} leads by the published score: {found.value:.4f} (95{PERCENT} interval {found.low:.4f} to "
        f"{found.high:.4f}){share}. These runs are from before the gap closed was measured: an older measure, not "
        "comparable with the other boards."
    )


def _say_tuning(board: Board, leader: Scorecard) -> str:
    """Return that a tuned leader is held against entries of submissions that nobody tuned here."""
    entries = _entries(board)
    names = {card.submission.removesuffix(TUNED) for card in entries}
    tuned = {card.submission.removesuffix(TUNED) for card in entries if card.values == "tuned"}
    if leader.values != "tuned" or tuned == names:
        return ""
    return (
        f"It is tuned; {len(names - tuned)} of the {len(names)} submissions have no tuned entry here, and part of the "
        "lead over those may be the tuning."
    )


def _say_by_phi(board: Board, leader: Scorecard) -> str:
    """Return whether the leader does worse than nothing by φ alone, and who does better than it; empty for neither."""
    if board.order != "gap_closed":
        return ""
    known = [card for card in board.ranked_cards if card.value("gap_closed_phi") is not None]
    best = max(known, key=lambda card: card.value("gap_closed_phi") or 0.0, default=leader)
    found = paired_difference("gap_closed_phi", best, leader, corrected_level(len(known)))
    own = at_level(leader, "gap_closed_phi", corrected_level(len(known) + 1)) if leader in known else None
    parts = []
    if own is not None and sign_of(own) < 0:
        parts.append(f"it is significantly worse than doing nothing ({gap_text(own)[0]})")
    if best is not leader and found is not None and sign_of(found) > 0:
        points = format_value(100 * found.value, ".1f")
        parts.append(f"{best.submission} is significantly better than the leader by {points} points")
    if not parts:
        return ""
    return (
        f"By φ of the forget examples alone, as in the privacy profile and the published score, {' and '.join(parts)}; "
        "the board counts leak at hidden inputs around them too."
    )


def _say_repair(board: Board, leader: Scorecard) -> str:
    """Return how much of the damage of manipulated examples the leader and retraining undo, and who undoes most."""
    own, after = leader.value("attack_success"), leader.value("triggered_accuracy")
    retrained, clean = leader.value("retrained_triggered_accuracy"), leader.value("clean_triggered_accuracy")
    if not _is_corrective(board) or own is None or after is None or retrained is None or clean is None:
        return ""
    best = max(board.ranked_cards, key=lambda card: card.value("repaired") or 0.0)
    most = format_value(best.value("repaired"), ".0%")
    return (
        f"The training data were manipulated, and 100{PERCENT} of the gap is retraining without those manipulated "
        f"examples that are known, which need not repair anything: right answers to triggered examples are "
        f"{format_value(after, '.1%')} after the leader, {format_value(retrained, '.1%')} after retraining and "
        f"{format_value(clean, '.1%')} of clean models; after the leader the attack succeeds on "
        f"{format_value(own, '.1%')}. Within the budget {best.submission} repairs most: {most} of the damage."
    )


def _is_corrective(board: Board) -> bool:
    return board.scenario is not None and board.scenario.manipulation is not None


def say_left(board: Board, card: Scorecard) -> str:
    """Return what an entry still leaks, beside doing nothing; empty for doing nothing itself."""
    leak, nothing = card.estimate("leak"), board.nothing.value("leak") if board.nothing else None
    if card is board.nothing:
        return ""
    if leak is None:
        return ""
    if leak.low <= 0:
        ends = f"{format_value(leak.low, '.3f')} to {format_value(leak.high, '.3f')}"
        of = f"its leak is {format_value(leak.value, '.3f')} ({ends})"
        return f"These runs cannot tell it from retrained models: {of}, of at most 1."
    beside = "" if nothing is None else f"; doing nothing leaks {nothing:.3f}"
    return f"It still leaks {leak.value:.3f} of at most 1 ({leak.low:.3f}–{leak.high:.3f}){beside}, perfect is 0."


def say_dearer(board: Board) -> str:
    """Return which entry over the budget does better than all within it; empty where none does."""
    best = board.best_over_budget
    found = best.estimate(board.order) if best else None
    if best is None or found is None:
        return ""
    share, leader = format_value(best.value("retraining_share"), ".0%"), board.ranked_cards[:1]
    difference = paired_difference(board.order, best, leader[0]) if leader else None
    sure = "" if difference is None or sign_of(difference) > 0 else ", not significantly more"
    reach = f"{best.submission} {_few_words(board, found)} at {share} of retraining{sure}"
    return f"Best at any cost, but over the budget: {reach}."


def _say_whether_real(board: Board, leader: Scorecard) -> str:
    others = len(board.ranked_cards) - 1
    close = board.inseparable_from(leader.submission)
    nothing = _and_nothing(board, leader)
    if not others:
        return f"It is the only ranked entry{nothing}."
    if not close:
        who = "the other one" if others == 1 else f"every one of the other {others}"
        return f"That is significantly more than {who} within the budget{nothing}.{_say_next(board)}"
    if len(close) == others:
        return f"The runs do not separate it from {list_names(close)}, so the lead may be chance{nothing}."
    behind = others - len(close)
    return (
        f"The runs do not separate it from {list_names(close)}; it is significantly ahead of the other "
        f"{'one' if behind == 1 else behind} within the budget{nothing}."
    )


def _say_next(board: Board) -> str:
    """Return a sentence, behind a blank, on who comes next and closes some of the gap; empty where nobody does."""
    second = board.ranked_cards[1]
    found = second.estimate("gap_closed")
    return f" Next is {second.submission}, which {_few_words(board, found)}." if found and found.low > 0 else ""


def _and_nothing(board: Board, leader: Scorecard) -> str:
    """Return the end of a sentence that says whether the leader is better than doing nothing; empty where unknown."""
    sign = against_nothing(board, leader)
    if sign is None:
        return ""
    return ", and more than doing nothing" if sign > 0 else ", but not significantly more than doing nothing"


def _say_cost(board: Board, leader: Scorecard) -> str:
    share = leader.value("retraining_share")
    if share is None:
        return "What a run costs is not known."
    ends = (
        f" ({leader.cost.share_low:.0%} to {leader.cost.share_high:.0%})".replace("%", PERCENT) if leader.cost else ""
    )
    budget = "" if board.budget is None else f"; the budget is {format_value(board.budget, '.0%')}"
    if leader.cost and leader.cost.undecided:
        budget += (
            ", which lies in that interval: whether it keeps to the budget is not settled, and it ranks as if it did"
        )
    return f"A run costs {format_value(share, '.0%')} of retraining{ends}{budget}."


def _say_request(card: Scorecard) -> str:
    """Return what a request of one example costs a submission that trains its models; empty for any other."""
    share, worst = card.value("request_share"), card.value("worst_request_share")
    if not card.own_training or share is None or worst is None:
        return ""
    return (
        f"That is a request of all forget examples; one of a single example costs {format_value(share, '.0%')} of its "
        f"own training, {format_value(worst, '.0%')} at most."
    )


def say_settled(board: Board, leader: Scorecard) -> str:
    """Return which entry is the best of those that surely keep to the budget; empty where that is the leader."""
    settled = [card for card in board.ranked_cards if card.cost and not card.cost.undecided]
    found = settled[0].estimate(board.order) if settled else None
    if leader.cost is None or not leader.cost.undecided or found is None or against_nothing(board, settled[0]) != 1:
        return ""
    return (
        f"The best whose cost is within the budget for certain is {settled[0].submission}: {_few_words(board, found)}."
    )


def say_cheaper(board: Board, leader: Scorecard) -> str:
    """Return which entry that the runs do not separate from the leader costs least; empty where that is the leader, or
    the intervals of both costs meet."""
    close = [board.cards[name] for name in board.inseparable_from(leader.submission)]
    priced = [(card.cost.share_high, card) for card in close if card.cost]
    highest, cheapest = min(priced, key=lambda each: each[0], default=(0.0, None))
    if cheapest is None or leader.cost is None or highest >= leader.cost.share_low:
        return ""
    share = format_value(cheapest.value("retraining_share"), ".0%")
    return (
        f"Of those that the runs do not separate from {leader.submission}, {cheapest.submission} costs least: {share}."
    )


def _entries(board: Board) -> list[Scorecard]:
    """Return the cards of a board but for controls, and for submissions that are for another task."""
    return [card for card in board.cards.values() if not card.control and card.status != "not-applicable"]


def board_facts(board: Board) -> str:
    """Return what ran: models, forget examples, entries."""
    first, entries = board.first, _entries(board)
    controls = sum(card.control for card in board.cards.values())
    tuned = sum(card.values == "tuned" for card in entries)
    parts = [
        f"N = {first.models} models per entry",
        f"{first.examples} examples to forget",
        f"{len(entries)} entries{f' ({tuned} tuned)' if tuned else ''}"
        f" and {controls} control{'' if controls == 1 else 's'}",
    ]
    return ", ".join(parts) + "."


def caveats(board: Board) -> list[str]:
    """Return what a reader has to know before believing any row of the board."""
    costs = [card.cost for card in board.cards.values() if card.cost]
    loaded = sum(cost.loaded for cost in costs)
    timed = f"{loaded} of {len(costs)} costs were timed on a busy machine; their intervals allow for that."
    return [*_of_all_rows(board), *([timed] if loaded else [])]


def entry_caveats(board: Board, card: Scorecard) -> list[str]:
    """Return what a reader has to know before believing one row of it."""
    timed = "The cost was timed on a busy machine; its interval allows for that."
    return [*_of_all_rows(board), *([timed] if card.cost and card.cost.loaded else [])]


def _of_all_rows(board: Board) -> list[str]:
    found = []
    if board.first.models < RECOMMENDED:
        found.append(f"N = {board.first.models} is little: {RECOMMENDED} or more are recommended.")
    if public := sum(card.seeds == "public" and card.status != "not-applicable" for card in board.cards.values()):
        found.append(
            f"{public} of {len(board.cards)} rows are of a pool with public seeds. A submission could rebuild its "
            "models and return those: such a row is worth what a look at its source is worth."
        )
    if any(card.own_training for card in board.cards.values()):
        found.append(OWN_TRAINING)
    if board.order == "gap_closed" and not _has_retrain(board):
        found.append(
            f"100{PERCENT} is what a second retrained population of the pool gets; retrain itself has no row here."
        )
    notes = dict.fromkeys(note for card in board.cards.values() for note in card.footnotes)
    return found + [f"{note[:1].upper()}{note[1:]}." for note in notes]


def _has_retrain(board: Board) -> bool:
    return any(card.submission == "retrain" and card.is_scored for card in board.cards.values())


def entry_sentence(board: Board, card: Scorecard) -> str:
    """Return the first sentence of an entry's page: what it reaches, and at which rank."""
    found = card.estimate(board.order)
    if found is None:
        why = card.absent().get(board.order, "") if card.is_scored else card.reason or card.status
        what = heading_of(board.order) if card.is_scored else "metrics"
        why += " (its own models)" if card.own_training and why else ""
        return f"{card.submission} has no {what} on this board{': ' if why else ''}{why}."
    rank, place = board.rows[card.submission]["rank"], len(board.ranked_cards)
    standing = f", rank {rank}" + (f" of {place} not over the budget" if card.status == "ok" else "") if rank else ""
    sign = against_nothing(board, card)
    verdict = "" if sign is None or card.control else f" It is {_AGAINST[sign]} doing nothing."
    return f"{card.submission} {_reach(board.order, found)}{standing}.{verdict}"


def against_nothing(board: Board, card: Scorecard) -> int | None:
    """Return whether an entry is significantly better (1) or worse (−1) than doing nothing; None where not known.

    Corrected as the board's other comparisons are: doing nothing counts as one more of the entries.
    """
    level = corrected_level(len(board.ranked_cards) + 1)
    if board.order == "gap_closed":
        found = at_level(card, "gap_closed", level) if card.estimate("gap_closed") else None
    else:
        found = paired_difference(board.order, card, board.nothing, level) if board.nothing else None
    return None if found is None else sign_of(found)


def _reach(order: str, found: Estimate) -> str:
    if order == "gap_closed":
        value, ends = gap_text(found)
        return f"closes {value} of the gap between doing nothing and retraining (95{PERCENT} interval {ends})"
    return f"scores {found.value:.4f} (95{PERCENT} interval {found.low:.4f} to {found.high:.4f}) by the published score"


def tuned_difference(board: Board, card: Scorecard) -> str:
    """Return whether an entry's tuned values do better here than its published ones; empty where that is not known."""
    other = board.cards.get(board.sibling_of(card.submission) or "")
    if other is None:
        return ""
    tuned, published = (card, other) if card.values == "tuned" else (other, card)
    found = paired_difference(board.order, tuned, published)
    if found is None:
        return ""
    factor, form, unit = (100.0, "+.2f", " points") if board.order == "gap_closed" else (1.0, "+.4f", "")
    value, low, high = (format_value(factor * each, form) for each in (found.value, found.low, found.high))
    verdict = ("not significantly different", "significantly better", "significantly worse")[sign_of(found)]
    measured = f"{value}{unit} of {heading_of(board.order)}, 95{PERCENT} interval {low} to {high}"
    return f"Here the tuned values are {verdict}, for this pair alone: {measured}."


def say_shortly(board: Board) -> str:
    """Return in a few words whether a board's lead is real, for lists of boards."""
    if not board.ranked_cards:
        return ""
    leader = board.ranked_cards[0]
    close, sign = board.inseparable_from(leader.submission), against_nothing(board, leader)
    others = len(board.ranked_cards) - 1
    words = f"not separated from {list_names(close, 2)}" if close else f"ahead of all {others} others" if others else ""
    against = "" if sign is None else f"{'more' if sign > 0 else 'not significantly more'} than doing nothing"
    return "; ".join(filter(None, [words, against]))


def say_better(board: Board) -> str:
    """Return how many of the entries that are not over the budget do significantly better than nothing."""
    signs = [against_nothing(board, card) for card in board.ranked_cards]
    if None in signs or not signs:
        return ""
    return (
        f"Of the {len(signs)} ranked entries that are not over the budget, {signs.count(1)} are significantly better "
        f"than doing nothing, {signs.count(-1)} worse, and {signs.count(0)} cannot be told from it."
    )


def say_limits(board: Board) -> str:
    """Return the largest values of ε that so many models can show, and what retraining gets."""
    models, examples = board.first.models, board.first.examples
    delta = board.scenario.protocol.delta if board.scenario else 1e-5
    least = most_provable(models, examples, delta, 0.95)
    retrain = board.cards.get("retrain")
    median = retrain.value("median_epsilon") if retrain else None
    beside = f" The median ε of retrain itself is {median:.2f}." if median is not None else ""
    return (
        f"With N = {models} the largest finite ε is ln(N − 1) = {log(models - 1):.2f} and the largest lower bound "
        f"{least:.2f}; boards of other N have other limits.{beside}"
    )
