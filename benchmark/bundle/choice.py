"""The choice of a forget set that asks for models, in a bundle: without it there is no problem to check evidence by.

A hidden scenario's choice stays with its owner, and is in no bundle.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from benchmark.bundle.archive import Archive
from benchmark.data.choice import Choice, expect_choice, offer_choice, with_choice
from benchmark.data.loading import load_training_set
from benchmark.errors import BadRecord, BadUsage
from benchmark.results.record import why_invalid
from benchmark.scenario.schema import Scenario

CHOICE = "forget.json"


def is_packed(scenario: Scenario) -> bool:
    """Tell whether a scenario's bundle holds a choice."""
    return scenario.forget.asks_models and scenario.salt is None


def choice_members(scenario: Scenario) -> dict[str, bytes]:
    """Return the members of a bundle with what models chose: one or none. Raises BenchError as `expect_choice`."""
    return {CHOICE: expect_choice(scenario).model_dump_json().encode()} if is_packed(scenario) else {}


@contextmanager
def packed_choice(archive: Archive[Any], scenario: Scenario) -> Iterator[tuple[Scenario, Choice | None]]:
    """Yield the scenario with what the bundle says was chosen, and that choice, which counts until the context ends.

    The scenario as it is, and None, where a bundle of it holds no choice. Raises BadRecord where the choice is damaged
    or none of the scenario's, BadUsage where another one was made here.
    """
    if not is_packed(scenario) or archive.contents.scenario != scenario.name:  # which is refused for its name
        yield scenario, None
        return
    choice = _read(archive, scenario)
    if scenario.forget.choice not in (None, choice.sha256):
        raise BadUsage(
            f"{archive.path} holds the examples {choice.sha256[:12]}, expected those that were chosen here, "
            f"{str(scenario.forget.choice)[:12]}; use the bundle in another clone, or choose by its file of ids"
        )
    with offer_choice(choice):
        yield with_choice(scenario, choice), choice


def _read(archive: Archive[Any], scenario: Scenario) -> Choice:
    try:
        choice = Choice.model_validate_json(archive.read(CHOICE))
    except ValidationError as error:
        raise _is_none(archive, scenario, f"is no choice: {why_invalid(error)}") from None
    except ValueError as error:
        raise _is_none(archive, scenario, str(error)) from None
    if fault := _fault(choice, scenario):
        raise _is_none(archive, scenario, fault)
    return choice


def _is_none(archive: Archive[Any], scenario: Scenario, fault: str) -> BadRecord:
    return BadRecord(f"{archive.path} is not a bundle of {scenario.name}: {CHOICE} {fault}; get it again")


def _fault(choice: Choice, scenario: Scenario) -> str:
    """Return what keeps a choice from being one that the scenario can have made; "" where nothing does."""
    if choice.decided_by != scenario.choice_hash:
        return f"was chosen for another scenario, {choice.decided_by}, expected {scenario.choice_hash}"
    train = load_training_set(scenario)
    absent = set(choice.ids) - set(train.ids.tolist())
    if absent or len(choice.ids) >= len(train) - 1:
        return f"has {len(choice.ids)} examples, of which {len(absent)} are not in train, expected some of {len(train)}"
    return ""
