"""What an error may look like."""

from collections.abc import Callable

from benchmark.errors import BenchError

LONGEST = 600  # characters of a sentence


def check_sentence(text: str) -> None:
    assert text.strip(), "an error without words"
    assert text.isprintable(), f"an error that no terminal should get: {text!r}"
    assert len(text) < LONGEST, f"an error of {len(text)} characters: {text}"


def expect(look: Callable[[], object]) -> None:
    """Either works or raises a BenchError of one sentence."""
    try:
        look()
    except BenchError as error:
        check_sentence(str(error))
