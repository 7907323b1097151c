"""Questions to models of sequences beside their splits, out of the source's inquiries: for metrics of language."""

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from benchmark.data.reading.inquiries import Tokens
from benchmark.data.source import PAIR
from benchmark.split import Split, under
from benchmark.tasks.language import EOS, answer_mask

if TYPE_CHECKING:
    from numpy import intp
    from numpy.typing import NDArray

    from benchmark.data.problem import Problem
    from benchmark.data.reading.examples import Examples
    from benchmark.tasks import Task

MOST = 100  # examples of retain and of test: their means over many models need no more
_REPHRASED = ("forget", "retain", "test")
_WHOLE = ("holdout", "members", "continued")


class Asked(NamedTuple):
    """Sequences that models are asked: token ids and labels, `[n, context]` or `[n, answers, context]`."""

    inputs: Tensor
    targets: Tensor
    sizes: Tensor | None = None
    """`[n]` int64: the bytes of the answers' text, compressed, where an attack needs them."""


def store_inquiries(examples: "Examples", splits: Mapping[str, Split], task: "Task") -> dict[str, Tensor]:
    """Return what is stored with a problem of sequences, by name; nothing of other tasks."""
    if not task.has_sequences:
        return {}
    found = {"forget/sizes": compressed_sizes(splits["forget"].targets, examples.vocabulary)}
    for name in _WHOLE:
        if (tokens := getattr(examples.inquiries, name)) is not None:
            found |= _named(name, tokens, task)
            found[f"{name}/sizes"] = compressed_sizes(tokens.targets, examples.vocabulary)
    if examples.topics is not None and PAIR in examples.topic_names:
        alone = examples.topics != examples.topic_names.index(PAIR)
        found |= {f"{name}/alone": alone[splits[name].ids] for name in ("forget", "retain")}
    if (rephrased := examples.inquiries.rephrased) is not None:
        for name in _REPHRASED:
            rows = splits[name].ids
            found |= _named(f"rephrased_{name}", Tokens(*(each[rows] for each in rephrased)), task)
    return found


def asked_of(problem: "Problem", probes: "Mapping[str, NDArray[intp]]") -> dict[str, Asked]:
    """Return what models are asked, where the problem lies; nothing of other tasks than sequences.

    `forget`, `retain` and `test`: their examples; `holdout`, `members` and `continued` as in `Inquiries`;
    `rephrased_forget`, `rephrased_retain`, `rephrased_test`: in other words, with the right answer first, then wrong
    ones. Each fact to forget once; of retain and test the same of their `probes`.
    """
    if not problem.task.has_sequences:
        return {}
    device = problem.forget.targets.device
    rows = {split: torch.from_numpy(probes[split][:MOST]).to(device) for split in ("retain", "test")}
    found = {split: Asked(part.inputs[rows[split]], part.targets[rows[split]]) for split, part in _parts(problem)}
    found["forget"] = Asked(problem.forget.inputs, problem.forget.targets, problem.inquiries["forget/sizes"])
    found |= {name: Asked(**own) for name in _WHOLE if (own := under(f"{name}/", problem.inquiries))}
    for split in _REPHRASED:
        if tensors := under(f"rephrased_{split}/", problem.inquiries):
            own = Asked(**tensors)
            chosen = rows[split] if split in rows else first_of_each(own.inputs[:, 0])
            found[f"rephrased_{split}"] = Asked(own.inputs[chosen], own.targets[chosen])
    return found


def first_of_each(sequences: Tensor) -> Tensor:
    """Return the rows `[n, context]` that no row before them is equal to, ascending."""
    _, number = sequences.unique(dim=0, return_inverse=True)
    first = torch.full((int(number.max()) + 1,), len(number), device=number.device)
    return first.scatter_reduce(0, number, torch.arange(len(number), device=number.device), "amin").sort().values


def compressed_sizes(targets: Tensor, vocabulary: tuple[str, ...]) -> Tensor:
    """Return the bytes `[n]` that zlib makes of the text of each answer, whose labels are `[n, context]`."""
    answers = (row[mask] for row, mask in zip(targets, answer_mask(targets), strict=True))
    texts = (" ".join(vocabulary[token] for token in answer.tolist() if token > EOS) for answer in answers)
    return torch.tensor([len(zlib.compress(text.encode())) for text in texts])


def _named(name: str, tokens: Tokens, task: "Task") -> dict[str, Tensor]:
    return {f"{name}/inputs": tokens.inputs, f"{name}/targets": task.prepare_targets(tokens.targets)[0]}


def _parts(problem: "Problem") -> tuple[tuple[str, Split], ...]:
    return ("retain", problem.retain), ("test", problem.test)
