"""A machine without a network, as far as downloads can see."""

_NOWHERE = "http://127.0.0.1:9"  # the port of the discard protocol, on which no machine of today listens

OFFLINE = {f"{scheme}_proxy": _NOWHERE for scheme in ("http", "https", "ftp")} | {"no_proxy": ""}
"""Variables of the environment, also for processes started later, with which each download is refused at once."""
OFFLINE |= {name.upper(): value for name, value in OFFLINE.items()}
