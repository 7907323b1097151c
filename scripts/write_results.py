"""Writes docs/results.md, and the summary in README.md, from the committed scorecards: tables, and sentences that say
what the intervals support.

python scripts/write_results.py
"""

from itertools import combinations

from scipy.special import ndtri

from benchmark.leaderboard import shipped_scorecards
from benchmark.leaderboard.ranks import Place, paired_difference, places
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Estimate
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import default_entry, submission_names, tuned_file
from benchmark.submissions.tasks import inapplicable
from benchmark.tuning import Tuning, tunable

SCENARIOS = ("digits", "digits-cnn")
TUNED = "+tuned"
ABSENT = "–"
LEAKS = "epsilon_lower_bound_examples"

INTRODUCTION = """# Results

Written by `python scripts/write_results.py` from the scorecards in `leaderboard/`. The boards are made by

    bench board SCENARIO ... --out leaderboard

which tunes all submissions and runs every entry, with published and with tuned values; [tuning.md](tuning.md) has the
procedure. A clone holds what it has made, so there it finds nothing to do but entries whose files have changed since:
remove `leaderboard/boards/`, `leaderboard/evidence/` and `submissions/*/tuned/` to make all of it anew.
`bench run NAME` makes a row of your own beside it, with `--published` that of the file's own values. How and
on which machine a row's cost was measured is said there too, under "The committed values".

Every comparison of scores here is one of the stored intervals: 95 %, over models; where many pairs are compared,
corrected for their number (Bonferroni). Groups, and the comparison with `identity`, are corrected for one entry's
comparisons, "who differs from whom" for all pairs together, so it is the stricter. Two entries differ significantly
when 0 is outside such an interval of their paired difference of scores. Ranks follow the scores; entries that share a
letter of `group` do not differ significantly. An *example* is detectable when a test still finds a difference between
its unlearned and retrained models, at a false discovery rate of 5 %. What the columns mean is said in
[metrics.md](metrics.md) and [scoring.md](scoring.md), what the methods do in [methods.md](methods.md). Two small
networks on 8×8 digits say nothing about other data: they say what the benchmark can see.
"""


README_BEGIN, README_END = "<!-- written by scripts/write_results.py -->\n", "<!-- end -->\n"


def main() -> None:
    workspace = Workspace.find()
    for name, text in pages(workspace).items():
        (workspace.root / name).write_text(text)


def pages(workspace: Workspace) -> dict[str, str]:
    """Return docs/results.md and README.md as they ought to be, by their paths in the repository."""
    page, summary = [INTRODUCTION], []
    for name in SCENARIOS:
        scenario = load_scenario(name)
        cards = [card for card in shipped_scorecards(workspace) if card.scenario_hash == scenario.hash]
        if cards:
            newest = max((card.scorer_version for card in cards), key=int)
            cards = [card for card in cards if card.scorer_version == newest]
            page += section(workspace, name, cards)
            missing = sorted(set(wanted(workspace, name)) - {card.submission for card in cards})
            if missing:
                page += [f"Not on this board yet: {', '.join(missing)}.", ""]
            if name == SCENARIOS[0]:
                summary += few_rows(cards)
            summary += [in_short(workspace, name, cards), ""]
    readme = workspace.root / "README.md"
    before, begin, rest = readme.read_text().partition(README_BEGIN)
    _, end, after = rest.partition(README_END)
    if not (begin and end):
        raise SystemExit(f"{readme} has lost one of the two comments that the summary stands between")
    short = before + README_BEGIN + "\n".join(summary) + README_END + after
    return {"docs/results.md": "\n".join(page).rstrip() + "\n", "README.md": short}


def wanted(workspace: Workspace, scenario: str) -> list[str]:
    judged = load_scenario(scenario)
    folders = (workspace.submissions / name for name in submission_names(workspace))
    names = [folder.name for folder in folders if not inapplicable(folder, judged.task)]
    return [*names, *(default_entry(name, workspace, judged) for name in names)]


def section(workspace: Workspace, name: str, cards: list[Scorecard]) -> list[str]:
    scored = {card.submission: card for card in cards if card.is_scored}
    models = cards[0].models
    lines = [f"## {name}, N = {models}", "", f"![every score with its interval](../{plot(cards[0])})", ""]
    lines += table(cards)
    if failed := [card for card in cards if not card.is_scored]:
        lines += ["Without a score: " + "; ".join(f"{c.submission} ({c.status}: {c.reason})" for c in failed) + ".", ""]
    entries = [card for card in cards if card.is_scored and not card.control and card.status != "suspect"]
    for title, found in (
        ("How far from the ceiling", ceiling(scored, entries)),
        ("Who differs from whom", resolution(entries)),
        ("Who scores more than doing nothing", against_identity(scored, entries)),
        ("Who over-unlearns", direction(entries)),
        ("What tuning changes", f"{tuning(scored)} {budgets(workspace, name, entries)}"),
    ):
        lines += [f"**{title}.** {found}", ""]
    return lines


def few_rows(cards: list[Scorecard]) -> list[str]:
    """For the README: the controls, the best within the budget, the best and the worst beyond it."""
    scored = sorted((c for c in cards if c.is_scored), key=lambda c: (-score_of(c), c.submission))
    within, beyond = ([c for c in scored if c.status == s and not c.control] for s in ("ok", "over-budget"))
    place = places(cards)
    lines = [
        "| rank | group | entry | score | normalised | proved leaks | detectable examples | cost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for card in [*within[:4], *beyond[:1], *beyond[-1:], *(card for card in scored if card.control)]:
        over = ", over budget" if card.status == "over-budget" else ""
        lines.append(
            f"| {standing(card, place)} | {card.submission} | {shown(card, 'score', '.3f', '±')} "
            f"| {shown(card, 'normalised_score', '.2f')} | {shown(card, LEAKS, '.0f')} "
            f"| {shown(card, 'detectable', '.0%')} | {shown(card, 'retraining_share', '.0%')}{over} |"
        )
    return [*lines, ""]


def in_short(workspace: Workspace, name: str, cards: list[Scorecard]) -> str:
    """For the README: one board in a paragraph."""
    scored = {card.submission: card for card in cards if card.is_scored}
    entries = [card for card in cards if card.is_scored and not card.control and card.status != "suspect"]
    gained, lost = changed_by_tuning(scored)
    above = listed(against(scored, entries)[0], quoted=False) if "identity" in scored else "not known"
    examples = next(iter(scored.values())).examples
    return (
        f"**`{name}`**, N = {cards[0].models}, {examples} forget examples: {len(entries)} entries and "
        f"{len(cards) - len(entries)} controls. {budgets(workspace, name, entries)} Tuning raises {len(gained)} scores "
        f"and lowers {len(lost)}. Significantly better than `identity`, which does nothing: {above}."
    )


def plot(card: Scorecard) -> str:
    return f"leaderboard/plots/{card.scenario}-{card.scenario_hash}/scores.png"


def table(cards: list[Scorecard]) -> list[str]:
    place = places(cards)
    lines = [
        "| rank | group | entry | score | normalised | proved leaks | detectable examples | under-unlearned "
        "| over-unlearned | retain | test | cost | status |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    order = {"ok": 0, "over-budget": 1}  # what is suspect comes last
    scored = [card for card in cards if card.is_scored]
    for card in sorted(scored, key=lambda c: (c.control, order.get(c.status, 2), -score_of(c), c.submission)):
        cells = [
            standing(card, place),
            card.submission,
            shown(card, "score", ".4f", "["),
            shown(card, "normalised_score", ".2f", "["),
            ABSENT if card.value(LEAKS) is None else f"{card.value(LEAKS):.0f} of {card.examples}",
            *(shown(card, name, ".0%") for name in ("detectable", "under_unlearned", "over_unlearned")),
            *(shown(card, name, ".3f") for name in ("retain_ratio", "test_ratio")),
            shown(card, "retraining_share", ".0%"),
            card.status,
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def standing(card: Scorecard, place: dict[str, Place]) -> str:
    """An entry's rank and its letters, as two cells of a table."""
    if card.control:
        return "control | "
    found = place.get(card.submission)
    return f"{found.rank} | {found.group}" if found else f"{ABSENT} | "


def ceiling(scored: dict[str, Scorecard], entries: list[Scorecard]) -> str:
    found = []
    oracle = scored.get("retrain")
    if oracle and (share := oracle.estimate("normalised_score")):
        inside = "inside" if share.low <= 1 <= share.high else "outside"
        found.append(
            f"The oracle `retrain` has a normalised score of {share.value:.2f} [{share.low:.2f}, {share.high:.2f}], "
            f"with 1 {inside} its interval; {shown(oracle, LEAKS, '.0f')} of its examples are proved to leak and "
            f"{shown(oracle, 'detectable', '.0%')} are detectable at a false discovery rate of 5 %."
        )
    within = [card for card in entries if card.status == "ok"]
    for title, group in (("entry within the budget", within), ("entry at any cost", entries)):
        if group:
            best = max(group, key=score_of)
            if share := best.estimate("normalised_score"):
                # Intervals are normal ones; the upper end is never cut.
                reach = (share.high - share.value) * ndtri(1 - 0.025 / len(group)) / ndtri(0.975)
                low, high = max(0.0, share.value - reach), share.value + reach
                found.append(
                    f"The best {title} is `{best.submission}` with {share.value:.2f} [{low:.2f}, {high:.2f}], "
                    f"at 95 % for all {len(group)}, because the best of many is high by chance too."
                )
    return " ".join(found)


def resolution(entries: list[Scorecard]) -> str:
    pairs = list(combinations(entries, 2))
    if not pairs:
        return "There is a single entry."
    level = 1 - 0.05 / len(pairs)
    apart = [pair for pair in pairs if resolved(*pair, level)]
    found = [f"Of {len(pairs)} pairs of entries, {len(apart)} differ significantly, at 95 % for all pairs together."]
    top = max(entries, key=score_of)
    with_top = [card.submission for card in entries if card is not top and not resolved(card, top, level)]
    found.append(
        f"Not significantly different from the highest score, `{top.submission}`: {listed(with_top)}."
        if with_top
        else f"The highest score, `{top.submission}`, differs significantly from all others."
    )
    return " ".join(found)


def resolved(first: Scorecard, second: Scorecard, level: float) -> bool:
    difference = paired_difference("score", first, second, level)
    return difference is not None and not difference.low <= 0 <= difference.high


def against_identity(scored: dict[str, Scorecard], entries: list[Scorecard]) -> str:
    if "identity" not in scored:
        return "`identity` has not been run."
    above, below = against(scored, entries)
    return (
        f"Scores above that of `identity`, which does nothing: {listed(above, quoted=False)}. "
        f"Below it: {listed(below)}. "
        f"Of the other {len(entries) - len(above) - len(below)} entries the runs do not say. (Two-sided and paired, at "
        f"95 % for the comparisons of all {len(entries)} entries together. Scores count accuracy too.)"
    )


def against(scored: dict[str, Scorecard], entries: list[Scorecard]) -> tuple[list[str], list[str]]:
    """The entries with scores significantly above that of `identity`, with the difference, and those below."""
    level = 1 - 0.05 / len(entries)
    differences = {
        card.submission: difference
        for card in entries
        if (difference := paired_difference("score", card, scored["identity"], level))
    }
    above = [with_difference(name, difference) for name, difference in differences.items() if difference.low > 0]
    return above, [name for name, difference in differences.items() if difference.high < 0]


def direction(entries: list[Scorecard]) -> str:
    over = sorted(
        (card for card in entries if pushed_beyond(card) > 0),
        key=lambda card: -(card.value("over_unlearned") or 0),
    )
    return (
        "More over-unlearned than under-unlearned examples (shares of all examples, "
        "both directions together at a false discovery rate of 5 %; the two shares are not compared by a test): "
        + listed([f"{c.submission} ({c.value('over_unlearned'):.0%})" for c in over], quoted=False)
        + "."
    )


def budgets(workspace: Workspace, scenario: str, entries: list[Scorecard]) -> str:
    """How many entries keep to the budget, and for which methods tuning has met no values that do."""
    kinds = {True: "tuned", False: "published"}
    sentence = ", ".join(
        f"{sum(card.status == 'ok' for card in group)} of {len(group)} entries with {kinds[tuned]} values"
        for tuned in (False, True)
        if (group := [card for card in entries if card.submission.endswith(TUNED) == tuned])
    )
    judged = load_scenario(scenario)
    records = {
        name: Tuning.read(tuned_file(workspace.submissions / name, judged)) for name in tunable(judged, workspace)
    }
    done = {name: record for name, record in records.items() if record and len(record.trials) == record.wanted}
    without = [name for name, record in done.items() if record.hyperparameters is None]
    left = [name for name in records if name not in done]
    found = f"Within the budget are {sentence}. Tuning met no values within it for: {listed(without)}."
    return f"{found} Not tuned yet: {listed(left)}." if left else found


def tuning(scored: dict[str, Scorecard]) -> str:
    gained, lost = changed_by_tuning(scored)
    return (
        f"Of {len(both(scored))} methods run with both values, tuning raises the score of {len(gained)}: "
        f"{listed(gained, quoted=False)}. It lowers that of {len(lost)}: {listed(lost, quoted=False)}. "
        "The others' differences are not significant."
    )


def both(scored: dict[str, Scorecard]) -> list[str]:
    return [name for name in scored if name + TUNED in scored]


def changed_by_tuning(scored: dict[str, Scorecard]) -> tuple[list[str], list[str]]:
    """The methods whose score tuning raises and lowers, with the difference."""
    gained, lost = [], []
    names = both(scored)
    for name in names:
        difference = paired_difference("score", scored[name + TUNED], scored[name], 1 - 0.05 / len(names))
        if difference is None:
            continue
        if difference.low > 0:
            gained.append(with_difference(name, difference))
        elif difference.high < 0:
            lost.append(with_difference(name, difference))
    return gained, lost


def score_of(card: Scorecard) -> float:
    """The score, below all others where there is none."""
    score = card.value("score")
    return -1.0 if score is None else score


def pushed_beyond(card: Scorecard) -> float:
    """By how much the share of over-unlearned examples exceeds that of under-unlearned; 0 where N tells neither."""
    over, under = card.value("over_unlearned"), card.value("under_unlearned")
    return 0.0 if over is None or under is None else over - under


def shown(card: Scorecard, name: str, form: str, interval: str = "") -> str:
    """A metric, with its interval as ± or in brackets if wanted; a dash where it does not exist."""
    value, estimate = card.value(name), card.estimate(name)
    if value is None:
        return ABSENT
    if estimate is None or not interval:
        return format(value, form)
    if interval == "±":
        return f"{value:{form}} ± {(estimate.high - estimate.low) / 2:{form}}"
    return f"{value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def with_difference(name: str, difference: Estimate) -> str:
    return f"`{name}` ({difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}])"


def listed(names: list[str], *, quoted: bool = True) -> str:
    return ", ".join(f"`{name}`" if quoted else name for name in names) or "none"


if __name__ == "__main__":
    main()
