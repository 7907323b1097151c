"""The reference pool: the originals (weights), the retrained models (evidence) and a second
retrained population for calibration (evidence) of one scenario.

Every block is a pure function of (scenario, secret, role, block number). Building the pool is listing what is missing.
"""

from collections.abc import Mapping
from functools import partial

from torch import Tensor

from benchmark.data import load_problem
from benchmark.device import make_repeatable
from benchmark.errors import BadRecord, BadUsage
from benchmark.evidence import in_present_form, objection_to_evidence
from benchmark.references.building import build_blocks, missing_blocks, set_aside_damaged, versions
from benchmark.references.models import (
    HIDDEN_BLOCKS,
    KEPT,
    WEIGHTS,
    ModelBlock,
    evaluate_originals_block,
    find_block_objection,
    model_indices,
    read_training_state,
    read_weights,
    reference_block,
    train_models,
    treat_models,
    upgrade_block,
)
from benchmark.references.secret import make_secret, read_secret, read_seeds
from benchmark.references.trainer import Trainer
from benchmark.results.evidence import HIDDEN, concatenate
from benchmark.scenario.schema import Role, Scenario
from benchmark.seeds import Seeds, SeedsKind
from benchmark.session import Session
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import Arrays
from benchmark.treatments import is_presently_treated, treated_block

UNPACK_AGAIN = "`bench evidence unpack` brings it back"  # what is damaged where there is no pool of one's own
TREATED: tuple[Role, ...] = ("retrained", "calibration", "original")
"""The roles whose treated models the gap is measured by."""
DOING_NOTHING = "doing_nothing"  # names the blocks of the originals' evidence where there are no weights


class Pool:
    """Reads one scenario's reference models; `prepare` builds what is missing of them, on the session's device.

    `seeds` has the pool's secret once `prepare` has drawn one. A pool that was begun without a secret stays without.
    """

    def __init__(
        self, session: Session, scenario: Scenario, kind: SeedsKind = "secret", trainer: Trainer | None = None
    ) -> None:
        """`kind` is that of a new pool: "public" where no rank depends on it and everybody has to get the same.

        `trainer`: trains the models in the place of the scenario's recipe. They lie in a folder of their own within the
        scenario's pool, and are drawn from its secret.
        """
        self.session, self.scenario, self._kind, self.trainer = session, scenario, kind, trainer
        make_repeatable(session.device)
        self._folder = session.workspace.pool(scenario)
        self._first = Pool(session, scenario.so_far[0], kind) if scenario.earlier else None
        """Of several requests the first one's pool: its originals are what all of them begin with."""
        public = Seeds(scenario.pool_hash)
        self._use(public if kind == "public" else read_seeds(self._folder, scenario.pool_hash))

    def _use(self, seeds: Seeds) -> None:
        self.seeds = seeds
        self.store = reference_store(self.session, self.scenario, seeds, self.trainer)

    def prepare(self, roles: tuple[Role, ...] = ()) -> None:
        """Train the missing blocks, and those whose file is damaged: in several processes, on a GPU in this one.

        `roles`: of these populations; without them of all that the scenario has.

        Whoever else prepares the same pool, here or on another machine that sees the same folder, takes other blocks.
        """
        self._settle()
        roles = roles or self.scenario.roles
        blocks: dict[str, tuple[Role, int]] = {
            self._evidence_name(role, i): (role, i) for role in roles for i in self.scenario.blocks(self._count(role))
        }
        # Whoever scores reads those of treated nets too.
        set_aside_damaged(self.session, self.store, [*blocks, *self._treated_blocks()])
        needed = self._needed(blocks)
        if missing := missing_blocks(self.store, blocks, needed):
            if self._first and any(blocks[name][0] == "original" for name in missing):
                self._first.prepare(("original",))
            problem = load_problem(self.scenario)
            self.scenario.architecture.try_out(problem.input_shape, problem.outputs, tokens=problem.task.has_sequences)
            if set(missing) - set(missing_blocks(self.store, missing)):
                self.session.warn(
                    f"the retrained models in {self._folder} have no hidden signals, which earlier versions did not "
                    "keep; they are trained again, and what there is counts until then"
                )

        def arguments_of(name: str) -> tuple:
            role, block = blocks[name]
            stored = self._first.store if self._first and role == "original" else None
            return self._models_of(role, block, stored), self.session.device

        build_blocks(
            self.session,
            "training reference models" if self.trainer is None else "training its own models",
            list(blocks),
            self.scenario.protocol.block,
            self._settled_store,
            train_models,
            arguments_of,
            needed,
        )
        if "original" in roles and not self._first:
            self._evaluate_originals()

    def _needed(self, blocks: Mapping[str, tuple[Role, int]]) -> dict[str, str]:
        """Return the array that tells a block of this version from an earlier one's, by block."""
        if not load_problem(self.scenario).evidence_form.perturbations:
            return {}
        return {name: HIDDEN for name, (role, _) in blocks.items() if role != "original"}

    def _evaluate_originals(self) -> None:
        """Evaluate the originals at the hidden inputs, in blocks of their own: another secret has other inputs."""
        if not load_problem(self.scenario).evidence_form.perturbations:
            return
        blocks = {
            reference_block(HIDDEN_BLOCKS, block): block for block in self.scenario.blocks(self.scenario.originals)
        }
        set_aside_damaged(self.session, self.store, list(blocks))

        def arguments_of(name: str) -> tuple:
            return (
                self.scenario,
                self.store,
                reference_block("original", blocks[name]),
                self.session.device,
                self.hidden_seed,
            )

        build_blocks(
            self.session,
            "evaluating originals",
            list(blocks),
            self.scenario.protocol.block,
            self._settled_store,
            evaluate_originals_block,
            arguments_of,
        )

    def prepare_treated(self) -> None:
        """Make what is missing of the evidence of treated nets, of all roles; `prepare` comes first.

        No weights of retrained models are kept, so they are trained once more, on the same machine to the same bit.
        """
        blocks: dict[str, tuple[Role, int]] = {
            treated_block(self.scenario, role, block): (role, block)
            for role in TREATED
            for block in self.scenario.blocks(self._count(role))
        }

        def arguments_of(name: str) -> tuple:
            role, block = blocks[name]
            stored = (self._first or self).store if role == "original" else None
            return self._models_of(role, block, stored), self.session.device

        build_blocks(
            self.session,
            "treating reference models",
            list(blocks),
            self.scenario.protocol.block,
            self._settled_store,
            treat_models,
            arguments_of,
        )

    def treated_evidence(self, role: Role) -> Arrays | None:
        """Return what N treated models of a role left, by treatment; None where not all of them were treated.

        Raises BadRecord as `evidence` does.
        """
        models = self._count(role)
        names = [treated_block(self.scenario, role, block) for block in self.scenario.blocks(models)]
        if set(names) - self.store.finished().keys() or not self.store.is_current():
            return None
        return concatenate([self.store.read(name) for name in names], models)

    def _treated_blocks(self) -> list[str]:
        """Return the names of the blocks of treated nets there are, by the present treatments."""
        return [name for name in self.store.finished() if is_presently_treated(self.scenario, name)]

    @property
    def hidden_seed(self) -> int:
        """The seed of the hidden inputs, the same for all models of the pool and all runs on it."""
        return self.seed("hidden", 0)

    def original(self, index: int) -> dict[str, Tensor]:
        """Parameters and buffers of the original that run `index` starts from, at the first request."""
        if self._first:
            return self._first.original(index)
        return read_weights(self.store, *self._place_of(index))

    def training_state(self, index: int) -> dict[str, Tensor] | None:
        """Return what the training of that original kept beside its weights; None where there is no trainer."""
        return None if self.trainer is None else read_training_state(self.store, *self._place_of(index))

    def _place_of(self, index: int) -> tuple[str, int]:
        """Return the block of the original that run `index` starts from, and its row there."""
        block, row = divmod(index % self.scenario.originals, self.scenario.protocol.block)
        return reference_block("original", block), row

    def seed(self, role: str, index: int) -> int:
        """Return the seed of model or run `index` of `role`."""
        return self.seeds.of(role, index)

    def evidence(self, role: Role) -> Arrays:
        """Evidence of the scenario's N models of `role`; weights are not read.

        Raises BadRecord when the secret is not theirs, or a block is missing, damaged or another's.
        """
        if role != "original" and not self.store.is_current():
            raise BadRecord(f"{self._other_secret()}; `bench prepare` trains them again")
        models = self._count(role)
        names = [
            reference_block(DOING_NOTHING if role == "original" else role, block)
            for block in self.scenario.blocks(models)
        ]
        return concatenate([self.read_evidence(name) for name in names], models)

    def read_evidence(self, name: str) -> Arrays:
        """Return a block of evidence, by the name that it has in a bundle; raises as `evidence` does."""
        role, _, block = name.partition("/")
        if role != DOING_NOTHING or self.seeds.committed or self._first:  # all of them pools without originals
            return self.store.read(name)
        return self._read_original(f"original/{block}")

    def _read_original(self, name: str) -> Arrays:
        """Return a block's evidence without its weights, which can be gigabytes; so its checksum is not looked at."""
        problem, indices = load_problem(self.scenario), model_indices(self.scenario, name)
        arrays, form = self.store.read_without(name, (WEIGHTS, KEPT))
        if fault := objection_to_evidence(problem, arrays, indices, form):
            raise BadRecord(f"{self.store.path(name)} {fault}; `bench prepare` makes it again")
        evidence, hidden = in_present_form(problem, arrays, indices, form), name.replace("original", HIDDEN_BLOCKS)
        return evidence | (self.store.read(hidden) if hidden in self.store.finished() else {})

    def _settle(self) -> None:
        """Find the secret, or draw one, and let go of models that were drawn from another."""
        if self._kind == "secret":
            self._use(read_seeds(self._folder, self.scenario.pool_hash))
        if self.seeds.committed:
            raise BadUsage(
                f"{self._folder} holds the evidence of reference models, and neither weights nor secret, expected a "
                "pool of your own to train or run with; move it away, `bench evidence unpack` brings it back"
            )
        if self._is_settled():
            return
        with self.store.lock_manifest():
            if self._kind == "secret" and self.seeds.secret is None:
                secret = read_secret(self._folder) or (None if self._is_public() else make_secret(self._folder))
                self._use(Seeds(self.scenario.pool_hash, secret))
            if self._is_settled():
                return
            complaint = self._other_secret() if self._secret_blocks() else None
            self.store.renew(lambda name: name.startswith("original/"))
        if complaint:
            self.session.warn(f"{complaint}; they count as missing and are trained again")

    def _settled_store(self) -> BlockStore:
        self._settle()
        return self.store

    def _is_settled(self) -> bool:
        return self.store.is_current() and (
            self._kind == "public" or self.seeds.secret is not None or self._is_public()
        )

    def _is_public(self) -> bool:
        """Tell whether the pool has models that were drawn from public seeds."""
        return bool(self._secret_blocks()) and not self.store.recorded_commitment()

    def _secret_blocks(self) -> list[str]:
        """Return the blocks on record that depend on the secret."""
        return [name for name in self.store.finished() if not name.startswith("original/")]

    def _other_secret(self) -> str:
        return f"the retrained and calibration models in {self._folder} were drawn from another secret than it holds"

    def _evidence_name(self, role: Role, block: int) -> str:
        """Return the name of a block that holds evidence of a role, with the weights where originals are its own."""
        return reference_block(DOING_NOTHING if role == "original" and self._first else role, block)

    def _models_of(self, role: Role, block: int, stored: BlockStore | None) -> ModelBlock:
        """Return a block of models as the processes of the engine make it; `stored`: where its originals lie."""
        indices = self.scenario.indices(block)
        seeds = [self.seed(role, index) for index in indices]
        return ModelBlock(self.scenario, role, seeds, indices, self.hidden_seed, stored, self.trainer)

    def _count(self, role: Role) -> int:
        return self.scenario.originals if role == "original" else self.scenario.protocol.models


def reference_store(session: Session, scenario: Scenario, seeds: Seeds, trainer: Trainer | None = None) -> BlockStore:
    """Return the blocks of a scenario's reference models, or those that `trainer` trains, drawn from these seeds."""
    about = {"scenario": scenario.published(), "built_with": versions(session.device)}
    reading = partial(find_block_objection, scenario), partial(upgrade_block, scenario)
    remedy = UNPACK_AGAIN if seeds.committed else "`bench run` makes it again"
    folder = session.workspace.pool(scenario)
    if trainer:
        folder = folder / "trained" / trainer.label
    return BlockStore(folder, about, seeds.commitment, *reading, remedy)
