"""Tasks, networks and accesses that a submission is for, as it declares or as its source shows."""

import ast
from pathlib import Path

from benchmark.data.access import Access
from benchmark.errors import BadSubmission, FailedEntry
from benchmark.models.network import Network
from benchmark.scenario.schema import Scenario
from benchmark.submissions.constants import assignment_of
from benchmark.submissions.files import FILE, parse_submission
from benchmark.submissions.parsing import defines_function
from benchmark.submissions.source import Submission
from benchmark.tasks import Task

_CONSTANT, _ANY = "TASKS", "any"
_ACCESSES = "ACCESSES"
"""The constant of a submission that is for scenarios of some accesses alone."""

_OF_CLASSES = (
    *("cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss", "random_labels", "wrong_labels", "class_counts"),
    *("min_max_distillation", "salient_relabelling", "unseen_accuracy", "accuracy", "fgsm", "one_hot", "bincount"),
    *("log_softmax", "softmax", "LogSoftmax", "Softmax", "kl_div", "KLDivLoss", "kl", "argmax", "class_weights"),
)
"""Names of torch's and the toolbox's that say that outputs are logits, or targets classes; the plainest first."""

_TOOLBOX = "benchmark.toolbox"
_ALSO_OF_TOKENS = {
    *("cross_entropy", "random_labels", "wrong_labels", "min_max_distillation", "salient_relabelling", "kl"),
}
"""Those of the toolbox's that take tokens as classes."""

_OF_NUMBERS = ("imitation", "transpose_kernels", "all_features", "logits_and_features", "features")
"""Names of the toolbox's for inputs that are numbers, or one per example."""

_OF_EXPERTS = "NEEDS_EXPERTS"
"""The constant of a submission that is for mixtures of experts alone."""

_NETWORKS = "NETWORKS"
"""The constant of a submission that is for some kinds of networks alone."""

_OF_ONE_PERCEPTRON = "perceptron"
"""The name of the toolbox's for blocks without a mixture."""

_FORMATS = {"kaggle": False, "language": True}
"""Batch formats that are for sequences, or for anything else, only."""


def inapplicable(folder: Path, task: Task) -> str | None:
    """Return the sentence that says why the submission in `folder` is not for `task`; None where it is.

    It is for the tasks that its constant TASKS names, and for those that derive from them; "any" names all. Without the
    constant it is for every task, unless its batches are none of the task's, or its source names losses or labels of
    classes and the task has none: tokens are like classes for most of the toolbox, but for none of torch. Raises
    BadSubmission where the constant is no name and no list of names.
    """
    tree = parse_submission(folder)
    declared = _declaration(tree, folder.name)
    if declared is not None:
        if _ANY in declared or task.families() & declared:
            return None
        return f"it is for the task {' or '.join(sorted(declared))}, but this scenario's is {task.kind}"
    if fault := _fault_of_batches(tree, task):
        return fault
    if task.has_classes:
        return None
    tools = _tools(tree) if task.has_sequences else set()
    used = _names_beyond(tree, tools & _ALSO_OF_TOKENS | {"class_weights"}) if task.has_sequences else _names(tree)
    if shown := next((name for name in _OF_CLASSES if name in used), None):
        return f"it uses {shown}, which is for classes, but the task {task.kind} has none"
    if numeric := next((name for name in _OF_NUMBERS if name in tools), None):
        return f"it uses {numeric}, which is for inputs that are numbers, but the task {task.kind} has tokens"
    return None


def unfit(folder: Path, scenario: Scenario) -> str | None:
    """Return the sentence that says why the submission in `folder` is not for a scenario; None where it is.

    It has to be for the task (`inapplicable`), for the network: its constant NETWORKS may name some, one with
    NEEDS_EXPERTS = True is for nets with mixtures of experts alone, one that uses the toolbox's `perceptron` for nets
    without; for the access, where its
    constant ACCESSES names some. One that trains models of its own is for one request, and for access to everything or
    one that it names.
    """
    return (
        inapplicable(folder, scenario.task)
        or _fault_of_network(folder, scenario.architecture)
        or _fault_of_access(folder, scenario.protocol.access)
        or _fault_of_training(folder, scenario)
    )


def _fault_of_training(folder: Path, scenario: Scenario) -> str | None:
    """Return the sentence about several requests or less access, where the submission trains its own models.

    What training keeps knows of no earlier request, and may hold what is withheld, unless the submission was written
    for the access and names it.
    """
    if not defines_function(folder, "training"):
        return None
    if requests := scenario.protocol.requests:
        return f"it trains its own models, which are asked to forget once, but this scenario asks {requests} times"
    access = scenario.protocol.access
    if access and access.kind not in (_declared_accesses(folder) or ()):
        return f"it trains its own models on all examples, but this scenario has the access {access.kind}"
    return None


def _fault_of_access(folder: Path, access: Access | None) -> str | None:
    """Return the sentence about accesses that the submission is for alone; None where this is one of them."""
    declared = _declared_accesses(folder)
    if declared is None or _ANY in declared or (access and access.kind in declared):
        return None
    which = f"the access {access.kind}" if access else "access to everything"
    return f"it is for the access {' or '.join(sorted(declared))}, but this scenario has {which}"


def _declared_accesses(folder: Path) -> frozenset[str] | None:
    return _declaration(parse_submission(folder), folder.name, _ACCESSES, '("no-retain",)')


def check_applicable(submission: Submission, scenario: Scenario) -> None:
    """Raise FailedEntry where the submission is not for the scenario."""
    if reason := unfit(submission.folder, scenario):
        raise FailedEntry(f"{submission.entry} is not-applicable: {reason}; choose another scenario or submission")


def _fault_of_network(folder: Path, network: Network) -> str | None:
    """Return the sentence about the network's kind, or experts that it should not have or has not; None if it fits."""
    declared = _declaration(parse_submission(folder), folder.name, _NETWORKS, '("ensemble",)')
    if declared is not None and _ANY not in declared and network.name not in declared:
        return f"it is for the network {' or '.join(sorted(declared))}, but this scenario's is {network.name}"
    if _needs_experts(folder):
        return (
            None if network.has_experts is not False else f"it is for mixtures of experts, but {network.title} has none"
        )
    if network.has_experts and _OF_ONE_PERCEPTRON in _tools(parse_submission(folder)):
        return (
            f"it uses {_OF_ONE_PERCEPTRON}, which is for blocks with one, but {network.title} has mixtures of experts"
        )
    return None


def _needs_experts(folder: Path) -> bool:
    value = assignment_of(folder, _OF_EXPERTS)
    if value is None:
        return False
    if not isinstance(value, ast.Constant) or not isinstance(value.value, bool):
        raise BadSubmission(
            f"{_OF_EXPERTS} in {FILE} of {folder.name} is {ast.unparse(value)[:100]}, expected True or False; set it"
        )
    return value.value


def _fault_of_batches(tree: ast.Module, task: Task) -> str | None:
    """Return the sentence about a batch format that such a task has not; None where the format is for any."""
    values = _values(tree, "BATCH_FORMAT")
    form = values[-1].value if values and isinstance(values[-1], ast.Constant) else None
    if not isinstance(form, str) or _FORMATS.get(form, task.has_sequences) == task.has_sequences:
        return None
    batches = "of tokens" if _FORMATS[form] else "of pictures"
    return f"its BATCH_FORMAT is {form!r}, which has batches {batches}, but the task is {task.kind}"


def _values(tree: ast.Module, constant: str) -> list[ast.expr]:
    """Return what a constant of the module is set to, in order."""
    return [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        if any(isinstance(target, ast.Name) and target.id == constant for target in node.targets)
    ]


def _declaration(
    tree: ast.Module, name: str, constant: str = _CONSTANT, example: str = '("regression",)'
) -> frozenset[str] | None:
    """Return the names in a constant; None where there is no such constant."""
    values = _values(tree, constant)
    if not values:
        return None
    try:
        value = ast.literal_eval(values[-1])
    except ValueError:
        value = None
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, tuple | list | set) or not names or not all(isinstance(each, str) for each in names):
        raise BadSubmission(
            f"{constant} in {FILE} of {name} is {ast.unparse(values[-1])[:100]}, expected names such as "
            f'{example}, or "{_ANY}"; correct it'
        )
    return frozenset(names)


def _tools(tree: ast.Module) -> set[str]:
    """Return the names that the source imports from the toolbox."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == _TOOLBOX)
    return {alias.name for node in imports for alias in node.names}


def _names_beyond(tree: ast.Module, tools: set[str]) -> set[str]:
    """Return the names that the source uses, without these tools; another's attribute of such a name is none."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | (_names(tree) - tools)


def _names(tree: ast.Module) -> set[str]:
    """Return all names that the source uses, imports or gives to parameters."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name.rpartition(".")[2])
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return found
