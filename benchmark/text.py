"""What strangers wrote, made fit to be shown."""


def printable(text: object, most: int = 100, keep: str = "") -> str:
    """The first `most` characters, with a question mark for each that a terminal obeys, but for those to `keep`."""
    return "".join(letter if letter.isprintable() or letter in keep else "?" for letter in str(text)[:most])
