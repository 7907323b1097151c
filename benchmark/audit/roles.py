"""The models of an audit: which roles there are, and what is stored of each model."""

from hashlib import file_digest
from typing import Literal, NamedTuple, get_args

import numpy as np

from benchmark.audit.settings import Audit
from benchmark.storage.places import expect

Role = Literal["retrained", "original", "unlearned", "production", "production_unlearned"]
"""Retrained without the deleted people; trained on everybody; what `unlearn` made of an original; checkpoints of the
models in production, as they are and after unlearning."""
ROLES: tuple[Role, ...] = get_args(Role)
Checkpoint = Literal["production", "production_unlearned"]
CHECKPOINTS: tuple[Checkpoint, ...] = get_args(Checkpoint)

Arrays = dict[str, np.ndarray]
PHI, TEST_PHI, TEST_ACCURACY, SECONDS = "phi", "test_phi", "test_accuracy", "seconds"
"""Names in a block of one model: φ `[deleted people]` and `[test rows]`, the accuracy on the test rows, and the seconds
that training or unlearning took. Blocks of an audit without test rows have no more than the first and the last."""


MAKERS: dict[Role, str] = {
    "retrained": "train",
    "original": "train",
    "unlearned": "unlearn",
    "production": "load",
    "production_unlearned": "load",
}
"""The function of the user's file that returns the models of a role."""


class Task(NamedTuple):
    """A model to be made, or loaded, and asked."""

    role: Role
    number: int
    path: str = ""
    """The checkpoint, where it is one."""
    block: str = ""
    """The name of the block that its signals go to."""

    @property
    def title(self) -> str:
        """The name of the model in sentences."""
        return self.path or f"{self.role} model {self.number}"


def training_task(role: Role, index: int) -> Task:
    """Return the task of training a model, or of unlearning an original."""
    return Task(role, index, block=f"{role}/{index:04}")


def checkpoints(audit: Audit, role: Checkpoint) -> list[Task]:
    """Return the tasks of loading checkpoints; their blocks are named after the content of the files."""
    assert audit.settings.code is not None
    names = getattr(audit.settings.code, role)
    digests = [checkpoint_hash(audit, name, f"code.{role}")[:12] for name in names]
    pairs = enumerate(zip(names, digests, strict=True))
    return [Task(role, index, name, f"{role}/{index:04}-{digest}") for index, (name, digest) in pairs]


def checkpoint_hash(audit: Audit, name: str, key: str) -> str:
    """Return SHA-256 of a checkpoint's file. Raises BadData where there is none."""
    expected = "the file of a trained model that load(path) takes"
    expect(audit.path(name), "file", f"{key} is {name}", expected, f"put it into {audit.folder} or take the line out")
    with audit.path(name).open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
