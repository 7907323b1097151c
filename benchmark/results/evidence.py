"""Evidence: the arrays that are kept of every model, never its weights; which they are, and what is read of them.

Runs and reference models have the same arrays, `[models, ...]` each:

- `phi/forget`, float64: the task's signal on every forget example. All published numbers come from it and from the
  utilities, bit for bit, so it is not rounded.
- `phi/retain`, `phi/validation`, `phi/test`, float16: the signal on a *probe* of each split, as many examples as there
  are forget examples. Attacks with test examples as non-members, and whatever compares how forget and retain examples
  are relearned, need samples of the forget set's size from each split; more would not sharpen what the forget set
  limits. Rounding to 11 bits (0.004 nats at φ = 8) is far below the spread between models, which is about 1 nat.
- `utility/retain`, `utility/forget`, `utility/validation`, `utility/test`, float64: the task's utility on all of a
  split.
- `hidden/phi`, float16, `[models, examples, perturbations]`: the signal on hidden perturbations of every forget
  example, which are drawn from the pool's secret and the same for all its models. `hidden/contrasts`, of the same
  type and shape, where outputs are logits of three classes or more: at each hidden input a combination of all logits
  whose coefficients are drawn from the secret as well and add up to 0. Both are absent in evidence of earlier versions,
  and where the task has no perturbations.
- `utility/triggered`, `utility/misled`, of scenarios with manipulated examples: the utility on the test examples that
  show the damage, by their correct targets and by those that a manipulated model gives.
- `asked/...`, float16, of tasks that ask their models more than the splits: of `language`, what its own metrics take.
- `run/path`, float32, of runs that yield nets on their way: see PATH.
- `attacked/forget`, `attacked/test`, `attacked/test_phi`, float64: what the classifier MIAs see of the models with an
  index below ATTACKED, where the task has features. The attacks draw as many test as forget examples per model, by its
  index; the features of just those are kept, in the order drawn. They are smaller than the logits, and give the same
  attacks to the last bit.

The first form, which blocks without a number have, is converted when it is read: see `evidence1.py`. Imports no torch.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.classifiers import draw_as_many
from benchmark.seeds import derive_seed
from benchmark.storage.blocks import Layout
from benchmark.storage.workspace import Arrays
from benchmark.tasks import Task

SPLITS = ("retain", "forget", "validation", "test")
PROBED = ("retain", "validation", "test")
OF_TRIGGERED = ("triggered", "misled")
"""The utilities on triggered examples: by correct targets, and by manipulated ones."""

OF_PATH = ("forget", "test")
"""The splits on which the nets that a run yields on its way are evaluated, in order."""

PATH = "run/path"
"""The name of the array of these utilities, `[models, points, 2]`: of a run's original, of the nets that it yielded,
and of the one that it returned; nan behind them."""

ATTACKED = 16
"""Models that the classifier MIAs, which fit a classifier to each, are averaged over."""

HIDDEN = "hidden/phi"
"""The name of the array of φ at the hidden inputs."""

CONTRASTS = "hidden/contrasts"
"""The name of the array of the combinations of all logits there."""

OF_ASKED = "asked/"
"""How the names of what `Task.inquire` returned begin."""

OF_ATTACKED = "attacked/"
"""How the names of arrays begin that only the attacked models have a row in."""

_MOST = float(np.finfo(np.float16).max)


class NonFiniteOutputs(Exception):
    """Finite weights whose forward pass overflows; `models` are the rows of the stack concerned."""

    def __init__(self, models: list[int]) -> None:
        super().__init__(f"the outputs of models {models} are not finite")
        self.models = models


@dataclass(frozen=True, eq=False)
class EvidenceForm:
    """The form of a problem's evidence: what is kept of its models' outputs, and how a block of it looks.

    `targets`: of every split, and of OF_TRIGGERED where there are triggered examples, `[examples, ...]`. `seed`: what
    the probes are drawn from. `perturbations`: the number of hidden inputs of a forget example. `outputs`: the size of
    the networks' last layer. `asked`: the shapes of what `Task.inquire` returns of a model.
    """

    task: Task
    targets: Mapping[str, NDArray]
    seed: int
    perturbations: int = 0
    outputs: int = 1
    asked: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def probes(self) -> dict[str, NDArray[np.intp]]:
        """Rows of the probe of each split in PROBED, ascending: drawn at random, a function of seed and sizes alone."""
        return {split: self._draw_probe(split) for split in PROBED}

    def _draw_probe(self, split: str) -> NDArray[np.intp]:
        rng = np.random.default_rng(derive_seed(self.seed, "probe", split))
        return np.sort(rng.permutation(len(self.targets[split]))[: len(self.targets["forget"])])

    def keep(self, split: str, outputs: NDArray, indices: Sequence[int]) -> Arrays:
        """Return what is kept of the read-out outputs `[models, examples, ...]` of the models with these indices.

        Raises NonFiniteOutputs where a signal is not finite.
        """
        found = {f"utility/{split}": self.utility(split, outputs)} | self._keep_attacked(split, outputs, indices)
        if split == "forget":
            return found | {"phi/forget": self._signal(outputs, self.targets[split]).astype(np.float64)}
        rows = self.probes[split]
        return found | {f"phi/{split}": round_phi(self._signal(outputs[:, rows], self.targets[split][rows]))}

    @property
    def has_contrasts(self) -> bool:
        return self.task.has_classes and self.outputs > 2  # of two logits φ is their difference

    def keep_hidden(self, outputs: NDArray, contrasts: NDArray) -> Arrays:
        """Return what is kept of the outputs `[models, perturbations · examples, ...]` at the hidden inputs.

        `contrasts`: coefficients `[perturbations, outputs]`. Raises as `keep`.
        """
        targets = self.targets["forget"]
        signal = self._signal(outputs, np.concatenate([targets] * self.perturbations))
        shape = len(outputs), self.perturbations, len(targets)
        found = {HIDDEN: round_phi(signal.reshape(shape).swapaxes(1, 2))}
        if self.has_contrasts:
            combined = np.einsum("mpeo,po->mep", outputs.reshape(*shape, -1), contrasts)
            found[CONTRASTS] = round_phi(combined)
        return found

    def keep_triggered(self, outputs: NDArray) -> Arrays:
        """Return what is kept of the outputs `[models, examples, outputs]` on triggered examples. Raises as `keep`."""
        return {f"utility/{name}": self.utility(name, outputs) for name in OF_TRIGGERED}

    def keep_asked(self, found: Mapping[str, NDArray]) -> Arrays:
        """Return what is kept of what `Task.inquire` returned. Raises as `keep`."""
        for values in found.values():
            _check_finite(values.reshape(len(values), -1))
        return {OF_ASKED + name: round_phi(values) for name, values in found.items()}

    def layouts(self, indices: Sequence[int]) -> dict[str, Layout]:
        """Return the arrays of a block of the models with these indices."""
        found = {f"utility/{split}": Layout("float64", highest=1.0, may_be_nan=True) for split in self._measured}
        found |= {f"phi/{split}": Layout("float16", rows.shape) for split, rows in self.probes.items()}
        # A block that was converted, and written again into a bundle, has no probe of retain.
        found["phi/retain"] = found["phi/retain"]._replace(may_be_missing=True)
        found |= {"phi/forget": Layout("float64", self.targets["forget"].shape[:1])}
        found |= {OF_ASKED + name: Layout("float16", shape) for name, shape in self.asked.items()}
        # Blocks of earlier versions have no hidden signals.
        found |= {name: layout._replace(may_be_missing=True) for name, layout in self.hidden_layouts().items()}
        if attacked := len(self._attacked_rows(indices)):
            size, features = min(len(self.targets[split]) for split in ("forget", "test")), self.task.feature_count
            shapes = {"forget": (size, features), "test": (size, features), "test_phi": (size,)}
            found |= {OF_ATTACKED + name: Layout("float64", shape, models=attacked) for name, shape in shapes.items()}
        return found

    def hidden_layouts(self) -> dict[str, Layout]:
        """Return the arrays of hidden signals; none where the task has no perturbations."""
        if not self.perturbations:
            return {}
        layout = Layout("float16", (len(self.targets["forget"]), self.perturbations))
        return dict.fromkeys((HIDDEN, *([CONTRASTS] if self.has_contrasts else [])), layout)

    @property
    def _measured(self) -> tuple[str, ...]:
        """The names of all utilities."""
        return (*SPLITS, *(name for name in OF_TRIGGERED if name in self.targets))

    def utility(self, split: str, outputs: NDArray) -> NDArray[np.float64]:
        """Return the task's utility of the models on a split, `[models]`, by its read-out outputs."""
        return np.asarray(self.task.utility(outputs, self.targets[split])).astype(np.float64)

    def _signal(self, outputs: NDArray, targets: NDArray) -> NDArray:
        signal = np.asarray(self.task.signal(outputs, targets))
        _check_finite(signal)
        return signal

    def _features(self, outputs: NDArray, targets: NDArray) -> NDArray[np.float64]:
        return np.asarray(self.task.features(outputs, targets)).astype(np.float64)

    def _attacked_rows(self, indices: Sequence[int]) -> list[int]:
        """Return the rows of the models that the classifier MIAs attack; none where the task has no features."""
        return [row for row, index in enumerate(indices) if index < ATTACKED] if self.task.feature_count else []

    def _keep_attacked(self, split: str, outputs: NDArray, indices: Sequence[int]) -> Arrays:
        if split not in ("forget", "test") or not (rows := self._attacked_rows(indices)):
            return {}
        sizes, side = (len(self.targets["forget"]), len(self.targets["test"])), ("forget", "test").index(split)
        drawn = [(outputs[row], draw_as_many(*sizes, seed=indices[row])[side]) for row in rows]
        pairs = [(one[examples], self.targets[split][examples]) for one, examples in drawn]
        found = {OF_ATTACKED + split: np.stack([self._features(*pair) for pair in pairs])}
        if split == "test":
            phi = [self._signal(one[None], targets)[0] for one, targets in pairs]
            found[f"{OF_ATTACKED}test_phi"] = np.stack(phi).astype(np.float64)
        return found


def _check_finite(values: NDArray) -> None:
    """Raise NonFiniteOutputs where values of a model, `[models, values]`, are not finite."""
    if (overflown := ~np.isfinite(values).all(axis=1)).any():
        raise NonFiniteOutputs(np.flatnonzero(overflown).tolist())


def round_phi(signal: NDArray) -> NDArray[np.float16]:
    """Return φ of a probe as it is stored."""
    return np.clip(signal, -_MOST, _MOST).astype(np.float16)


def concatenate(blocks: Iterable[Arrays], models: int) -> Arrays:
    """Return the first `models` models of consecutive blocks, as one set of arrays.

    What a block lacks, such as the probe of retain in an old one, is absent from the whole.
    """
    blocks = list(blocks)
    names = dict.fromkeys(name for block in blocks for name in block)
    whole = [name for name in names if name.startswith(OF_ATTACKED) or all(name in block for block in blocks)]
    return {name: np.concatenate([block[name] for block in blocks if name in block])[:models] for name in whole}
