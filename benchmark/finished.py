"""The stored scorecard of an entry that is finished. Imports no torch, so that it is shown at once."""

from benchmark.errors import BenchError
from benchmark.metrics import VERSION
from benchmark.metrics.evidence_pair import NEEDS
from benchmark.metrics.kinds import METRICS
from benchmark.results.board_file import read_card
from benchmark.results.outcome import block_name, evidence_store, has_evidence, is_returned, read_outcome
from benchmark.results.scorecard import Scorecard
from benchmark.results.values import Absent
from benchmark.scenario.schema import Scenario
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import Submission, find_submission
from benchmark.treatments import treated_block, treatments_for


def finished_card(
    scenario: Scenario, entry: str, workspace: Workspace, allowed: int, treat: bool = False
) -> Scorecard | None:
    """Return the scorecard of an entry that a run would leave as it is, or None, after all requests so far.

    It is of the submission's present files and of this scorer with all its metrics, its evidence is whole, no other
    number of failures was allowed, and its cost is settled. `treat`: it says what holds after treatments. Raises
    BenchError when there is no such submission.
    """
    cards = [_finished_card(each, entry, workspace, allowed, treat) for each in scenario.so_far]
    if scenario.protocol.request is None and any(_keeps_nets(each, entry, workspace) for each in scenario.so_far[:-1]):
        return None  # they can be dropped
    return cards[-1] if all(cards) else None


def _keeps_nets(scenario: Scenario, entry: str, workspace: Workspace) -> bool:
    store = evidence_store(scenario, find_submission(entry, workspace, scenario), workspace)
    return any(map(is_returned, store.finished()))


def _finished_card(scenario: Scenario, entry: str, workspace: Workspace, allowed: int, treat: bool) -> Scorecard | None:
    """Return the same of one request."""
    submission = find_submission(entry, workspace, scenario)
    card = _current_card(scenario, submission, workspace)
    if card is None or not has_evidence(scenario, submission, workspace) or (treat and not was_treated(card, scenario)):
        return None
    store = evidence_store(scenario, submission, workspace)
    outcome = read_outcome(store)
    assert outcome is not None
    assert outcome.timing is not None
    if outcome.allowed != allowed or not outcome.timing.is_settled(scenario.protocol.budget):
        return None
    blocks = scenario.blocks(scenario.protocol.models)
    names = [block_name(block) for block in blocks]
    names += [treated_block(scenario, "unlearned", block) for block in blocks] if treat else []
    return card if store.is_whole(names) else None


def was_treated(card: Scorecard, scenario: Scenario) -> bool:
    """Tell whether an entry's nets were looked at after every treatment there is for them, with whatever result."""
    found = [card.metrics.get(f"gap_after_{name}") for name in treatments_for(scenario)]
    return all(each is not None and each != Absent(absent=NEEDS["treated"]) for each in found)


def _current_card(scenario: Scenario, submission: Submission, workspace: Workspace) -> Scorecard | None:
    """The scorecard of the submission's present files by this scorer and all metrics that there are now."""
    try:
        card = read_card(workspace.results, scenario.label, submission.entry)
    except BenchError:  # there is none, or a damaged one, which a run makes anew
        return None
    current = card.scorer_version == VERSION and submission.is_named_by(card.submission_hash)
    return card if current and card.is_scored and card.metrics.keys() >= set(METRICS) else None
