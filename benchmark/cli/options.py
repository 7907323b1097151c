"""The options of commands, most of them shared."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def _read_data_from(folder: Path | None) -> Path | None:
    if folder:
        from benchmark.data.folder import set_data_folder

        set_data_folder(folder)
    return folder


SubmissionName = Annotated[str, typer.Argument(help="The name of a folder in submissions/.")]
OptionalName = Annotated[str | None, typer.Argument(help="The name of a folder in submissions/.")]
OptionalEntry = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="The name of a folder in submissions/; NAME+tuned runs the values of `bench tune`."
    ),
]
SubmissionOption = Annotated[str | None, typer.Option("--submission", help="The same as NAME.")]
ScenarioOption = Annotated[
    str, typer.Option("--scenario", help="A shipped scenario's name, or the path of a .toml file.")
]
AllEntriesOption = Annotated[
    bool, typer.Option("--all", help="Run every submission, published and tuned, that has no current row.")
]
AllTunableOption = Annotated[bool, typer.Option("--all", help="Tune every submission that has a SEARCH_SPACE.")]
FailuresOption = Annotated[
    int,
    typer.Option("--allow-failures", min=0, help="Score the entry if at most so many runs failed; its row says so."),
]
TimeAgainOption = Annotated[
    bool, typer.Option("--time-again", help="Measure the cost of a finished entry again; its runs stay as they are.")
]
TreatOption = Annotated[
    bool,
    typer.Option(
        "--treat", help="Also look at the nets after every treatment, such as relearning; see `bench list treatments`."
    ),
]
TrialsOption = Annotated[int, typer.Option("--trials", min=1, help="Sets of values to try; the same number for all.")]
ModelsOption = Annotated[int | None, typer.Option("--models", help="N, instead of the scenario's own.")]
JobsOption = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes; by default one per core.")]
DeviceOption = Annotated[
    str | None,
    typer.Option("--device", help="cpu, cuda or cuda:1; by default a GPU where there is one and the net is not small."),
]
SandboxOption = Annotated[
    bool, typer.Option("--require-sandbox", help="Refuse to run a submission where bubblewrap does not work.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        callback=_read_data_from,
        help="Where the data sets lie; by default BENCH_DATA, else data/ in the workspace.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The folder of results; by default leaderboard/local. `--out leaderboard` makes the shipped board.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, for machines.")]
EngineOption = Annotated[
    Literal["local", "dask"],
    typer.Option("--engine", help="Where blocks are trained and entries run: in processes here, or on a Dask cluster."),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="With --engine dask: the scheduler, such as tcp://head:8786, or its file; by default one is started here.",
    ),
]
