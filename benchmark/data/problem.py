"""A problem: the scenario made real, as tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.data.asked import Asked, asked_of
from benchmark.data.perturbing import chosen_perturbations
from benchmark.results.evidence import OF_TRIGGERED, SPLITS, EvidenceForm
from benchmark.scenario.schema import Role
from benchmark.split import Split
from benchmark.tasks import Loss, Task

PARTS = ("train", "retain", "forget", "validation", "test")
"""The splits of a problem."""


class Manipulated(NamedTuple):
    """The manipulated examples of train, and the examples that show the damage."""

    rows: Tensor
    """`[train]` bool."""
    triggered: Split
    """Examples that look like manipulated ones, with correct targets."""
    misled: Tensor
    """Their targets as manipulated."""

    def on(self, device: str) -> "Manipulated":
        """Return the same on a device."""
        return Manipulated(self.rows.to(device), self.triggered.to(device), self.misled.to(device))


@dataclass(frozen=True)
class Problem:
    """`train` is `retain` and `forget` together; `class_weights` `[classes]` only where the recipe asks for them."""

    task: Task

    train: Split
    retain: Split
    forget: Split
    validation: Split
    test: Split
    outputs: int
    """The size of a network's last layer."""
    class_weights: Tensor | None
    seed: int
    """What the probes are drawn from."""
    withheld: Tensor | None = None
    """`[forget]` bool: the forget examples that submissions are not given, though they are judged on them."""
    manipulated: Manipulated | None = None
    refusal: Tensor | None = None
    """`[words]`: the tokens of the answer to questions about what no model is taught, where the source has one."""
    neighbours: Tensor | None = None
    """`[retain]` bool: the retained facts that lie near those to forget, where the source knows of some."""
    inquiries: Mapping[str, Tensor] = field(default_factory=dict)
    """What models of sequences are asked beside the splits, as `store_inquiries` returns it."""

    @property
    def given(self) -> Split:
        """The forget examples that submissions are given."""
        return self.forget if self.withheld is None else self.forget.at(~self.withheld)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def loss(self) -> Loss:
        """The loss that the recipe trains the models on."""
        return self.task.loss(self.class_weights)

    @cached_property
    def evidence_form(self) -> EvidenceForm:
        """The form of the evidence that is kept of its models."""
        targets = {split: getattr(self, split).targets.cpu().numpy() for split in SPLITS}
        if self.manipulated:
            pair = self.manipulated.triggered.targets, self.manipulated.misled
            targets |= {name: own.cpu().numpy() for name, own in zip(OF_TRIGGERED, pair, strict=True)}
        form = EvidenceForm(self.task, targets, self.seed, len(chosen_perturbations(self)), self.outputs)
        return replace(form, asked=self.task.inquiry_shapes(asked_of(self, form.probes)))

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """The questions to models of sequences beside the splits, by name."""
        return asked_of(self, self.evidence_form.probes)

    def probe(self, split: str) -> Split:
        """Return the examples of retain, validation or test that φ is kept of: as many as there are forget examples."""
        examples: Split = getattr(self, split)
        return examples.at(torch.from_numpy(self.evidence_form.probes[split]).to(examples.targets.device))

    @property
    def probed_neighbours(self) -> tuple[bool, ...] | None:
        """Return which examples of retain's probe lie near those to forget; None unless some do and some do not."""
        if self.neighbours is None:
            return None
        probed = tuple(self.neighbours[torch.from_numpy(self.evidence_form.probes["retain"])].tolist())
        return probed if len(set(probed)) > 1 else None

    def examples_of(self, role: Role) -> Split:
        """Return the examples that models of a role are trained on."""
        if role == "clean":
            assert self.manipulated is not None  # else there is no such role
            return self.train.at(~self.manipulated.rows)
        return self.train if role == "original" else self.retain

    def on(self, device: str) -> "Problem":
        """Return the same problem with all its tensors on a device."""
        splits = {name: getattr(self, name).to(device) for name in PARTS}
        weights = None if self.class_weights is None else self.class_weights.to(device)
        withheld = None if self.withheld is None else self.withheld.to(device)
        manipulated = self.manipulated and self.manipulated.on(device)
        inquiries = {name: own.to(device) for name, own in self.inquiries.items()}
        others = {"class_weights": weights, "withheld": withheld, "manipulated": manipulated, "inquiries": inquiries}
        return replace(self, **splits, **others)
