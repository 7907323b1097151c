"""A short version of `python scripts/fuzz.py`: whatever is read ends well or in one sentence."""

import socket

import fuzz
import numpy as np
import pytest
from fuzzing.entries import CARD
from fuzzing.mutations import mutated
from fuzzing.offline import OFFLINE

from benchmark.data import load_problem
from benchmark.data.reading import fashion_mnist
from benchmark.errors import BenchError, MissingData
from benchmark.models import rehearsal
from benchmark.scenario.schema import load_scenario


def failures(kind, cases):
    numbers = [kind + len(fuzz.KINDS) * each for each in range(cases)]
    return {number: found for number in numbers if (found := fuzz.run_case(1, number))}


@pytest.fixture
def alone(monkeypatch):
    """Let cases start no process, which takes seconds."""
    monkeypatch.setattr(rehearsal, "rehearse", rehearsal.rehearse_here)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("kind", range(len(fuzz.KINDS)), ids=list(fuzz.KINDS))
@pytest.mark.seconds
def test_whatever_is_read_ends_well_or_in_one_sentence(kind):
    assert failures(kind, 8) == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(len(fuzz.KINDS)), ids=list(fuzz.KINDS))
def test_whatever_is_read_ends_well_or_in_one_sentence_in_many_cases(kind):
    assert failures(kind, 100) == {}


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion"])
def test_no_case_downloads_anything(name, tmp_path, monkeypatch):
    asked = []

    def case(rng, workspace):
        with pytest.raises(MissingData, match="could not be downloaded"):
            load_problem(load_scenario(name))
        assert len(asked) >= 1

    def refuse(address, *arguments, **named):
        asked.append(address)
        raise ConnectionRefusedError("nobody listens")

    for variable in OFFLINE:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(fashion_mnist, "PACKAGED", tmp_path)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(fuzz, "KINDS", {"case": case})
    assert fuzz.run_case(0, 0) is None
    assert set(asked) == {("127.0.0.1", 9)}


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
