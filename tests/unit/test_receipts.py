"""The chain of receipts: any change of any line is noticed; two writers, or a kill in the middle, break nothing."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.compete.chain import FILE, HEAD, Chain
from benchmark.compete.receipts import Accepted, Begun, Closed, Judged, Settled
from benchmark.errors import BadRecord, MissingRecord

NOW = datetime(2027, 1, 1, tzinfo=UTC)
LINES = 8


def content_of(number):
    return f"{number:032x}"


def fill(folder, lines=LINES):
    """Write a chain of so many lines: an announcement, entries, a verdict for every second one."""
    chain = Chain(folder)
    with chain.hold():
        chain.append(Begun, NOW, settings=64 * "1", scenario="mini-1", hidden={"hidden-1-2": 64 * "2"})
        for number in range(1, lines):
            later = NOW + timedelta(hours=number)
            if number % 2:
                chain.append(Accepted, later, team="a", entry=(number + 1) // 2, content=content_of(number))
            else:
                about = {"content": content_of(number - 1), "scenario": "mini-1", "status": "ok", "card": 64 * "3"}
                chain.append(Judged, later, **about)
    return chain


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of a chain, by name."""
    folder = tmp_path_factory.mktemp("chain")
    fill(folder)
    return {name: (folder / name).read_bytes() for name in (FILE, HEAD)}


@pytest.fixture
def chain_of(written, tmp_path):
    """Reads a chain whose file holds this, beside the head of the whole one."""

    def read(content):
        (tmp_path / HEAD).write_bytes(written[HEAD])
        (tmp_path / FILE).write_bytes(content)
        return Chain(tmp_path).read()

    return read


def edits(lines):
    """Yield strategies of what somebody may do to the lines of a file."""
    place = st.integers(0, len(lines) - 1)

    def replace(at, line):
        return [*lines[:at], line, *lines[at + 1 :]]

    def flip(at, byte, new):
        line = bytearray(lines[at])
        line[byte % len(line)] = new
        return replace(at, bytes(line))

    yield st.builds(flip, place, st.integers(0, 10_000), st.integers(0, 255))
    yield st.builds(lambda at: [*lines[:at], *lines[at + 1 :]], place)
    yield st.builds(lambda at, to: [*lines[:to], lines[at], *lines[to:]], place, place)
    yield st.builds(lambda at, to: replace(at, lines[to]), place, place)
    yield st.builds(lambda most: lines[:most], place)
    yield st.builds(lambda at, cut: replace(at, lines[at][: -1 - cut % len(lines[at])]), place, st.integers(0, 500))
    yield st.builds(lambda at, old: replace(at, lines[at].replace(*old)), place, st.sampled_from(WORDS))


WORDS = [(b'"a"', b'"b"'), (b'"ok"', b'"crashed"'), (b"T03", b"T04"), (b"3333", b"4444"), (b'"entry":1', b'"entry":2')]


@pytest.mark.seconds
@given(st.data())
@settings(deadline=None, max_examples=200)
def test_any_change_of_any_line_is_noticed(written, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("edited")
    lines = written[FILE].splitlines(keepends=True)
    edited = b"".join(data.draw(st.one_of(*edits(lines))))
    (folder / FILE).write_bytes(edited)
    (folder / HEAD).write_bytes(written[HEAD])
    if edited == written[FILE]:
        assert len(Chain(folder).read()) == LINES
    else:
        with pytest.raises(BadRecord):
            Chain(folder).read()


@pytest.mark.parametrize("number", range(1, LINES + 1))
def test_the_line_that_was_changed_is_named(number, written, chain_of):
    lines = written[FILE].splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace(b'"time":"2027', b'"time":"2026')
    with pytest.raises(BadRecord, match=f"^line {number} of "):
        chain_of(b"".join(lines))


def test_a_chain_that_was_read_before_notices_what_is_changed_later(tmp_path):
    chain = fill(tmp_path)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes().replace(b'"team":"a"', b'"team":"b"', 1))
    with pytest.raises(BadRecord):
        chain.read()


@pytest.mark.seconds
def test_a_line_that_a_killed_process_left_half_is_none_and_is_cut_off(written, tmp_path):
    whole = written[FILE]
    last = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(last, len(whole), 17):
        folder = tmp_path / str(cut)
        folder.mkdir()
        fill(folder, LINES - 1)
        (folder / FILE).write_bytes(whole[:cut])
        chain = Chain(folder)
        assert len(chain.read()) == LINES - 1
        with chain.hold():
            chain.append(Accepted, NOW, team="b", entry=1, content=content_of(99))
        assert [each.number for each in Chain(folder).read()] == list(range(1, LINES + 1))


def test_a_process_that_was_killed_before_it_wrote_the_head_has_added_a_line(written, tmp_path):
    fill(tmp_path, LINES - 1)
    (tmp_path / FILE).write_bytes(written[FILE])
    assert len(Chain(tmp_path).read()) == LINES
    (tmp_path / HEAD).unlink()
    with pytest.raises(BadRecord):  # more than one
        Chain(tmp_path).read()


def test_several_writers_lose_no_line(tmp_path):
    fill(tmp_path, 1)

    def write(team):
        chain = Chain(tmp_path)
        for number in range(1, 16):
            with chain.hold():
                chain.append(Accepted, NOW, team=team, entry=number, content=content_of(number))

    threads = [threading.Thread(target=write, args=(team,)) for team in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    receipts = Chain(tmp_path).read()[1:]
    assert sorted((each.team, each.entry) for each in receipts) == [(t, n) for t in "abcd" for n in range(1, 16)]


def test_times_never_go_back(tmp_path):
    chain = fill(tmp_path)
    latest = chain.read()[-1].time
    with chain.hold():
        receipt = chain.append(Accepted, NOW - timedelta(days=9), team="b", entry=1, content=content_of(9))
    assert receipt.time == latest


def test_without_a_file_there_are_no_receipts(tmp_path):
    with pytest.raises(MissingRecord):
        Chain(tmp_path).read()


ENTRY = (Accepted, {"team": "b", "entry": 1, "content": content_of(9)})
BEGUN = (Begun, {"settings": 64 * "1", "scenario": "s", "hidden": {}})
VERDICT = (Judged, {"content": content_of(9), "scenario": "s", "status": "ok", "card": 64 * "3"})
CLOSED = (Closed, {"early": False, "fresh": {}})
FINAL = (Settled, {"places": {}, "board": 64 * "1"})


@pytest.mark.parametrize(
    "kinds",
    [
        [ENTRY],
        [BEGUN, BEGUN],
        [BEGUN, ENTRY, ENTRY],
        [BEGUN, VERDICT, VERDICT],
        [BEGUN, CLOSED, ENTRY],
        [BEGUN, CLOSED, CLOSED],
        [BEGUN, FINAL],
        [BEGUN, CLOSED, FINAL, FINAL],
    ],
)
def test_a_line_that_no_command_would_write_there_is_refused_though_it_is_sealed(kinds, tmp_path):
    chain = Chain(tmp_path)
    with chain.hold():
        for kind, content in kinds:
            chain.append(kind, NOW, **content)
    with pytest.raises(BadRecord):
        Chain(tmp_path).read()
