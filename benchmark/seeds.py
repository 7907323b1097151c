"""Law 1: all randomness comes from seeds derived from names, never from a clock or a counter."""

import hashlib


def derive_seed(*parts: str | int) -> int:
    """A seed in [0, 2**63) that is a pure function of `parts`, e.g. `derive_seed(pool_hash, "original", 17)`."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
