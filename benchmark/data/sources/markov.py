"""Mixtures of Markov chains, drawn on the spot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from benchmark.data.source import Shares
from benchmark.data.sources import SOURCES
from benchmark.scenario.sections import Name, Section, Share

if TYPE_CHECKING:
    from benchmark.data.reading.examples import Examples, Row


class Chain(Section):
    """A component of the mixture."""

    name: Name
    """The subject of its sequences."""
    states: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    """Those that it stays in, but for leaks."""
    length: Annotated[int, Field(ge=1, le=1000)]
    """States in each of its sequences."""
    sequences: Annotated[int, Field(ge=1, le=10**5)]


@SOURCES.add
class Markov(Shares):
    """Sequences of states, each drawn from one of several Markov chains; the subject is the chain.

    The setting in which NPO and SimNPO are analysed (Fan et al. 2024, 2410.07163, sec. 5): from its own states a chain
    moves to one of these, all equally likely, but leaks to one of the others with the probability `leakage`; from there
    it moves to any state. The first state is drawn as from its own. What an ideal model that never saw some chains
    says next is known in closed form: `benchmark/data/reading/markov.py`.
    """

    source: Literal["markov"]
    states: Annotated[int, Field(ge=2, le=1000)]
    leakage: Share
    chains: Annotated[tuple[Chain, ...], Field(min_length=2)]

    in_package: ClassVar[bool] = True

    @model_validator(mode="after")
    def _chains_differ_and_have_states(self) -> "Markov":
        names = [chain.name for chain in self.chains]
        if len(set(names)) < len(names):
            raise ValueError(f"data.chains has the names {', '.join(names)}, expected each once")
        for chain in self.chains:
            own = set(chain.states)
            if max(own) >= self.states or len(own) < len(chain.states) or len(own) == self.states:
                raise ValueError(
                    f"the chain {chain.name} has the states {list(chain.states)}, expected different ones below "
                    f"data.states ({self.states}), and not all"
                )
        return self

    def load(self, folder: Path) -> "Examples":
        from benchmark.data.reading.markov import examples_of_chains

        return examples_of_chains(self)

    def check(self, folder: Path) -> "list[Row]":
        from benchmark.data.reading.examples import row

        return [row("markov", f"{len(self.chains)} chains", f"{len(self.load(folder))} sequences, made on the spot")]
