"""Places of teams and how they move, against a naive count; what is judged, and in which state an entry is."""

import json

import pytest
from cards import card, with_gap
from competing import NOW, Judge, begin_competition, gap_of, source_of
from hypothesis import given
from hypothesis import strategies as st

from benchmark.compete.board import make_board, to_csv, to_grid
from benchmark.compete.closing import end_intake, judge_to_the_end
from benchmark.compete.competition import check, open_competition
from benchmark.compete.entering import enter
from benchmark.compete.judging import judge, judge_public, missing_cases
from benchmark.compete.publishing import publish, settle
from benchmark.compete.ranking import Standings, final_places, groups_of, mean_estimate, places_of, result_of
from benchmark.compete.states import entry_states, lock_of
from benchmark.errors import BadRecord, HarnessError, MissingData, NoSandbox
from benchmark.results.values import Estimate
from benchmark.storage.locks import claim

TEAMS = [f"team{number}" for number in range(6)]
RESULTS = st.one_of(st.none(), st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 3)))


@pytest.mark.seconds
@given(st.dictionaries(st.sampled_from(TEAMS), RESULTS))
def test_a_place_counts_those_that_are_better(results):
    ranked = {team: result for team, result in results.items() if result is not None}
    expected = {team: 1 + sum(other < own for other in ranked.values()) for team, own in ranked.items()}
    assert places_of(results) == expected


@pytest.mark.seconds
@given(st.data())
def test_final_places_are_those_of_a_naive_count(data):
    private = places_of(
        {team: (0, 0, data.draw(st.integers(0, 4))) for team in data.draw(st.sets(st.sampled_from(TEAMS)))}
    )
    most = data.draw(st.integers(1, 4))
    again = [team for team, place in private.items() if place <= most]
    fresh = places_of({team: data.draw(RESULTS) for team in again})
    found = final_places(Standings({}, {}, {}, {}, private, again, fresh))

    def is_before(one, other):
        """Say whether a team is before another: run again before not, then by the last places that both have."""
        if (one in again) != (other in again):
            return one in again
        places = fresh if one in again else private
        return places[one] < places[other]

    ranked = [team for team in private if team not in again or team in fresh]
    assert found == {team: 1 + sum(is_before(other, team) for other in ranked) for team in ranked}


def test_a_mean_over_scenarios_has_the_interval_of_independent_estimates():
    found = [Estimate(value=0.2, low=0.1, high=0.5), Estimate(value=0.4, low=0.4, high=0.8)]
    mean = mean_estimate(found)
    assert (mean.value, mean.low, mean.high) == pytest.approx((0.3, 0.25, 0.55))
    assert mean_estimate(found[:1]) == found[0]


def entry(name, gap=None, status="ok", spread=0.01, seed=0):
    made = card(name, 0.1, status=status)
    return made if gap is None else with_gap(made, gap, spread, seed)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ([entry("a", 0.5)], [entry("b", 0.4)]),
        ([entry("a", 0.1)], [entry("b", 0.9, status="over-budget")]),
        ([entry("a", -0.1)], [entry("b")]),  # has a score, and no gap closed
        ([entry("a", 0.3), entry("a", 0.3)], [entry("b", 0.9), entry("b", -0.4)]),
        ([entry("a", 0.3), entry("a", 0.3)], [entry("b", 0.9), entry("b", 0.9, status="over-budget")]),
    ],
)
def test_results_are_in_the_order_of_the_board(better, worse):
    assert result_of(better) < result_of(worse)


@pytest.mark.parametrize(
    "cards", [[], [card("a", status="crashed")], [entry("a", 0.5), entry("a", 0.5, status="suspect")]]
)
def test_what_has_no_rank_has_no_result(cards):
    assert result_of(cards) is None


def test_teams_share_a_letter_where_the_mean_difference_is_not_significant():
    near, far = ([entry("n", gap, seed=seed) for seed in (1, 2)] for gap in (0.50, 0.30))
    same = [entry("s", 0.501, seed=seed) for seed in (3, 4)]
    over = [entry("o", 0.9, status="over-budget", seed=seed) for seed in (1, 2)]
    groups = groups_of({"near": near, "far": far, "same": same, "over": over})
    assert groups["near"] == groups["same"] != groups["far"]
    assert not set(groups["over"]) & set(groups["near"] + groups["far"])


def no_time_passes():
    return NOW


@pytest.fixture
def competition(tmp_path):
    return begin_competition(tmp_path / "fog", entries_per_day="50")


@pytest.fixture
def send(competition, tmp_path):
    def send(team, number):
        (tmp_path / "sent.py").write_text(source_of(number))
        return enter(competition, team, tmp_path / "sent.py", NOW).receipt.content

    return send


def finish(competition, judged):
    """Do all that `close` does."""
    end_intake(competition, NOW, early=True)
    list(judge_to_the_end(competition, judged, no_time_passes))
    settle(competition, NOW)
    return publish(competition)


@pytest.mark.seconds
def test_the_way_from_entries_to_final_places(competition, send):
    sent = {team: [send(team, 10 * place + number) for number in range(3)] for place, team in enumerate(TEAMS)}
    copied = send("copier", 0)
    failing = send("failing", 99)
    judged = Judge(competition, {failing: "crashed", sent["team5"][0]: "not-applicable"})
    assert {state.state for state in entry_states(competition)} == {"waiting"}
    list(judge_public(competition, judged, no_time_passes))
    assert len(judged.calls) == len(set(judged.calls)) == 19  # the copy is judged with what it copies
    states = {(each.team, each.entry): each for each in entry_states(competition)}
    assert (states["copier", 1].state, states["copier", 1].same_as) == ("scored", "team0 1")
    assert (states["failing", 1].state, states["team5", 1].state) == ("failed", "not-applicable")
    assert states["failing", 1].reason
    check(competition)

    gaps = {team: {content: gap_of(content, competition.public) for content in own} for team, own in sent.items()}
    del gaps["team5"][sent["team5"][0]]
    gaps["copier"] = {copied: gap_of(copied, competition.public)}
    best = {team: max(own, key=own.get) for team, own in gaps.items()}
    board = publish(competition)
    rows = {row.team: row for row in board.rows}
    values = {team: own[best[team]] for team, own in gaps.items()}
    assert {team: rows[team].place for team in best} == {
        team: 1 + sum(other > own for other in values.values()) for team, own in values.items()
    }
    assert (rows["failing"].place, rows["failing"].status) == (None, "crashed")

    final = {row.team: row for row in finish(competition, judged).rows}

    def mean(team, scenarios):
        return sum(gap_of(best[team], scenario) for scenario in scenarios) / len(scenarios)

    private = sorted(best, key=lambda team: -mean(team, competition.hidden))
    again = {team for team in best if mean(team, competition.hidden) >= mean(private[1], competition.hidden)}
    last = {team: mean(team, competition.fresh if team in again else competition.hidden) for team in best}
    expected = sorted(best, key=lambda team: (team not in again, -last[team]))
    assert len(again) == 2
    assert sorted(best, key=lambda team: final[team].place) == expected
    assert {team for team in final if final[team].fresh} == again
    assert {team: final[team].public for team in best} == {team: rows[team].place for team in best}
    assert competition.course.final.places == {team: final[team].place for team in best}
    judged_again = len({best[team] for team in best}), len({best[team] for team in again})
    assert len(judged.calls) == 19 + 2 * sum(judged_again)  # each on two scenarios, files that are the same once


@pytest.mark.seconds
def test_closing_again_changes_nothing_and_a_changed_result_is_noticed(competition, send):
    first, second = send("alpha", 1), send("beta", 2)
    judged = Judge(competition)
    finish(competition, judged)
    before = {path: path.read_bytes() for path in competition.folder.rglob("*") if path.is_file()}
    calls = len(judged.calls)
    finish(competition, judged)
    assert len(judged.calls) == calls
    assert {path: path.read_bytes() for path in before} == before
    verdict = competition.course.verdicts[first, competition.hidden[0].label]
    path = competition.card_path(first, competition.hidden[0].label)
    content = json.loads(path.read_text())
    content["metrics"]["gap_closed"]["value"] = content["metrics"]["gap_closed"]["high"]
    path.write_text(json.dumps(content))
    assert verdict.content != second
    with pytest.raises(BadRecord):
        check(open_competition(competition.folder))


@pytest.mark.seconds
def test_a_fault_of_the_harness_is_no_verdict_and_is_tried_again(competition, send):
    broken, whole = send("alpha", 1), send("beta", 2)
    judged = Judge(competition)

    def evaluate(scenario, content):
        if content == broken:
            raise RuntimeError("a fault")
        return judged(scenario, content)

    verdicts = list(judge_public(competition, evaluate, no_time_passes))
    assert [each.content for each in verdicts] == [whole]
    assert [each.state for each in entry_states(competition)] == ["waiting", "scored"]
    end_intake(competition, NOW, early=True)
    with pytest.raises(HarnessError):
        list(judge_to_the_end(competition, evaluate, no_time_passes))
    list(judge_to_the_end(competition, judged, no_time_passes))
    assert not missing_cases(competition, competition.hidden, [broken, whole])


@pytest.mark.parametrize("kind", [MissingData, NoSandbox, KeyboardInterrupt])
def test_what_no_entry_is_to_blame_for_stops_and_is_no_verdict(kind, competition, send):
    send("alpha", 1)

    def evaluate(scenario, content):
        raise kind("nothing to be done here")

    with pytest.raises(kind):
        list(judge_public(competition, evaluate, no_time_passes))
    assert not competition.course.verdicts
    assert [each.state for each in entry_states(competition)] == ["waiting"]


def test_what_another_process_judges_is_left_to_it(competition, send):
    taken, free = send("alpha", 1), send("beta", 2)
    judged = Judge(competition)
    cases = missing_cases(competition, [competition.public], [taken, free])
    with claim(lock_of(competition, taken, competition.public)):
        assert [each.state for each in entry_states(competition)] == ["judging", "waiting"]
        assert next(judge(competition, cases, judged, no_time_passes))[0].content == free
    assert [each.content for each in judge_public(competition, judged, no_time_passes)] == [taken]


def test_a_board_without_verdicts_has_a_row_per_team(competition, send):
    send("alpha", 1)
    board = make_board(competition, "public")
    assert [(row.team, row.place, row.status) for row in board.rows] == [("alpha", None, "waiting")]
    assert to_csv(board.rows).decode().splitlines()[1].startswith(",alpha,1,")
    assert to_grid(board).rows[0][0] == "–"


def test_a_competition_without_entries_ends_too(competition):
    board = finish(competition, Judge(competition))
    assert (board.stage, board.rows, competition.course.final.places) == ("final", (), {})
