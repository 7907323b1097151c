"""Progress where there is no terminal to draw bars on."""

import io

import pytest
from rich.console import Console

from benchmark.cli.terminal import as_text, listing, progress_bars, progress_lines


class Time:
    """Time that the test moves."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=40)


def test_a_line_comes_every_ten_seconds_and_at_the_end(console):
    time = Time()
    with progress_lines(console, 10.0, time) as progress:
        for done in range(61):
            time.seconds = done / 2
            progress("a long name, of what is trained: originals", done, 60)
    assert console.file.getvalue().splitlines() == [
        "a long name, of what is trained: originals: 20 of 60 after 10 s",
        "a long name, of what is trained: originals: 40 of 60 after 20 s",
        "a long name, of what is trained: originals: 60 of 60 after 30 s",
    ]


def test_what_is_quick_is_one_line_each(console):
    with progress_lines(console, 10.0, Time()) as progress:
        for label, total in (("originals", 3), ("runs", 2)):
            for done in range(total + 1):
                progress(label, done, total)
                progress(label, done, total)
    assert console.file.getvalue() == "originals: 3 of 3 after 0 s\nruns: 2 of 2 after 0 s\n"


def test_work_that_breaks_off_says_how_far_it_came(console):
    def work():
        with progress_lines(console, 10.0, Time()) as progress:
            progress("runs", 1, 512)
            progress("runs", 7, 512)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert console.file.getvalue() == "runs: 7 of 512 after 0 s\n"


def test_nothing_done_prints_nothing(console):
    with progress_bars(console):
        pass
    assert console.file.getvalue() == ""


@pytest.mark.parametrize(("terminal", "bars"), [(False, False), (True, True)])
def test_bars_are_for_terminals(terminal, bars, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    with progress_bars(console) as progress:
        progress("runs", 8, 8)
    text = console.file.getvalue()
    assert ("8/8" in text, "━" in text) == (bars, bars)
    assert ("runs: 8 of 8" in text) is not bars


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    with progress_bars(console) as progress:
        progress("runs", 8, 8)
    assert console.file.getvalue() == "runs: 8 of 8 after 0 s\n"


def test_hashes_of_a_listing_are_short_and_never_broken():
    rows = [{"submission": "one", "title": "a title of many words " * 3, "hash": "0123456789abcdef"}]
    lines = as_text(listing(rows)).splitlines()
    assert any("0123456789ab " in line for line in lines)
    assert not any("0123456789abc" in line for line in lines)
