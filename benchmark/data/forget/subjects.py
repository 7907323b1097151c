"""All examples of some subjects."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet, Models, draw_seeds
from benchmark.errors import BadScenario
from benchmark.scenario.sections import Count, Seed

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.training_set import TrainingSet


@FORGET_SETS.add
class SubjectForget(ForgetSet):
    """All training examples of some subjects: `subjects` by name, or `count` of those in train."""

    kind: Literal["subject"]
    subjects: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    count: Count | None = None
    """The first so many in the order of their names or, with a seed, drawn at random."""
    seed: Seed | None = None
    elsewhere: Literal["drop"] | None = None
    """Drop: validation and test lose these subjects too, where a retrained model cannot know them; absent: they stay.
    """

    @model_validator(mode="after")
    def _one_way_of_choosing(self) -> "SubjectForget":
        if (self.subjects is None) == (self.count is None):
            raise ValueError("forget needs one of subjects (names) and count (how many), not none and not both")
        if self.subjects and self.seed is not None:
            raise ValueError("forget.seed is for forget.count, expected none beside forget.subjects")
        return self

    @property
    def drops_elsewhere(self) -> bool:
        return self.elsewhere == "drop"

    def select(self, train: "TrainingSet", models: Models) -> "Tensor":
        """Select all examples of the subjects: none of theirs is left in retain."""
        import numpy as np
        import torch

        from benchmark.data.names import check_kept, codes_of

        examples = train.examples
        if train.subjects is None:
            raise BadScenario(
                "forget.kind is 'subject', but the data knows no subjects; add them or choose another kind"
            )
        known = train.subjects.unique()
        if self.subjects is not None:
            check_kept(examples, examples.subjects, self.subjects, examples.subject_names, "subjects")
            return torch.isin(train.subjects, codes_of(self.subjects, examples.subject_names, known, "subjects"))
        present = known.numpy()  # in the order of their names
        count = self.count or 0
        if count >= len(present):
            raise BadScenario(
                f"forget.count is {count}, expected less than the {len(present)} subjects in train; lower it"
            )
        if self.seed is not None:
            present = np.random.default_rng(self.seed).permutation(present)
        return torch.isin(train.subjects, torch.from_numpy(present[:count]))

    def others(self, train: "TrainingSet", chosen: "Tensor", seed: int) -> list[ForgetSet]:
        """Return draws of as many subjects."""
        count = self.count or len(self.subjects or ())
        about = {"kind": "subject", "count": count, "elsewhere": self.elsewhere}
        return [SubjectForget(**about, seed=own) for own in draw_seeds(seed)]
