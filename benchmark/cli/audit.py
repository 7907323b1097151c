"""`bench audit`: can people who asked for deletion still be noticed in a model of your own?"""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import JobsOption
from benchmark.cli.shared import err, job_count, out, print_json
from benchmark.errors import BadUsage, note

if TYPE_CHECKING:
    from benchmark.audit.planning import Row
    from benchmark.audit.settings import Audit

FolderArgument = Annotated[Path, typer.Argument(help="The folder with audit.toml.")]
PlannedOption = Annotated[
    list[int] | None, typer.Option("--models", min=4, max=8192, help="An N to plan for; by default 16, 64 and 256.")
]


def init(
    folder: Annotated[Path, typer.Argument(help="A new folder.")],
    example: Annotated[
        str | None, typer.Option("--example", help="Write a whole example instead: breast-cancer.")
    ] = None,
    arrays: Annotated[
        bool, typer.Option("--arrays", help="For signals that you have measured yourself: no data, no code.")
    ] = False,
) -> None:
    """Begin an audit: a folder with a commented audit.toml and model.py."""
    from benchmark.audit.starts import EXAMPLES, write_audit

    if example is not None and (arrays or example not in EXAMPLES):
        raise BadUsage(f"--example is {example!r}, expected {' or '.join(EXAMPLES)} without --arrays; name that")
    paths = write_audit(folder, example or ("arrays" if arrays else "own"))
    out.print(f"wrote {', '.join(path.name for path in paths)} into {folder}", highlight=False, soft_wrap=True)
    if example:
        out.print(f"next: cd {quote(str(folder))}, python production.py, then `bench audit plan .`", soft_wrap=True)
    else:
        then = f"`bench audit {'report' if arrays else 'plan'} {quote(str(folder))}`"
        out.print(f"next: fill in {folder / 'audit.toml'}, then {then}", soft_wrap=True)


def plan(folder: FolderArgument, models: PlannedOption = None, jobs: JobsOption = None) -> None:
    """Say what N models can and cannot show, and how long they take; one of each is trained to measure that."""
    from benchmark.audit.measuring import measure_one
    from benchmark.audit.people import read_data
    from benchmark.audit.plan_text import explain_plan, plan_table
    from benchmark.audit.planning import USUAL, advise, plan_row, training_seconds

    audit = _own_models(folder)
    people = len(read_data(audit).deleted)
    warn_of_trust(audit)
    seconds, _ = measure_one(audit)
    rows: list[Row] = [plan_row(n, people, audit.settings.delta) for n in sorted(set(models or USUAL))]
    times = [training_seconds(row.models, seconds, job_count(jobs)) for row in rows]
    out.print(plan_table(rows, times, seconds))
    for line in explain_plan(rows, people, seconds, advise(people, audit.settings.delta), audit.settings.models):
        out.print(line, highlight=False, soft_wrap=True)


def run(folder: FolderArgument, jobs: JobsOption = None) -> None:
    """Train the models of an audit and ask them; the same command goes on where it stopped."""
    from benchmark.audit.measuring import measure
    from benchmark.audit.plan_text import hopeless
    from benchmark.audit.sources import findings_of
    from benchmark.audit.wording import answers
    from benchmark.cli.terminal import progress_bars

    audit = _own_models(folder)
    warn_of_trust(audit)
    for warning in hopeless(audit.settings):
        note(warning)
    with progress_bars(err) as progress:
        record = measure(audit, job_count(jobs), progress)
    if not record["trained"]:
        out.print(f"nothing to do: all {sum(record['roles'].values())} models have been measured", highlight=False)
    for answer in answers(findings_of(audit)[0]):
        out.print(str(answer), highlight=False, soft_wrap=True)
    out.print(f"next: bench audit report {quote(str(folder))}", highlight=False, soft_wrap=True)


def report(
    folder: FolderArgument,
    show_ids: Annotated[
        bool, typer.Option("--show-ids", help="Print people's ids; by default keyed pseudonyms stand for them.")
    ] = False,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Also print it as PDF, by a browser.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON too, for machines.")] = False,
) -> None:
    """Write report.html and report.pdf: the answer, person by person, in words, with all that made it."""
    from benchmark.audit.report import write_report
    from benchmark.audit.settings import read_audit

    written = write_report(read_audit(folder), show_ids=show_ids, pdf=pdf)
    if as_json:
        print_json(written.findings)
        return
    for answer in written.answers:
        out.print(str(answer), highlight=False, soft_wrap=True)
    for path in written.paths:
        out.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if written.advice:
        note(written.advice)


def _own_models(folder: Path) -> "Audit":
    """Return an audit that trains models. Raises BadUsage for one of arrays."""
    from benchmark.audit.settings import read_audit

    audit = read_audit(folder)
    if audit.settings.signals is not None:
        raise BadUsage(
            f"{folder / 'audit.toml'} names arrays of signals, so there is nothing to train; `bench audit report "
            f"{folder}` holds them against each other"
        )
    return audit


def warn_of_trust(audit: "Audit") -> None:
    """Say on standard error that the user's code runs as it is."""
    code = audit.settings.code
    assert code is not None
    err.print(
        f"note: {code.file} runs with your rights, without a sandbox, as your own code does",
        highlight=False,
        soft_wrap=True,
    )
