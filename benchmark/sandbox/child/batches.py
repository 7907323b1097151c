"""Loaders that never hand out a last batch of a single example."""

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler


class Batches(BatchSampler):
    """Batches of `batch_size` rows; a row that would be left over alone joins the batch before.

    BatchNorm cannot take the variance of a single example, and in training the recipe never shows one. Who asks for
    batches of one gets them all.
    """

    def __iter__(self) -> Iterator[list[int]]:
        waiting: list[list[int]] = []
        for rows in super().__iter__():
            if len(waiting) == 2:
                yield waiting.pop(0)
            waiting.append(rows)
        if len(waiting) == 2 and len(waiting[1]) == 1 < self.batch_size:
            waiting = [waiting[0] + waiting[1]]
        yield from waiting

    def __len__(self) -> int:
        examples = len(self.sampler)  # pyright: ignore[reportArgumentType]
        is_alone = examples > 1 < self.batch_size and (examples - 1) % self.batch_size == 0
        return -(-examples // self.batch_size) - is_alone


def whole_batches(
    dataset: Dataset[Any], batch_size: int, shuffle: bool, collate_fn: Callable[[Any], Any]
) -> DataLoader[Any]:
    """Return a `DataLoader` whose last batch is never of one example, unless the dataset is; see `Batches`."""
    sampler = (RandomSampler if shuffle else SequentialSampler)(dataset)  # pyright: ignore[reportArgumentType]
    batches = DataLoader(dataset, batch_sampler=Batches(sampler, batch_size, drop_last=False), collate_fn=collate_fn)
    # Submissions ask for these when they make loaders of their own; torch has none of them where it is given batches.
    vars(batches).update(batch_size=batch_size, sampler=sampler)
    return batches
