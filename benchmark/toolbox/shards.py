"""Parts of the training data that nobody has to write down: an example's content says where it belongs.

So an example's part does not depend on which others there are, and what is trained without some of them has the same
parts: the condition under which sharded training is exact (Bourtoule et al., IEEE S&P 2021, section V).
"""

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset

from benchmark.sandbox.child.batches import whole_batches
from benchmark.toolbox.loaders import tensors


def members(net: nn.Module) -> list[nn.Module]:
    """Return the nets of an ensemble; of any other net, itself."""
    own = getattr(net, "members", None)
    return list(own) if isinstance(own, nn.ModuleList) else [net]


def shards(loader: DataLoader, count: int, salt: str = "") -> Tensor:
    """Return the shard, 0 to `count` − 1, of every example of a loader, `[examples]` int64 in its dataset's order.

    By a digest of inputs and target; another `salt` gives another division. Equal examples share one.
    """
    if not len(loader.dataset):  # pyright: ignore[reportArgumentType]
        return torch.zeros(0, dtype=torch.int64)
    inputs, targets = (part.cpu() for part in tensors(loader))
    content = (one.numpy().tobytes() + other.numpy().tobytes() for one, other in zip(inputs, targets, strict=True))
    digests = (hashlib.blake2b(salt.encode() + own, digest_size=8).digest() for own in content)
    return torch.tensor([int.from_bytes(digest, "big") % count for digest in digests])


def at_rows(loader: DataLoader, rows: Tensor | Sequence[int]) -> DataLoader:
    """Return a shuffling loader over some examples: a mask `[examples]`, or row numbers of the loader's dataset."""
    if isinstance(rows, Tensor) and rows.dtype == torch.bool:
        rows = rows.nonzero().flatten()
    chosen = Subset(loader.dataset, rows.tolist() if isinstance(rows, Tensor) else list(rows))
    return whole_batches(chosen, loader.batch_size or 1, True, loader.collate_fn)
