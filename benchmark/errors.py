"""The one error a user sees: a sentence that says what came, what was expected and what to do."""


class BenchError(Exception):
    """Anything the user can put right; the command line prints its sentence and exits with status 2."""
