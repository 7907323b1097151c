"""Requests to be forgotten that come one after another: which part of the forget set each asks for."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BadScenario
from benchmark.seeds import derive_seed
from benchmark.split import Split

if TYPE_CHECKING:
    from benchmark.scenario.schema import Scenario


class SoFar(NamedTuple):
    """Train after some of the requests, `[n]` bool each."""

    forgotten: Tensor
    """What has been asked for so far: no retrained model has seen it."""
    withheld: Tensor | None
    """What of it submissions are not given: all that earlier requests asked for, and what the forget set withholds."""
    earlier: Tensor
    """What earlier requests asked for."""


def requested_so_far(scenario: "Scenario", train: Split, forgotten: Tensor, withheld: Tensor | None) -> SoFar:
    """Return what the scenario's requests have asked for, of all that it forgets in the end.

    Raises BadScenario where there are more requests than subjects, classes or examples to forget.
    """
    requests = scenario.protocol.requests
    if requests is None:
        return SoFar(forgotten, withheld, torch.zeros_like(forgotten))
    request_of = _share_out(scenario, train, forgotten, requests)
    asked_for = (request_of > 0) & (request_of <= scenario.request)
    earlier = asked_for & (request_of < scenario.request)
    kept_back = earlier if withheld is None else earlier | (withheld & asked_for)
    return SoFar(asked_for, kept_back if kept_back.any() else None, earlier)


def sentence_of(scenario: "Scenario", so_far: SoFar) -> str:
    """Say which request it is, and how many examples were asked for before; "" where there is one request."""
    requests = scenario.protocol.requests
    if requests is None:
        return ""
    before = int(so_far.earlier.sum())
    now = int(so_far.forgotten.sum()) - before
    given = "submissions are given the nets that the request before left, " if scenario.request > 1 else ""
    return (
        f"request {scenario.request} of {requests}: {given}{now} examples are to be forgotten now, {before} were before"
    )


def _share_out(scenario: "Scenario", train: Split, forgotten: Tensor, requests: int) -> Tensor:
    """Return the request that asks for each training example `[n]`, from 1; 0 for those that stay.

    All that is to be forgotten of a subject comes in one request, and of a class where whole classes are forgotten.
    Their order is drawn by what decides the forget set, and requests are of the same size but for one of these.
    """
    what, groups = "examples", torch.arange(len(train))
    if scenario.forget.whole_classes:
        what, groups = "classes", train.targets
    elif train.subjects is not None:
        what, groups = "subjects", train.subjects
    names, codes = groups[forgotten].unique(return_inverse=True)
    if len(names) < requests:
        raise BadScenario(
            f"protocol.requests is {requests}, but there are {len(names)} {what} to forget, expected as many as "
            "requests at least; lower it, or forget more"
        )
    order = np.random.default_rng(derive_seed(scenario.choice_hash, "requests")).permutation(len(names))
    request_of_group = torch.empty(len(names), dtype=torch.int64)
    for number, part in enumerate(np.array_split(order, requests), start=1):
        request_of_group[torch.from_numpy(part)] = number
    found = torch.zeros(len(train), dtype=torch.int64)
    found[forgotten] = request_of_group[codes]
    return found
