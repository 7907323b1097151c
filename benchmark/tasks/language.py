"""Language: next tokens, cross-entropy, exact answers; the signal is the logit of an answer's probability per token.

A sequence is `<bos> question <sep> answer <eos>`, padded behind. Text without a question has no `<sep>`: all of it is
the answer. The label of a token is the token that follows it; −100 marks a token whose label counts for no loss.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BadData
from benchmark.metrics.logits import logit_of
from benchmark.tasks import TASKS
from benchmark.tasks.task import Floats, Task

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.asked import Asked
    from benchmark.data.perturbing import Perturbation
    from benchmark.inquiring import Respondent

SPECIAL = ("<pad>", "<bos>", "<sep>", "<eos>")
"""The first tokens of every vocabulary."""

PAD, BOS, SEP, EOS = range(len(SPECIAL))

IGNORED = -100
"""The label that counts for no loss, as torch has it."""

_VIEWS = 6


@TASKS.add
class Language(Task):
    """Prediction of the next token of a sequence."""

    kind: Literal["language"] = "language"
    loss_on: Literal["answer", "all"] = "answer"
    """The tokens that the loss of an example is the mean over: its answer's, or all."""
    utility_per: Literal["token"] | None = None
    """What utility is a share of: the tokens of answers, for texts that nobody says word for word; absent: answers."""

    has_sequences: ClassVar[bool] = True

    @property
    def utility_name(self) -> str:
        """The name of the utility, on pages and in errors."""
        return "right tokens" if self.utility_per else "exact answers"

    def check_targets(self, targets: "Tensor", class_names: tuple[str, ...], source: str) -> None:
        """Raise BadData where a sequence has no answer."""
        if empty := int((~answer_mask(targets).any(dim=-1)).sum()):
            raise BadData(f"{source} has {empty} sequences without an answer, expected one in each; take them out")

    def strata(self, targets: "Tensor") -> None:
        """Return None: nothing is spread evenly over the splits."""

    def prepare_targets(self, train: "Tensor", *others: "Tensor") -> "list[Tensor]":
        """Return the labels, of which those outside the answer are ignored unless the loss is on all tokens."""
        if self.loss_on == "all":
            return [train, *others]
        return [targets.masked_fill(~answer_mask(targets), IGNORED) for targets in (train, *others)]

    def losses(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean cross-entropy per example over its labels; outputs `[..., examples, context, tokens]`.

        So each example counts alike, where most trainers of language models weight it by its length.
        """
        import torch.nn.functional as F

        counted = targets != IGNORED
        tokens = F.cross_entropy(outputs.flatten(0, -2), targets.flatten(), reduction="none", ignore_index=IGNORED)
        return tokens.view(targets.shape).sum(dim=-1) / counted.sum(dim=-1).clamp(min=1)

    def readout(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return log P of every label and whether it is the likeliest token, `[models, examples, context, 2]` float64.

        Labels outside the answer have log P 0 and are right.
        """
        import torch

        found = outputs.new_tensor([0.0, 1.0], dtype=torch.float64).repeat(*outputs.shape[:-1], 1)
        asked = answer_mask(targets)
        logits = outputs[:, asked].double()  # [models, tokens of answers, vocabulary]
        place = targets[asked].expand(len(logits), -1).unsqueeze(2)
        own = logits.gather(2, place).squeeze(2)
        others = logits.scatter(2, place, -torch.inf)
        # −log(1 + Σ exp(others − own)): exact where the label takes almost all probability.
        log_p = -torch.nn.functional.softplus(others.logsumexp(dim=2) - own)
        found[:, asked] = torch.stack([log_p, (own > others.amax(dim=2)).double()], dim=-1)
        return found

    def signal(self, outputs: NDArray, targets: NDArray) -> Floats:
        """Return φ = log P − log(1 − P), P the geometric mean of the probabilities of the answer's tokens.

        `<eos>` is one of them, as in TOFU (Maini et al. 2024). `outputs`: as `readout` gives them.
        """
        return logit_of(outputs[..., 0].sum(axis=2) / answer_mask(targets).sum(axis=1))

    def utility(self, outputs: NDArray, targets: NDArray) -> Floats:
        """Return the share of answers all of whose tokens are the likeliest, given the true tokens before them.

        A greedy answer is right exactly where this is: up to its first wrong token both see the same tokens. Per token
        it is the share of such tokens, the mean over examples. nan where there are no examples.
        """
        if not len(targets):
            return np.full(len(outputs), np.nan)
        right = outputs[..., 1] > 0
        if self.utility_per is None:
            return right.all(axis=2).mean(axis=1)
        asked = answer_mask(targets)
        return ((right & asked).sum(axis=2) / asked.sum(axis=1)).mean(axis=1)

    def perturbations(self, inputs: "Tensor") -> "Sequence[Perturbation]":
        """Return questions with another word in the place of one, drawn anew for each view."""
        from benchmark.data.rewording import replace_word

        return [replace_word] * _VIEWS

    def inquire(self, models: "Respondent", asked: "Mapping[str, Asked]") -> Mapping[str, NDArray]:
        """Return what the field's metrics take of answers, probabilities of wrong ones, and facts never taught."""
        from benchmark.inquiring import inquire

        return inquire(models, asked)

    def inquiry_shapes(self, asked: "Mapping[str, Asked]") -> Mapping[str, tuple[int, ...]]:
        from benchmark.inquiring import shapes_of

        return shapes_of(asked)

    def chance(self, targets: NDArray, outputs: int, *, weighted: bool) -> float:
        """Return the share of the most frequent answer, or of the most frequent token."""
        if not len(targets):
            return 0.0
        if self.utility_per:
            asked = answer_mask(targets)
            weights = np.broadcast_to(1 / asked.sum(axis=1, keepdims=True), targets.shape)[asked]
            return float(np.bincount(targets[asked], weights).max() / len(targets))
        answers = [tuple(row[mask]) for row, mask in zip(targets, answer_mask(targets), strict=True)]
        return max(map(answers.count, set(answers))) / len(answers)


def answer_mask(targets):
    """Return which labels `[..., context]` are of the answer: those behind `<sep>`, or all where there is none.

    Labels of a question that the loss ignores may be there or not. Of torch or numpy, as the labels are.
    """
    asked = targets == SEP
    behind = (asked.cumsum(-1) - asked * 1) > 0
    return (targets != IGNORED) & (behind | ~asked.any(-1)[..., None])
