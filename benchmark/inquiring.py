"""Evidence of a language model's answers beside φ, for the field's own metrics: see docs/language.md.

Imports torch; the arrays, `[models, ...]` each, are float16:

- `phi/holdout`, `phi/members`: φ of facts that no model is taught, and of those that attacks compare with them where
  the source names some; else these are the facts to forget.
- `attack/forget`, `attack/holdout`, `attack/members`, `[examples, attacks]`: the scores of zlib, Min-K % and Min-K %++,
  higher for what looks more like a member. The first two, logarithms of probabilities, are on φ's scale, which keeps
  their order.
- `extraction/forget`: extraction strength.
- `said/forget`, `said/retain`, `said/test`, `said/rephrased`, `said/continued`, `[examples, 2]`: ROUGE-L of the greedy
  answer, recall and F1. `rephrased` is of the facts to forget; `continued` of how texts to forget go on.
- `truth/forget`, `truth/retain`, `truth/test`: logarithms of TOFU's truth ratios.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from benchmark.metrics.logits import logit_of
from benchmark.metrics.membership import KEPT
from benchmark.metrics.rouge import rouge_l
from benchmark.tasks.language import EOS, PAD, SEP, answer_mask

if TYPE_CHECKING:
    from benchmark.data.asked import Asked

LOWEST = 0.4  # the share of an answer's tokens that Min-K % takes; MUSE's
LONGEST = 16  # tokens of a greedy answer
_AT_ONCE = 256  # sequences
_LEAST_VARIANCE = 1e-12  # of log p, below which rounding is all that there is

Arrays = dict[str, NDArray]


class Respondent(Protocol):
    """Models that answer together; `at` gives logits `[models, batch, wanted, vocabulary]` at positions.

    Tokens are `[models, batch, context]`, positions `[models, batch, wanted]`.
    """

    @property
    def count(self) -> int: ...

    def at(self, tokens: Tensor, places: Tensor) -> Tensor: ...


class _Answers(NamedTuple):
    """Numbers of models about the tokens of true answers, `[models, n, tokens]` float64, and which tokens there are."""

    log_p: NDArray
    relative: NDArray
    """log p less its expectation, in its standard deviations over the vocabulary."""
    right: NDArray
    there: NDArray
    """`[n, tokens]` bool."""

    @property
    def mean(self) -> NDArray:
        """The mean of log p, `[models, n]`."""
        return np.where(self.there, self.log_p, 0.0).sum(axis=2) / self.there.sum(axis=1)


def shapes_of(asked: "Mapping[str, Asked]") -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays, without their dimension of models."""
    size = {name: len(each.inputs) for name, each in asked.items()}
    found = {f"said/{split}": (size[split], 2) for split in ("forget", "retain", "test")}
    found |= {"extraction/forget": (size["forget"],), "attack/forget": (size["forget"], len(KEPT))}
    for name in _attacked(asked):
        found |= {f"phi/{name}": (size[name],), f"attack/{name}": (size[name], len(KEPT))}
    if "rephrased_forget" in asked:
        found["said/rephrased"] = (size["rephrased_forget"], 2)
    if "continued" in asked:
        found["said/continued"] = (size["continued"], 2)
    return found | {f"truth/{split}": (size[f"rephrased_{split}"],) for split in _with_wrong_answers(asked)}


@torch.no_grad()
def inquire(models: Respondent, asked: "Mapping[str, Asked]") -> Arrays:
    """Return the arrays of models, as above but float64 and unrounded."""
    found = {f"said/{split}": greedy_rouge(models, asked[split]) for split in ("forget", "retain", "test")}
    forget = _read_answers(models, asked["forget"])
    found |= {"extraction/forget": extraction_strength(forget), "attack/forget": _attack(forget, asked["forget"])}
    for name in _attacked(asked):
        answers = _read_answers(models, asked[name])
        found |= {f"phi/{name}": logit_of(answers.mean), f"attack/{name}": _attack(answers, asked[name])}
    if "continued" in asked:
        found["said/continued"] = greedy_rouge(models, asked["continued"], from_middle=False)
    if "rephrased_forget" in asked:
        rephrased = asked["rephrased_forget"]
        right = rephrased._replace(inputs=rephrased.inputs[:, 0], targets=rephrased.targets[:, 0])
        found["said/rephrased"] = greedy_rouge(models, right)
    return found | {
        f"truth/{split}": log_truth_ratio(models, asked[f"rephrased_{split}"]) for split in _with_wrong_answers(asked)
    }


def log_truth_ratio(models: Respondent, asked: "Asked") -> NDArray:
    """Return log R, `[models, n]`: the mean probability of wrong answers over the right one's, both per token.

    Maini et al. 2024, equation 1.
    """
    flat = asked._replace(inputs=asked.inputs.flatten(0, 1), targets=asked.targets.flatten(0, 1))
    mean = _read_answers(models, flat).mean.reshape(models.count, *asked.inputs.shape[:2])
    wrong = mean[..., 1:]
    return np.logaddexp.reduce(wrong, axis=2) - np.log(wrong.shape[2]) - mean[..., 0]


def extraction_strength(answers: _Answers) -> NDArray:
    """Return the share of an answer that models complete from what precedes it, `[models, n]`.

    1 − k/|y|, k the fewest true tokens after which all the others are the likeliest ones. `<eos>` counts for none.
    Wang et al. 2024 (2406.09179), after Carlini et al. 2021.
    """
    size = answers.there.sum(axis=1) - 1
    words = np.arange(answers.there.shape[1]) < size[:, None]
    wrong = np.where(words & ~answers.right, np.arange(1, words.shape[1] + 1), 0)
    return 1 - wrong.max(axis=2) / np.maximum(size, 1)


def lowest_mean(values: NDArray, there: NDArray, share: float = LOWEST) -> NDArray:
    """Return the mean of the lowest values of each answer, `[models, n]`: a share of its tokens, one at least."""
    counts = np.maximum(1, (share * there.sum(axis=1)).astype(int))
    ordered = np.sort(np.where(there, values, np.inf), axis=2)
    return np.where(np.arange(values.shape[2]) < counts[:, None], ordered, 0.0).sum(axis=2) / counts


def greedy_rouge(models: Respondent, asked: "Asked", *, from_middle: bool = True) -> NDArray:
    """Return ROUGE-L of greedy answers, recall and F1 `[models, n, 2]`.

    Models answer questions, and continue text without one from the middle of its labels on, or from the first. An
    answer ends with `<eos>`, or when it has as many tokens as the longest true one; of both only the first LONGEST
    count.
    """
    start, reference = _references(asked, from_middle)
    said = torch.cat(
        [
            _greedy(models, asked.inputs[rows], start[rows], reference.shape[1])
            for rows in _chunks(len(start), start.device)
        ],
        dim=1,
    )
    (said_ids, said_sizes), (ids, sizes) = (_until_the_end(tokens) for tokens in (said, reference))
    return np.stack(rouge_l(said_ids, said_sizes, ids, sizes), axis=2)


def _greedy(models: Respondent, inputs: Tensor, start: Tensor, most: int) -> Tensor:
    """Return the likeliest tokens, each after those before it, from position `start` `[n]`: `[models, n, most]`."""
    context, behind = inputs.shape[1], torch.arange(inputs.shape[1], device=inputs.device) > start[:, None]
    tokens = inputs.masked_fill(behind, PAD).expand(models.count, *inputs.shape).clone()
    said = torch.full((models.count, len(inputs), most), EOS, device=inputs.device)
    for step in range(most):
        place = (start + step).clamp(max=context - 1).expand(models.count, -1)
        chosen = models.at(tokens, place[..., None]).argmax(dim=-1)
        said[..., step] = torch.where((start + step < context), chosen[..., 0], EOS)
        following = (place + 1).clamp(max=context - 1)[..., None]
        tokens.scatter_(2, following, torch.where(place[..., None] + 1 < context, chosen, tokens.gather(2, following)))
    return said


def _references(asked: "Asked", from_middle: bool) -> tuple[Tensor, Tensor]:
    """Return where models begin to answer, `[n]`, and the true tokens from there on, `[n, most]`, then `<eos>`."""
    places, labels, there = _answer_tokens(asked.targets)
    size, has_question = there.sum(dim=1), (asked.inputs == SEP).any(dim=1)
    skipped = torch.where(has_question, 0, size // 2) if from_middle else torch.zeros_like(size)
    most = min(LONGEST, int((size - skipped).max()))
    columns = skipped[:, None] + torch.arange(most, device=size.device)
    reference = labels.gather(1, columns.clamp(max=labels.shape[1] - 1)).masked_fill(columns >= size[:, None], EOS)
    return places.gather(1, skipped[:, None])[:, 0], reference


def _answer_tokens(targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the positions of the labels of answers, `[n, most]`, these labels, and which of both there are."""
    answers = answer_mask(targets)
    places = answers.byte().argsort(dim=1, descending=True, stable=True)[:, : int(answers.sum(dim=1).max())]
    there = answers.gather(1, places)
    return places, targets.gather(1, places).masked_fill(~there, PAD), there


def _until_the_end(tokens: Tensor) -> tuple[NDArray, NDArray]:
    """Return tokens `[..., n]`, and how many precede the first `<eos>`."""
    ended = (tokens == EOS).cumsum(dim=-1) > 0
    return tokens.cpu().numpy(), (~ended).sum(dim=-1).cpu().numpy()


def _read_answers(models: Respondent, asked: "Asked") -> _Answers:
    (places, labels, there), parts = _answer_tokens(asked.targets), []
    for rows in _chunks(len(labels), labels.device):
        shared = (each[rows].expand(models.count, *each[rows].shape) for each in (asked.inputs, places))
        parts.append(_read_tokens(models.at(*shared), labels[rows]))
    log_p, relative, right = (torch.cat(each, dim=1).cpu().numpy() for each in zip(*parts, strict=True))
    return _Answers(log_p, relative, right, there.cpu().numpy())


def _read_tokens(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log p of labels `[n, tokens]`, the same relative to all tokens, and whether they are the likeliest."""
    logits, place = logits.double(), labels.expand(len(logits), *labels.shape)[..., None]
    own, others = logits.gather(3, place)[..., 0], logits.scatter(3, place, -torch.inf)
    log_p = -softplus(others.logsumexp(dim=3) - own)  # as exact as in `Language.readout`
    everything = logits.log_softmax(dim=3)
    chances = everything.exp()
    mean = (chances * everything).sum(dim=3)
    variance = (chances * (everything - mean[..., None]).square()).sum(dim=3)
    relative = (log_p - mean) / variance.clamp(min=_LEAST_VARIANCE).sqrt()
    return log_p, relative, own > others.amax(dim=3)


def _attack(answers: _Answers, asked: "Asked") -> NDArray:
    """Return the scores of the attacks in KEPT, `[models, n, attacks]`."""
    assert asked.sizes is not None
    zlib = logit_of(answers.mean / asked.sizes.cpu().numpy())
    lowest = logit_of(lowest_mean(answers.log_p, answers.there))
    return np.stack([zlib, lowest, lowest_mean(answers.relative, answers.there)], axis=2)


def _attacked(asked: "Mapping[str, Asked]") -> list[str]:
    return [name for name in ("holdout", "members") if name in asked]


def _with_wrong_answers(asked: "Mapping[str, Asked]") -> list[str]:
    splits = ("forget", "retain", "test")
    return [split for split in splits if (own := asked.get(f"rephrased_{split}")) and own.inputs.shape[1] > 1]


def _chunks(count: int, device: torch.device) -> Iterator[Tensor]:
    yield from torch.arange(count, device=device).split(_AT_ONCE)
