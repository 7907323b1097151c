"""SEARCH_SPACE: the values that tuning tries, read from a submission's source without running any of it.

`(1, 5)` is a range of whole numbers and `(0.1, 1.0)` of numbers, with the ends; `(1e-5, 1e-1, "log")` is even in the
logarithm; a list holds choices. Its keys are some of HYPERPARAMETERS', whose values are what is published.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import BadSubmission
from benchmark.submissions.constants import PUBLISHED, assignment_of, is_number, read_literal
from benchmark.submissions.files import FILE
from benchmark.text import shown

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_MOST_CHOICES = 1000
_LARGEST_WHOLE = 2**31  # far beyond it the search, which computes with floats, would divide by zero

_SPACE = "SEARCH_SPACE"


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`; whole ones when both ends are."""

    low: float
    high: float
    log: bool

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


Choices = tuple[Any, ...]


@dataclass(frozen=True)
class SearchSpace:
    """`published` lies inside: a value outside of its range counts as the range's nearest end."""

    dimensions: dict[str, Range | Choices]
    published: dict[str, Any]

    def distributions(self) -> "dict[str, BaseDistribution]":
        """Return the dimensions for Optuna; choices by their number, because it takes no lists."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        found: dict[str, BaseDistribution] = {}
        for name, own in self.dimensions.items():
            if not isinstance(own, Range):
                found[name] = CategoricalDistribution(range(len(own)))
            elif own.whole:
                found[name] = IntDistribution(int(own.low), int(own.high), log=own.log)
            else:
                found[name] = FloatDistribution(own.low, own.high, log=own.log)
        return found

    def values(self, drawn: dict[str, Any]) -> dict[str, Any]:
        """Return the submission's values for a draw of Optuna's."""
        return {
            name: drawn[name] if isinstance(own, Range) else own[drawn[name]] for name, own in self.dimensions.items()
        }

    def start(self) -> dict[str, Any]:
        """Return the published values, as Optuna would have drawn them."""
        return {
            name: self.published[name] if isinstance(own, Range) else own.index(self.published[name])
            for name, own in self.dimensions.items()
        }


def declares_search_space(folder: Path) -> bool:
    """Tell whether the submission in `folder` has a SEARCH_SPACE, right or wrong."""
    return assignment_of(folder, _SPACE) is not None


def read_search_space(name: str, folder: Path) -> SearchSpace:
    """Raise BenchError when the submission `name` declares none, or one that is not accepted."""
    if not declares_search_space(folder):
        raise BadSubmission(
            f"{name} declares no {_SPACE}, so there is nothing to tune; add one to its {FILE}, e.g. "
            '{"learning_rate": (1e-4, 1e-1, "log")}'
        )
    space, published = read_literal(name, folder, _SPACE), read_literal(name, folder, PUBLISHED)
    if not space:
        raise BadSubmission(f"{_SPACE} of {name} is empty, expected a range or a list of choices for at least one key")
    if unknown := [key for key in space if key not in published]:
        raise BadSubmission(
            f"{_SPACE} of {name} has {shown(unknown[0])}, expected keys of {PUBLISHED}: "
            f"{shown(', '.join(published), 200)[1:-1]}"
        )
    dimensions = {key: _dimension(f"{_SPACE}[{shown(key)}] of {name}", own) for key, own in space.items()}
    return SearchSpace(
        dimensions,
        {key: _within(f"{shown(key)[1:-1]} of {name}", own, published[key]) for key, own in dimensions.items()},
    )


def _dimension(where: str, given: Any) -> Range | Choices:
    if isinstance(given, list) and given:
        if len(given) > _MOST_CHOICES:
            raise BadSubmission(f"{where} has {len(given):,} choices, expected at most {_MOST_CHOICES:,}; cut some")
        return tuple(_through_json(given))
    if isinstance(given, tuple) and len(given) in (2, 3) and all(map(is_number, given[:2])):
        low, high, *rest = given
        if low < high and rest in ([], ["log"]) and (low > 0 or not rest):
            return _searchable(where, Range(low, high, log=bool(rest)))
    raise BadSubmission(
        f'{where} is {shown(given)}, expected (low, high), (low, high, "log") with low above 0, or a list; correct it'
    )


def _searchable(where: str, own: Range) -> Range:
    """Return the range itself. Raises BenchError when it is too wide to compute with."""
    if own.whole:
        fits = max(abs(own.low), abs(own.high)) <= _LARGEST_WHOLE
    else:
        try:
            width = own.high / own.low if own.log else float(own.high) - float(own.low)
        except OverflowError:
            width = math.inf
        fits = math.isfinite(width)
    if not fits:
        raise BadSubmission(f"{where} is too wide a range to be searched, expected finite numbers; narrow it")
    return own


def _within(where: str, own: Range | Choices, published: Any) -> Any:
    """Return the published value; where it lies outside a range, the nearest end."""
    if not isinstance(own, Range):
        stored = _through_json(published)
        if stored not in own:
            raise BadSubmission(
                f"the published {where} is {shown(published)}, expected one of its choices; add it to {_SPACE}"
            )
        return stored
    if not is_number(published) or (own.whole and not isinstance(published, int)) or published != published:
        raise BadSubmission(
            f"the published {where} is {shown(published)}, expected a number of its range's type; correct one of them"
        )
    return min(max(published, own.low), own.high)


def _through_json(value: Any) -> Any:
    """Return a value as it comes back from the trials' file and as the submission gets it: tuples become lists."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()  # half of a character that takes two cannot be written
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        raise BadSubmission(
            f"{shown(value)} cannot be kept as JSON, expected finite numbers, words or lists of them; correct it"
        ) from None
