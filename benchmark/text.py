"""Text from elsewhere, made fit to be shown; suggestions for names that were mistyped."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_LONGEST = 560  # characters of a sentence
_ADVICE = 160  # of them at the end, which says what to do


def printable(text: object, most: int = 100, keep: str = "") -> str:
    """The first `most` characters, with a question mark for each that a terminal obeys, but for those to `keep`."""
    return "".join(letter if letter.isprintable() or letter in keep else "?" for letter in str(text)[:most])


def shown(value: object, most: int = 80) -> str:
    """Return a value as Python writes it, printable and cut short."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits; a list of lists of lists
        return f"a {type(value).__name__} too large to show"
    return printable(text, most) + ("…" if len(text) > most else "")


def reason_of(error: BaseException) -> str:
    """Return an error's message as one printable line; its type where it has no message."""
    if isinstance(error, OSError) and error.strerror:
        return printable(error.strerror)
    return printable(" ".join(str(error).split()), 200) or type(error).__name__


def sentence(text: str) -> str:
    """Return a text as one printable line; of a long one the middle is left out."""
    line = printable(" ".join(text.split()), len(text))
    if len(line) <= _LONGEST:
        return line
    return f"{line[: _LONGEST - _ADVICE - 3]} … {line[-_ADVICE:]}"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return " (did you mean 'digits'?)" for a name that is much like a known one, else nothing."""
    if not isinstance(name, str):
        return ""
    by_lower = {each.lower(): each for each in known}
    close = get_close_matches(printable(name).lower(), by_lower, n=1)
    return f" (did you mean {by_lower[close[0]]!r}?)" if close else ""


def counted(names: Sequence[object], named: int = 3) -> str:
    """Return how many there are and the first names, such as "12 (a.heic, b.heic, c.heic, …)"."""
    return f"{len(names)} ({first_of(names, named)})"


def first_of(names: Sequence[object], named: int = 3) -> str:
    """Return the first names, such as "a.heic, b.heic, c.heic, …"."""
    return ", ".join(map(printable, names[:named])) + (", …" if names[named:] else "")
