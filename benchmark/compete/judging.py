"""Judging: every entry's files on every scenario once, by as many processes as there are, each verdict sealed."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from benchmark.compete.competition import Competition, check_files
from benchmark.compete.receipts import Judged
from benchmark.compete.states import lock_of
from benchmark.errors import BadSubmission, BenchError
from benchmark.pipeline import record_fault
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import Scenario
from benchmark.storage.reading import digest_of_file
from benchmark.storage.workspace import shared_out
from benchmark.text import printable

Evaluate = Callable[[Scenario, str], Scorecard]
"""Runs some files, by the name of their folder, on a scenario, and stores their scorecard."""
Now = Callable[[], datetime]


class Case(NamedTuple):
    """Files that are judged on a scenario."""

    content: str
    scenario: Scenario


def missing_cases(competition: Competition, scenarios: Sequence[Scenario], contents: Sequence[str]) -> list[Case]:
    """Return what has no verdict yet, in the order in which the files came first."""
    verdicts = competition.course.verdicts
    cases = [Case(content, scenario) for content in dict.fromkeys(contents) for scenario in scenarios]
    return [case for case in cases if (case.content, case.scenario.label) not in verdicts]


def judge_public(competition: Competition, evaluate: Evaluate, now: Now) -> Iterator[Judged]:
    """Judge every entry on the public scenario, those too that come meanwhile; yield each new verdict."""
    given_up = set[Case]()

    def waiting() -> list[Case]:
        contents = [entry.content for entry in competition.course.entries]
        return [case for case in missing_cases(competition, [competition.public], contents) if case not in given_up]

    while cases := waiting():
        for case, verdict in judge(competition, cases, evaluate, now):
            if verdict is None:
                given_up.add(case)
            else:
                yield verdict


def judge(
    competition: Competition, cases: Sequence[Case], evaluate: Evaluate, now: Now
) -> Iterator[tuple[Case, Judged | None]]:
    """Judge what no other process does; yield each verdict once it is sealed, None after a fault of the harness.

    An entry that fails has a verdict like any other. What was not sealed because its process was killed is judged
    again. Raises BenchError where neither the entry nor the harness is at fault, such as for data that is missing.
    """
    shared = shared_out(
        cases,
        lambda case: lock_of(competition, case.content, case.scenario),
        lambda case: (case.content, case.scenario.label) in competition.course.verdicts,
    )
    for case in shared:
        yield case, _verdict(competition, case, evaluate, now)


def _verdict(competition: Competition, case: Case, evaluate: Evaluate, now: Now) -> Judged | None:
    label = case.scenario.label
    check_files(competition, case.content)
    try:
        card, reason = evaluate(case.scenario, case.content), ""
    except BadSubmission as error:
        card, reason = None, printable(error, 2000)
    except BenchError:
        raise
    except Exception as error:
        record_fault(case.scenario, case.content, competition.workspace, error)
        return None
    sealed = {
        "content": case.content,
        "scenario": label,
        "status": card.status if card else "not-a-submission",
        "card": digest_of_file(competition.card_path(case.content, label)) if card else None,
        "reason": reason,
    }
    with competition.chain.hold():
        earlier = competition.course.verdicts.get((case.content, label))  # where locks do not hold
        return earlier or competition.chain.append(Judged, now(), **sealed)
