"""Loaders that never hand out a last batch of a single example."""

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, Sampler, SequentialSampler, Subset


class Batches(BatchSampler):
    """Batches of `batch_size` rows; a row that would be left over alone joins the batch before.

    BatchNorm cannot take the variance of a single example, and in training the recipe never shows one. Who asks for
    batches of one gets them all. `asked_in_vain` is called when batches are asked for and there are no examples.
    """

    def __init__(self, sampler: Sampler[int], batch_size: int, asked_in_vain: Callable[[], None]) -> None:
        super().__init__(sampler, batch_size, drop_last=False)
        self._asked_in_vain = asked_in_vain

    def __iter__(self) -> Iterator[list[int]]:
        if not len(self.sampler):  # pyright: ignore[reportArgumentType]
            self._asked_in_vain()
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
    dataset: Dataset[Any],
    batch_size: int,
    shuffle: bool,
    collate_fn: Callable[[Any], Any],
) -> DataLoader[Any]:
    """Return a `DataLoader` whose last batch is never of one example, unless the dataset is; see `Batches`."""
    is_drawn = shuffle and len(dataset) > 0  # pyright: ignore[reportArgumentType]  nothing is drawn from nothing
    sampler = (RandomSampler if is_drawn else SequentialSampler)(dataset)  # pyright: ignore[reportArgumentType]
    batches = DataLoader(
        dataset, batch_sampler=Batches(sampler, batch_size, _asked_in_vain_of(dataset)), collate_fn=collate_fn
    )
    # Submissions ask for these when they make loaders of their own; torch has none of them where it is given batches.
    vars(batches).update(batch_size=batch_size, sampler=sampler)
    return batches


def _asked_in_vain_of(dataset: Dataset[Any]) -> Callable[[], None]:
    """Return what an empty dataset of the harness's has to be told, also where a part of it is asked for."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return getattr(dataset, "asked_in_vain", lambda: None)
