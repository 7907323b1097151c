"""Other questions to models of sequences: what was unlearned in one wording may still be known in another."""

from typing import TYPE_CHECKING

from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, State, of_sequences, question_treatment, treatment

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from benchmark.split import Split

CANDIDATES = 256  # tokens that are tried in the place of the first


@TREATMENTS.add
@question_treatment(after="asking in other words")
def paraphrased(given: Given) -> "Split | None":
    """Every forgotten fact is asked for in words that no model was trained on and no submission is shown.

    Where the source has no other words, nothing changes. Source: Maini et al. 2024 (2401.06121) for paraphrases.
    """
    from dataclasses import replace

    asked = given.problem.inquiries
    if "rephrased_forget/inputs" not in asked:
        return None
    right = {name: asked[f"rephrased_forget/{name}"][:, 0] for name in ("inputs", "targets")}
    return replace(given.problem.forget, **right)


@TREATMENTS.add
@treatment(after="searching for a prefix", suits=of_sequences)
def prefixed(nets: State, given: Given) -> State:
    """Every sequence begins with another token: for each net the one that makes it surest of a tenth of the forget set.

    φ is read on all of it. The tenth is that of `relearned_forget`; all tokens are tried, 256 drawn by the seed where
    there are more, and the usual first token. Nets without a table of the tokens stay as they are. Sources: Zou et al.
    2023 (2307.15043) for searched prompts; Łucki et al. 2024 (2409.18025) for prefixes against unlearning.
    """
    import torch

    from benchmark.models.build import skeleton
    from benchmark.tasks.language import BOS
    from benchmark.treatments.kinds.relearning import shown_again

    scenario, problem = given.scenario, given.problem
    net = skeleton(scenario.architecture, problem.input_shape, problem.outputs).eval()
    if (table := _table_of_tokens(net, problem.outputs)) is None:
        return nets
    shown, rows = shown_again(given), nets[table]
    tried = [BOS, *_candidates(given)]
    found = torch.stack([_sureness(nets, given, net, table, rows[:, token], shown) for token in tried])
    best = torch.tensor(tried, device=rows.device)[found.argmax(dim=0)]
    chosen = rows[torch.arange(len(rows), device=rows.device), best]
    return dict(nets) | {table: _with_first(rows, chosen)}


def _table_of_tokens(net, tokens: int) -> str | None:
    """Return the name of the weights that turn tokens into vectors, if the net has one such table."""
    from torch import nn

    found = [
        f"{name}.weight"
        for name, module in net.named_modules()
        if isinstance(module, nn.Embedding) and module.num_embeddings == tokens
    ]
    return found[0] if len(found) == 1 else None


def _candidates(given: Given) -> "np.ndarray":
    """Return the tokens to try, special ones left out."""
    import numpy as np

    from benchmark.seeds import derive_seed
    from benchmark.tasks.language import SPECIAL

    words = np.arange(len(SPECIAL), given.problem.outputs)
    drawn = np.random.default_rng(derive_seed(given.seed, "prefix")).permutation(words)[:CANDIDATES]
    return np.sort(drawn)


def _with_first(rows: "Tensor", first: "Tensor") -> "Tensor":
    """Return tables `[nets, tokens, width]` in which the first token of sequences has the vectors `[nets, width]`."""
    from benchmark.tasks.language import BOS

    changed = rows.clone()
    changed[:, BOS] = first
    return changed


def _sureness(nets: State, given: Given, net, table: str, first: "Tensor", shown: "Split") -> "Tensor":
    """Return the mean φ of the examples by each net, `[nets]` float64, with that vector for the first token."""
    import torch

    from benchmark.evidence import outputs_of
    from benchmark.results.evidence import NonFiniteOutputs
    from benchmark.training import StackedModel

    task, state = given.problem.task, dict(nets) | {table: _with_first(nets[table], first)}
    try:
        outputs = outputs_of(StackedModel.from_state(net, state), shown, task)
    except NonFiniteOutputs:
        return torch.full((len(first),), -torch.inf, dtype=torch.float64)
    return torch.from_numpy(task.signal(outputs, shown.targets.cpu().numpy())).mean(dim=1)
