"""Scenarios that nobody outside has seen: files in a folder that only the organiser can read.

`hidden/` holds those that the entries of the end are judged on, `fresh/`, made when intake ends, the same with other
originals and other retrained models. Each folder has a secret, from which forget sets, seeds and salts are drawn.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from benchmark.data.choice import check_settled
from benchmark.errors import BadScenario, BadUsage
from benchmark.references.secret import make_secret, read_secret
from benchmark.scenario.schema import Scenario, load_scenario
from benchmark.seeds import derive_seed
from benchmark.storage.reading import digest_of_file
from benchmark.storage.workspace import write_atomically

HIDDEN, FRESH = "hidden", "fresh"
_SEEDS = 1 << 31  # what every library takes
_SALT = 32  # hex digits


def read_scenarios(folder: Path) -> tuple[Scenario, ...]:
    """Return the scenarios in a folder, in the order of their files; none where there is no folder."""
    return tuple(load_scenario(path) for path in sorted(folder.glob("*.toml")))


def sealed_scenarios(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every scenario's file in a folder, by the scenario's name and hash."""
    return {load_scenario(path).label: digest_of_file(path) for path in sorted(folder.glob("*.toml"))}


def draw_hidden(folder: Path, public: Scenario, count: int) -> None:
    """Write `count` scenarios like the public one, with other seeds of the data, the forget set and the models.

    They are those of the secret that is there, if one is. Raises BadUsage where the forget set has no seed.
    """
    forget = public.forget
    if getattr(forget, "seed", None) is None or forget.asks_models:
        raise BadUsage(
            f"the forget set of {public.name} is of kind {forget.kind!r}, which cannot be drawn from a seed alone; "
            "write the hidden scenarios as files with a salt, and name them in hidden_files"
        )
    secret = _secret_of(folder)
    _drop_earlier(folder)
    for number in range(1, count + 1):
        name = f"{HIDDEN}-{number}"
        content = _with_seeds(public, (secret, name), ("data", "forget", "protocol"))
        content |= {"name": name, "description": "A hidden scenario.", "salt": _salt(secret, name)}
        write_scenario(content, folder / f"{name}.toml", mode=0o600)


def keep_hidden(folder: Path, paths: Sequence[Path], public: Scenario) -> None:
    """Keep hidden scenarios of the organiser's own. Raises BenchError where one has no salt, or another's name."""
    names = [public.name]
    _drop_earlier(folder)
    for path in paths:
        scenario = load_scenario(path)
        if scenario.salt is None:
            raise BadUsage(f"{path} has no salt, expected one, or its forget set can be guessed by its hash; add it")
        check_settled(scenario)
        if scenario.name in names:
            raise BadUsage(f"{path} has the name {scenario.name}, which another scenario has too; rename it")
        names.append(scenario.name)
        write_scenario(scenario.model_dump(), folder / f"{scenario.name}.toml", mode=0o600)


def draw_fresh(folder: Path, hidden: Sequence[Scenario]) -> None:
    """Write the hidden scenarios with other models: another seed and salt, and so a pool of its own."""
    secret = _secret_of(folder)
    for scenario in hidden:
        name = f"{scenario.name}-{FRESH}"
        content = _with_seeds(scenario, (secret, name), ("protocol",))
        content |= {"name": name, "salt": _salt(secret, name)}
        write_scenario(content, folder / f"{name}.toml", mode=0o600)


def write_scenario(content: Mapping[str, Any], path: Path, mode: int = 0o666) -> Scenario:
    """Write a scenario, with all that its own file only names, and return it as it is read from there.

    Raises BadScenario where its data is missing, by which it would be known.
    """
    scenario = Scenario.model_validate_json(json.dumps(content, default=str))
    if getattr(scenario.data, "sha256", "") is None:
        raise BadScenario(f"the data of {scenario.name} is not there; put it into the data folder, or name --data-dir")
    text = tomli_w.dumps(scenario.model_dump(mode="json", exclude_none=True))
    write_atomically(path, text.encode(), mode)
    return load_scenario(path)


def _secret_of(folder: Path) -> str:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return read_secret(folder) or make_secret(folder)


def _drop_earlier(folder: Path) -> None:
    """Remove the scenarios of a call that was interrupted, before which settings may have been others."""
    for path in folder.glob("*.toml"):
        path.unlink()


def _with_seeds(scenario: Scenario, secret: tuple[str, str], sections: Sequence[str]) -> dict[str, Any]:
    """Return a scenario's content with other seeds in some sections, where these have one."""
    content = scenario.model_dump()
    for section in sections:
        if content[section].get("seed") is not None:
            content[section]["seed"] = derive_seed(*secret, section) % _SEEDS
    return content


def _salt(secret: str, name: str) -> str:
    return hashlib.sha256(f"{secret}/{name}/salt".encode()).hexdigest()[:_SALT]
