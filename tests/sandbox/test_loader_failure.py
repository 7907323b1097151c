"""Exceptions in processes of a submission's own data loader are told as the submission's own."""

from benchmark.sandbox.child.failure import describe

BROKEN = """
from torch.utils.data import DataLoader

class Broken(list):
    def __getitem__(self, row):
        raise ValueError("in worker")

list(DataLoader(Broken([1, 2]), num_workers=1))
"""


def test_what_a_loaders_worker_raised_is_told_as_its_own(raised, tmp_path):
    assert describe(raised(BROKEN), tmp_path) == "ValueError: in worker (submission.py, line 6)"


def test_a_key_that_a_loaders_worker_missed_is_told_too(raised, tmp_path):
    source = BROKEN.replace('ValueError("in worker")', 'KeyError("age")')
    assert describe(raised(source), tmp_path) == "KeyError: 'age' (submission.py, line 6)"
