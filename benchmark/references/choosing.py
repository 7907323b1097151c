"""The choice of a forget set that asks for models: made once, then kept in a file."""

import contextlib
from functools import partial

from torch import Tensor

from benchmark.data.choice import Choice, checksum_of, choice_name, choice_path, read_choice, with_choice, write_choice
from benchmark.data.forget_set import Models, Selection, select_from
from benchmark.data.loading import load_training_set
from benchmark.data.training_set import TrainingSet
from benchmark.errors import BadRecord, BadScenario
from benchmark.references.parts import train_parts
from benchmark.scenario.schema import Scenario
from benchmark.session import Session

_DIGITS = 6  # of a stored score


def choose(session: Session, scenario: Scenario) -> Scenario:
    """Return the scenario with what its forget set chooses, from the file of ids or, where there is none, by models.

    A damaged file is set aside and made again. Raises BadScenario where `forget.chosen` is other than in the file, or
    than this machine chooses; BenchError as `load_problem` where data is missing.
    """
    choice = _read_whole(session, scenario) or _make(session, scenario)
    return with_choice(scenario, choice)


def _read_whole(session: Session, scenario: Scenario) -> Choice | None:
    """Return the choice in the file of ids; None where there is no file, or a damaged one, which is set aside."""
    try:
        return read_choice(scenario)
    except BadRecord as error:
        path = choice_path(scenario)
        if path is None or path.parent != session.workspace.pools:  # of a shipped file, the package is to be mended
            raise
        aside = path.with_suffix(".damaged")
        with contextlib.suppress(FileNotFoundError):  # another process has set it aside
            path.replace(aside)
        session.warn(f"{error}; set aside as {aside.name}")
        return None


def _make(session: Session, scenario: Scenario) -> Choice:
    train = load_training_set(scenario)
    models = Models(scenario.recipe.epochs, partial(train_parts, session, scenario))
    selection = select_from(scenario.forget, train, models)
    choice = _choice_of(scenario, train, selection)
    if scenario.forget.choice not in (None, choice.sha256):
        path = session.workspace.pools / choice_name(scenario)
        raise BadScenario(
            f"this machine chooses the examples {choice.sha256}, expected forget.chosen, {scenario.forget.choice}; "
            f"copy the file that these came from to {path}, or take forget.chosen out of the scenario"
        )
    write_choice(session.workspace, scenario, choice)
    return choice


def _choice_of(scenario: Scenario, train: TrainingSet, selection: Selection) -> Choice:
    scores = {name: tuple(float(f"{x:.{_DIGITS}g}") for x in own.tolist()) for name, own in selection.scores.items()}
    ids = _ids_at(train, selection.mask)
    withheld = () if selection.withheld is None else _ids_at(train, selection.withheld)
    return Choice(
        decided_by=scenario.choice_hash,
        sha256=checksum_of(ids, withheld),
        ids=ids,
        withheld=withheld,
        rows=tuple(train.ids.tolist()),
        scores=scores,
        measures=dict(selection.measures),
    )


def _ids_at(train: TrainingSet, mask: Tensor) -> tuple[int, ...]:
    return tuple(sorted(train.ids[mask].tolist()))
