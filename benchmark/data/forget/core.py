"""A forget set of which submissions are given the core only, without its outliers; they are judged on all of it."""

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, SerializeAsAny

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ChosenByModels, ForgetSet, Models, Selection, select_from
from benchmark.data.scores.drawing import Draw, Floats
from benchmark.scenario.sections import Seed, Share
from benchmark.text import shown

if TYPE_CHECKING:
    from benchmark.data.training_set import TrainingSet


def _read_whole(section: Any) -> ForgetSet:
    """Return the forget set that a section describes. Raises ValueError where it is none that a core can be of."""
    if isinstance(section, ForgetSet):
        return section
    kind = section.get("kind") if isinstance(section, dict) else None
    kinds = [name for name, each in FORGET_SETS.items() if not (each.asks_models or each.reads_files)]
    if kind not in kinds:
        raise ValueError(f"forget.of.kind is {shown(kind)}, expected one of {', '.join(sorted(kinds))}")
    return FORGET_SETS[kind].model_validate_json(json.dumps(section))


@FORGET_SETS.add
class CoreForget(ChosenByModels):
    """The forget set `of`, from which submissions are given all but the `share` whose features are outliers.

    UPCORE, Patil et al. 2025 (2502.15082, fig. 2): an isolation forest on hidden states of the forget set finds the
    outliers. The paper is about language models and prunes 10 %.
    Submissions are judged on them all the same: what is like the core should be forgotten with it.
    """

    kind: Literal["core"]
    of: Annotated[SerializeAsAny[ForgetSet], BeforeValidator(_read_whole)]
    share: Share = 0.1
    seed: Seed
    """Of the isolation forests."""
    models: Annotated[int, Field(ge=1, le=10**6)] = 8
    """Nets, trained on all of train, over whose features the outliers' scores are averaged; the paper has one."""

    def select(self, train: "TrainingSet", models: Models) -> Selection:
        import torch

        whole = select_from(self.of, train).mask
        rows = np.flatnonzero(whole.numpy())
        scores = isolation(train, models, Draw(self.models, self.seed, models.epochs), rows)
        outliers = rows[np.argsort(-scores[rows], kind="stable")[: round(self.share * len(rows))]]
        withheld = torch.zeros(len(train), dtype=torch.bool)
        withheld[torch.from_numpy(outliers)] = True
        return Selection(whole, {"isolation": scores}, withheld)

    def check_size(self, train: int) -> None:
        self.of.check_size(train)

    def stand_in(self, train: "TrainingSet") -> ForgetSet:
        return self.of

    def others(self, train: "TrainingSet", chosen: Any, seed: int) -> list[ForgetSet]:
        return self.of.others(train, chosen, seed)


def isolation(train: "TrainingSet", models: Models, draw: Draw, rows: np.ndarray) -> Floats:
    """Return the mean anomaly score over models, `[n]`, of isolation forests grown on the features at `rows`.

    Near 1 is what few random cuts isolate, an outlier; ½ and below is none (Liu et al. 2008, "Isolation Forest").
    """
    from sklearn.ensemble import IsolationForest

    scores = np.zeros(len(train))
    for _, features in models(draw.everything(len(train))).features(train):
        forest = IsolationForest(random_state=draw.seed % 2**32).fit(features[rows])
        scores -= forest.score_samples(features) / draw.models
    return scores
