"""Manipulations of train: each is a section of the scenario that spoils some training examples before anything trains.

Corrective unlearning (Goel et al. 2024, 2402.14015): the originals are trained on them, somebody has found a share of
them (the forget set `identified`), and the rest stays unnoticed in retain. What counts is whether the damage is undone.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np

from benchmark.data.answers import MANIPULATION_ANSWERS
from benchmark.errors import BadScenario
from benchmark.scenario.answers import Check
from benchmark.scenario.sections import Section, Seed, Share
from benchmark.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.split import Split


class Triggered(NamedTuple):
    """The examples that show the damage, and the targets that a manipulated model gives them."""

    examples: "Split"
    """With the inputs of manipulated examples and correct targets."""
    misled: "Tensor"
    """Targets `[examples]`, as manipulated."""


class Manipulation(Section):
    """Base of a kind of manipulation. A subclass narrows `kind` to a Literal, adds its own keys and defines `relabel`.

    It lies in a file of `benchmark/data/manipulations/`, decorated with `MANIPULATIONS.add`, or in another package that
    names it as an entry point of the group `unlearning_benchmark.manipulation`. It imports torch only inside its
    methods. `names` are the classes, whose numbers are targets.
    """

    kind: str

    seam: ClassVar[str] = "manipulation"
    answers: ClassVar[Mapping[str, Check]] = MANIPULATION_ANSWERS

    shows_on: ClassVar[Literal["test", "train"]] = "test"
    """The examples that show the damage: of test, which look like manipulated ones, or, where nets learn each by heart,
    the manipulated ones of train."""

    share: Share
    """Of train: the manipulated examples."""
    seed: Seed

    @property
    def called(self) -> str:
        return self.kind

    def eligible(self, split: "Split", names: tuple[str, ...]) -> "Tensor":
        """Return which examples can be manipulated, `[n]` bool; here those whose target changes."""
        return self.relabel(split, names) != split.targets

    def relabel(self, split: "Split", names: tuple[str, ...]) -> "Tensor":
        """Return the targets `[n]` that the examples get when manipulated: of each the same in whatever split it is.

        Raises BenchError where the classes are unknown.
        """
        raise NotImplementedError

    def mark(self, split: "Split") -> "Tensor":
        """Return the inputs `[n, ...]` that manipulated examples get; here their own. Raises BenchError."""
        return split.inputs

    def choose(self, train: "Split", names: tuple[str, ...]) -> "Tensor":
        """Return which examples of train are manipulated, `[n]` bool. Raises BenchError where too few can be."""
        import torch

        able, count = self.eligible(train, names).nonzero().flatten(), round(self.share * len(train))
        if not 1 <= count <= len(able):
            raise BadScenario(
                f"manipulation.share is {self.share}, which is {count} of {len(train)} training examples, expected 1 "
                f"to {len(able)}, as many as can be manipulated; change it"
            )
        rng = np.random.default_rng(derive_seed(self.seed, "manipulation"))
        mask = torch.zeros(len(train), dtype=torch.bool)
        mask[able[torch.from_numpy(rng.permutation(len(able))[:count])]] = True
        return mask

    def manipulate(self, train: "Split", mask: "Tensor", names: tuple[str, ...]) -> "Split":
        """Return train with the examples of `mask` `[n]` manipulated."""
        from dataclasses import replace

        import torch

        marked = mask.view(-1, *[1] * (train.inputs.ndim - 1))
        inputs = torch.where(marked, self.mark(train), train.inputs)
        return replace(train, inputs=inputs, targets=torch.where(mask, self.relabel(train, names), train.targets))

    def trigger(self, test: "Split", chosen: "Split", names: tuple[str, ...]) -> Triggered:
        """Return the examples that show the damage, as manipulated ones look. Raises BenchError where there are none.

        `chosen`: the examples of train that are manipulated, as they were before.
        """
        from dataclasses import replace

        some = chosen if self.shows_on == "train" else test.at(self.eligible(test, names))
        if not len(some):
            raise BadScenario(
                f"manipulation.kind is {self.kind!r}, which none of the {len(test)} test examples would show; add some"
            )
        return Triggered(replace(some, inputs=self.mark(some)), self.relabel(some, names))


def code_of(name: str, names: tuple[str, ...], key: str) -> int:
    """Return the target of a class. Raises BadScenario where there is none of that name; `key` is the scenario's."""
    from benchmark.text import did_you_mean

    if name not in names:
        raise BadScenario(
            f"{key} is {name!r}{did_you_mean(name, names)}, expected a class of the data: {', '.join(names[:10])}"
        )
    return names.index(name)
