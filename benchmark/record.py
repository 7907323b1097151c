"""The base of everything that is written to disk as JSON."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """No key too many, no value changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)
