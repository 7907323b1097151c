"""Files that become entries: what is accepted once, what is known, what is too much, and what is no entry."""

import os
import shutil
import sys
from datetime import timedelta

import pytest
from competing import NOW, SOURCE, begin_competition, source_of, write_settings, zipped
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.compete.closing import end_intake
from benchmark.compete.competition import begin, check, open_competition
from benchmark.compete.entering import enter, enter_all
from benchmark.compete.publishing import announce
from benchmark.compete.secret_scenarios import draw_hidden
from benchmark.errors import BadRecord, BadScenario, BadSubmission, BadUsage
from benchmark.sandbox.bubblewrap import shows
from benchmark.scenario.schema import load_scenario
from benchmark.submissions.files import hash_of

DAY = timedelta(days=1)


@pytest.fixture
def competition(tmp_path):
    return begin_competition(tmp_path / "fog")


@pytest.fixture
def send(competition, tmp_path):
    """Sends a source, or an archive, as a file of a team."""

    def send(content, team="alpha", now=NOW):
        is_text = isinstance(content, str)
        path = tmp_path / ("sent.py" if is_text else "sent.zip")
        path.write_bytes(content.encode() if is_text else content)
        return enter(competition, team, path, now)

    return send


def test_an_entry_lies_under_the_hash_of_its_files_and_has_a_receipt(competition, send):
    entered = send(SOURCE)
    place = competition.workspace.submissions / entered.receipt.content
    assert entered.is_new
    assert (place / "submission.py").read_text() == SOURCE
    assert hash_of(place, {}) == entered.receipt.content
    assert competition.course.entries == (entered.receipt,)
    assert [path.name for path in competition.workspace.submissions.iterdir()] == [place.name]


def test_the_same_files_are_the_same_entry_for_a_team_and_an_entry_of_its_own_for_another(competition, send):
    first = send(SOURCE)
    again = send(zipped({"mine/submission.py": SOURCE}))
    assert (again.receipt, again.is_new) == (first.receipt, False)
    other = send(SOURCE, team="beta")
    assert other.is_new
    assert (other.receipt.team, other.receipt.entry, other.receipt.content) == ("beta", 1, first.receipt.content)
    assert len(competition.course.entries) == 2


def test_a_team_sends_so_many_entries_per_day_of_utc(send):
    midnight = NOW.replace(hour=0) + DAY
    for number in range(3):
        send(source_of(number), now=midnight - timedelta(seconds=3 - number))
    with pytest.raises(BadUsage):
        send(source_of(3), now=midnight - timedelta(seconds=1))
    assert not send(source_of(0), now=midnight - timedelta(seconds=1)).is_new  # which takes none
    send(source_of(3), team="beta", now=midnight - timedelta(seconds=1))
    assert send(source_of(3), now=midnight).receipt.entry == 4


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from("ab")), max_size=20))
@settings(deadline=None, max_examples=15)
@pytest.mark.seconds
def test_wherever_the_time_is_set_no_day_has_more_entries_than_allowed(tmp_path_factory, moves):
    """The days of receipts only go on, so the naive count of each day is the whole count."""
    folder = tmp_path_factory.mktemp("days")
    competition = begin_competition(folder / "fog")
    for number, (days, team) in enumerate(moves):
        (folder / "sent.py").write_text(source_of(number))
        try:
            enter(competition, team, folder / "sent.py", NOW + days * DAY)
        except BadUsage:
            continue
    entries = competition.course.entries
    counts: dict[tuple[str, str], int] = {}
    for entry in entries:
        key = entry.team, entry.time[:10]
        counts[key] = counts.get(key, 0) + 1
    assert max(counts.values(), default=0) <= 3
    assert [entry.time for entry in entries] == sorted(entry.time for entry in entries)


@pytest.mark.parametrize("days", [0, 10.9, 11, 12, 100])
def test_entries_come_between_the_dates_alone(days, tmp_path):
    competition = begin_competition(tmp_path / "fog", opens="2027-01-21T12:00:00Z", closes="2027-01-22T12:00:00Z")
    (tmp_path / "sent.py").write_text(SOURCE)
    if days == 11:
        assert enter(competition, "alpha", tmp_path / "sent.py", NOW + days * DAY).is_new
    else:
        with pytest.raises(BadUsage):
            enter(competition, "alpha", tmp_path / "sent.py", NOW + days * DAY)


def test_no_entry_comes_after_the_end_of_intake(competition, send):
    send(SOURCE)
    with pytest.raises(BadUsage):
        end_intake(competition, NOW, early=False)
    end_intake(competition, NOW, early=True)
    end_intake(competition, NOW, early=True)  # again changes nothing
    assert competition.course.closed.early
    with pytest.raises(BadUsage):
        send(source_of(1))
    with pytest.raises(BadUsage):
        send(source_of(1), now=NOW - DAY)


@pytest.mark.parametrize("team", ["", "a b", "../a", "a/b", "-a", 65 * "a", "ä", "a\n"])
def test_a_name_that_is_none_is_refused(team, send):
    with pytest.raises(BadUsage):
        send(SOURCE, team=team)


def test_a_team_is_no_other_by_its_case(send):
    send(SOURCE, team="alpha")
    with pytest.raises(BadUsage):
        send(source_of(1), team="Alpha")


@pytest.mark.parametrize(
    "source",
    ["", "x = 1\n", "def unlearning(", "unlearn = 3\n", 'TASKS = ("regression",)\n' + SOURCE, "TASKS = 3\n" + SOURCE],
)
def test_what_cannot_be_judged_is_refused_and_leaves_nothing(source, competition, send):
    with pytest.raises(BadSubmission):
        send(source)
    assert list(competition.workspace.submissions.iterdir()) == []
    assert competition.course.entries == ()


def test_the_intake_folder_is_taken_in_the_order_in_which_files_came(competition):
    for team, name, content, age in (
        ("beta", "a.py", source_of(2), 1),
        ("alpha", "z.py", source_of(1), 3),
        ("alpha", "a.zip", zipped({"submission.py": source_of(3)}), 2),
        ("alpha", "b.py", "x = 1\n", 0),
    ):
        path = competition.folder / "intake" / team / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (1000 - age, 1000 - age))
    outside = competition.folder / "elsewhere"
    outside.mkdir()
    (outside / "a.py").write_text(source_of(9))
    (competition.folder / "intake" / "gamma").symlink_to(outside)
    answers = enter_all(competition, NOW)
    assert [(each.team, each.file) for each in answers] == [
        ("alpha", "z.py"),
        ("alpha", "a.zip"),
        ("beta", "a.py"),
        ("alpha", "b.py"),
    ]
    assert [each.error.code if each.error else "" for each in answers] == ["", "", "", "bad-submission"]
    again = enter_all(competition, NOW)
    assert [each.entered.is_new for each in again if each.entered] == [False] * 3
    assert len(competition.course.entries) == 3


def test_a_process_that_was_killed_between_the_files_and_the_receipt_leaves_no_entry(competition, send):
    staging = competition.workspace.submissions / ".incoming"
    staging.mkdir()
    (staging / "half").write_text("x")
    first = send(SOURCE).receipt
    lines = (competition.folder / "receipts.jsonl").read_bytes().splitlines(keepends=True)
    (competition.folder / "receipts.jsonl").write_bytes(lines[0] + lines[1][:40])
    (competition.folder / "receipts.head").unlink()
    assert competition.course.entries == ()
    check(competition)
    entered = send(SOURCE)
    assert (entered.is_new, entered.receipt.content) == (True, first.content)
    assert not staging.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda place: (place / "submission.py").write_text(SOURCE + "\n"),
        lambda place: (place / "other.py").write_text(""),
        lambda place: (place / "submission.py").unlink(),
        lambda place: shutil.rmtree(place),
    ],
)
def test_files_that_are_others_than_were_sent_are_noticed(change, competition, send):
    check(competition)
    change(competition.path_of(send(SOURCE).receipt.content))
    with pytest.raises(BadRecord):
        check(competition)


@pytest.mark.parametrize(
    "path", ["competition.toml", "public/scenario.toml", "hidden/hidden-1.toml", "receipts.jsonl", "receipts.head"]
)
def test_what_was_announced_cannot_be_changed(path, competition):
    assert open_competition(competition.folder).hidden == competition.hidden
    file = competition.folder / path
    file.write_bytes(file.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises((BadRecord, BadScenario)):
        open_competition(competition.folder)


def test_hidden_scenarios_differ_from_the_public_one_in_seeds_and_salt_alone(competition):
    public = competition.public.model_dump()
    assert len(competition.hidden) == 2
    for scenario in competition.hidden:
        own = scenario.model_dump()
        for section in ("data", "forget", "protocol"):
            assert own[section].pop("seed") != public[section]["seed"]
        assert own.pop("salt")
        expected = {key: {**public[key]} for key in ("data", "forget", "protocol")}
        assert {key: own[key] for key in expected} == {
            key: {name: value for name, value in section.items() if name != "seed"} for key, section in expected.items()
        }
        assert {key: own[key] for key in ("recipe", "architecture")} == {
            key: public[key] for key in ("recipe", "architecture")
        }
    assert len({each.hash for each in (competition.public, *competition.hidden)}) == 3


def test_nothing_of_what_is_hidden_is_readable_by_others_or_published(competition, tmp_path):
    competition = begin_competition(tmp_path / "second")  # the first secret of a test is a row of zeros
    hidden = [*(competition.folder / "hidden").iterdir()]
    assert {path.stat().st_mode & 0o777 for path in hidden} == {0o600}
    assert (competition.folder / "hidden").stat().st_mode & 0o777 == 0o700
    secret = (competition.folder / "hidden" / "secret").read_text()
    words = [secret, *(str(word) for each in competition.hidden for word in (each.salt, each.forget.seed))]
    announce(competition)
    shown = [path.read_text() for path in (competition.folder / "public").iterdir()]
    shown.append((competition.folder / "receipts.jsonl").read_text())
    assert not [word for word in words for text in shown if word in text]


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": ""},
        {"hidden_files": '["mine.toml"]'},
        {"hidden": "", "hidden_files": '["miniature.toml"]'},  # without a salt
        {"hidden": "", "hidden_files": '["absent.toml"]'},
        {"scenario": '"digit"'},
        {"scenario": '"absent.toml"'},
        {"scenario": '"digits-class"'},  # whose forget set has no seed
        {"closes": "2026-01-01T00:00:00Z"},
        {"opens": "2027-01-01"},
        {"opens": '"soon"'},
        {"entries_per_day": "0"},
        {"title": '"a\\nb"'},
        {"titel": '"b"'},
    ],
)
def test_settings_that_cannot_be_held_are_refused_and_nothing_begins(changes, tmp_path):
    write_settings(tmp_path, **changes)
    with pytest.raises((BadScenario, BadUsage)):
        begin(tmp_path, NOW)
    assert not (tmp_path / "receipts.jsonl").exists()


def test_scenarios_of_ones_own_are_hidden_too(tmp_path):
    write_settings(tmp_path, hidden="", hidden_files='["own.toml"]')
    text = (tmp_path / "miniature.toml").read_text()
    (tmp_path / "own.toml").write_text(f'salt = "{"0123456789abcdef" * 2}"\n' + text.replace('"miniature"', '"own"'))
    competition = begin(tmp_path, NOW)
    assert [each.name for each in competition.hidden] == ["own"]
    assert competition.hidden[0] == load_scenario(tmp_path / "own.toml")


def test_a_beginning_that_was_interrupted_leaves_nothing_of_other_settings(tmp_path):
    draw_hidden(tmp_path / "hidden", load_scenario("digits"), 3)
    write_settings(tmp_path, hidden="2")
    assert [each.name for each in begin(tmp_path, NOW).hidden] == ["hidden-1", "hidden-2"]


def test_a_folder_that_sandboxes_show_is_refused(tmp_path, monkeypatch):
    write_settings(tmp_path)
    assert not shows(tmp_path)
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path.parent))
    assert shows(tmp_path)
    with pytest.raises(BadUsage):
        begin(tmp_path, NOW)


def test_a_competition_begins_once(competition, tmp_path):
    with pytest.raises(BadUsage):
        begin(competition.folder, NOW)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("x")
    with pytest.raises(BadUsage):
        begin(tmp_path / "full", NOW)
    assert begin(tmp_path / "new", NOW) is None
    assert begin(tmp_path / "new", NOW).settings.title
