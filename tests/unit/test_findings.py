"""The findings of docs/results.md: what sentences, claims and tables say of boards made by hand."""

import csv
import re
from pathlib import Path

import pytest
from cards import card, with_metrics
from entries import board, entry, nothing
from findings import sentences
from findings.boards import Board, against_nothing, count_groups, is_classic, is_finalist, load_boards
from findings.claims import CLAIMS, judge, say_claims
from findings.tables import board_table, short_table
from findings.wording import say_points, say_share
from scipy.stats import t

from benchmark.leaderboard.ranks import at_level
from benchmark.results.values import Absent, Estimate
from benchmark.scenario.schema import load_scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import submission_names

FINALIST = "NeurIPS 2023 unlearning competition, 3rd place"


@pytest.fixture(scope="module")
def scenario():
    return load_scenario("digits-hard")


def test_a_missing_board_is_a_sentence_and_not_a_number():
    said = sentences.twelve_sentences({}, Path("nowhere"), {})
    assert len(said) == 12
    assert said[0] == "There is no board of `fashion-hard` yet, so nothing is said about it."
    assert not any("%" in each for each in said)
    assert say_claims([]) == ["None of these boards is here yet."]


def test_a_board_without_what_is_asked_says_so(scenario):
    poor = board(scenario, card("foo", 0.1), card("bar", 0.2))
    said = sentences.twelve_sentences({"digits-hard": poor, "fashion-hard": poor}, Path("nowhere"), {"digits-hard": 0})
    assert len(said) == 12
    assert "no finalist of the competition can be compared" in said[0]
    assert said[7] == "On `digits-hard` no entry has a gap closed."
    assert "has not been studied; `bench study --order --scenario digits-hard` does" in said[10]
    assert say_claims([poor])[0].endswith("`digits-hard`: no gap closed of `salun` and `random_label`.")


def test_a_board_that_lacks_methods_is_said_to_be_unfinished(scenario):
    poor = board(scenario, card("foo", 0.1))
    said = sentences.twelve_sentences({"digits-hard": poor}, Path("nowhere"), {"digits-hard": 3})
    assert said[7].endswith("no entry has a gap closed. This board is not finished: 3 methods have no row on it yet.")


@pytest.fixture
def shipped(tmp_path):
    """Ships cards: a workspace with nothing else."""

    def ship(*cards):
        workspace = Workspace(tmp_path)
        for each in cards:
            each.write(Workspace(tmp_path, workspace.shipped))
        return workspace

    return ship


def test_boards_are_those_of_the_present_scenarios(shipped, scenario):
    about = {"scenario": "digits-hard", "scenario_hash": scenario.hash}
    old = {"scenario": "digits-hard", "scenario_hash": "123456789abc"}
    workspace = shipped(card("foo", 0.1, **about), card("bar", 0.3, **old), card("baz", 0.2, scenario="no-such"))
    found = load_boards(workspace)
    assert {name: list(each.scored) for name, each in found.items()} == {"digits-hard": ["foo"]}
    assert found["digits-hard"].label == f"digits-hard-{scenario.hash}"


def test_a_board_whose_forget_set_is_not_known_here_is_read_as_most_cards_have_it(shipped, scenario, monkeypatch):
    unchosen = scenario.model_copy(update={"forget": scenario.forget.model_copy(update={"chosen": None})})
    assert unchosen.forget.choice is None, "or the test is of nothing"
    monkeypatch.setattr("findings.boards.load_scenario", lambda name: unchosen)
    cards = [
        card(name, 0.1, scenario="digits-hard", scenario_hash=own)
        for name, own in (("foo", "aaa"), ("bar", "aaa"), ("baz", "bbb"))
    ]
    found = load_boards(shipped(*cards))["digits-hard"]
    assert (found.label, set(found.scored)) == ("digits-hard-aaa", {"foo", "bar"})


def test_finalists_and_classics_are_those_of_the_cards():
    assert is_finalist(card("foo", reference=FINALIST))
    assert not is_finalist(card("foo", reference="NeurIPS 2023 unlearning competition, sample entry"))
    assert is_classic(card("finetune+tuned"))
    assert not is_classic(card("salun"))


@pytest.mark.parametrize(
    ("gap", "verdict"),
    [
        (0.3, "is significantly better than"),
        (0.1, "is not significantly different from"),
        (-0.2, "is significantly worse than"),
    ],
)
def test_the_best_finalist_is_held_against_the_best_classic(scenario, gap, verdict):
    cards = (
        entry("seif", gap, reference=FINALIST, seed=1),
        entry("sun", -0.5, reference=FINALIST, seed=2),
        entry("finetune", 0.0, seed=3),
        entry("neggrad_plus", 0.1, seed=4),
        entry("sebastian", 0.9, reference=FINALIST, status="over-budget", seed=5),
    )
    said = sentences.say_competition(board(scenario, *cards))
    assert (
        f"within the budget the best of the competition's finalists, `seif`, closes {100 * gap:.0f}".replace("-", "−")
        in said
    )
    assert f"and {verdict} the best of fine-tuning and the classics, `neggrad_plus`" in said
    assert "at any cost the best of the competition's finalists, `sebastian`, closes 90 % (88–92 %)" in said
    better, worse = (2, 1) if gap > 0 else (1, 2)
    assert f"of 3 entries of finalists {better} are significantly better than `finetune`" in said
    assert said.endswith(f"and {worse} worse.")


def test_the_best_of_many_needs_more_to_be_better(scenario):
    """Find two entries apart when alone that are not when each is the best of three."""
    pair = [entry("seif", 0.034, reference=FINALIST, seed=1), entry("finetune", 0.0, seed=2)]
    more = [entry(name, -0.5, reference=FINALIST) for name in ("sun", "kookmin")]
    more += [entry(name, -0.5) for name in ("cf_k", "eu_k")]
    alone, among = (sentences.say_competition(board(scenario, *each)) for each in (pair, pair + more))
    assert "`seif`, closes 3 % (1–5 %) of the gap and is significantly better" in alone
    assert "and is not significantly different from the best" in among


def test_entries_are_held_against_doing_nothing_together(scenario):
    cards = [entry("one", 0.05), entry("two", 0.022), entry("three", -0.3), entry("four", 0.0, spread=1e-12)]
    found = board(scenario, nothing(), *cards)
    assert against_nothing(found, "gap_closed") == (["one"], ["three"])  # 0.022 is 2.2 standard errors
    assert against_nothing(board(scenario, nothing(), cards[1]), "gap_closed") == (["two"], [])


@pytest.mark.parametrize("groups", [16, 32])
def test_another_level_is_students_t(groups):
    made = entry("foo", 0.2)
    made = made.model_copy(update={"replicates": {"gap_closed": made.replicates["gap_closed"][:groups]}})
    reach = t.ppf(0.975, groups - 1) * 0.01
    made = with_metrics(made, gap_closed=Estimate(value=0.2, low=0.2 - reach, high=0.2 + reach))
    assert at_level(made, "gap_closed", 0.999).high == pytest.approx(0.2 + t.ppf(0.9995, groups - 1) * 0.01, rel=1e-3)


def test_groups_by_phi_are_those_of_its_replicates(scenario):
    cards = [entry(name, 0.1, seed=at, phi=phi) for at, (name, phi) in enumerate((("a", 0.1), ("b", 0.3), ("c", 0.31)))]
    found = board(scenario, *cards)
    assert (count_groups(found, "gap_closed"), count_groups(found, "gap_closed_phi")) == (1, 2)
    old = with_metrics(entry("d", 0.1), gap_closed_phi=Estimate(value=0.2, low=0.1, high=0.3))
    assert count_groups(board(scenario, *cards, old), "gap_closed_phi") is None


def test_what_is_better_than_nothing_is_counted_and_named(scenario):
    cards = [
        entry("good", 0.2, phi=0.4),
        entry("bad", -0.2, phi=0.3),
        entry("dear", 0.7, phi=0.7, status="over-budget"),
    ]
    said = sentences.say_better_than_nothing(board(scenario, nothing(), *cards))
    assert "(N = 256, 3 forget examples) 2 of 3 entries are significantly better than doing nothing, 1 worse" in said
    assert "those within the budget fall into 2 groups; by φ alone 3 of 3" in said
    assert "the best within the budget is `good` with 20 % (18–22 %), the best at any cost is `dear`" in said


def test_the_best_of_all_is_named_once_where_it_keeps_to_the_budget(scenario):
    cards = [entry("good", 0.2), entry("bad", -0.2), entry("dear", 0.1, status="over-budget")]
    said = sentences.say_better_than_nothing(board(scenario, nothing(), *cards))
    assert said.endswith("; the best at any cost, which is within the budget, is `good` with 20 % (18–22 %).")


def test_what_phi_shows_and_other_signals_do_not(scenario):
    cards = [entry("aimed", 0.01, phi=0.6), entry("honest", 0.3, phi=0.35), entry("idle", 0.0, phi=0.01)]
    said = sentences.say_signals(board(scenario, *cards))
    assert "`aimed`, closes 60 % (58–62 %) of it, and 1 % (−1 to 3 %) by all signals; of 2 entries" in said
    assert said.endswith("1 close less than half as much by all signals: `aimed`.")


def test_tuning_is_judged_method_by_method(scenario):
    pairs = {"up": 0.3, "down": -0.3, "same": 0.0}
    cards = [entry(name, 0.1, seed=at) for at, name in enumerate(pairs)]
    cards += [entry(f"{name}+tuned", 0.1 + moved, seed=9 + at) for at, (name, moved) in enumerate(pairs.items())]
    said = sentences.say_tuning(board(scenario, *cards, entry("alone", 0.1)))
    assert "raises the gap that 1 of 3 methods close (`up`) and lowers that of 1 (`down`), significantly" in said


@pytest.mark.parametrize(
    ("method", "low", "high", "expected"),
    [
        ("npo", 0.1, 0.2, "holds"),
        ("npo", -0.1, 0.2, "not decided"),
        ("npo", -0.2, -0.1, "the opposite holds"),
        ("ssd", -0.1, 0.2, "not refuted"),
        ("ssd", -0.2, -0.1, "does not hold"),
    ],
)
def test_a_claim_is_judged_by_its_interval(method, low, high, expected):
    claim = next(each for each in CLAIMS if each.method == method)
    assert judge(claim, Estimate(value=(low + high) / 2, low=low, high=high)) == expected


def test_a_claim_has_its_number_by_all_signals_and_by_phi(scenario):
    cards = [entry("npo", 0.3, seed=1, phi=0.5), entry("gradient_ascent", 0.1, seed=1, phi=0.6)]
    (said,) = [line for line in say_claims([board(scenario, *cards)]) if "`npo` against `gradient_ascent`" in line]
    alone = "by φ alone −10.0 points (−10.0 to −10.0)"
    assert said.endswith(f". `digits-hard`: holds, +20.0 points (20.0–20.0); {alone}.")


def test_a_claim_says_where_it_is_made_and_compares_entries_that_exist():
    names = submission_names(Workspace.find())
    lines = say_claims([Board(load_scenario("digits-hard"), ())])
    assert len(lines) == len(CLAIMS) <= 10
    assert len({claim[:2] for claim in CLAIMS}) == len(CLAIMS)
    for claim, line in zip(CLAIMS, lines, strict=True):
        assert {claim.method, claim.rival} <= set(names)
        assert re.match(r"arXiv \d{4}\.\d{5}, ", claim.source)
        assert line.startswith(f"- {claim.text} ({claim.source}): `{claim.method}` against `{claim.rival}`. ")


def test_a_row_is_said_in_words(scenario):
    values = {"leak": 0.75, "retain_ratio": 0.99, "test_ratio": 1.02, "retraining_share": 0.1}
    known = {name: Estimate(value=value, low=value, high=value) for name, value in values.items()}
    within = with_metrics(entry("foo", 0.25), **known)
    dear = with_metrics(entry("bar", 0.5, status="over-budget", reason="slow"), **known)
    said = sentences.say_how_to_read(board(scenario, dear, within))
    assert "`foo` closes 25 % (23–27 %) of the gap" in said
    assert "a run costs 10% of a retraining" in said
    assert "a true less a false positive rate of 0.75" in said
    assert "keeps 99% of the retrained models' accuracy on retained and 102% on test examples" in said
    assert "no entry within the budget" in sentences.say_how_to_read(board(scenario, dear))


def test_the_order_by_fewer_models_is_read_from_the_study(scenario, tmp_path):
    row = {"order": "gap_closed", "pairs": "139", "tau": "0.989", "tau_low": "0.986", "tau_high": "1", "found": "60.5"}
    rows = [{**row, "models": "64"}, {**row, "models": "256", "tau": "1"}]
    none = [{**each, "order": "score", "pairs": "0", "tau": ""} for each in rows]
    said = sentences.say_order("digits-hard", rows + none)
    assert said == (
        "on `digits-hard` (N = 256) by gap closed 139 pairs: 0.99 (0.99 to 1.00) with N = 64, separating 60 alone"
    )
    boards = {"digits-hard": board(scenario, entry("e0", 0.1))}
    with (tmp_path / f"order-{boards['digits-hard'].label}.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, [*row, "models"])
        table.writeheader()
        table.writerows(rows)
    assert sentences.say_orders(boards, tmp_path).endswith(f"models): {said}.")


def test_repair_is_named_beside_retraining(scenario):
    def repaired(made, value):
        return with_metrics(made, repaired=Estimate(value=value, low=value - 0.1, high=value + 0.1))

    control = repaired(card("retrain", 0.2, control=True), 0.5)
    cards = [control, repaired(card("foo", 0.1), 0.3), repaired(card("bar", 0.1), 0.4)]
    said = sentences.say_repair(board(scenario, *cards))
    assert "`bar` with 40 % (30–50 %); retraining without the identified examples repairs 50 % (40–60 %)." in said
    none = with_metrics(card("foo", 0.1), repaired=Absent(absent="nothing is manipulated"))
    assert "no entry within the budget has a share of the damage repaired" in sentences.say_repair(
        board(scenario, none)
    )


def test_tables_leave_out_columns_without_a_value(scenario):
    lines = board_table(board(scenario, nothing(), entry("good", 0.2), entry("dear", 0.9, status="over-budget")))
    assert lines[0].startswith("| rank | group | entry | gap closed, % | leak | published score |")
    assert lines[2].startswith("| 1 | a | good | 20.0 [18.0, 22.0] |")
    assert [line.split(" | ")[0] for line in lines[2:-1]] == ["| 1", "| 2", "| control"]
    old = board_table(board(scenario, card("foo", 0.1), card("bar", status="crashed", reason="no")))
    assert old[0] == "| rank | group | entry | leak | published score | rank by score | retain | test | cost | status |"
    assert old[2].startswith("| 1 | a | foo | 0.100 | 0.1000 [0.0800, 0.1200] | 1 |")
    assert len(old) == 4
    assert "status" not in short_table(board(scenario, entry("good", 0.2)))[0]


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.25, 0.23, 0.27, "+25.0 points (23.0–27.0)"),
        (-0.002, -0.0039, -0.0001, "−0.20 points (−0.39 to −0.01)"),  # an end that is not 0 does not look like 0
        (0.0, -0.001, 0.001, "0.0 points (−0.1 to 0.1)"),
    ],
)
def test_points_have_signs_and_enough_digits(value, low, high, expected):
    found = Estimate(value=value, low=low, high=high)
    assert say_points(found) == expected
    assert say_share(Estimate(value=0.25, low=0.231, high=0.269)) == "25 % (23–27 %)"
