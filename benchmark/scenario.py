"""A scenario: everything that makes two results comparable. TOML in, a validated, frozen, hashed object out."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.errors import BenchError
from benchmark.seeds import derive_seed

SHIPPED = Path(__file__).parent / "scenarios"

# Part of every pool's hash: raise it when the code trains other models from the same scenario.
TRAINING_VERSION = 1

Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Role = Literal["original", "retrained", "calibration"]
"""Calibration: a second, independent retrained population, against which perfect unlearning is measured."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Data(_Section):
    """Where the examples come from and how many each split gets; splits are stratified by class."""

    source: Literal["digits"]
    train: Count
    validation: Count
    test: Count
    seed: Seed


class Forget(_Section):
    """Which training examples have to be forgotten."""

    kind: Literal["random"]
    size: Count
    seed: Seed


class Architecture(_Section):
    """A network by name; `widths` are the hidden layers of an mlp, the channels of a cnn's convolutions."""

    name: Literal["mlp", "cnn"]
    widths: Annotated[tuple[Count, ...], Field(min_length=1)]


class Recipe(_Section):
    """How a model is trained: once for originals, retrained models and the oracle."""

    optimizer: Literal["sgd", "adam"]
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["constant", "linear", "cosine"]
    epochs: Count
    batch_size: Count
    class_weights: bool = False

    @model_validator(mode="after")
    def _momentum_belongs_to_sgd(self) -> "Recipe":
        if self.optimizer == "adam" and self.momentum:
            raise ValueError(f"momentum is {self.momentum}, expected none with the optimizer adam")
        return self


class Protocol(_Section):
    """How many models are compared, and by which rules."""

    models: Annotated[int, Field(ge=4)]
    """N; the intervals take halves of halves, hence at least four."""
    originals: Count | None = None
    """Originals that the runs start from, in turn; absent: every run has its own."""
    delta: Annotated[float, Field(gt=0, lt=1)]
    budget: Annotated[float, Field(gt=0, le=1)]
    """The share of the retraining time that the median run may cost."""
    timeout: Annotated[float, Field(gt=0)]
    """Wall-clock seconds after which a single run is killed."""
    block: Count
    """Models trained together and stored as one file."""
    controls: tuple[str, ...] = ()
    """Submissions that calibrate the board: no rank, no budget."""
    seed: Seed

    @model_validator(mode="after")
    def _originals_fit(self) -> "Protocol":
        if self.originals is not None and self.originals > self.models:
            raise ValueError(f"originals is {self.originals}, expected at most models ({self.models})")
        return self


class Scenario(_Section):
    """The whole file. `hash` names what is compared, `pool_hash` the part that determines the models."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    description: str
    data: Data
    forget: Forget
    architecture: Architecture
    recipe: Recipe
    protocol: Protocol

    @model_validator(mode="after")
    def _forget_set_fits(self) -> "Scenario":
        if self.forget.size >= self.data.train:
            raise ValueError(f"forget.size is {self.forget.size}, expected less than data.train ({self.data.train})")
        return self

    @property
    def hash(self) -> str:
        """12 hex digits over everything but the name and the description."""
        return _digest({"training": TRAINING_VERSION, **self.model_dump(exclude={"name", "description"})})

    def __hash__(self) -> int:
        return hash(self.hash)

    @property
    def pool_hash(self) -> str:
        """12 hex digits over what determines the models: two scenarios that differ in N or δ share a pool."""
        content = self.model_dump(include={"data", "forget", "architecture", "recipe"})
        return _digest(
            {
                "training": TRAINING_VERSION,
                "block": self.protocol.block,
                "seed": self.protocol.seed,
                **content,
            }
        )

    @property
    def label(self) -> str:
        """The name of everything that is kept about this scenario on disk."""
        return f"{self.name}-{self.hash}"

    @property
    def originals(self) -> int:
        """How many different originals the runs start from."""
        return self.protocol.originals or self.protocol.models

    def seed(self, role: str, index: int) -> int:
        """The seed of model `index` of `role`: a function of the scenario, the role and the index alone."""
        return derive_seed(self.pool_hash, role, index)

    def blocks(self, count: int) -> range:
        """The blocks that hold the first `count` models."""
        return range(-(-count // self.protocol.block))

    def indices(self, block: int) -> range:
        """The model indices of `block`. Blocks are always whole, so that a model never depends on N."""
        size = self.protocol.block
        return range(block * size, (block + 1) * size)

    def with_models(self, models: int) -> "Scenario":
        """The same scenario with another N. Raises BenchError when N is impossible."""
        content = self.model_dump()
        content["protocol"]["models"] = models
        return _validated(content, f"scenario {self.name}")


def scenario_names() -> list[str]:
    """The scenarios that ship with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load_scenario(name_or_path: str) -> Scenario:
    """A shipped scenario by name, or any TOML file by path.

    Raises BenchError, in one sentence, when there is no such scenario or its content is not accepted.
    """
    is_path = name_or_path.endswith(".toml")
    path = Path(name_or_path) if is_path else SHIPPED / f"{name_or_path}.toml"
    if not is_path and name_or_path not in scenario_names():
        raise BenchError(
            f"there is no scenario {name_or_path!r}; name one of {', '.join(scenario_names())}, or a .toml file"
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BenchError(f"there is no scenario file {path}; give the path of a TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BenchError(f"{path} could not be read as TOML: {error}; expected a scenario file") from None
    return _validated(content, str(path) if is_path else f"scenario {name_or_path}")


def _validated(content: dict[str, Any], origin: str) -> Scenario:
    try:
        # Through JSON, because in strict mode only JSON's lists may become tuples.
        return Scenario.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise BenchError(f"{origin}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    """The first complaint of pydantic as: which key, what came, what is accepted."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        accepted = ", ".join(_section_at(first["loc"][:-1]).model_fields)
        return f"{key} is not a key this version knows; accepted here: {accepted}"
    if first["type"] == "missing":
        return f"{key} is missing; add it"
    if first["type"] == "value_error":
        return str(first["msg"]).removeprefix("Value error, ")
    expected = str(first["msg"]).replace("Input should be ", "").removeprefix("a valid ")
    return f"{key} is {first['input']!r}, expected {expected}"


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Scenario
    for part in location:
        annotation = section.model_fields[str(part)].annotation
        assert isinstance(annotation, type)
        section = annotation
    return section


def _digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
