"""The first lines of a new submission."""

import os
from pathlib import Path

from benchmark.errors import BadSubmission
from benchmark.storage.workspace import Workspace, write_atomically
from benchmark.submissions.files import FILE, is_name

_TEMPLATE = '''"""The idea in two sentences, the objective as a formula, the source."""

from torch import nn, optim

TITLE = "{name}"
REFERENCE = "who proposed it, where"
HYPERPARAMETERS = {{"epochs": 1, "learning_rate": 1e-3}}

# With "kaggle" the loaders yield dicts with the keys image, image_id, age_group, age and person_id.
BATCH_FORMAT = "tuple"


def unlearning(net, retain_loader, forget_loader, val_loader):
    """Change net in place, or return the unlearned net.

    The loaders are `DataLoader`s that yield (inputs, targets). Name further parameters to be given them:
    class_weights (a tensor, or None), device, seed, loss (the task's: loss(outputs, targets)), refusal (the tokens of
    a language model's "not known", or None), and recipe: recipe(loader) is a fresh net, trained on that loader exactly
    as the scenario trains.
    """
    optimizer = optim.SGD(net.parameters(), lr=HYPERPARAMETERS["learning_rate"], momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        for inputs, targets in retain_loader:
            optimizer.zero_grad()
            criterion(net(inputs), targets).backward()
            optimizer.step()
    return net.eval()
'''


def write_template(name: str, workspace: Workspace) -> Path:
    """Write submissions/NAME/submission.py. Raises BenchError when the name is taken or cannot be one."""
    path = new_submission(name, workspace)
    write_atomically(path, _TEMPLATE.format(name=name).encode())
    return path


def new_submission(name: str, workspace: Workspace) -> Path:
    """Return the path of a new submission's file. Raises BadSubmission as `write_template` does."""
    if not is_name(name):
        raise BadSubmission(
            f"{name!r} cannot name a submission; use at most 64 letters, digits, - and _ and begin with no sign"
        )
    path = workspace.submissions / name / FILE
    if os.path.lexists(path.parent):
        raise BadSubmission(f"{path.parent} is there already; choose another name")
    return path
