"""Places of the site's files, relative to its folder, and links between them."""

from urllib.parse import quote

INDEX = "index.html"


def entry_path(label: str, entry: str) -> str:
    """Return where an entry's page lies; labels and entry names are letters, digits and a few signs."""
    return f"entries/{label}/{entry}.html"


def entry_href(label: str, entry: str) -> str:
    """Return the link from the index to an entry's page."""
    return quote(entry_path(label, entry), safe="/+")
