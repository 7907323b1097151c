"""Rows of `bench data check`: a scenario's data, whole or not, and the problem made of it."""

from benchmark.data.choice import choice_path, expect_choice
from benchmark.data.facts import Facts
from benchmark.data.folder import data_folder
from benchmark.data.loading import load_problem, problem_facts
from benchmark.data.reading.examples import Row, row
from benchmark.errors import BadRecord, BadScenario, BenchError, MissingRecord
from benchmark.scenario.schema import Scenario
from benchmark.text import first_of, printable


def check_data(scenario: Scenario) -> list[Row]:
    """Return a row for everything that the scenario reads and that is made of it.

    A row has `what`, `expected`, `found` and `status` (ok, note, missing, damaged). Reads every file; downloads and
    trains nothing.
    """
    return [{key: printable(text, len(text)) for key, text in each.items()} for each in _rows(scenario)]


def _rows(scenario: Scenario) -> list[Row]:
    rows = _files(scenario)
    if any(found["status"] != "ok" for found in rows):
        return rows
    if scenario.forget.asks_models:
        rows.append(_choice(scenario))
        if scenario.forget.choice is None:
            return rows
    try:
        facts = problem_facts(scenario)
    except BenchError as error:
        return [*rows, row("examples", "to be read and split", str(error), "damaged")]
    return [*rows, *_problem_rows(facts), _network(scenario)]


def _files(scenario: Scenario) -> list[Row]:
    folder, sections = data_folder(), (scenario.data, scenario.forget)
    rows = [found for section in sections for found in section.check(folder)]
    return rows + [found for section in sections for found in section.checksum_rows(folder)]


def _problem_rows(facts: Facts) -> list[Row]:
    """Rows for the examples, their classes and subjects, what is left out, duplicates and the forget set."""
    sizes, classes = facts.sizes, facts.classes
    parts = ", ".join(f"{sizes[part]} {part}" for part in ("train", "validation", "test"))
    total = sizes["train"] + sizes["validation"] + sizes["test"]
    subjects = "unknown" if facts.subjects is None else str(facts.subjects)
    pairs = [f"{count} in {name.replace(', ', ' and ')}" for name, count in facts.duplicates.pairs.items()]
    if facts.duplicates.conflicting:
        pairs.append(f"{facts.duplicates.conflicting} with several labels")
    return [
        row("examples", "some in each part", f"{total} ({parts}), each {facts.inputs}"),
        *([_classes(classes)] if classes else []),
        row("subjects", "if known", subjects),
        row("left out", "nothing", "; ".join(facts.left_out) or "nothing", _note_if(facts.left_out)),
        row("duplicates", "none", "; ".join(pairs) or "none", _note_if(pairs)),
        row("retain, forget", "some in each", f"{sizes['retain']}, {sizes['forget']}"),
        *[row("score", "one that exists", fault, "damaged") for fault in facts.faults],
    ]


def _choice(scenario: Scenario) -> Row:
    """Return the row that tells whether the forget set has chosen by models, and what file says so."""
    try:
        choice = expect_choice(scenario)
    except MissingRecord as error:
        return row(
            "forget set", "chosen by models", str(error), "note" if scenario.forget.choice is None else "missing"
        )
    except (BadRecord, BadScenario) as error:
        return row("forget set", "chosen by models", str(error), "damaged")
    withheld = f" ({len(choice.withheld)} withheld from submissions)" if choice.withheld else ""
    measures = "".join(f", {name} {value:.3g}" for name, value in choice.measures.items())
    found = f"{len(choice.ids)} examples{withheld}{measures}, {choice_path(scenario)}"
    return row("forget set", "chosen by models", found)


def _classes(classes: dict[str, int]) -> Row:
    smallest = min(classes, key=lambda name: classes[name])
    counts = [f"{name}: {count}" for name, count in classes.items()]
    found = f"{len(classes)} ({first_of(counts, 10)}), the smallest {smallest} with {classes[smallest]}"
    return row("classes", "at least 2", found)


def _note_if(things: object) -> str:
    return "note" if things else "ok"


def _network(scenario: Scenario) -> Row:
    """Return the row that tells whether the network can be built for such inputs."""
    problem, name = load_problem(scenario), scenario.architecture.name
    try:
        scenario.architecture.try_out(problem.input_shape, problem.outputs, tokens=problem.task.has_sequences)
    except BenchError as error:
        return row("network", "takes the examples", str(error), "damaged")
    return row("network", "takes the examples", f"{name} does")
