"""Access without retained examples, and to the forget set alone."""

from typing import TYPE_CHECKING, Literal

from benchmark.data.access import Access, Given, everything_of, nothing_of
from benchmark.data.accesses import ACCESSES

if TYPE_CHECKING:
    from benchmark.data.problem import Problem


@ACCESSES.add
class NoRetain(Access):
    """The forget set and validation examples, and no retained example: the training data is gone.

    The setting of SCAR (Bonato et al., ECCV 2024).
    """

    kind: Literal["no-retain"]

    @property
    def sentence(self) -> str:
        return "submissions are given no retained example: the retain loader is empty"

    def give(self, problem: "Problem") -> Given:
        """Return the forget and validation examples."""
        return everything_of(problem)._replace(retain=nothing_of(problem.retain))


@ACCESSES.add
class ForgetOnly(Access):
    """The forget set and no other example."""

    kind: Literal["forget-only"]

    @property
    def sentence(self) -> str:
        return "submissions are given the forget set alone: the retain and the validation loader are empty"

    def give(self, problem: "Problem") -> Given:
        """Return the forget examples."""
        return Given(nothing_of(problem.retain), problem.given, nothing_of(problem.validation))
