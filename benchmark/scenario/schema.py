"""A scenario: everything that makes two results comparable. TOML in, a validated, frozen, hashed object out."""

import hashlib
import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError, model_validator

from benchmark.data.access import Access
from benchmark.data.choice import with_known_choice
from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ForgetSet
from benchmark.data.manipulation import Manipulation
from benchmark.data.manipulations import MANIPULATIONS
from benchmark.data.source import Source
from benchmark.data.sources import SOURCES
from benchmark.errors import BadScenario, BadUsage
from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS
from benchmark.scenario.complaints import sentence_of
from benchmark.scenario.kinds import union_of
from benchmark.scenario.protocol import Protocol
from benchmark.scenario.sections import LARGEST_FILE, Count, Section
from benchmark.seeds import Seeds
from benchmark.storage.reading import read_file
from benchmark.tasks import TASKS, Task
from benchmark.tasks.classification import Classification
from benchmark.text import did_you_mean, reason_of, shown

SHIPPED = Path(__file__).parents[1] / "scenarios"

# Part of every pool's hash: raise it when the code trains other models from the same scenario.
TRAINING_VERSION = 1

_SALT = 32  # characters: 128 bits in hex digits

if TYPE_CHECKING:
    Data = Source
    Forget = ForgetSet
    Architecture = Network
    TaskSection = Task
    Manipulated = Manipulation | None
else:
    Data = union_of(SOURCES, "source")
    Forget = union_of(FORGET_SETS, "kind")
    Architecture = union_of(NETWORKS, "name")
    TaskSection = union_of(TASKS, "kind")
    Manipulated = union_of(MANIPULATIONS, "kind", optional=True)

Role = Literal["original", "retrained", "calibration", "clean"]
"""Calibration: a second, independent retrained population, against which perfect unlearning is measured. Clean, of a
scenario with manipulated examples: trained on train without any of them, also those that nobody has identified."""


class Recipe(Section):
    """The training of a model: written once for originals, retrained models and `retrain`."""

    optimizer: Literal["sgd", "adam"]
    learning_rate: Annotated[float, Field(gt=0, le=1e6)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    schedule: Literal["constant", "linear", "cosine"]
    epochs: Annotated[int, Field(ge=1, le=10**6)]
    batch_size: Count
    class_weights: bool = False
    augmentation: Annotated[tuple[Literal["crop", "flip"], ...], Field(min_length=1)] | None = None
    """Images only: a random crop of the image with 4 black pixels around it, a random mirror image."""
    precision: Literal["bfloat16"] | None = None
    """Of the forward and backward pass, where torch's autocast allows it; weights and losses are float32 always."""

    @model_validator(mode="after")
    def _momentum_belongs_to_sgd(self) -> "Recipe":
        if self.optimizer == "adam" and self.momentum:
            raise ValueError(f"momentum is {self.momentum}, expected none with the optimizer adam")
        return self


class Scenario(Section):
    """The whole file. `hash` names what is compared, `pool_hash` the part that determines the models."""

    further_keys = ("base",)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]
    description: Annotated[str, Field(max_length=10_000)]
    data: Data
    forget: Forget
    architecture: Architecture
    recipe: Recipe
    protocol: Protocol
    task: TaskSection = Classification()
    """What the models are trained for and judged by; absent: classification."""
    manipulation: Manipulated = None
    """What is done to some training examples before anything trains; absent: nothing."""
    salt: str | None = Field(default=None, repr=False)
    """Of a hidden scenario: counts for the hashes, is never published: nobody can try forget sets on them."""

    @model_validator(mode="after")
    def _salt_is_long(self) -> "Scenario":
        if self.salt is not None and len(self.salt) < _SALT:
            raise ValueError(f"salt has {len(self.salt)} characters, expected at least {_SALT}, drawn at random")
        return self

    @model_validator(mode="after")
    def _classes_are_known(self) -> "Scenario":
        if self.recipe.class_weights and not self.task.has_classes:
            raise ValueError(
                f"recipe.class_weights is true, but the task {self.task.kind} has no classes; take it out of the recipe"
            )
        return self

    @model_validator(mode="after")
    def _manipulation_fits(self) -> "Scenario":
        if self.manipulation is not None and not self.task.has_classes:
            raise ValueError(f"manipulation is for tasks with classes, but the task is {self.task.kind}; take it out")
        return self

    @model_validator(mode="after")
    def _forget_set_fits(self) -> "Scenario":
        if self.data.train_size is not None:  # other sources know it only once they are read
            self.forget.check_size(self.data.train_size)
        if self.data.has_pairs and self.forget.parts_subjects:
            raise ValueError(
                "forget.topics and forget.given part the examples of a subject, but with data.pairs one tells two "
                "facts of it, expected whole subjects; take topics and given out, or pairs"
            )
        return self

    @property
    def hash(self) -> str:
        """12 hex digits over everything but the name and the description.

        They name a scenario on boards and in documents. They do not protect against somebody who makes two scenarios
        with one hash, which takes minutes: compare the files where that matters.
        """
        protocol = self.model_dump(include={"protocol"})
        return _digest({"training": TRAINING_VERSION, **protocol, **self._models()})

    def __hash__(self) -> int:
        return hash(self.hash)

    @property
    def pool_hash(self) -> str:
        """12 hex digits over what determines the models: two scenarios that differ in N or δ share a pool."""
        return _digest(
            {
                "training": TRAINING_VERSION,
                "block": self.protocol.block,
                "seed": self.protocol.seed,
                **({"request": [self.request, self.protocol.requests]} if self.protocol.requests else {}),
                **self._models(),
            }
        )

    @property
    def choice_hash(self) -> str:
        """12 hex digits over what decides the choice of a forget set that asks for models."""
        content = self._models()
        forget = {key: value for key, value in content["forget"].items() if key != "chosen"}
        return _digest({"training": TRAINING_VERSION, "block": self.protocol.block, **content, "forget": forget})

    @property
    def training_hash(self) -> str:
        """12 hex digits over what decides a model but its examples and its seed."""
        content = {key: value for key, value in self._models().items() if key != "forget"}
        return _digest({"training": TRAINING_VERSION, "block": self.protocol.block, **content})

    def _models(self) -> dict[str, Any]:
        """Return what decides the models. None is left out: keys added later change no hash where they are absent."""
        sections = {"data", "forget", "architecture", "recipe", "salt", "task", "manipulation"} - self._left_out()
        return self.model_dump(include=sections, exclude_none=True)

    def _left_out(self) -> set[str]:
        """Return the keys that say nothing: without them the scenario is the same."""
        silent = {"task": self.task == Classification(), "manipulation": self.manipulation is None}
        return {key for key, says_nothing in silent.items() if says_nothing}

    def published(self) -> dict[str, Any]:
        """Return the content that manifests hold: of a scenario with a salt neither that nor what is forgotten."""
        content = self.model_dump(exclude={"salt"} | self._left_out())
        if self.salt is None:
            return content
        hidden = {"forget": self.forget, "manipulation": self.manipulation}
        return {**content, **{name: {"kind": own.kind} for name, own in hidden.items() if own is not None}}

    @property
    def label(self) -> str:
        """The name of everything that is kept about this scenario on disk."""
        return f"{self.name}-{self.hash}"

    @property
    def originals(self) -> int:
        """The number of different originals that the runs start from."""
        return self.protocol.originals or self.protocol.models

    @property
    def roles(self) -> tuple[Role, ...]:
        """The populations of the reference pool."""
        return tuple(role for role in get_args(Role) if role != "clean" or self.manipulation is not None)

    @property
    def request(self) -> int:
        """The number of the request after which nets are looked at, from 1."""
        return self.protocol.request or self.protocol.requests or 1

    def after_request(self, number: int) -> "Scenario":
        """Return the scenario where nets are looked at after that request: the same, or a scenario of its own."""
        last = self.protocol.requests or 1
        stem = self.name if self.protocol.request is None else self.name.removesuffix(f"-{self.request}")
        name, request = (stem, None) if number == last else (f"{stem}-{number}", number)
        return self.model_copy(update={"name": name, "protocol": self.protocol.model_copy(update={"request": request})})

    @property
    def last(self) -> "Scenario":
        """The scenario after the last request: the one that values are tuned for."""
        return self.after_request(self.protocol.requests or 1)

    @property
    def so_far(self) -> tuple["Scenario", ...]:
        """The scenarios after each request up to this one, which comes last."""
        return *(self.after_request(number) for number in range(1, self.request)), self

    @property
    def earlier(self) -> "Scenario | None":
        """The scenario after the request before, whose unlearned nets are this one's originals; None at the first."""
        return self.so_far[-2] if self.request > 1 else None

    def access_of(self, submission: str) -> Access | None:
        """Return what the submission of that name is given; None for everything, as the controls are."""
        return None if submission in self.protocol.controls else self.protocol.access

    def seed(self, role: str, index: int) -> int:
        """The public seed of model `index` of `role`: a function of the scenario, the role and the index alone."""
        return Seeds(self.pool_hash).of(role, index)

    def blocks(self, count: int) -> range:
        """Return the blocks that hold the first `count` models."""
        return range(-(-count // self.protocol.block))

    def block_count(self, role: Role) -> int:
        """Return how many blocks of a role are trained; all but the originals are for every request."""
        if role == "original":
            return len(self.blocks(self.originals))
        return self.request * len(self.blocks(self.protocol.models))

    def indices(self, block: int) -> range:
        """Return the model indices of `block`. Blocks are always whole, so that a model never depends on N."""
        size = self.protocol.block
        return range(block * size, (block + 1) * size)

    def with_models(self, models: int) -> "Scenario":
        """Return the same scenario with another N. Raises BenchError when N is impossible."""
        content = self.model_dump()
        content["protocol"]["models"] = models
        return _validate(content, f"scenario {self.name}")


def options(name: str, models: int) -> str:
    """Return the options of `bench` that choose a scenario and its N; of a user's own, the file it should be in."""
    return f"--scenario {name if is_shipped(name) else f'{name}.toml'} --models {models}"


def scenario_names() -> list[str]:
    """Return the scenarios that ship with the package."""
    return _names_in(SHIPPED)


@cache
def _names_in(folder: Path) -> list[str]:
    """Return the scenarios in a folder, which is listed once: a site asks for them with every page."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def is_shipped(name: str) -> bool:
    """Tell whether `load_scenario` knows the name: of a scenario that ships, or of one after an earlier request."""
    return name in scenario_names() or _request_in(name) is not None


def _request_in(name: str) -> tuple[str, int] | None:
    """Return the scenario and the request that a name such as "digits-requests-2" stands for; None where for none."""
    stem, _, number = name.rpartition("-")
    if stem not in scenario_names() or not re.fullmatch(r"[1-9][0-9]{0,3}", number):
        return None
    requests = _content(SHIPPED / f"{stem}.toml")["protocol"].get("requests", 1)
    return (stem, int(number)) if int(number) < requests else None


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Return a scenario: everything that makes two results comparable, validated and frozen.

    A file with the key `base` starts from the shipped scenario of that name: of its sections recipe and protocol the
    keys it writes are replaced, of the others, which come in kinds, the whole section.

    Parameters
    ----------
    name_or_path : str or Path
        A shipped scenario's name, or the path of any .toml file. Of a scenario whose forget set is asked for in
        several requests, NAME-1 is the one after the first.

    Returns
    -------
    Scenario
        `hash` names its content; `with_models(n)` is the same with another N.

    Raises
    ------
    BenchError
        If there is no such scenario or its content is not accepted, in one sentence.

    Examples
    --------
    >>> scenario = load_scenario("digits")
    >>> scenario.hash, scenario.protocol.models, scenario.protocol.delta
    ('f1ae3288bb17', 512, 1e-05)
    """
    if not isinstance(name_or_path, str | Path):
        raise BadUsage(f"a scenario of type {type(name_or_path).__name__} came, expected a name or a path")
    name_or_path = str(name_or_path)
    is_path = name_or_path.endswith(".toml")
    if name_or_path not in scenario_names() and (known := _request_in(name_or_path)):
        stem, number = known
        return load_scenario(stem).after_request(number)
    path = Path(name_or_path) if is_path else _shipped_path(name_or_path, ", or a .toml file")
    origin = str(path) if is_path else f"scenario {name_or_path}"
    return _filled_in(_validate(_content(path), origin), path.parent)


def _content(path: Path) -> dict[str, Any]:
    """Return what a file says, on top of what its base does, which may have one too."""
    content = _read(path)
    if "base" not in content:
        return content
    base = _content(_shipped_path(content.pop("base"), " as base"))
    for section in ("recipe", "protocol"):
        if isinstance(content.get(section), dict):
            content[section] = base[section] | content[section]
    return base | content


def _shipped_path(name: str, alternative: str) -> Path:
    if name not in scenario_names():
        known = scenario_names()
        raise BadScenario(
            f"there is no scenario {shown(name)}{did_you_mean(name, known)}; "
            f"name one of {', '.join(known)}{alternative}"
        )
    return SHIPPED / f"{name}.toml"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_file(path, LARGEST_FILE).decode())
    except FileNotFoundError:
        raise BadScenario(f"there is no scenario file {path}; give the path of a TOML file") from None
    except RecursionError:
        raise BadScenario(f"{path} is nested too deeply to be read as TOML; expected a scenario file") from None
    except IsADirectoryError:
        raise BadScenario(
            f"{path} could not be read as TOML: it is a folder; expected a scenario file: name one in it"
        ) from None
    except (OSError, ValueError) as error:  # tomllib's are of the latter kind, and what int() says of a long number
        raise BadScenario(f"{path} could not be read as TOML: {reason_of(error)}; expected a scenario file") from None


def _filled_in(scenario: Scenario, folder: Path) -> Scenario:
    """Return the scenario with what the hash needs and files only name.

    That is the network's source, checksums of data, and the examples to forget that were chosen by models.
    """
    sections = ("data", "forget", "architecture", "task")
    changes = {name: getattr(scenario, name).filled_in(folder) for name in sections}
    return with_known_choice(scenario.model_copy(update=changes))


def _validate(content: dict[str, Any], origin: str) -> Scenario:
    try:
        # Through JSON, because in strict mode only JSON's lists may become tuples.
        return Scenario.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        raise BadScenario(f"{origin}: {sentence_of(error, Scenario)}") from None
    except (ValueError, RecursionError) as error:  # of numbers too long to be written, of lists within lists
        raise BadScenario(f"{origin} could not be read: {reason_of(error)}; expected a scenario file") from None


def _digest(content: dict[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
