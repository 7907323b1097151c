"""Write docs/faq.md: questions that readers of a board ask, answered with the numbers of the committed boards.

python scripts/write_faq.py
"""

from collections.abc import Callable, Iterable
from math import log
from statistics import median

from findings.boards import Board, against_nothing, load_boards, value_of
from findings.sentences import say_best_share
from findings.tables import to_markdown
from findings.wording import ABSENT, cell

from benchmark.metrics.published_search import CAP
from benchmark.metrics.support import most_provable
from benchmark.results.scorecard import Scorecard
from benchmark.storage.workspace import Workspace

PAGE = "docs/faq.md"
_BEST = ("best within the budget", "best at any cost")

TEXT = """# Questions and answers

The numbers on this page are those of the committed boards, written by `python scripts/write_faq.py`.
[Results](results.md) has the boards, [How to read a board](reading-a-board.md) their columns.

## Why does perfect unlearning score only {perfect}?

Because the published score is biased where there is nothing to find. It takes, per example, the largest ε over many
attacks on the same models that it is measured on; between two populations of the same kind some attack always looks
good by chance. So models that were retrained without the forget set score far below 1, with any N
([Scoring](scoring.md#3-what-is-known-to-be-wrong-with-the-published-estimator)). Read it against two numbers: the
score of `retrain`, which runs like any entry, and the *ceiling*, which a second retrained population gets. The
*normalised score* is the score over the ceiling. The gap closed has no such bias: it is measured on models that the
attack was not chosen on.

{perfect_table}

## Which MIA number counts?

The leak, and the gap closed that follows from it. Its attack knows the populations of unlearned and retrained models
of every example, chooses by one half of the models, and is measured on the other; it also looks at inputs that no
submission has seen. U-LiRA and RULI are the same kind of attack on φ with a shape assumed; they are there to compare
with papers. The classifier MIAs (logistic regression or SVM on losses) ask another question, whether the forget
examples look like test examples, which they may do, or not, with or without a leak. What they say of *doing nothing*,
and of retraining:

{mia_table}

## Which number may I quote, and what does it promise?

The gap closed with its interval, beside N, the scenario and its hash; of one forget example its leak. The attacker
behind both knows all but one thing: the example and its label, how models are trained and unlearned, and hundreds of
models of each kind. Shown the outputs of one more model at that example, and at inputs around it, it says whether
this is an unlearned or a retrained one. With a leak of L it is right in (1 + L)/2 of the cases, where both are equally
likely. The leak of an entry is the mean over forget examples; the largest of an entry is high by chance too, and no
interval for it is given. For a worst case take the ε lower bound, which holds for all examples of an entry at once.

None of these numbers is a guarantee. They come from attacks that were tried, on outputs: whoever sees weights, or asks
elsewhere, may find more. None is differential privacy either, which bounds every attack on every data set; here δ and
ε compare two populations of models on the data of one scenario.

## How large can ε be?

As large as N models can show. The published ε of an example is infinite where an attack makes no error, and
the largest finite one is ln(N − 1). A lower bound proves less: even where no model is mistaken for one of the other
kind, the rates of error may be as large as N models allow. So at the limit two entries look alike, as doing nothing and
poor methods do:

{provable_table}

U-LiRA's true-positive rates at rates of 1 % and 0.1 % are counted over all models and forget examples together, and
say nothing of one example.

## What margin of error does a number have?

Every metric with an interval has 95 % of it over models: what would come out with other models of the same scenario.
For the gap closed, in percentage points:

{margin_table}

Differences of two entries are paired, on the same originals, so they are known better than the two numbers apart:
use `bench compare A B`. Costs have the uncertainty of timing besides, 15 % of the share and more on a busy machine
([Rules](rules.md#what-is-enforced)). No interval speaks of other data, other networks or another forget set.

## Why is no method near 100 %?

How many entries are significantly better or worse than doing nothing, and the gap that the best one closes, with an
interval corrected for the choice of the best:

{near_table}

100 % takes outputs that look retrained at every forget example *and* at the inputs around it. Many methods change
what the network says of the forget examples themselves, and little else, and may be better *by φ alone*. And a
run that keeps to the budget may cost a fifth of retraining, while `retrain` itself takes all of it.

## Why may my entry be over budget?

A run is timed in CPU seconds of all its processes against retraining by the scenario's recipe, both in the sandbox.
On these small networks retraining takes a fraction of a second, so that whatever a method does counts: an epoch more,
a pass over the retain set to measure something. Many published values were chosen for long schedules:

{budget_table}

An entry is over budget only where the whole interval of its share is. `bench check NAME` says where it lies before
anything long starts, `bench tune NAME` searches within the budget, and `bench run NAME --time-again` measures
a finished entry again on a quieter machine.

## Is an ε lower bound of 0 a guarantee?

No. A bound above 0 proves a leak: with 95 % confidence for all examples of an entry together. A bound of 0 says that
nothing was proved with so many models. (ε, δ)-unlearning is a statement about all attacks; an evaluation can refute
it, and never prove it.

## How many models do I need?

The boards say how far fewer models order the same entries alike: sentence 11 of [Results](results.md), by `bench study
--order`. Below N = 64 a board says that its intervals are rough, and some metrics do not exist: an ε lower bound of m
examples takes a few dozen models.

## Why does my row differ from the shipped one?

Your pool has a secret of its own, from which the retrained models and the seeds of the runs follow
([Rules](rules.md#the-pools-secret)). The values are fresh draws of the same populations: they differ within their
intervals. Costs are your machine's. Within one pool the same command gives the same numbers.

## Why is an entry `suspect`?

It got a score that honest unlearning cannot get: significantly above perfect unlearning, or outputs that are those
of a model of the pool. It has a row, the reason, and no rank. [Rules](rules.md#what-is-enforced) has the thresholds.

## Can I compare these numbers with those of a paper?

With the same metric, and with care: [Results](results.md#claims-of-the-methods-papers) puts ten claims of papers to
the test. U-LiRA, RULI, KLoM and the classifier MIAs are computed as their papers do. Data, networks and schedules
here are small, and a claim that fails here may hold there.

## Do I need a GPU?

Not for the shipped boards: all of them were made on two CPU cores. `cifar10`, `casia-surf` and other scenarios with a
ResNet-18 are made for one, and have no board yet ([What scenarios cost](scenario-costs.md))."""


def main() -> None:
    workspace = Workspace.find()
    for name, text in pages(workspace).items():
        (workspace.root / name).write_text(text)


def pages(workspace: Workspace) -> dict[str, str]:
    """Return docs/faq.md as it ought to be, by its path in the repository."""
    boards = list(load_boards(workspace).values())
    with_gap = [board for board in boards if board.has_gap]
    perfect = next(
        (cell(board.scored["retrain"], "score", ".2f") for board in boards if board.name == "digits"), "so low"
    )
    text = TEXT.format(
        perfect=perfect,
        perfect_table=_table(boards, ("score of `retrain`", "ceiling", "best score of an entry"), _perfect),
        mia_table=_table(boards, ("entry", "leak", "U-LiRA accuracy", "RULI accuracy", "classifier MIA"), *_attacked()),
        provable_table=_table(
            with_gap,
            ("ln(N − 1)", "median ε of `identity`", "largest possible bound", "of `identity`"),
            _provable,
        ),
        margin_table=_table(with_gap, ("entries", "half an interval, median", "smallest significant gap"), _margin),
        near_table=_table(with_gap, ("entries", "better", "worse", "better by φ alone", *_BEST), _near),
        budget_table=_table(
            boards, ("published entries", "over budget", "their cost, median", "tuned entries", "over budget "), _budget
        ),
    )
    return {PAGE: text}


def _table(boards: Iterable[Board], headings: tuple[str, ...], *rows: Callable[[Board], list[str] | None]) -> str:
    """Return a table with one row per board and function; a function returns None where a board has no such row."""
    found = [
        [f"`{board.name}`", str(board.models), *cells] for board in boards for row in rows if (cells := row(board))
    ]
    return "\n".join(to_markdown(found, ("board", "N", *headings))).rstrip()


def _perfect(board: Board) -> list[str] | None:
    if "retrain" not in board.scored:
        return None
    card = board.scored["retrain"]
    best = max((value for each in board.entries if (value := each.value("score")) is not None), default=None)
    return [cell(card, "score", ".3f"), cell(card, "ceiling", ".3f"), ABSENT if best is None else f"{best:.3f}"]


def _attacked() -> list[Callable[[Board], list[str] | None]]:
    """Return a row of each control."""

    def row_of(name: str) -> Callable[[Board], list[str] | None]:
        def row(board: Board) -> list[str] | None:
            card = board.scored.get(name)
            metrics = ("leak", "ulira_accuracy", "ruli_accuracy", "classifier_mia")
            return None if card is None else [f"`{name}`", *(cell(card, metric, ".3f") for metric in metrics)]

        return row

    return [row_of("identity"), row_of("retrain")]


def _provable(board: Board) -> list[str] | None:
    card = board.scored["identity"]
    epsilon, bounds = card.per_example("epsilon"), card.per_example("epsilon_lower_bound")
    if not epsilon or not bounds:
        return None
    most = most_provable(board.models, len(bounds), board.scenario.protocol.delta)
    middle = median(epsilon)
    return [
        f"{log(board.models - 1):.2f}",
        "∞" if middle >= CAP else f"{middle:.2f}",
        f"{most:.2f}",
        f"{max(bounds):.2f}",
    ]


def _margin(board: Board) -> list[str]:
    estimates = [found for card in board.having("gap_closed") if (found := card.estimate("gap_closed"))]
    more, _ = against_nothing(board, "gap_closed")
    least = min((value_of(board.scored[name], "gap_closed") for name in more), default=None)
    return [
        str(len(estimates)),
        f"± {50 * median(each.high - each.low for each in estimates):.2f}",
        ABSENT if least is None else f"{100 * least:.1f}",
    ]


def _near(board: Board) -> list[str]:
    more, less = against_nothing(board, "gap_closed")
    by_phi, _ = against_nothing(board, "gap_closed_phi")
    counts = map(len, (board.having("gap_closed"), more, less, by_phi))
    within, best = (_best(board.having("gap_closed", cards)) for cards in (board.within, board.entries))
    return [*map(str, counts), within, "the same" if best == within else best]


def _best(entries: list[Scorecard]) -> str:
    return f"`{entries[0].submission}`, {say_best_share(entries)}" if entries else ABSENT


def _budget(board: Board) -> list[str]:
    published = [card for card in board.completed if card.values == "published"]
    tuned = [card for card in board.completed if card.values == "tuned"]
    return [*_over(published), _median_cost(published), *_over(tuned)]


def _over(cards: list[Scorecard]) -> tuple[str, str]:
    return str(len(cards)), str(sum(card.status == "over-budget" for card in cards))


def _median_cost(cards: list[Scorecard]) -> str:
    known = [value for card in cards if (value := card.value("retraining_share")) is not None]
    return f"{median(known):.0%} of retraining" if known else ABSENT


if __name__ == "__main__":
    main()
