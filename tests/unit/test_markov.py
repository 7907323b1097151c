"""Mixtures of Markov chains: transitions, sequences, and the ideal answer by Bayes' rule on whole sequences."""

import numpy as np
import pytest

from benchmark.data.reading.examples import fault_of_examples
from benchmark.data.reading.markov import ideal_probabilities, transitions
from benchmark.data.sources.markov import Chain, Markov
from benchmark.tasks.language import EOS, PAD

CHAINS = (
    Chain(name="a", states=(0, 1), length=4, sequences=3000),
    Chain(name="b", states=(2,), length=4, sequences=1000),
    Chain(name="short", states=(1, 3), length=2, sequences=500),
)
MARKOV = Markov(source="markov", states=5, leakage=0.2, chains=CHAINS, seed=2)
EXAMPLES = MARKOV.load(None)
INPUTS = EXAMPLES.inputs.numpy()
FIRST = 4  # the token of state 0


def test_a_chain_stays_in_its_states_but_for_leaks():
    table = transitions(MARKOV, CHAINS[0])
    np.testing.assert_allclose(table.sum(axis=1), 1)
    np.testing.assert_allclose(table[0], [0.4, 0.4, 0.2 / 3, 0.2 / 3, 0.2 / 3])
    np.testing.assert_allclose(table[0], table[5])  # the first state
    np.testing.assert_allclose(table[3], 0.2)


def test_sequences_follow_the_chain_of_their_subject():
    assert fault_of_examples(EXAMPLES) == ""
    own = INPUTS[(EXAMPLES.subjects == 0).numpy(), 1:] - FIRST
    pairs = np.concatenate([own[:, at : at + 2] for at in range(3)])
    table = transitions(MARKOV, CHAINS[0])
    for state in range(5):
        behind = pairs[pairs[:, 0] == state, 1]
        error = np.sqrt(table[state] * (1 - table[state]) / len(behind))
        assert (abs(np.bincount(behind, minlength=5) / len(behind) - table[state]) < 4.5 * error).all()
    assert EXAMPLES.targets[-1].tolist()[:4] == [*INPUTS[-1, 1:3], EOS, -100]


def chance_of(sequence, chain):
    """Return the probability that a chain says a whole sequence and then ends, by a plain walk."""
    if len(sequence) != chain.length:
        return 0.0
    table, before, found = transitions(MARKOV, chain), 5, 1.0
    for state in sequence:
        found, before = found * table[before, state], state
    return found


def test_the_ideal_answer_is_the_share_among_all_sequences_that_begin_so():
    weights = {"a": 3.0, "b": 1.0, "short": 0.5}
    everything = [
        tuple(each) for length in (2, 4) for each in np.stack(np.meshgrid(*[range(5)] * length), -1).reshape(-1, length)
    ]
    mass = {each: sum(weights[chain.name] * chance_of(each, chain) for chain in CHAINS) for each in everything}
    inputs = np.array([[1, 4, 6, 6, 4], [1, 5, 7, PAD, PAD], [1, 8, 8, 5, 5]])
    found = ideal_probabilities(MARKOV, weights, inputs)
    for row, tokens in enumerate(inputs):
        for place in range(5):
            if tokens[place] == PAD:
                assert np.isnan(found[row, place]).all()
                continue
            begun = tuple(tokens[1 : place + 1] - FIRST)
            whole = {each: own for each, own in mass.items() if each[:place] == begun}
            expected = np.zeros(9)
            for each, own in whole.items():
                expected[EOS if len(each) == place else FIRST + each[place]] += own / sum(whole.values())
            np.testing.assert_allclose(found[row, place], expected, atol=1e-12)


def test_a_single_chain_says_its_own_transitions_and_nothing_of_longer_sequences():
    found = ideal_probabilities(MARKOV, {"short": 1.0}, np.array([[1, 4, 6, 6, 4]]))[0]
    table = transitions(MARKOV, CHAINS[2])
    np.testing.assert_allclose(found[0, FIRST:], table[5])
    np.testing.assert_allclose(found[1, FIRST:], table[0])
    assert found[2, EOS] == 1
    assert np.isnan(found[3:]).all()


@pytest.mark.parametrize(
    ("chain", "sentence"),
    [
        (Chain(name="a", states=(0,), length=2, sequences=2), "names a, b, short, a, expected each once"),
        (Chain(name="c", states=(5,), length=2, sequences=2), "the chain c has the states"),
        (Chain(name="c", states=(0, 0), length=2, sequences=2), "the chain c has the states"),
    ],
)
def test_chains_differ_and_have_states_that_exist(chain, sentence):
    with pytest.raises(ValueError, match=sentence):
        Markov(source="markov", states=5, leakage=0.2, chains=(*CHAINS, chain))
