"""Two hundred files of fifty simulated teams, plain, failing, hostile and copied, from `init` to `close`."""

import json
import time

import numpy as np
import pytest
from competing import SOURCE, write_settings, zipped
from hostile import needs_sandbox

from benchmark.compete.competition import check, open_competition
from benchmark.leaderboard.ranks import ORDERS, standing_of

TEAMS, PER_TEAM = 50, 4

TUNING = """
import torch

def unlearning(net, retain_loader, forget_loader, val_loader):
    optimizer = torch.optim.SGD(net.parameters(), lr={rate})
    for epoch in range({epochs}):
        for inputs, targets in retain_loader:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs), targets).backward()
            optimizer.step()
    return net
"""
FAILING = (
    "raise ValueError('no')",
    "import os; os._exit(9)",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "return 3",
    "[each.data.fill_(float('nan')) for each in net.parameters()]",
    "open('/etc/shadow').read()",
    "import socket; socket.create_connection(('10.0.0.1', 80), 1)",
    "print('x' * (1 << 25))",
)
REFUSED = (
    "x = 1\n",
    "def unlearning(",
    zipped({"../submission.py": SOURCE}),
    zipped({"submission.py": SOURCE, "a.bin": bytes(1 << 22)}),
    b"no archive",
)


def draw_entries(seed=0):
    """Return 200 files as (team, content, whether it is one to be accepted): a kind drawn for each."""
    rng = np.random.default_rng(seed)
    sent, accepted = [], []
    for turn in range(PER_TEAM):
        for number in range(TEAMS):
            kind = rng.choice(["tuned", "fails", "refused", "copy"], p=[0.6, 0.15, 0.15, 0.1])
            if kind == "refused":
                content = REFUSED[rng.integers(len(REFUSED))]
            elif kind == "copy" and accepted:
                content = accepted[rng.integers(len(accepted))]
            elif kind == "fails":
                line = FAILING[rng.integers(len(FAILING))]
                content = f"TURN = {turn, number}\ndef unlearning(net, a, b, c):\n    {line}\n    return net\n"
            else:
                content = TUNING.format(rate=round(float(10 ** rng.uniform(-3, -0.5)), 5), epochs=rng.integers(1, 3))
            if kind != "refused":
                accepted.append(content)
            sent.append((f"team{number:02d}", content, kind != "refused"))
    return sent


@needs_sandbox
@pytest.mark.slow
def test_two_hundred_entries_of_fifty_teams(bench, tmp_path):
    folder, sent = tmp_path / "fog", draw_entries()
    opens = {"opens": "2020-01-01T00:00:00Z", "closes": "2100-01-01T00:00:00Z"}
    write_settings(folder, **opens, hidden="1", run_again="3", entries_per_day=str(PER_TEAM))
    seconds = {}

    def compete(*arguments, status=0):
        begin = time.monotonic()
        done = bench("compete", *map(str, arguments), "--json", scenario=None)
        seconds[arguments[0]] = seconds.get(arguments[0], 0.0) + time.monotonic() - begin
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    compete("init", folder)
    for number, (team, content, is_good) in enumerate(sent):
        path = tmp_path / f"{number}.{'py' if isinstance(content, str) else 'zip'}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        compete("submit", folder, team, path, status=0 if is_good else 2)
    judged = compete("judge", folder)
    board = compete("board", folder)
    final = compete("close", folder, "--early")

    competition = open_competition(folder)
    check(competition)
    entries = competition.course.entries
    pairs = {(team, content) for team, content, is_good in sent if is_good}
    assert len(entries) == len(pairs)
    assert len(judged["verdicts"]) == len({content for _, content in pairs})
    assert judged["waiting"] == 0
    check_places(competition, board, entries)
    assert {row["team"] for row in final["rows"]} == {entry.team for entry in entries}
    states = [state["state"] for state in board["states"]]
    print(
        f"\n{len(sent)} files of {TEAMS} teams: {len(entries)} entries, {len(sent) - len(entries)} refused or known, "
        f"{len(judged['verdicts'])} judged, {states.count('failed')} failed; seconds: "
        + ", ".join(f"{name} {own:.0f}" for name, own in seconds.items())
    )


def check_places(competition, board, entries):
    """Hold the places of the public board against a count over all cards."""
    best = {}
    for entry in entries:
        card = competition.card(competition.course.verdicts[entry.content, competition.public.label])
        if card.status not in ("ok", "over-budget"):
            continue
        name = next(name for name in ORDERS if card.estimate(name))
        key = standing_of(card), ORDERS.index(name), -card.value(name)
        best[entry.team] = min(best.get(entry.team, key), key)
    expected = {team: 1 + sum(other < own for other in best.values()) for team, own in best.items()}
    assert {row["team"]: row["place"] for row in board["rows"] if row["place"]} == expected
