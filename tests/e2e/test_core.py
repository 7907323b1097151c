"""The forget set `core`: outliers of another forget set are withheld from submissions, which are judged on them."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import MINIATURE

from benchmark.data.choice import Choice, checksum_of
from benchmark.data.forget.core import CoreForget
from benchmark.data.forget_set import Models, select_from
from benchmark.data.loading import load_problem
from benchmark.data.reading.examples import Examples
from benchmark.errors import BenchError
from benchmark.sandbox.job import job_of
from benchmark.scenario.schema import Scenario, load_scenario

N, OUTLIERS = 60, [3, 17]
RANDOM = {"kind": "random", "size": 20, "seed": 0}


class Train:
    """Examples of which every third is of the first class."""

    targets = torch.arange(N) % 3
    examples = Examples(torch.zeros(N, 1), targets, ("a", "b", "c"))

    def __len__(self):
        return N


def features_of(model):
    found = np.random.default_rng(model).normal(size=(N, 4))
    found[OUTLIERS[0] * 3] += 9
    found[OUTLIERS[1] * 3] -= 9
    return found


def trained(parts, epochs):
    assert parts.all()
    return SimpleNamespace(features=lambda split: ((m, features_of(m)) for m in range(len(parts))))


def core(**keys):
    return CoreForget.model_validate_json(json.dumps({"kind": "core", "seed": 0, "models": 3, **keys}))


def test_outliers_are_forgotten_and_withheld():
    forget = core(of={"kind": "class", "classes": ["a"]}, share=0.1)
    mask, scores, withheld, *_ = select_from(forget, Train(), Models(1, trained))
    assert mask.tolist() == [i % 3 == 0 for i in range(N)]
    assert withheld.nonzero().flatten().tolist() == [3 * each for each in OUTLIERS]
    assert scores["isolation"][withheld.numpy()].min() > 0.6
    assert scores["isolation"][::3].mean() < 0.55


def test_a_core_is_never_empty():
    with pytest.raises(BenchError, match="20 withheld examples, expected some of the 20 selected, and not all"):
        select_from(core(of={"kind": "class", "classes": ["a"]}, share=0.99), Train(), Models(1, trained))


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"kind": "hardness"}, r"forget\.of\.kind is 'hardness', expected one of class, .*random, rows, subject"),
        ({"kind": "core"}, r"forget\.of\.kind is 'core'"),
        ({"size": 3}, r"forget\.of\.kind is None"),
        ("random", r"forget\.of\.kind is None"),
        ({"kind": "random", "size": 3, "seed": -1}, "greater than or equal to 0"),
    ],
)
def test_what_a_core_cannot_be_of_is_told(section, sentence):
    with pytest.raises(ValueError, match=sentence):
        core(of=section)


def test_the_hash_counts_the_whole_and_what_is_withheld():
    content = load_scenario("digits").model_dump()
    hashes = set()
    for of, share in ((RANDOM, 0.1), (RANDOM, 0.2), ({**RANDOM, "seed": 1}, 0.1)):
        content["forget"] = {"kind": "core", "seed": 0, "of": of, "share": share}
        scenario = Scenario.model_validate_json(json.dumps(content))
        assert Scenario.model_validate_json(json.dumps(scenario.model_dump())).hash == scenario.hash
        hashes.add(scenario.hash)
    assert len(hashes) == 3
    assert checksum_of([1, 2]) != checksum_of([1, 2], [2]) != checksum_of([1, 2], [1])
    with pytest.raises(ValueError, match="withheld has others than ids, or all of them"):
        Choice(decided_by="0" * 12, sha256=checksum_of([1], [1]), ids=(1,), withheld=(1,))


def test_submissions_get_the_core_and_are_judged_on_all():
    scenario = load_scenario("digits")
    problem = load_problem(scenario)
    withheld = torch.arange(50) < 5
    given = job_of(scenario, replace(problem, withheld=withheld), "cpu", None)
    assert given.forget.ids.tolist() == problem.forget.ids[5:].tolist()
    assert not set(given.retain.ids.tolist()) & set(problem.forget.ids.tolist())
    assert job_of(scenario, problem, "cpu", None).forget.ids.tolist() == problem.forget.ids.tolist()


def test_of_and_share_are_checked_with_the_file(tmp_path):
    path = tmp_path / "core.toml"
    section = 'kind = "core"\nof = { kind = "random", size = 500, seed = 0 }\nseed = 0'
    path.write_text(MINIATURE.replace('kind = "random"\nsize = 10\nseed = 0', section))
    with pytest.raises(BenchError, match=r"forget\.size is 500, expected less than data\.train \(200\)"):
        load_scenario(str(path))
