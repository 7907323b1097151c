"""Made-up answers to a search, for the tests of tuning."""

import random

from benchmark.tuning.measuring import Cost

RUNGS = [8, 16, 32, 64]


def hill(values):
    """Best at 0.7; noisier after fewer runs."""
    for runs in RUNGS:
        noise = random.Random(f"{runs}{values}").gauss(0, 0.1 / runs)
        yield Cost(0.1, 0.1), max(0.0, 1 - abs(values["strength"] - 0.7) + noise)


class Answers:
    """Answers of a function that makes a trial's costs and scores, and of one that knows for sure what it costs."""

    def __init__(self, trial, share=lambda values: 0.1):
        self.trial, self.share = trial, share

    def __call__(self, values):
        return self.trial(values)


def told(record):
    """Everything but timing's share."""
    return record.hyperparameters, [(trial.values, trial.scores, trial.state) for trial in record.trials]
