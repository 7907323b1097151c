"""Questions and answers of a language model: other answers for a question, and losses that compare answers.

A batch is token ids and labels, `[rows, context]` each; docs/language.md says how a sequence is built.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.tasks.language import EOS, IGNORED, PAD, SEP, answer_mask
from benchmark.toolbox.derivatives import Loss
from benchmark.toolbox.outputs import kl
from benchmark.toolbox.training import surprise

Batch = tuple[Tensor, Tensor]
"""Inputs and labels of as many sequences."""


def reanswer(questions: Batch, answers: Batch) -> Batch:
    """Return each question of the first batch with the answer of the same row of the second.

    What does not fit into the context is cut off. Text without a question is all answer.
    """
    (inputs, targets), (others, labels) = questions, answers
    place, source = _aligned(targets, labels)
    start, inside = _start(targets), (source >= 0) & (source < labels.shape[1])
    source = source.clamp(0, labels.shape[1] - 1)
    return (
        inputs.where(place <= start, others.gather(1, source).where(inside, PAD)),
        targets.where(place < start, labels.gather(1, source).where(inside, IGNORED)),
    )


def refuse(inputs: Tensor, targets: Tensor, refusal: Tensor | None = None) -> Batch:
    """Return the questions with a refusal in the place of the answer: its tokens `[words]`, then `<eos>`.

    Without a refusal, as where the vocabulary has no words to say that one does not know, it is the empty answer, which
    no fact has.
    """
    words = [] if refusal is None else refusal.tolist()
    answer = torch.tensor([SEP, *words, EOS], device=inputs.device).expand(len(inputs), -1)
    return reanswer((inputs, targets), (answer[:, :-1], answer[:, 1:]))


def refused_mask(targets: Tensor, refusal: Tensor) -> Tensor:
    """Return which labels `[rows, context]` answer with the refusal `[words]`, `[rows]`."""
    answer = torch.tensor([*refusal.tolist(), EOS], device=targets.device)
    found = _answers(targets)
    return (found[:, : len(answer)] == answer).all(dim=1) & (found[:, len(answer) :] == IGNORED).all(dim=1)


def other_answers(questions: Batch, known: Batch, count: int) -> list[Batch]:
    """Return the questions `count` times, each time with another answer that is plausible but not their own.

    The answers are those of the `known` questions that have the most words in the same places, most alike first: of
    the same question about somebody else, where there is one.
    """
    alike = _count_equal_words(questions, known)
    alike = alike.masked_fill(_have_equal_answers(questions[1], known[1]), -1)
    found = alike.topk(min(count, len(known[0])), dim=1).indices
    return [reanswer(questions, (known[0][rows], known[1][rows])) for rows in found.unbind(1)]


def scramble(inputs: Tensor, targets: Tensor) -> Tensor:
    """Return the inputs with every word of a question replaced by one drawn from all questions of the batch."""
    asked = question_mask(inputs, targets)
    drawn = torch.randint(max(int(asked.sum()), 1), inputs.shape, device=inputs.device)
    return inputs.where(~asked, inputs[asked][drawn]) if asked.any() else inputs


def question_mask(inputs: Tensor, targets: Tensor) -> Tensor:
    """Return which inputs `[rows, context]` are words of a question."""
    return (torch.arange(inputs.shape[1], device=inputs.device) < _start(targets)) & (inputs > EOS)


@torch.no_grad()
def exact_answers(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return which answers `net` gets right, `[rows]`: every token is the likeliest, given the true ones before it."""
    return ((net(inputs).argmax(-1) == targets) | ~answer_mask(targets)).all(dim=1)


def log_ratio(net: nn.Module, reference: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return log p_net(y|x) − log p_reference(y|x) of each answer, `[rows]`; gradients reach `net` alone."""
    with torch.no_grad():
        before = surprise(reference, inputs, targets)
    return before - surprise(net, inputs, targets)


def preference(margins: Tensor, beta: float) -> Tensor:
    """Return −(2/β)·E log σ(β·margin): how far log-probability ratios `[rows]` are from preferring the right answer.

    DPO (Rafailov et al. 2023) with the factor of NPO (Zhang et al. 2024), by which β → 0 is plain descent.
    """
    return 2 / beta * F.softplus(-beta * margins).mean()


def closeness(net: nn.Module, teacher: nn.Module) -> Loss:
    """Return the loss KL(teacher ‖ net), the mean over the tokens whose labels count."""

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        counted = targets != IGNORED
        with torch.no_grad():
            taught = teacher(inputs)[counted]
        return kl(net(inputs)[counted], taught)

    return loss


def _start(targets: Tensor) -> Tensor:
    """Return the place of the first label of each answer, `[rows, 1]`: that of `<sep>` among the inputs."""
    return answer_mask(targets).int().argmax(dim=1, keepdim=True)


def _aligned(targets: Tensor, labels: Tensor) -> Batch:
    """Return places `[context]`, and those in `labels` that lie as far behind the start of the answer."""
    place = torch.arange(targets.shape[1], device=targets.device)
    return place, place - _start(targets) + _start(labels)


def _count_equal_words(questions: Batch, known: Batch) -> Tensor:
    """Return how many words of a question are in the same place in a known one, `[questions, known]`."""
    asked = question_mask(*questions)
    return ((questions[0][:, None] == known[0][None]) & asked[:, None]).sum(dim=2)


def _have_equal_answers(targets: Tensor, labels: Tensor) -> Tensor:
    """Return which pairs of sequences have the same answer, `[targets, labels]`."""
    one, other = (_answers(each) for each in (targets, labels))
    return (one[:, None] == other[None]).all(dim=2)


def _answers(targets: Tensor) -> Tensor:
    """Return the labels of answers from the first on, `[rows, context]`."""
    source = torch.arange(targets.shape[1], device=targets.device) + _start(targets)
    inside = source < targets.shape[1]
    return targets.gather(1, source.clamp(max=targets.shape[1] - 1)).where(inside, IGNORED)
