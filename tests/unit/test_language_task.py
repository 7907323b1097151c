"""Language: labels of answers, losses, φ and exact answers by their definitions, and hidden questions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmark.data.loading import read_examples
from benchmark.data.perturbing import draw_hidden_inputs
from benchmark.data.reading.examples import Examples, fault_of_examples
from benchmark.data.reading.tokens import examples_of_texts, pad_sequences
from benchmark.data.sources.digits import Digits
from benchmark.data.sources.people import People
from benchmark.errors import BadData, BadScenario
from benchmark.models.networks.file import FileNet
from benchmark.models.networks.gpt import Gpt
from benchmark.models.networks.mlp import Mlp
from benchmark.models.rehearsal import rehearse_here
from benchmark.split import Split
from benchmark.tasks.classification import Classification
from benchmark.tasks.language import BOS, EOS, IGNORED, PAD, SEP, Language, answer_mask

TASK = Language()
TEXTS = [("who is it", "ada lang"), ("where", "oslo"), ("", "once upon a time")]
EXAMPLES = examples_of_texts(TEXTS, np.zeros(3), np.arange(3), ("a", "b", "c"))
LABELS = EXAMPLES.targets
VOCABULARY = len(EXAMPLES.vocabulary)
LOGITS = torch.randn(4, *LABELS.shape, VOCABULARY, generator=torch.Generator().manual_seed(0))


def words(tokens):
    return [EXAMPLES.vocabulary[token] if token != IGNORED else "-" for token in tokens.tolist()]


def answers_of(row):
    """Return the places of the labels behind <sep>, by a plain walk."""
    behind = [place for place, label in enumerate(row.tolist()) if label == SEP]
    first = behind[0] + 1 if behind else 0
    return [place for place in range(first, len(row)) if row[place] != IGNORED]


def test_texts_become_inputs_and_the_tokens_that_follow():
    assert words(EXAMPLES.inputs[1]) == ["<bos>", "where", "<sep>", "oslo", "<pad>", "<pad>", "<pad>"]
    assert words(LABELS[1]) == ["where", "<sep>", "oslo", "<eos>", "-", "-", "-"]
    assert words(EXAMPLES.inputs[0]) == ["<bos>", "who", "is", "it", "<sep>", "ada", "lang"]
    assert (PAD, BOS, SEP, EOS) == (0, 1, 2, 3)
    assert fault_of_examples(EXAMPLES) == ""
    assert pad_sequences([[1, 5, 3]])[1].tolist() == [[5, 3]]


def test_the_loss_is_on_answers_or_on_all_tokens():
    (answers,) = TASK.prepare_targets(LABELS)
    assert words(answers[0]) == ["-", "-", "-", "-", "ada", "lang", "<eos>"]
    (everything,) = Language(loss_on="all").prepare_targets(LABELS)
    assert everything is LABELS
    assert torch.equal(answer_mask(answers), answer_mask(LABELS))
    assert answer_mask(LABELS.numpy()).tolist() == answer_mask(LABELS).tolist()
    text = torch.tensor([[7, 8, EOS, IGNORED]])  # without a question
    assert answer_mask(text).tolist() == [[True, True, True, False]]


def test_the_loss_of_an_example_is_the_mean_over_its_labels():
    for labels in (LABELS, *TASK.prepare_targets(LABELS)):
        found = TASK.losses(LOGITS, labels.expand(4, -1, -1))
        assert found.shape == (4, 3)
        for model in range(4):
            for row in range(3):
                kept = labels[row] != IGNORED
                expected = F.cross_entropy(LOGITS[model, row][kept], labels[row][kept])
                torch.testing.assert_close(found[model, row], expected)
        total = TASK.loss()(LOGITS, labels.expand(4, -1, -1))
        torch.testing.assert_close(total, found.mean(dim=1).sum())
        torch.testing.assert_close(TASK.batch_loss()(LOGITS[0], labels), found[0].mean())


@pytest.mark.parametrize("prepared", [LABELS, *TASK.prepare_targets(LABELS)])
def test_phi_is_the_logit_of_the_geometric_mean_and_utility_the_share_of_exact_answers(prepared):
    read = TASK.readout(LOGITS, prepared).numpy()
    phi, utility = TASK.signal(read, prepared.numpy()), TASK.utility(read, prepared.numpy())
    for model in range(4):
        right = 0
        for row in range(3):
            places = answers_of(LABELS[row])
            own = LOGITS[model, row].double().softmax(dim=-1)
            chances = [own[place, LABELS[row, place]].item() for place in places]
            mean = np.prod(chances) ** (1 / len(chances))
            np.testing.assert_allclose(phi[model, row], np.log(mean / (1 - mean)), rtol=1e-9)
            right += all(own[place].argmax() == LABELS[row, place] for place in places)
        assert utility[model] == right / 3


def test_a_sure_answer_has_a_finite_phi_that_still_tells_how_sure_it_is():
    labels = torch.tensor([[SEP, 5, EOS]])
    logits = torch.zeros(3, 1, 3, 9)
    for model, height in enumerate((50.0, 100.0, 5000.0)):
        logits[model, 0, torch.arange(3), labels[0]] = height
    phi = TASK.signal(TASK.readout(logits, labels).numpy(), labels.numpy())[:, 0]
    np.testing.assert_allclose(phi[:2], np.array([50.0, 100.0]) - np.log(8), rtol=1e-12)
    assert np.isfinite(phi[2])
    assert phi[2] > phi[1]
    assert np.isnan(TASK.utility(np.zeros((2, 0, 3, 2)), labels.numpy()[:0])).all()


def test_exact_answers_are_the_greedy_ones():
    torch.manual_seed(1)
    net = Gpt(width=8, layers=1, heads=2).build((LABELS.shape[1],), VOCABULARY)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    with torch.no_grad():
        said = net(EXAMPLES.inputs)[None]
        exact = TASK.readout(said, LABELS)[0, :, :, 1].all(dim=1).tolist()
        for row in range(3):
            places, tokens = answers_of(LABELS[row]), EXAMPLES.inputs[row].clone()
            answer = []
            for place in places:
                answer.append(int(net(tokens[None, : place + 1])[0, -1].argmax()))
                if place + 1 < len(tokens):
                    tokens[place + 1] = answer[-1]
            assert exact[row] == (answer == LABELS[row, places].tolist())


def test_chance_is_the_share_of_the_most_frequent_answer():
    labels = TASK.prepare_targets(torch.cat([LABELS, LABELS[:1]]))[0].numpy()
    assert TASK.chance(labels, VOCABULARY, weighted=False) == 0.5
    assert TASK.chance(labels[:0], VOCABULARY, weighted=False) == 0.0


def test_hidden_questions_differ_from_the_real_ones_in_one_word_of_the_question():
    people = People(source="people", people=9, facts=2, seed=0).load(None)
    split = Split(people.inputs, people.targets, torch.arange(len(people)))
    forget, retain = split.at(torch.arange(12)), split.at(torch.arange(12, len(people)))
    problem = SimpleNamespace(
        task=TASK, forget=forget, retain=retain, outputs=len(people.vocabulary), input_shape=people.inputs.shape[1:]
    )
    hidden = draw_hidden_inputs(problem, 5)
    assert torch.equal(hidden.split.inputs, draw_hidden_inputs(problem, 5).split.inputs)
    assert not torch.equal(hidden.split.inputs, draw_hidden_inputs(problem, 6).split.inputs)
    count = len(hidden.split) // 12
    assert torch.equal(hidden.split.targets, torch.cat([forget.targets] * count))
    changed = hidden.split.inputs != torch.cat([forget.inputs] * count)
    assert (changed.sum(dim=1) <= 1).all()  # the word drawn may be the same
    assert changed.any(dim=1).float().mean() > 0.7
    behind = (hidden.split.inputs == SEP).cumsum(dim=1) > 0
    assert not (changed & behind).any()
    assert (hidden.split.inputs[changed] > EOS).all()


@pytest.mark.parametrize(
    ("source", "task", "sentence"),
    [
        (People(source="people", people=4, facts=1, seed=0), Classification(), "people has sequences of tokens, but"),
        (Digits(source="digits", train=10, validation=10, test=10, seed=0), TASK, "digits has none; take"),
    ],
)
def test_sequences_and_the_task_belong_together(source, task, sentence, tmp_path):
    with pytest.raises(BadScenario, match=sentence):
        read_examples(source, tmp_path, task)


def test_a_sequence_without_an_answer_is_refused():
    with pytest.raises(BadData, match="1 sequences without an answer"):
        TASK.check_targets(torch.tensor([[5, SEP], [SEP, 5]]), (), "theirs")


@pytest.mark.parametrize(
    ("inputs", "targets", "sentence"),
    [
        (LABELS.clamp(min=0), LABELS.clamp(min=-1), "targets with numbers that are no tokens"),
        (LABELS, LABELS, "inputs with numbers that are no tokens, expected 0 to"),
        (LABELS.clamp(min=0), LABELS[:, 1:], "targets torch.int64 of shape"),
        (LABELS.clamp(min=0).float(), LABELS, "inputs torch.float32 of shape"),
    ],
)
def test_examples_that_are_no_tokens_are_named(inputs, targets, sentence):
    assert fault_of_examples(Examples(inputs, targets, (), vocabulary=EXAMPLES.vocabulary)).startswith(sentence)


def test_a_network_has_to_read_what_the_source_has():
    Gpt(width=8, layers=1, heads=2).try_out((5,), 11, tokens=True)
    with pytest.raises(BadScenario, match="name is mlp, but the inputs are token ids; choose"):
        Mlp(widths=(4,)).try_out((5,), 11, tokens=True)
    with pytest.raises(BadScenario, match="name is gpt, but the inputs are no token ids; choose"):
        Gpt(width=8, layers=1, heads=2).try_out((5,), 11)
    with pytest.raises(ValueError, match="expected a multiple of architecture"):
        Gpt(width=8, layers=1, heads=3)


def test_a_network_of_ones_own_reads_tokens_too():
    source = "from torch import nn\ndef build(shape, tokens):\n    return nn.Sequential(*layers(shape, tokens))\n"
    of_tokens = "def layers(shape, tokens):\n    return nn.Embedding(tokens, 4), nn.Linear(4, tokens)\n"
    rehearse_here(FileNet(file="net.py:build", source=source + of_tokens), (5,), 11, tokens=True)
    of_sequences = (
        "def layers(shape, tokens):\n    return nn.Embedding(tokens, 4), nn.Flatten(), nn.Linear(20, tokens)\n"
    )
    with pytest.raises(BadScenario, match=r"returned \(2, 11\) for two examples, expected logits \(2, 5, 11\)"):
        rehearse_here(FileNet(file="net.py:build", source=source + of_sequences), (5,), 11, tokens=True)
