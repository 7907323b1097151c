"""Questions to models of sequences for evaluation alone: no model is trained on it, and no submission sees it."""

from typing import NamedTuple

from torch import Tensor


class Tokens(NamedTuple):
    """Token ids and the label of each, `[..., context]`, as in `Examples`."""

    inputs: Tensor
    targets: Tensor


class Inquiries(NamedTuple):
    """Further sequences of a source, for metrics of language; None where it has none."""

    rephrased: Tokens | None = None
    """`[rows of the source, answers, context]`: a question for the same fact in words that are not trained on.

    First with the right answer, then with wrong ones.
    """
    holdout: Tokens | None = None
    """`[facts, context]`: like the examples of train, about what no model is trained on."""
    members: Tokens | None = None
    """`[facts, context]`: of what is to be forgotten, which attacks compare with `holdout`; None: the forget set."""
    continued: Tokens | None = None
    """`[texts, context]`: of what is to be forgotten, with labels from where models go on; None: the forget set."""
