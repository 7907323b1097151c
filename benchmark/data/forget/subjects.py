"""All examples of some subjects, or those on some topics."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet, Models, Selection, draw_seeds
from benchmark.errors import BadScenario
from benchmark.scenario.sections import Count, Seed, Share

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.training_set import TrainingSet

_Names = Annotated[tuple[str, ...], Field(min_length=1)]


@FORGET_SETS.add
class SubjectForget(ForgetSet):
    """All training examples of some subjects, `subjects` by name or `count` of those in train, perhaps on some topics.

    With `topics` alone: of all subjects that have such examples.
    """

    kind: Literal["subject"]
    subjects: _Names | None = None
    count: Count | None = None
    """The first so many in the order of their names or, with a seed, drawn at random."""
    seed: Seed | None = None
    topics: _Names | None = None
    """Only examples on these, by name: what else there is of the subjects must stay; absent: all examples.

    Private facts to forget beside public ones that must stay (KnowUnDo, Tian et al. 2024, 2407.01920); a forget set
    that is skewed to one domain (PISTOL, Qiu et al. 2024, 2406.16810).
    """
    given: Share | None = None
    """Share of each subject's topics, drawn at random, whose examples submissions are given; absent: all.

    They are judged on the others too, which they have neither to forget nor to retain (entity-level unlearning).
    """
    elsewhere: Literal["drop"] | None = None
    """Drop: validation and test lose what is to be forgotten too, where a retrained model cannot know it; absent: keep.
    """

    @model_validator(mode="after")
    def _one_way_of_choosing(self) -> "SubjectForget":
        if self.subjects and self.count:
            raise ValueError("forget has both subjects (names) and count (how many), expected one of them")
        if not (self.subjects or self.count or self.topics):
            raise ValueError("forget needs one of subjects (names) and count (how many), or topics (names), not none")
        if self.seed is not None and not self.count and self.given is None:
            raise ValueError("forget.seed is for forget.count and forget.given, expected none without these")
        return self

    @property
    def drops_elsewhere(self) -> bool:
        return self.elsewhere == "drop"

    @property
    def parts_subjects(self) -> bool:
        return self.topics is not None or self.given is not None

    def select(self, train: "TrainingSet", models: Models) -> "Tensor | Selection":
        """Select all examples of the subjects on the topics: none of these is left in retain."""
        import torch

        if train.subjects is None:
            raise BadScenario(
                "forget.kind is 'subject', but the data knows no subjects; add them or choose another kind"
            )
        eligible = self._eligible(train)
        chosen = eligible & torch.isin(train.subjects, self._codes(train, train.subjects[eligible].unique()))
        return chosen if self.given is None else Selection(chosen, withheld=self._withhold(train, chosen, self.given))

    def _eligible(self, train: "TrainingSet") -> "Tensor":
        """Return which examples are on the topics, `[n]` bool: all where none is named. Raises BadScenario."""
        import torch

        from benchmark.data.names import codes_of

        if self.topics is None:
            return torch.ones(len(train), dtype=torch.bool)
        if train.topics is None:
            raise BadScenario("forget.topics has names, but the data knows no topics; take forget.topics out")
        names = train.examples.topic_names
        return torch.isin(train.topics, codes_of(self.topics, names, train.topics.unique(), "topics"))

    def _codes(self, train: "TrainingSet", known: "Tensor") -> "Tensor":
        """Return the codes of the subjects to forget, some of the `known` ones. Raises BadScenario."""
        import numpy as np
        import torch

        from benchmark.data.names import check_kept, codes_of

        examples = train.examples
        if self.subjects is not None:
            check_kept(examples, examples.subjects, self.subjects, examples.subject_names, "subjects")
            return codes_of(self.subjects, examples.subject_names, known, "subjects")
        if self.count is None:
            return known
        if self.count >= len(known):
            raise BadScenario(
                f"forget.count is {self.count}, expected less than the {len(known)} subjects in train; lower it"
            )
        present = known.numpy()  # in the order of their names
        if self.seed is not None:
            present = np.random.default_rng(self.seed).permutation(present)
        return torch.from_numpy(present[: self.count])

    def _withhold(self, train: "TrainingSet", chosen: "Tensor", given: float) -> "Tensor":
        """Return which of the chosen examples submissions are not given, `[n]` bool.

        All examples on a topic of a subject go together, so that no wording of a fact gives away that of another; of
        data without topics every example counts by itself. Each subject has some of both. Raises BadScenario.
        """
        import numpy as np
        import torch

        assert train.subjects is not None  # or nothing was chosen
        rng = np.random.default_rng(self.seed or 0)
        units = torch.arange(len(train)) if train.topics is None else train.topics
        withheld = torch.zeros(len(train), dtype=torch.bool)
        for subject in train.subjects[chosen].unique():
            own = chosen & (train.subjects == subject)
            topics = rng.permutation(units[own].unique().numpy())
            if len(topics) < 2:
                name = train.examples.subject_names[int(subject)]
                raise BadScenario(f"{name} has one topic or example to forget, which forget.given cannot divide")
            count = min(max(1, round(given * len(topics))), len(topics) - 1)
            withheld |= own & torch.isin(units, torch.from_numpy(topics[count:]))
        return withheld

    def others(self, train: "TrainingSet", chosen: "Tensor", seed: int) -> list[ForgetSet]:
        """Return draws of as many subjects; on the same topics, unless these alone say what is forgotten."""
        assert train.subjects is not None
        named = self.count or self.subjects
        about = {"kind": "subject", "count": len(train.subjects[chosen].unique()), "elsewhere": self.elsewhere}
        about |= {"topics": self.topics if named else None, "given": self.given}
        return [SubjectForget(**about, seed=own) for own in draw_seeds(seed)]
