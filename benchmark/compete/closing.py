"""The end of a competition: the last entries, the hidden scenarios, fresh seeds, the final places."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from benchmark.compete.chain import stamp
from benchmark.compete.competition import Competition
from benchmark.compete.judging import Evaluate, Now, judge, judge_public, missing_cases
from benchmark.compete.ranking import standings_of
from benchmark.compete.receipts import Closed, Judged
from benchmark.compete.secret_scenarios import FRESH, draw_fresh, sealed_scenarios
from benchmark.errors import BadUsage, HarnessError
from benchmark.scenario.schema import Scenario


def end_intake(competition: Competition, now: datetime, *, early: bool) -> None:
    """Accept no entry from now on, and draw the scenarios on which the best are run again.

    They are sealed before anything runs, so that nobody can draw until the result pleases. Nothing is done where intake
    has ended. Raises BadUsage before the closing date, unless `early`.
    """
    with competition.chain.hold() as receipts:
        if competition.course.closed:
            return
        closes = stamp(competition.settings.closes)
        is_early = max(stamp(now), receipts[-1].time) < closes
        if is_early and not early:
            raise BadUsage(f"entries can come until {closes}; wait for that, or end intake now with --early")
        draw_fresh(competition.folder / FRESH, competition.hidden)
        competition.chain.append(Closed, now, early=is_early, fresh=sealed_scenarios(competition.folder / FRESH))


def judge_to_the_end(competition: Competition, evaluate: Evaluate, now: Now) -> Iterator[Judged]:
    """Judge whatever the final places depend on, and yield each new verdict.

    Raises HarnessError where a fault of the harness left something without one.
    """
    yield from judge_public(competition, evaluate, now)
    everything = [entry.content for entry in competition.course.entries]
    _require_verdicts(competition, [competition.public], everything)
    for scenarios in (competition.hidden, competition.fresh):
        standings = standings_of(competition)
        teams = standings.again if scenarios == competition.fresh else standings.public
        contents = [standings.entries[team].content for team in teams]
        for _, verdict in judge(competition, missing_cases(competition, scenarios, contents), evaluate, now):
            if verdict:
                yield verdict
        _require_verdicts(competition, scenarios, contents)


def _require_verdicts(competition: Competition, scenarios: Sequence[Scenario], contents: Sequence[str]) -> None:
    if missing := missing_cases(competition, scenarios, contents):
        raise HarnessError(
            f"{len(missing)} verdicts are missing, the first of {missing[0].content} on {missing[0].scenario.label}; "
            "the notes above say why, and the same command tries again"
        )
