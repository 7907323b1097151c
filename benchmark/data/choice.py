"""The examples that a forget set has chosen by models: a file of ids, found by what decides the choice.

Imports no torch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from benchmark.errors import BadRecord, BadScenario, BenchError, MissingRecord
from benchmark.results.record import Amount, Digest, Record, read_record
from benchmark.storage.workspace import Workspace, write_atomically

if TYPE_CHECKING:
    from benchmark.scenario.schema import Scenario

_OFFERED: "ContextVar[Choice | None]" = ContextVar("offered choice", default=None)


class Choice(Record):
    """The ids of the examples that were chosen, and the scores by which they were."""

    decided_by: Digest
    """The scenario's `choice_hash`."""
    sha256: Digest
    """Of the ids; the scenario's hash counts it."""
    ids: Annotated[tuple[Amount, ...], Field(min_length=1)]
    """Rows of the source, ascending."""
    withheld: tuple[Amount, ...] = ()
    """Those of `ids` that submissions are not given, ascending."""
    rows: tuple[Amount, ...] = ()
    """Rows of the source of all training examples, in the order of train."""
    scores: dict[str, tuple[float, ...]] = Field(default_factory=dict)
    """By name, one number per training example, in the order of train."""
    measures: dict[str, float] = Field(default_factory=dict)
    """By name, numbers about all that was chosen."""

    @property
    def forget_rows(self) -> NDArray[np.int64]:
        """Rows of the source of the chosen examples, in the order of train, as evidence has them."""
        rows = np.array(self.rows, dtype=np.int64)
        return rows[np.isin(rows, self.ids)]

    @property
    def forget_scores(self) -> dict[str, NDArray[np.float64]]:
        """Scores of the chosen examples, in the order of train, as evidence has them."""
        chosen = np.isin(self.rows, self.ids)
        return {name: np.array(scores)[chosen] for name, scores in self.scores.items()}

    @model_validator(mode="after")
    def _are_these_ids(self) -> Self:
        for ids in (self.ids, self.withheld):
            if list(ids) != sorted(set(ids)):
                raise ValueError("ids are not ascending")
        if not set(self.withheld) < set(self.ids):
            raise ValueError("withheld has others than ids, or all of them")
        if self.sha256 != checksum_of(self.ids, self.withheld):
            raise ValueError("its ids have another checksum than it says")
        return self


def checksum_of(ids: Sequence[int], withheld: Sequence[int] = ()) -> str:
    """Return the SHA-256 by which a scenario's hash knows the chosen examples; both ascend."""
    words = [*map(str, ids), *(["withheld", *map(str, withheld)] if withheld else [])]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def choice_name(scenario: "Scenario") -> str:
    """Return the name of the file of ids: in reference_models/ of the workspace, or among the shipped scenarios."""
    return f"forget-{scenario.choice_hash}.json"


def choice_path(scenario: "Scenario") -> Path | None:
    """Return the file of ids: the shipped one, else the workspace's; None where there is neither."""
    return next((path for path in _places(scenario) if path.exists()), None)


def _places(scenario: "Scenario") -> list[Path]:
    from benchmark.scenario.schema import SHIPPED

    name = choice_name(scenario)
    try:
        return [SHIPPED / name, Workspace.find().pools / name]
    except BenchError:  # the scenario is read outside of any workspace
        return [SHIPPED / name]


def read_choice(scenario: "Scenario") -> Choice | None:
    """Return what the scenario's forget set has chosen; None where it has not chosen yet.

    Raises BadRecord where the file is damaged or another scenario's, BadScenario where `forget.chosen` says otherwise.
    """
    offered = _OFFERED.get()
    if offered is not None and offered.decided_by == scenario.choice_hash:
        return offered
    path = choice_path(scenario)
    if path is None:
        return None
    choice = read_record(Choice, path, "`bench prepare` chooses again")
    if choice.decided_by != scenario.choice_hash:
        raise BadRecord(
            f"{path} was chosen for another scenario, {choice.decided_by}, expected {scenario.choice_hash}; "
            "`bench prepare` chooses again"
        )
    if scenario.forget.choice not in (None, choice.sha256):
        raise BadScenario(
            f"{path} holds the examples {choice.sha256[:12]}, expected those of forget.chosen in the scenario, "
            f"{str(scenario.forget.choice)[:12]}; put the file there that they came from, or correct forget.chosen"
        )
    return choice


@contextmanager
def offer_choice(choice: Choice) -> Iterator[None]:
    """Read this choice in place of a file of ids until the context ends, in this process alone.

    For what has to be checked before it is believed, and written.
    """
    token = _OFFERED.set(choice)
    try:
        yield
    finally:
        _OFFERED.reset(token)


def write_choice(workspace: Workspace, scenario: "Scenario", choice: Choice) -> None:
    """Write the file of ids into the workspace; a hidden scenario's is the user's alone, as a pool's secret is."""
    path, mode = workspace.pools / choice_name(scenario), 0o600 if scenario.salt else 0o666
    write_atomically(path, choice.model_dump_json(indent=1).encode(), mode)


def is_kept(scenario: "Scenario") -> bool:
    """Tell whether a file of ids holds what the scenario says is forgotten."""
    try:
        return scenario.forget.choice is not None and read_choice(scenario) is not None
    except BenchError:
        return False


def with_known_choice(scenario: "Scenario") -> "Scenario":
    """Return the scenario with what its forget set has chosen by models, where that is known.

    Where it is not, whoever needs the problem will say so.
    """
    if not scenario.forget.asks_models or scenario.forget.choice is not None:
        return scenario
    try:
        choice = read_choice(scenario)
    except BadRecord:
        return scenario
    return scenario if choice is None else with_choice(scenario, choice)


def with_choice(scenario: "Scenario", choice: Choice) -> "Scenario":
    """Return the scenario with the examples that were chosen."""
    return scenario.model_copy(update={"forget": scenario.forget.with_choice(choice.sha256)})


def is_unchosen(scenario: "Scenario") -> bool:
    """Tell whether models have yet to choose what the scenario forgets. Raises BenchError as `read_choice`."""
    return scenario.forget.asks_models and read_choice(scenario) is None


def check_settled(scenario: "Scenario") -> None:
    """Raise BenchError unless it is known what the scenario forgets."""
    if scenario.forget.asks_models and scenario.forget.choice is None:
        read_choice(scenario)  # a damaged file is told first
        raise _not_chosen(scenario)


def expect_choice(scenario: "Scenario") -> Choice:
    """Return what the scenario's forget set has chosen. Raises BenchError where no file says it."""
    choice = read_choice(scenario)
    if choice is None:
        raise _not_chosen(scenario)
    return choice


def _not_chosen(scenario: "Scenario") -> MissingRecord:
    from benchmark.scenario.schema import options

    return MissingRecord(
        f"scenario {scenario.name} has not chosen yet which examples are forgotten, which takes trained models; "
        f"`bench prepare {options(scenario.name, scenario.protocol.models)}` chooses them"
    )
