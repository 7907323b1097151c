"""The one error a user sees: a sentence that says what came, what was expected and what to do."""

import sys

from benchmark.text import sentence


class BenchError(Exception):
    """Anything the user can put right; the command line prints its sentence and exits with status 2.

    The message is made one line that a terminal only prints, whatever names and values went into it. `log` is what
    else there is to read, of many lines; it is shown below the sentence.
    """

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(sentence(message))
        self.log = log


def note(message: str) -> None:
    """Tell the user a sentence that stops nothing, on standard error."""
    print(f"note: {sentence(message)}", file=sys.stderr)
