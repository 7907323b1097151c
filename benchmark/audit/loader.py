"""The argument of `train` and `unlearn`: rows as numpy arrays, and in batches."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmark.audit.people import Rows


class Loader:
    """Rows to train on, for scikit-learn as arrays and for a loop over batches as an iterable.

    `inputs` float32 `[rows, features]` and `targets` int64 `[rows]`, class numbers into `classes`. Iterating yields
    `(inputs, targets)` of `batch_size` rows in an order drawn anew each time from the model's seed; the last batch may
    be smaller. For torch: `DataLoader(TensorDataset(*map(torch.from_numpy, (loader.inputs, loader.targets))), ...)`,
    or `torch.from_numpy` of each batch.
    """

    def __init__(self, rows: Rows, classes: tuple[str, ...], batch_size: int, seed: int) -> None:
        self.inputs, self.targets = rows.inputs.copy(), rows.targets.copy()
        self.classes, self.batch_size = classes, batch_size
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.targets) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        order = self._rng.permutation(len(self.targets))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.inputs[rows], self.targets[rows]
