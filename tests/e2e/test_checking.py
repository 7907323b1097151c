"""`bench check` on everything that ships. What it says of broken ones is in test_check.py."""

import pytest
from conftest import REPOSITORY
from shared_fixtures import repeat_less

from benchmark.data.accesses import ACCESSES
from benchmark.models.networks import NETWORKS
from benchmark.runs.checking import check_submission
from benchmark.session import Session
from benchmark.storage.workspace import Workspace
from benchmark.submissions.source import find_submission, submission_names
from benchmark.submissions.tasks import inapplicable
from benchmark.tasks.classification import Classification

SHIPPED = Workspace(REPOSITORY)


APPLICABLE = [
    name
    for name in submission_names(SHIPPED)
    if not inapplicable(find_submission(name, SHIPPED).folder, Classification())
]


@pytest.mark.parametrize("name", APPLICABLE)
@pytest.mark.usefixtures("started_worker")
@pytest.mark.long
def test_every_submission_passes(name, miniature, monkeypatch):
    repeat_less(monkeypatch)
    warnings = []
    if "ACCESSES" in (REPOSITORY / f"submissions/{name}/submission.py").read_text():  # which all name this one
        given = miniature.protocol.model_copy(update={"access": ACCESSES["look-alikes"](kind="look-alikes")})
        miniature = miniature.model_copy(update={"protocol": given})
    if find_submission(name, SHIPPED).trains:  # which are for ensembles alone
        network = NETWORKS["ensemble"](members=2, of=miniature.architecture)
        miniature = miniature.model_copy(update={"architecture": network})
    table = check_submission(Session(SHIPPED, warn=warnings.append), miniature, name)
    assert list(table.columns[0].cells) == ["forget", "retain", "validation", "cost"]
    true_of_some = (
        "of retraining",
        "accuracy is at chance",
        "originals have not learned",
        "submissions are given no training example",
    )
    unexpected = [each for each in warnings if not any(said in each for said in true_of_some)]
    assert unexpected == ([f"{name} changed nothing: it returned its original in 3 of 3 runs"] * (name == "identity"))
