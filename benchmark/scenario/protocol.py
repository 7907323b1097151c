"""The section `[protocol]` of a scenario: how many models are compared, and the rules."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from benchmark.data.access import Access
from benchmark.data.accesses import ACCESSES
from benchmark.scenario.kinds import union_of
from benchmark.scenario.sections import Count, Section, Seed

if TYPE_CHECKING:
    Accessible = Access | None
else:
    Accessible = union_of(ACCESSES, "kind", optional=True)


class Protocol(Section):
    """The number of models that are compared, and the rules."""

    models: Annotated[int, Field(ge=6, le=10**6)]
    """N; the intervals take halves, and ε from fewer than three models measures nothing."""
    originals: Count | None = None
    """Originals that the runs start from, in turn; absent: every run has its own."""
    delta: Annotated[float, Field(gt=0, lt=1)]
    budget: Annotated[float, Field(gt=0, le=1)]
    """The share of retraining's time that a run may cost."""
    timeout: Annotated[float, Field(gt=0, le=1e6)]
    """Wall-clock seconds after which a single run is killed."""
    memory: Annotated[float, Field(gt=0, le=1e6)] = 4.0
    """GiB beyond which a single run is killed."""
    block: Annotated[int, Field(ge=1, le=10**6)]
    """Models trained together and stored as one file."""
    controls: tuple[str, ...] = ()
    """Submissions that calibrate the board: no rank, no budget."""
    seed: Seed
    access: Accessible = None
    """What submissions are given of the problem; absent: everything."""

    requests: Annotated[int, Field(ge=2, le=1000)] | None = None
    """The parts that the forget set is asked for in, one after another; absent: it is asked for at once."""
    request: Annotated[int, Field(ge=1)] | None = None
    """The request after which nets are looked at; absent: the last."""
    relearning_steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Steps in which treatments train nets on forget examples; absent: five."""

    @model_serializer(mode="wrap")
    def _without_absent(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what says nothing: scenarios that had no such keys keep their hash."""
        absent = {name for name in ("access", "requests", "request", "relearning_steps") if getattr(self, name) is None}
        return {key: own for key, own in serialise(self).items() if key not in absent}

    @model_validator(mode="after")
    def _originals_fit(self) -> "Protocol":
        if self.originals is not None and self.originals > self.models:
            raise ValueError(f"originals is {self.originals}, expected at most models ({self.models})")
        return self

    @model_validator(mode="after")
    def _request_is_an_earlier_one(self) -> "Protocol":
        if self.request is None:
            return self
        if self.requests is None:
            raise ValueError(f"request is {self.request}, but there are no requests; take it out, or give requests")
        if self.request >= self.requests:
            raise ValueError(f"request is {self.request}, expected 1 to {self.requests - 1}; leave it out for the last")
        return self
