"""ROUGE-L against the package `rouge-score`, whose import takes too long for the unit tests."""

import numpy as np
from rouge_score.rouge_scorer import RougeScorer

from benchmark.metrics.rouge import rouge_l


def test_rouge_l_is_that_of_the_package():
    rng = np.random.default_rng(0)
    said, reference = rng.integers(1, 5, (3, 40, 7)), rng.integers(1, 5, (40, 6))
    said_sizes, sizes = rng.integers(0, 8, (3, 40)), rng.integers(0, 7, 40)
    scorer = RougeScorer(["rougeL"])

    def text(tokens, size):
        return " ".join(f"w{token}" for token in tokens[:size])

    recall, f1 = rouge_l(said, said_sizes, reference, sizes)
    for model in range(3):
        for row in range(40):
            pair = text(reference[row], sizes[row]), text(said[model, row], said_sizes[model, row])
            expected = scorer.score(*pair)["rougeL"]
            np.testing.assert_allclose([recall[model, row], f1[model, row]], [expected.recall, expected.fmeasure])
