"""Blocks of reference models, trained where they are missing: by several processes, here and on other machines."""

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from benchmark.session import Session
from benchmark.storage.block_store import BlockStore, write_block
from benchmark.storage.blocks import Layout
from benchmark.storage.workspace import PAUSE, Arrays


def build_blocks(
    session: Session,
    label: str,
    names: Sequence[str],
    size: int,
    open_store: Callable[[], BlockStore],
    train: Callable[..., Arrays],
    arguments_of: Callable[[str], tuple],
    needed: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Train the blocks that are missing, `train(*arguments_of(name))` each, where the session says.

    That is in processes of this machine, where a GPU is used from this one alone, or on the workers of a cluster.
    Whoever else builds the same blocks, here or on another machine that sees the same folder, takes other ones.
    `open_store` is asked anew whenever blocks have been handed out; `label` and the number of models in a block,
    `size`, are for the progress. `needed`: as in `missing_blocks`.
    """
    total, alone = 0, True

    def tell(missing: int) -> None:
        if total:
            session.progress(label, (total - missing) * size, total * size)

    def tick() -> None:
        tell(len(missing_blocks(store, names, needed)))

    store = open_store()
    while missing := missing_blocks(store, names, needed):
        total = max(total, len(missing))
        tell(len(missing))
        claims = []
        tasks = [(store, name, dict(needed), train, arguments_of(name)) for name in missing]
        for ours in session.map(_claim_and_train, tasks, tick):
            claims.append(ours)
            if alone and not ours:
                session.warn(
                    f"another process is training models of {store.folder.name} too; the blocks are shared out"
                )
                alone = False
            tell(len(missing) - sum(claims))  # to look at all blocks after each would take the square of their number
        if not any(claims):
            time.sleep(PAUSE)
        store = open_store()
    tell(0)


def missing_blocks(
    store: BlockStore, names: Iterable[str], needed: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """Return the names of blocks that are not finished, or that lack the array that is `needed` of them by name.

    Blocks of earlier versions do; they stay on record until they are made again.
    """
    finished = store.finished()
    return [name for name in names if name not in finished or not store.holds(name, needed.get(name))]


def set_aside_damaged(session: Session, store: BlockStore, names: list[str]) -> None:
    """Set aside the blocks that are not what was written, or not theirs, and say so: they count as missing."""
    for path, fault in store.discard_damaged(names).items():
        session.warn(f"{path.with_suffix('.safetensors')} {fault}; set aside as {path.name}, training it again")


def weight_layouts(state: Mapping[str, Tensor]) -> dict[str, Layout]:
    """Return the arrays of a block with the weights of models whose net has the parameters and buffers `state`."""
    return {
        name: Layout(str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)) for name, tensor in state.items()
    }


def versions(device: str) -> dict[str, str]:
    """Return what a manifest says about the software and the machine."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "machine": platform.machine(),
        "device": "cpu" if device == "cpu" else torch.cuda.get_device_name(device),
    }


def _claim_and_train(
    store: BlockStore, name: str, needed: Mapping[str, str], train: Callable[..., Arrays], arguments: tuple
) -> bool:
    """Train, write and record one block; return False when another process does."""
    with store.claim(name) as ours:
        if ours and missing_blocks(store, [name], needed):
            store.record(name, write_block(store.path(name), train(*arguments)))
        return ours
