"""A short version of `python scripts/fuzz.py`: whatever is read ends well or in one sentence."""

from urllib.error import URLError

import fuzz
import numpy as np
import pytest
import torchvision.datasets as tv
from fuzzing.entries import CARD
from fuzzing.mutations import mutated

from benchmark.errors import BenchError
from benchmark.models import rehearsal


def failures(kind, cases):
    numbers = [kind + len(fuzz.KINDS) * each for each in range(cases)]
    return {number: found for number in numbers if (found := fuzz.run_case(1, number))}


@pytest.fixture
def alone(monkeypatch):
    """Let cases start no process, which takes seconds, and download no data set."""

    def no_network(self):
        raise URLError("no network")

    monkeypatch.setattr(rehearsal, "rehearse", rehearsal.rehearse_here)
    monkeypatch.setattr(tv.CIFAR10, "download", no_network)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", range(len(fuzz.KINDS)), ids=list(fuzz.KINDS))
def test_whatever_is_read_ends_well_or_in_one_sentence(kind):
    assert failures(kind, 8) == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(len(fuzz.KINDS)), ids=list(fuzz.KINDS))
def test_whatever_is_read_ends_well_or_in_one_sentence_in_many_cases(kind):
    assert failures(kind, 100) == {}


def test_a_case_is_the_same_each_time_and_most_are_different():
    cases = [mutated(CARD, np.random.default_rng([0, number]), 2) for number in (3, 3, 4)]
    assert str(cases[0]) == str(cases[1]) != str(cases[2])


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (ValueError("no words for users"), "no words for users"),
        (SystemExit(2), "SystemExit"),
        (fuzz._TooLong("no end"), "no end"),
        (BenchError("a sentence"), None),
    ],
)
def test_anything_but_a_sentence_is_a_failure(raised, said, monkeypatch):
    def case(rng, workspace):
        raise raised

    monkeypatch.setattr(fuzz, "KINDS", {"case": case})
    found = fuzz.run_case(0, 0)
    assert (found is None) if said is None else (said in found)
