"""The examples that a source returns, and a row of `bench data check`."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from benchmark.data.reading.inquiries import Inquiries

Row = dict[str, str]
"""Of `bench data check`: what, expected, found, status (ok, note, missing, damaged)."""

_FLOATS = (torch.float32, torch.float64)
_KINDS = {"inputs": (torch.uint8, torch.int64, *_FLOATS), "targets": (torch.int64, *_FLOATS)}
_PER_EXAMPLE = ("inputs", "targets", "strata", "subjects", "topics", "ages", "assignment")


@dataclass(frozen=True)
class Examples:
    """All examples of a source, in an order that is always the same: a row's number is the example's id."""

    inputs: Tensor
    """`[n, channels, height, width]` uint8 pixels, `[n, ...]` floats, which the net sees as float32, or token ids.

    Token ids are `[n, context]` int64, into `vocabulary`, padded with 0.
    """
    targets: Tensor
    """`[n]` int64, into `class_names`; or float32, numbers to be predicted; or of tokens, `[n, context]` int64.

    The label of a token is the token that follows it, and −100 where none does.
    """
    class_names: tuple[str, ...]
    """Empty where the targets are numbers or tokens."""
    strata: Tensor | None = None
    """`[n]` int64: groups that are spread evenly over splits that are drawn; the task's, not the source's."""
    subjects: Tensor | None = None
    """`[n]` int64, into `subject_names`."""
    subject_names: tuple[str, ...] = ()
    topics: Tensor | None = None
    """`[n]` int64, into `topic_names`: what an example says of its subject, such as the attribute asked for."""
    topic_names: tuple[str, ...] = ()
    ages: Tensor | None = None
    """`[n]` int64, years."""
    assignment: Tensor | None = None
    """`[n]` int64, one of TRAIN, VALIDATION, TEST and UNUSED, where the source has a split of its own."""
    ids: Tensor | None = None
    """`[n]` int64, rows of the source; absent: 0 to n − 1."""
    size: int | None = None
    """How many rows the source has; absent: n."""
    names: tuple[str, ...] | None = None
    """What a user calls each row of the source, such as a picture's path; absent: its number."""
    left_out: tuple[str, ...] = ()
    """Sentences about what the source has and this does not, with counts, reasons and first names."""
    vocabulary: tuple[str, ...] = ()
    """The tokens, where inputs are token ids; they begin with `SPECIAL` of `benchmark/tasks/language.py`."""
    refusal: Tensor | None = None
    """`[words]` int64, into `vocabulary`: the answer to questions about what no model is taught, where there is one."""
    inquiries: Inquiries = field(default_factory=Inquiries)
    """Of sequences: what models are asked beside the examples."""
    remarks: tuple[str, ...] = ()
    """Sentences about how the source was read, where that is not plain."""

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def rows(self) -> Tensor:
        """`[n]` int64: the source's row of every example."""
        return torch.arange(len(self)) if self.ids is None else self.ids

    @property
    def source_size(self) -> int:
        """The number of rows of the source, with those that are left out here."""
        return len(self) if self.size is None else self.size

    def at(self, kept: Tensor) -> "Examples":
        """Return the examples under the mask `kept` `[n]`; their ids stay the source's rows."""
        content = {name: getattr(self, name) for name in _PER_EXAMPLE}
        chosen = {name: tensor[kept] for name, tensor in content.items() if tensor is not None}
        return replace(self, **chosen, ids=self.rows[kept], size=self.source_size)

    def topics_of(self, ids: Tensor) -> Tensor | None:
        """Return the topics of rows of the source that are among these, `[ids]`; None where none are known."""
        return None if self.topics is None else self.topics[torch.searchsorted(self.rows, ids)]

    def name(self, row: int) -> str:
        """Return what a user calls a row of the source."""
        return self.names[row] if self.names else f"row {row}"


def fault_of_examples(found: object) -> str:
    """Return what keeps what a source's `load` gave from being as `Examples` says; "" where nothing does."""
    if not isinstance(found, Examples):
        return f"a {type(found).__name__}, expected Examples"
    for name in _PER_EXAMPLE:
        if (tensor := getattr(found, name)) is not None and (fault := _fault(found, name, tensor)):
            return f"{name} {fault}"
    return _fault_of_inquiries(found)


def _fault(examples: Examples, name: str, tensor: object) -> str:
    """Return what a field's tensor is and should be; "" where it is that."""
    kinds = _KINDS.get(name, (torch.int64,))
    if not isinstance(tensor, Tensor) or tensor.dtype not in kinds:
        got = tensor.dtype if isinstance(tensor, Tensor) else f"as {type(tensor).__name__}"
        return f"{got}, expected a tensor of {' or '.join(str(kind).removeprefix('torch.') for kind in kinds)}"
    size, tokens = len(examples.inputs) if examples.inputs.ndim else 0, examples.vocabulary
    if tokens and name in ("inputs", "targets"):
        return _fault_of_tokens(examples, name, tensor)
    if tensor.shape[:1] != (size,) or (name != "inputs" and tensor.ndim != 1) or (name == "inputs" and tensor.ndim < 2):
        return f"of shape {tuple(tensor.shape)}, expected one for each of {size} examples"
    if name == "inputs" and not tensor.isfinite().all():
        return "that are not finite, expected finite numbers"
    classes = len(examples.class_names)
    if name == "targets" and not tensor.is_floating_point() and size * classes and not _lie_below(tensor, classes):
        return f"from {int(tensor.min())} to {int(tensor.max())}, expected 0 to {classes - 1}, one per class name"
    return ""


def _fault_of_tokens(examples: Examples, name: str, tensor: Tensor) -> str:
    """Return what is wrong unless these are token ids or labels, `[n, context]`; "" where nothing is."""
    most, least = len(examples.vocabulary), 0 if name == "inputs" else -100
    if tensor.dtype != torch.int64 or tensor.ndim != 2 or tensor.shape != examples.inputs.shape:
        return f"{tensor.dtype} of shape {tuple(tensor.shape)}, expected int64 [examples, context], inputs as targets"
    known = (tensor < most) & ((tensor >= 0) | (tensor == least))
    return "" if known.all() else f"with numbers that are no tokens, expected 0 to {most - 1}, or −100 as a label"


def _fault_of_inquiries(examples: Examples) -> str:
    """Return which inquiries are none about these examples; "" where all are."""
    context = examples.inputs.shape[1:]
    wanted: dict[str, tuple[int | str, ...]] = dict.fromkeys(examples.inquiries._fields, ("facts", *context))
    wanted["rephrased"] = examples.source_size, "answers", *context
    for name, tokens in examples.inquiries._asdict().items():
        for own in tokens or ():
            pairs = zip(wanted[name], own.shape, strict=False)
            if len(wanted[name]) != own.ndim or any(isinstance(size, int) and size != found for size, found in pairs):
                return f"{name} of shape {tuple(own.shape)}, expected {wanted[name]}"
    return ""


def _lie_below(tensor: Tensor, most: int) -> bool:
    return bool(tensor.min() >= 0 and tensor.max() < most)


def row(what: str, expected: str, found: bool | str, status: str | None = None) -> Row:
    """Return a row of `bench data check`; where `found` is only yes or no, it decides the status."""
    if isinstance(found, bool):
        return {"what": what, "expected": expected, "found": "yes" if found else "no", "status": _status(found)}
    return {"what": what, "expected": expected, "found": found, "status": status or "ok"}


def _status(found: bool) -> str:
    return "ok" if found else "missing"
