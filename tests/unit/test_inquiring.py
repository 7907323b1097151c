"""The evidence of language models' answers, against plain loops over models, examples and tokens."""

import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.data.asked import Asked, asked_of, compressed_sizes, first_of_each, store_inquiries
from benchmark.data.reading.inquiries import Tokens
from benchmark.data.sources.people import People
from benchmark.inquiring import greedy_rouge, inquire, shapes_of
from benchmark.metrics.rouge import longest_common
from benchmark.models.build import seeded_model
from benchmark.models.networks.gpt import Gpt
from benchmark.split import Split
from benchmark.tasks.language import EOS, IGNORED, SEP, Language
from benchmark.training import StackedModel

TASK = Language()
EXAMPLES = People(source="people", people=6, facts=2, holdout=2, seed=1).load(None)
VOCABULARY = len(EXAMPLES.vocabulary)
MODELS = 2


class Prefixes:
    """Models whose logits are random numbers of what precedes, and high at the next token of the texts they know."""

    count = MODELS

    def __init__(self, known=()):
        self.known = {tuple(row[: at + 1]): row[at + 1] for row in known for at in range(len(row) - 1)}

    def logits(self, model, prefix):
        found = np.random.default_rng([model, *prefix]).normal(size=VOCABULARY)
        if model == 0 and tuple(prefix) in self.known:
            found[self.known[tuple(prefix)]] += 6
        return found

    def at(self, tokens, places):
        rows = [
            [
                [self.logits(m, tokens[m, b, : place + 1].tolist()) for place in places[m, b]]
                for b in range(len(tokens[m]))
            ]
            for m in range(MODELS)
        ]
        return torch.from_numpy(np.array(rows))


def problem_of(examples=EXAMPLES):
    (targets,) = TASK.prepare_targets(examples.targets)
    whole = Split(examples.inputs, targets, examples.rows)
    parts = {"forget": slice(0, 3), "retain": slice(3, 9), "test": slice(20, 24)}
    splits = {name: whole.at(torch.arange(len(whole))[rows]) for name, rows in parts.items()}
    return SimpleNamespace(task=TASK, **splits, inquiries=store_inquiries(examples, splits, TASK))


PROBLEM = problem_of()
PROBES = {"retain": np.array([1, 4]), "test": np.array([0, 3])}
ASKED = asked_of(PROBLEM, PROBES)
KNOWN = [[token for token in row if token > 0] + [EOS] for row in ASKED["forget"].inputs.tolist()]
MODEL = Prefixes(KNOWN)
FOUND = inquire(MODEL, ASKED)


def answers_of(asked, row):
    """Return the tokens before the answer, and the answer with its <eos>."""
    inputs, labels = asked.inputs[row].tolist(), asked.targets[row].tolist()
    places = [at for at, label in enumerate(labels) if label != IGNORED]
    return inputs[: places[0] + 1], [labels[at] for at in places]


def chances(model, prompt, answer):
    """Yield the label's place and the probabilities of all tokens, for every token of an answer."""
    for at, token in enumerate(answer):
        logits = MODEL.logits(model, [*prompt, *answer[:at]])
        yield token, np.exp(logits) / np.exp(logits).sum()


def per_token(model, prompt, answer):
    return np.mean([np.log(p[token]) for token, p in chances(model, prompt, answer)])


def logit(log_p):
    return log_p - np.log(1 - np.exp(log_p))


def pairs(asked):
    return [(model, row, *answers_of(asked, row)) for model in range(MODELS) for row in range(len(asked.inputs))]


def test_attacks_score_what_is_and_what_was_never_taught_by_their_definitions():
    for name in ("forget", "holdout"):
        for model, row, prompt, answer in pairs(ASKED[name]):
            size = len(zlib.compress(" ".join(EXAMPLES.vocabulary[t] for t in answer[:-1]).encode()))
            own = [np.log(p[token]) for token, p in chances(model, prompt, answer)]
            relative = []
            for token, p in chances(model, prompt, answer):
                mean = (p * np.log(p)).sum()
                relative.append((np.log(p[token]) - mean) / np.sqrt((p * np.log(p) ** 2).sum() - mean**2))
            taken = max(1, int(0.4 * len(answer)))
            expected = (
                logit(np.mean(own) / size),
                logit(np.mean(sorted(own)[:taken])),
                np.mean(sorted(relative)[:taken]),
            )
            np.testing.assert_allclose(FOUND[f"attack/{name}"][model, row], expected, rtol=1e-6)
    for model, row, prompt, answer in pairs(ASKED["holdout"]):
        np.testing.assert_allclose(FOUND["phi/holdout"][model, row], logit(per_token(model, prompt, answer)), rtol=1e-6)


@pytest.mark.parametrize("split", ["forget", "retain", "test"])
def test_the_truth_ratio_is_the_mean_probability_of_wrong_answers_over_that_of_the_right_one(split):
    asked = ASKED[f"rephrased_{split}"]
    assert asked.inputs.shape[1] == 6
    for model in range(MODELS):
        for row in range(len(asked.inputs)):
            each = [answers_of(Asked(asked.inputs[row], asked.targets[row]), answer) for answer in range(6)]
            right, *wrong = [np.exp(per_token(model, *pair)) for pair in each]
            np.testing.assert_allclose(FOUND[f"truth/{split}"][model, row], np.log(np.mean(wrong) / right), rtol=1e-6)


def test_extraction_strength_is_the_share_of_the_answer_behind_the_shortest_prefix_that_brings_it():
    seen = set()
    for model, row, prompt, answer in pairs(ASKED["forget"]):
        words = answer[:-1]
        for k in range(len(words) + 1):
            following = [int(MODEL.logits(model, [*prompt, *words[:at]]).argmax()) for at in range(k, len(words))]
            if following == words[k:]:
                break
        assert FOUND["extraction/forget"][model, row] == 1 - k / len(words)
        seen.add(1 - k / len(words))
    assert {0, 1} <= seen


def common(one, other):
    """Return the length of the longest common subsequence, by its recursion."""
    if not one or not other:
        return 0
    if one[-1] == other[-1]:
        return 1 + common(one[:-1], other[:-1])
    return max(common(one[:-1], other), common(one, other[:-1]))


def greedy(model, prompt, most):
    said = []
    while len(said) < most and EOS not in said:
        said.append(int(MODEL.logits(model, [*prompt, *said]).argmax()))
    return [token for token in said if token != EOS]


def test_rouge_is_of_the_greedy_answer():
    rephrased = ASKED["rephrased_forget"]
    right = Asked(rephrased.inputs[:, 0], rephrased.targets[:, 0])
    for name, asked in [*((name, ASKED[name]) for name in ("forget", "retain", "test")), ("rephrased", right)]:
        most = max(len(answer) for *_, answer in pairs(asked))
        for model, row, prompt, answer in pairs(asked):
            said, words = greedy(model, prompt, most), answer[:-1]
            recall, precision = common(said, words) / len(words), common(said, words) / max(1, len(said))
            f1 = 2 * recall * precision / (recall + precision) if recall else 0
            np.testing.assert_allclose(FOUND[f"said/{name}"][model, row], [recall, f1], atol=1e-12)
    assert (FOUND["said/forget"][0] == 1).all()


def test_models_continue_text_without_a_question_from_its_middle():
    words = [[7, 8, 9, 10, EOS], [11, 12, EOS, IGNORED, IGNORED]]
    targets = torch.tensor(words)
    inputs = torch.cat([torch.ones(2, 1, dtype=torch.int64), targets[:, :-1].clamp(min=0)], dim=1)
    known = Prefixes([[1, 7, 8, 9, 10, EOS]])
    found = greedy_rouge(known, Asked(inputs, targets))
    assert found[0, 0].tolist() == [1, 1]
    said = [int(known.logits(1, [1, 11]).argmax())]
    said += [int(known.logits(1, [1, 11, *said]).argmax()), 0][: 1 if EOS not in said else 0]
    assert found[1, 1, 0] == (12 in said)


def test_models_go_on_from_the_beginning_that_is_named():
    continued = [[7, 8, 9, 10, EOS], [11, 12, 13, EOS, IGNORED]]
    targets = torch.tensor(continued)
    inputs = torch.cat([torch.ones(2, 1, dtype=torch.int64), targets[:, :-1].clamp(min=0)], dim=1)
    asked = Asked(inputs, targets.index_fill(1, torch.tensor([0]), IGNORED))
    known = Prefixes([[1, 7, 8, 9, 10, EOS], [1, 11, 12, 13, EOS]])
    assert greedy_rouge(known, asked, from_middle=False)[0].tolist() == [[1, 1], [1, 1]]
    half = Prefixes([[1, 7, 8, 9, 10, EOS], [1, 11, 12, 12, EOS]])
    assert greedy_rouge(half, asked, from_middle=False)[0, 1].tolist() == [0.5, 0.5]


def test_named_texts_are_attacked_and_continued_beside_the_forget_set():
    text = Tokens(EXAMPLES.inputs[5:9], EXAMPLES.targets[5:9])
    inquiries = EXAMPLES.inquiries._replace(members=text, continued=text)
    asked = asked_of(problem_of(replace(EXAMPLES, inquiries=inquiries)), PROBES)
    found = inquire(MODEL, asked)
    assert {name: array.shape[1:] for name, array in found.items()} == shapes_of(asked)
    assert set(found) - set(FOUND) == {"phi/members", "attack/members", "said/continued"}
    again = inquire(MODEL, {**ASKED, "forget": asked["members"]})
    np.testing.assert_array_equal(found["attack/members"], again["attack/forget"])
    np.testing.assert_array_equal(found["said/continued"], again["said/forget"])
    np.testing.assert_array_equal(found["said/forget"], FOUND["said/forget"])


def test_longest_common_subsequences_are_the_recursions():
    rng = np.random.default_rng(1)
    said, reference = rng.integers(0, 3, (2, 6, 5)), rng.integers(0, 3, (6, 4))
    said_sizes, sizes = rng.integers(0, 6, (2, 6)), rng.integers(0, 5, 6)
    found = longest_common(said, said_sizes, reference, sizes)
    for model in range(2):
        for row in range(6):
            one, other = said[model, row, : said_sizes[model, row]], reference[row, : sizes[row]]
            assert found[model, row] == common(one.tolist(), other.tolist())


def test_arrays_have_the_shapes_that_are_said_of_them_with_and_without_inquiries():
    assert {name: array.shape[1:] for name, array in FOUND.items()} == shapes_of(ASKED)
    bare = {name: ASKED[name] for name in ("forget", "retain", "test")}
    assert {name: array.shape[1:] for name, array in inquire(MODEL, bare).items()} == shapes_of(bare)
    assert set(shapes_of(ASKED)) - set(shapes_of(bare)) == {
        *("phi/holdout", "attack/holdout", "said/rephrased", "truth/forget", "truth/retain", "truth/test")
    }


def test_each_fact_to_forget_is_asked_once_in_other_words():
    twice = People(source="people", people=6, facts=2, paraphrases=2, seed=1).load(None)
    problem = problem_of(twice)  # three questions: both wordings of a fact, and its validation wording
    asked = asked_of(problem, PROBES)["rephrased_forget"]
    assert asked.inputs.shape[0] == 1
    assert torch.equal(asked.inputs[0], twice.inquiries.rephrased.inputs[0])
    assert first_of_each(torch.tensor([[2, 1], [0, 5], [2, 1], [0, 4], [0, 5]])).tolist() == [0, 1, 3]
    assert "holdout" not in asked_of(problem, PROBES)


def test_sizes_are_of_the_compressed_answers():
    labels = torch.tensor([[5, SEP, 6, 7, EOS], [8, 9, 10, EOS, IGNORED]])
    vocabulary = tuple(f"word{number}" for number in range(12))
    expected = [len(zlib.compress(text)) for text in (b"word6 word7", b"word8 word9 word10")]
    assert compressed_sizes(labels, vocabulary).tolist() == expected


@pytest.mark.parametrize("own", [False, True])
def test_logits_at_positions_are_those_of_whole_sequences(own):
    torch.manual_seed(0)
    nets = [seeded_model(Gpt(width=8, layers=2, heads=2), (7,), 11, seed) for seed in (1, 2)]
    if own:  # a user's net, which has no rule of its own
        nets = [torch.nn.Sequential(torch.nn.Embedding(11, 8), torch.nn.Linear(8, 11)) for _ in nets]
    models, tokens = StackedModel(nets, "cpu"), torch.randint(11, (2, 3, 7))
    places = torch.tensor([[[0, 4], [6, 2], [1, 1]]] * 2)
    with torch.no_grad():
        whole = torch.stack([net(each) for net, each in zip(nets, tokens, strict=True)])
        found = models.at(tokens, places)
    for model, row in ((m, r) for m in range(2) for r in range(3)):
        torch.testing.assert_close(found[model, row], whole[model, row, places[model, row]], rtol=1e-4, atol=1e-5)
