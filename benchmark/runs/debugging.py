"""`bench check --debug`: the submission's function in the user's own process, where a debugger reaches it."""

import bdb
import sys
import traceback
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmark.data import Problem
from benchmark.errors import BadSubmission, FailedEntry, note
from benchmark.sandbox.child.call import AskedInVain, call_unlearning, seed_generators
from benchmark.sandbox.child.contract import NotASubmission
from benchmark.sandbox.child.failure import describe
from benchmark.sandbox.job import job_of
from benchmark.sandbox.messages import LOADERS
from benchmark.scenario.schema import Scenario
from benchmark.submissions.source import Submission


def debug(
    submission: Submission,
    scenario: Scenario,
    problem: Problem,
    original: dict[str, Tensor],
    device: str,
    kept: dict[str, Tensor] | None,
) -> str:
    """Call the function as the first run would, without a sandbox or a limit; return a sentence about what came back.

    `kept`: what the submission's own training, which is run in the sandbox, has kept beside the original.

    The submission is the user's own code, so nothing protects this process from it. Raises BenchError when it raises,
    with the traceback's frames that are the submission's own.
    """
    job = job_of(scenario, problem, device, scenario.access_of(submission.name))
    net = job.architecture.build(problem.input_shape, job.outputs).eval()
    net.load_state_dict(original)
    seed, consumed = scenario.seed("unlearned", 0), np.zeros(len(LOADERS), dtype=np.int64)
    arguments, yielded = sys.argv, []
    seed_generators(seed, device)
    try:
        values, net = submission.hyperparameters, net.to(device)
        returned = call_unlearning(job, submission.folder, net, seed, values, consumed, note, yielded.append, kept)
    except (Exception, SystemExit) as error:
        raise _failure(error, submission) from None
    finally:
        sys.argv = arguments
    what = "None, so the net that it was given counts" if returned is None else f"an object of {type(returned)}"
    on_its_way = f", yielded {len(yielded)} nets" if yielded else ""
    return f"{submission.name} ended well in this process{on_its_way} and returned {what}"


def _failure(error: BaseException, submission: Submission) -> BaseException:
    """Return the exception to raise in place of the submission's."""
    raised = (error.__cause__ or error) if isinstance(error, NotASubmission | AskedInVain) else error
    if isinstance(raised, bdb.BdbQuit):
        return BadSubmission(f"you left the debugger before {submission.name} returned; check it again")
    if raised is error and isinstance(error, NotASubmission):
        return BadSubmission(f"{submission.name} is not-a-submission: {error}; mend it")
    if not isinstance(raised, Exception | SystemExit):  # an interruption while it was imported
        return raised
    what = describe(raised, submission.folder)
    return FailedEntry(f"{submission.name} raised {what}; mend it", _own_frames(raised, submission.folder))


def _own_frames(error: BaseException, folder: Path) -> str:
    """Return the traceback with the frames of the submission's own files; all of them where it has none."""
    whole: traceback.TracebackException | None = traceback.TracebackException.from_exception(error)
    text = whole
    while whole:
        own = [frame for frame in whole.stack if _is_own(frame, folder)]
        whole.stack = traceback.StackSummary.from_list(own or list(whole.stack))
        whole = whole.__cause__ or whole.__context__
    return "".join(text.format()) if text else ""


def _is_own(frame: traceback.FrameSummary, folder: Path) -> bool:
    return Path(frame.filename).resolve().is_relative_to(folder.resolve())
