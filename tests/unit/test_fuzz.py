"""A short version of `python scripts/fuzz.py`: whatever is read ends well or in one sentence."""

import importlib.util

import numpy as np
import pytest
from conftest import REPOSITORY

from benchmark.errors import BenchError

specification = importlib.util.spec_from_file_location("fuzz", REPOSITORY / "scripts" / "fuzz.py")
fuzz = importlib.util.module_from_spec(specification)
specification.loader.exec_module(fuzz)


@pytest.mark.parametrize("kind", range(len(fuzz.KINDS)), ids=list(fuzz.KINDS))
def test_whatever_is_read_ends_well_or_in_one_sentence(kind):
    numbers = [kind + len(fuzz.KINDS) * each for each in range(21)]
    failures = {number: found for number in numbers if (found := fuzz.run_case(1, number))}
    assert failures == {}


def test_a_case_is_the_same_each_time_and_most_are_different():
    cases = [fuzz.mutated(fuzz.CARD, np.random.default_rng([0, number]), 2) for number in (3, 3, 4)]
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
