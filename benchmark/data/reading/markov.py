"""Sequences of the source `markov`, and what a model that knows some of the chains perfectly says next."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.data.reading.examples import Examples
from benchmark.data.reading.tokens import Coding, examples_of_texts
from benchmark.tasks.language import BOS, EOS, PAD, SPECIAL

if TYPE_CHECKING:
    from benchmark.data.sources.markov import Chain, Markov

Floats = NDArray[np.float64]


def examples_of_chains(markov: "Markov") -> Examples:
    """Return the sequences chain by chain: texts without a question, whose words are the numbers of the states."""
    rng = np.random.default_rng(markov.seed)
    drawn = [_draw(transitions(markov, chain), chain, rng) for chain in markov.chains]
    texts = [("", " ".join(map(str, sequence))) for sequences in drawn for sequence in sequences.tolist()]
    subjects = np.repeat(np.arange(len(drawn)), [chain.sequences for chain in markov.chains])
    vocabulary = (*SPECIAL, *map(str, range(markov.states)))
    coding = Coding(vocabulary, lambda text: [len(SPECIAL) + int(word) for word in text.split()])
    return examples_of_texts(texts, None, subjects, tuple(chain.name for chain in markov.chains), coding=coding)


def transitions(markov: "Markov", chain: "Chain") -> Floats:
    """Return a chain's probabilities of the next state, `[states + 1, states]`; the last row is of the first state."""
    inside = np.isin(np.arange(markov.states), chain.states)
    row = np.where(inside, (1 - markov.leakage) / inside.sum(), markov.leakage / (~inside).sum())
    moves = np.where(inside[:, None], row, 1 / markov.states)
    return np.vstack([moves, row])


def ideal_probabilities(markov: "Markov", weights: Mapping[str, float], inputs: NDArray[np.int64]) -> Floats:
    """Return the probabilities of the next token at every place of `inputs` `[n, context]`, `[n, context, tokens]`.

    Those of the mixture of the chains in `weights`, whose sequences are as frequent as these say: each chain's own
    probabilities, weighted by its posterior probability given the tokens so far; a chain whose sequences are as long
    as this one says `<eos>`. nan behind the end of a sequence, and where no chain of the mixture can have gone on so.
    """
    chains = [chain for chain in markov.chains if weights.get(chain.name)]
    tables = [transitions(markov, chain) for chain in chains]
    n, context = inputs.shape
    found = np.full((n, context, len(SPECIAL) + markov.states), np.nan)
    posterior = np.tile([float(weights[chain.name]) for chain in chains], (n, 1))
    for place in range(context):
        own = np.stack(
            [_next(table, chain.length, place, inputs[:, place]) for table, chain in zip(tables, chains, strict=True)]
        )  # [chains, n, tokens]
        with np.errstate(invalid="ignore"):
            mixed = np.einsum("nc,cnt->nt", posterior / posterior.sum(axis=1, keepdims=True), own)
        inside = inputs[:, place] != PAD
        found[inside, place] = mixed[inside]
        if place + 1 < context:
            posterior = posterior * np.take_along_axis(own, inputs[None, :, place + 1, None], axis=2)[..., 0].T
    return found


def _next(table: Floats, length: int, place: int, tokens: NDArray[np.int64]) -> Floats:
    """Return what a chain says behind `tokens` `[n]`, of which there are `place` states, `[n, tokens]`.

    Nothing (zeros) where its sequences are shorter than that.
    """
    found = np.zeros((len(tokens), len(SPECIAL) + table.shape[1]))
    if place == length:
        found[:, EOS] = 1
    elif place < length:
        states = np.where(tokens == BOS, len(table) - 1, tokens - len(SPECIAL))
        found[:, len(SPECIAL) :] = table[states]
    return found


def _draw(table: Floats, chain: "Chain", rng: np.random.Generator) -> NDArray[np.int64]:
    """Return sequences of a chain, `[sequences, length]`."""
    reached, found = table.cumsum(axis=1), np.full((chain.sequences, chain.length), len(table) - 1)
    before = found[:, 0].copy()
    for place in range(chain.length):
        chance = rng.random((chain.sequences, 1))
        before = (reached[before, :-1] <= chance).sum(axis=1)
        found[:, place] = before
    return found
