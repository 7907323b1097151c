"""Exceptions that reach the user, each a sentence that says what came, what was expected and what to do.

    BenchError              error            anything the user can put right
    ├── BadUsage            bad-usage        arguments and options of one command that contradict each other
    ├── BadScenario         bad-scenario     a scenario file, or a network it names
    ├── BadData             bad-data         files of data, or of φ, that cannot be used
    │   └── MissingData     missing-data     files of data, or of φ, that are absent
    ├── BadSubmission       bad-submission   the files of one submission, or its tuned values
    │   └── FailedEntry     failed-entry     an entry whose runs gave no score
    │       └── FailedTraining  failed-training  an entry whose own training failed
    ├── BadRecord           bad-record       stored blocks, scorecards and tuning records that cannot be used
    │   └── MissingRecord   missing-record   stored results that a command needs and that do not exist yet
    ├── BadMachine          bad-machine      a device, folder or limit of this computer
    │   └── NoSandbox       no-sandbox       bubblewrap is required and does not work
    └── HarnessError        harness          part of the harness stopped working

The code in the second column is stable: `--json` prints it, and programs may rely on it. Code that has to know what
went wrong catches the class; no code looks into the message.
"""

import sys
from typing import ClassVar

from benchmark.text import sentence


class BenchError(Exception):
    """Anything the user can put right; the command line prints its sentence and exits with status 2.

    The message becomes one printable line, whatever names and values went into it. `log` holds further output of many
    lines, such as what a submission printed; the command line shows it below the sentence. `code` is a stable name of
    the kind.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(sentence(message))
        self.log = log

    def to_json(self) -> dict[str, str]:
        """Return the code, the sentence and the log as `--json` prints them."""
        return {"code": self.code, "message": str(self), "log": self.log}


class BadUsage(BenchError):
    """Seen by whoever types a command: its arguments contradict each other, or name nothing that exists."""

    code = "bad-usage"


class BadScenario(BenchError):
    """Seen by authors of scenarios: the TOML file, or a network that it names, cannot be used."""

    code = "bad-scenario"


class BadData(BenchError):
    """Seen by owners of data: files disagree with each other or with the scenario, or cannot be read."""

    code = "bad-data"


class MissingData(BadData):
    """Seen on a computer that lacks the files of a data set, or an array of φ that was named."""

    code = "missing-data"


class BadSubmission(BenchError):
    """Seen by authors of a submission: its files, its constants or its tuned values cannot be used."""

    code = "bad-submission"


class FailedEntry(BadSubmission):
    """Seen by authors of a submission: it was run, and its runs gave no score."""

    code = "failed-entry"


class FailedTraining(FailedEntry):
    """Seen by authors of a submission: its own training failed, for its models or for what costs are compared with.

    `status`: that of its row. `told`: whether the message is in words that the submission can choose.
    """

    code = "failed-training"

    def __init__(self, message: str, log: str = "", status: str = "crashed", told: bool = False) -> None:
        super().__init__(message, log)
        self.status, self.told = status, told


class BadRecord(BenchError):
    """Seen by whoever reads stored results: a record is damaged, or belongs to something else."""

    code = "bad-record"


class MissingRecord(BadRecord):
    """Seen by whoever reads stored results before the command that stores them has run to its end."""

    code = "missing-record"


class BadMachine(BenchError):
    """Seen on a computer that lacks a device, a right, or room."""

    code = "bad-machine"


class NoSandbox(BadMachine):
    """Seen with `--require-sandbox` where bubblewrap does not work."""

    code = "no-sandbox"


class HarnessError(BenchError):
    """Seen by anybody: a process of the harness stopped working, which is not the user's fault."""

    code = "harness"


def note(message: str) -> None:
    """Tell the user a sentence that stops nothing, on standard error."""
    print(f"note: {sentence(message)}", file=sys.stderr)
