"""The record of tuning beside a submission: `tuned/<scenario>.json`, written after every trial."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from benchmark.errors import BadRecord
from benchmark.results.record import Amount, Digest, EntryName, Line, Lines, Record
from benchmark.storage.workspace import write_atomically
from benchmark.submissions.files import read_record

State = Literal["complete", "pruned", "over-budget", "failed"]
Judge = Literal["gap_closed", "score"]


class Trial(Record):
    """A set of values that was tried, with its scores and its cost."""

    values: dict[str, Any]
    scores: list[float]
    """After each of the record's `rungs` that it reached."""
    share: float | None
    """The timed cost of a run, as a share of retraining; None when the first ones failed."""
    examples: float | None = None
    """What it takes from its loaders, as a share of what retraining takes; None likewise."""
    state: State
    """Only a complete one can win."""
    reason: Lines

    @model_validator(mode="after")
    def _complete_has_scores(self) -> Self:
        if self.state in ("complete", "pruned") and not self.scores:
            raise ValueError(f"a {self.state} trial without scores")
        return self

    def within(self, allowed: float) -> bool:
        """Tell whether its cost, however it was timed, is known and at most `allowed`."""
        return self.share is not None and self.share <= allowed


class Tuning(Record):
    """A search, finished or not."""

    submission: EntryName
    submission_hash: Digest
    scenario: Line
    """The judged one."""
    tuning_scenario_hash: Digest
    rungs: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
    """Numbers of runs after which trials are compared, and the worse half is given up."""
    allowed_share: float
    """Of retraining; a trial that costs more cannot win."""
    objective: Judge = "score"
    """What the scores are: gaps closed; in older records the published score, without steps and on validation."""
    wanted: Amount
    """Trials, the same number for every submission."""
    hyperparameters: dict[str, Any] | None
    """Of the best trial; None before the last one, and when none of them can win."""
    trials: list[Trial]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _no_more_scores_than_rungs(self) -> Self:
        if any(len(trial.scores) > len(self.rungs) for trial in self.trials):
            raise ValueError(f"a trial has more scores than there are rungs ({len(self.rungs)})")
        return self

    @classmethod
    def read(cls, path: Path) -> "Tuning | None":
        """Read a record; None where there is no such file. Raises BadRecord when it holds something else."""
        try:
            content = read_record(path)
            return None if content is None else cls.model_validate_json(content)
        except (OSError, ValueError) as error:  # pydantic's is one of the latter
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise BadRecord(f"{path} is not a record of tuning: {first}; delete it and tune again") from None

    def write(self, path: Path) -> None:
        """Write the record as JSON, a line per field and per trial."""
        fields = {name: json.dumps(value, ensure_ascii=False) for name, value in self.model_dump().items()}
        trials = [json.dumps(trial.model_dump(), ensure_ascii=False) for trial in self.trials]
        fields["trials"] = "[\n  {}\n ]".format(",\n  ".join(trials)) if trials else "[]"
        lines = ",\n".join(f" {json.dumps(name)}: {text}" for name, text in fields.items())
        write_atomically(path, f"{{\n{lines}\n}}\n".encode())

    @property
    def best(self) -> Trial | None:
        """The first of the highest scores, once all trials are done."""
        complete = [trial for trial in self.trials if trial.state == "complete"]
        if len(self.trials) < self.wanted or not complete:
            return None
        return max(complete, key=lambda trial: trial.scores[-1])

    def after(self, trial: Trial) -> "Tuning":
        """Return the record with one trial more."""
        return self.model_copy(update={"trials": [*self.trials, trial]}).with_wanted(self.wanted)

    def with_wanted(self, trials: int) -> "Tuning":
        """Return the record of a search for so many trials, with the values that have won if these are all."""
        record = self.model_copy(update={"wanted": trials})
        return record.model_copy(update={"hyperparameters": record.best.values if record.best else None})
