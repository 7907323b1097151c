"""Law 1: all randomness comes from seeds derived from names, never from the time or a counter.

A pool's names include a secret, so that no submission can train the pool's retrained models again by itself.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from benchmark.errors import BadUsage

SeedsKind = Literal["public", "secret"]


def derive_seed(*parts: str | int) -> int:
    """Return a seed in [0, 2**63) that is a pure function of `parts`, e.g. `derive_seed(pool_hash, "original", 17)`."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Seeds:
    """The seeds of a pool's models and of the runs on it: a function of pool hash, secret, role and index.

    Originals, which submissions are given, have public seeds always. Without a secret all others have too: so it was
    before there were secrets, and so it is where models are only tuned on.
    """

    pool_hash: str
    secret: str | None = field(default=None, repr=False)
    committed: str = ""
    """The commitment to a secret that is elsewhere: of models that are known by their evidence alone."""
    published: bool = False
    """Whether everybody can know the secret."""

    def of(self, role: str, index: int) -> int:
        """Return the seed of model or run `index` of `role`. Raises BadUsage where it depends on a secret elsewhere."""
        if self.committed and role != "original":
            raise BadUsage("the secret of this pool is elsewhere, expected one of your own; move the pool away")
        if self.secret is None or role == "original":
            return derive_seed(self.pool_hash, role, index)
        return derive_seed(self.pool_hash, self.secret, role, index)

    @property
    def kind(self) -> SeedsKind:
        return "secret" if self.commitment and not self.published else "public"

    @property
    def commitment(self) -> str:
        """SHA-256 of the secret, 64 hex digits, which may be published; empty where all seeds are public."""
        return self.committed if self.secret is None else hashlib.sha256(self.secret.encode()).hexdigest()
