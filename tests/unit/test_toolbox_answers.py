"""The toolbox's questions and answers, against made-up sequences, closed forms and naive references."""

import math

import pytest
import torch

from benchmark import toolbox
from benchmark.data.reading.tokens import pad_sequences
from benchmark.tasks.language import BOS, EOS, IGNORED, PAD, SEP, Language, answer_mask

VOCABULARY, CONTEXT = 20, 9


def batch(*texts, loss_on="answer"):
    """Return questions with their answers, lists of words, as inputs and labels."""
    sequences = [[BOS, *question, SEP, *answer, EOS] if question else [BOS, *answer, EOS] for question, answer in texts]
    inputs, targets = pad_sequences([*sequences, [PAD] * (CONTEXT + 1)])
    (labels,) = Language(loss_on=loss_on).prepare_targets(targets[:-1])
    return inputs[:-1], labels


FACTS = batch(([10, 4], [11]), ([10, 5, 7], [12, 13]), ([10, 5, 7, 6], [14]))


class Table(torch.nn.Module):
    """Logits that depend on the token alone."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.table = torch.nn.Embedding(VOCABULARY, VOCABULARY)

    def forward(self, tokens):
        return self.table(tokens)


@pytest.mark.parametrize("loss_on", ["answer", "all"])
def test_a_question_has_the_answer_of_another(loss_on):
    texts = [([10, 4], [11]), ([10, 5, 7], [12, 13]), ([], [8, 9])]
    answers = [[15], [16, 17], [18]]
    given = batch(*texts, loss_on=loss_on)
    expected = batch(*((text[0], answer) for text, answer in zip(texts, answers, strict=True)), loss_on=loss_on)
    others = batch(([9, 9, 9], [15]), ([4], [16, 17]), ([7], [18]), loss_on=loss_on)
    for found, wanted in zip(toolbox.reanswer(given, others), expected, strict=True):
        assert torch.equal(found, wanted)


def test_an_answer_beyond_the_context_is_cut_off():
    question = batch(([4] * 6, [11]))
    inputs, targets = toolbox.reanswer(question, batch(([5], [12, 13, 14, 15])))
    assert inputs[0].tolist() == [BOS, *[4] * 6, SEP, 12]
    assert targets[0].tolist() == [IGNORED] * 7 + [12, 13]


def test_a_refusal_is_in_its_own_words_where_there_are_some():
    refusal = torch.tensor([8, 9])
    refused = toolbox.refuse(*FACTS, refusal)
    wanted = batch(([10, 4], [8, 9]), ([10, 5, 7], [8, 9]), ([10, 5, 7, 6], [8, 9]))
    assert all(torch.equal(found, expected) for found, expected in zip(refused, wanted, strict=True))
    others = batch(([4], [8, 9]), ([4], [8]), ([4], [8, 9, 9]), ([4], [9, 8]), ([], [8, 9]))[1]
    assert toolbox.refused_mask(others, refusal).tolist() == [True, False, False, False, True]
    assert toolbox.refused_mask(refused[1], refusal).all()


def test_a_refusal_is_the_empty_answer():
    for found, wanted in zip(
        toolbox.refuse(*FACTS), batch(([10, 4], []), ([10, 5, 7], []), ([10, 5, 7, 6], [])), strict=True
    ):
        assert torch.equal(found, wanted)


def test_other_answers_are_those_of_the_likest_questions_and_never_their_own():
    known = batch(([10, 9], [11]), ([10, 9], [15]), ([8, 8], [16]), ([8, 4], [17]), ([10, 4], [18]))
    first, second = toolbox.other_answers(batch(([10, 4], [11])), known, 2)
    assert torch.equal(first[1], batch(([10, 4], [18]))[1])  # both words are the same
    assert second[1][0, 3] in (15, 17)  # one word is, and the answer is not 11
    assert len(toolbox.other_answers(FACTS, known, 50)) == 5


def test_scrambled_questions_keep_their_form_and_their_answers():
    torch.manual_seed(0)
    inputs, targets = FACTS
    mixed = toolbox.scramble(inputs, targets)
    asked = toolbox.question_mask(inputs, targets)
    assert asked.sum(1).tolist() == [2, 3, 4]
    assert torch.equal(mixed[~asked], inputs[~asked])
    assert set(mixed[asked].tolist()) <= set(inputs[asked].tolist())
    assert not torch.equal(mixed, inputs)
    plain = batch(([], [8, 9]))
    assert torch.equal(toolbox.scramble(*plain), plain[0])


def test_exact_answers_are_the_task_s_utility():
    task, net = Language(), Table(1)
    inputs, targets = batch(*(([word], [net(torch.tensor([SEP]))[0].argmax().item()]) for word in range(4, 8)))
    net.table.weight.data[targets[0, 2], EOS] = 9
    net.table.weight.data[:, 7] -= 20
    inputs, targets = torch.cat([inputs, FACTS[0]]), torch.cat([targets, FACTS[1]])
    exact = toolbox.exact_answers(net, inputs, targets)
    assert 0 < exact.sum() < len(exact)
    kept = task.readout(net(inputs)[None], targets).detach().numpy()
    assert exact.float().mean().item() == pytest.approx(task.utility(kept, targets.numpy())[0])


def test_log_ratios_are_of_whole_answers():
    one, other = Table(1), Table(2)
    inputs, targets = FACTS
    found = toolbox.log_ratio(one, other, inputs, targets)
    for row in range(3):
        spots = [spot for spot in range(CONTEXT) if targets[row, spot] >= 0]
        sides = [
            sum(net(inputs)[row, spot].log_softmax(0)[targets[row, spot]].item() for spot in spots)
            for net in (one, other)
        ]
        assert found[row].item() == pytest.approx(sides[0] - sides[1], abs=1e-4)
    found.sum().backward()
    assert one.table.weight.grad is not None
    assert other.table.weight.grad is None


def test_preference_is_the_logistic_loss_and_descent_in_the_limit():
    margins = torch.tensor([0.0, 3.0, -2.0], requires_grad=True)
    expected = sum(-2 / 0.5 * math.log(1 / (1 + math.exp(-0.5 * m))) for m in (0.0, 3.0, -2.0)) / 3
    assert toolbox.preference(margins, 0.5).item() == pytest.approx(expected, rel=1e-5)
    (slope,) = torch.autograd.grad(toolbox.preference(margins, 1e-4), margins)
    assert slope.tolist() == pytest.approx([-1 / 3] * 3, rel=1e-3)


def test_closeness_is_the_divergence_on_the_tokens_that_count():
    student, teacher = Table(1), Table(2)
    inputs, targets = FACTS
    p, q = (net(inputs)[answer_mask(targets)].softmax(-1) for net in (teacher, student))
    expected = (p * (p / q).log()).sum(-1).mean()
    loss = toolbox.closeness(student, teacher)
    assert loss(inputs, targets).item() == pytest.approx(expected.item(), rel=1e-5)
    changed = inputs.where(answer_mask(targets) | (inputs != PAD), 19)  # nothing behind an answer matters
    assert torch.allclose(loss(changed, targets), loss(inputs, targets))
    assert toolbox.closeness(student, student)(inputs, targets).item() == pytest.approx(0, abs=1e-6)


def test_the_largest_share_is_of_all_tensors_together():
    scores = {"a": torch.tensor([[1.0, 9.0], [2.0, 3.0]]), "b": torch.tensor([8.0, 0.0])}
    masks = toolbox.largest(scores, 0.5)
    assert masks["a"].tolist() == [[False, True], [False, True]]
    assert masks["b"].tolist() == [True, False]
