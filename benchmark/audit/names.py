"""Names of people in a report that is passed on: keyed pseudonyms, or their ids where the user asks for them.

An id is often short enough to try all; a plain hash of it would hide nothing. So pseudonyms are HMACs under a random
key that stays in the audit's folder, beside the table of who is who.
"""

import csv
import hmac
import io
import secrets
from collections.abc import Sequence

from benchmark.audit.settings import Audit
from benchmark.errors import BadRecord
from benchmark.storage.workspace import write_atomically

KEY, TABLE = "pseudonyms.key", "pseudonyms.csv"
_BYTES = 32
_FEWEST_DIGITS = 6  # of a pseudonym; more where two people would have the same


def pseudonyms(audit: Audit, people: Sequence[str]) -> list[str]:
    """Return a pseudonym per person, the same for the same list in this folder; write the table of who is who."""
    key = _key(audit)
    hashes = [keyed_hash(key, person.encode()) for person in people]
    sizes = range(_FEWEST_DIGITS, 65)
    digits = next(size for size in sizes if len({each[:size] for each in hashes}) == len(people))
    names = [f"P-{each[:digits]}" for each in hashes]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("pseudonym", "id"), *zip(names, people, strict=True)])
    write_atomically(audit.path(TABLE), text.getvalue().encode(), mode=0o600)
    return names


def keyed_hash_of_file(audit: Audit, name: str) -> str:
    """Return a hash of a file of ids that tells nothing to whoever lacks the key."""
    return keyed_hash(_key(audit), audit.path(name).read_bytes())


def keyed_hash(key: bytes, content: bytes) -> str:
    return hmac.new(key, content, "sha256").hexdigest()


def _key(audit: Audit) -> bytes:
    path = audit.path(KEY)
    if not path.exists():
        write_atomically(path, (secrets.token_hex(_BYTES) + "\n").encode(), mode=0o600)
    try:
        key = bytes.fromhex(path.read_text())
    except ValueError:
        key = b""
    if len(key) != _BYTES:  # a short one could be guessed
        raise BadRecord(
            f"{path} is no key of pseudonyms, expected {2 * _BYTES} hex digits; put the old one back, or remove it: "
            "then people get other pseudonyms"
        )
    return key
