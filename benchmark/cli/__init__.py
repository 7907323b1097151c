"""The command `bench`: one table of commands, one short function per command.

A command imports what is heavy when it runs: torch alone takes seconds.
"""

import contextlib
import signal
import sys
from importlib import metadata
from typing import Annotated, NoReturn

import typer
from rich.text import Text

from benchmark.cli import audit, compete
from benchmark.cli.boards import board, merge
from benchmark.cli.entries import show
from benchmark.cli.evidence import pack, unpack, verify
from benchmark.cli.making import make_board
from benchmark.cli.pages import page
from benchmark.cli.planning import plan
from benchmark.cli.pools import data_check, export, import_file, merge_files, prepare, verify_file
from benchmark.cli.results import compare, leaderboard, plot, remove, score
from benchmark.cli.running import run
from benchmark.cli.shared import begin_command, err, print_json_error
from benchmark.cli.studies import study
from benchmark.cli.submissions import check, import_notebook, list_what, new
from benchmark.cli.system import complaint, flush, settle_descriptors, settle_streams
from benchmark.cli.tuning import tune
from benchmark.cli.work import work
from benchmark.cli.workspaces import init
from benchmark.engine import collect_garbage_rarely
from benchmark.errors import BadMachine, BenchError, HarnessError
from benchmark.faults import STATUS, command_log, faults, forget_faults, note_fault
from benchmark.registry import plugin_at_fault

COMMANDS = {
    "init": init,
    "run": run,
    "work": work,
    "show": show,
    "plan": plan,
    "prepare": prepare,
    "list": list_what,
    "new": new,
    "import-notebook": import_notebook,
    "check": check,
    "tune": tune,
    "board": board,
    "merge": merge,
    "make-board": make_board,
    "score": score,
    "compare": compare,
    "plot": plot,
    "study": study,
    "leaderboard": leaderboard,
    "page": page,
    "remove": remove,
}
DATA_COMMANDS = {"check": data_check}
AUDIT_COMMANDS = {"init": audit.init, "plan": audit.plan, "run": audit.run, "report": audit.report}
POOL_COMMANDS = {"export": export, "import": import_file, "verify": verify_file, "merge": merge_files}
COMPETE_COMMANDS = {
    "init": compete.init,
    "submit": compete.submit,
    "judge": compete.judge,
    "board": compete.board,
    "close": compete.close,
}
EVIDENCE_COMMANDS = {"pack": pack, "unpack": unpack, "verify": verify}


def _print_version(asked: bool) -> None:
    if asked:
        print(f"bench {metadata.version('unlearning-benchmark')}")
        raise typer.Exit


app = typer.Typer(
    help="Does machine unlearning work? Drop submissions/NAME/submission.py, type `bench run NAME`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_data = typer.Typer(help="Check the data sets that scenarios read.", no_args_is_help=True)
_audit = typer.Typer(
    help="Audit a model of your own: can people who asked for deletion still be noticed in it?", no_args_is_help=True
)
_compete = typer.Typer(help="Hold a competition on scenarios that nobody outside has seen.", no_args_is_help=True)
_pool = typer.Typer(help="Carry a scenario's reference pool from one machine to another.", no_args_is_help=True)
_evidence = typer.Typer(help="Pack, unpack or verify the evidence of a board in one file.", no_args_is_help=True)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of `bench` itself, before the name of a command."""


for _group, _commands in (
    (app, COMMANDS),
    (_data, DATA_COMMANDS),
    (_audit, AUDIT_COMMANDS),
    (_compete, COMPETE_COMMANDS),
    (_pool, POOL_COMMANDS),
    (_evidence, EVIDENCE_COMMANDS),
):
    for _name, _command in _commands.items():
        _group.command(_name)(_command)
app.add_typer(_data, name="data")
app.add_typer(_audit, name="audit")
app.add_typer(_compete, name="compete")
app.add_typer(_pool, name="pool")
app.add_typer(_evidence, name="evidence")


class _Interrupted(BaseException):
    """Ctrl-C, under a name that neither typer nor joblib answers for us."""


def _interrupt(*_: object) -> None:
    raise _Interrupted


def _fail(error: BenchError, *, as_json: bool) -> NoReturn:
    """Tell the user what went wrong, with `--json` on standard output too, and exit."""
    with contextlib.suppress(OSError):  # the exit status says it too
        err.print(Text("error:", "red"), str(error), highlight=False, soft_wrap=True)
        if error.log.strip():
            err.print(error.log.rstrip(), highlight=False, soft_wrap=True)
    with contextlib.suppress(OSError):
        if as_json:
            print_json_error(error.to_json())
    with contextlib.suppress(OSError):
        flush()
    sys.exit(STATUS if faults() else 2)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line: an error is one sentence and exit status 2, an interruption 130.

    A fault of the harness's own is a sentence as well, with the log that has its traceback, and exit status 3.
    A reader of standard output that has seen enough is no error to speak of: the status is 1, without a word.
    """
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # workers inherit it: were it ignored, runs would cost nothing
    collect_garbage_rarely()
    forget_faults()
    begin_command()
    as_json = "--json" in (sys.argv if arguments is None else arguments)
    try:
        settle_streams()
        settle_descriptors()
        try:
            app(arguments)
        finally:
            flush()
    except SystemExit as end:  # typer ends a command that went well like this too
        if plugin_at_fault(end):
            note_fault(end, "this command", command_log())
        sys.exit(STATUS if faults() and not end.code else end.code)
    except BenchError as error:
        _fail(error, as_json=as_json)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if sentence := complaint(error):
            _fail(BadMachine(sentence), as_json=as_json)
        reason = note_fault(error, "this command", command_log())
        if as_json:
            print_json_error(HarnessError(reason).to_json())
    except _Interrupted:
        err.print("interrupted; the same command goes on where this one stopped")
        sys.exit(130)
    if faults():
        sys.exit(STATUS)
