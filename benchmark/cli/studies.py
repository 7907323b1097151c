"""`bench study`: studies of the evaluation itself, and of what entries do beyond their row."""

import json
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from benchmark.cli.options import (
    ClusterOption,
    DataOption,
    EngineOption,
    JobsOption,
    JsonOption,
    OutOption,
    ScenarioOption,
)
from benchmark.cli.shared import on_cluster, open_session, print_json, read_scenario, show_progress
from benchmark.cli.shared import out as terminal
from benchmark.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session

PlantedOption = Annotated[
    bool,
    typer.Option(
        "--planted",
        help="Instead of entries: plant leaks in simulated models, and show which size every metric detects.",
    ),
]
OrderOption = Annotated[
    bool, typer.Option("--order", help="Show how a quarter and a half of the models order the entries of the board.")
]
DifferencesOption = Annotated[
    bool,
    typer.Option(
        "--differences", help="Show the examples on which models of the named entries differ most from retrained."
    ),
]
RecoverOption = Annotated[
    int | None,
    typer.Option(
        "--recover",
        min=2,
        max=1000,
        help="Run the named entries so many times from one original, and show how near its weights come to light.",
    ),
]

LayersOption = Annotated[
    int | None,
    typer.Option(
        "--layers",
        min=8,
        max=1000,
        help="Run the named entries so many times, and show the gap that each closes by a probe on every hidden layer.",
    ),
]
ShardsOption = Annotated[
    int | None,
    typer.Option(
        "--shards",
        min=2,
        max=1000,
        help="Have the named submissions train so many models with 1 to 16 shards, and show accuracy and costs.",
    ),
]
RelearningOption = Annotated[
    int | None,
    typer.Option(
        "--relearning",
        min=8,
        max=1000,
        help="Show how far apart so many originals and retrained models are after steps of relearning, and how many "
        "suit the scenario.",
    ),
]
PoolsOption = Annotated[
    int | None,
    typer.Option("--pools", help="With --planted: simulated pools, by default 100; what is done is kept."),
]
MetricsOption = Annotated[
    list[str] | None,
    typer.Option("--metric", help="With --planted: only this metric; may be given several times."),
]


def study(
    names: Annotated[
        list[str] | None, typer.Argument(help="Two entries or more; by default all whose evidence is here.")
    ] = None,
    planted: PlantedOption = False,
    order: OrderOption = False,
    differences: DifferencesOption = False,
    recover: RecoverOption = None,
    layers: LayersOption = None,
    shards: ShardsOption = None,
    relearning: RelearningOption = None,
    pools: PoolsOption = None,
    metrics: MetricsOption = None,
    scenario: ScenarioOption = "digits",
    models: Annotated[
        list[int] | None,
        typer.Option(
            "--models", help="N, instead of the scenario's own; with --planted it may be given several times."
        ),
    ] = None,
    jobs: JobsOption = None,
    data_dir: DataOption = None,
    engine: EngineOption = "local",
    cluster: ClusterOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how F and the order change with N, the attacks, δ and the buckets, or what its options ask."""
    from benchmark.storage.workspace import Workspace

    numbers = {"--planted": int(planted), "--order": int(order), "--differences": int(differences)}
    numbers |= {"--recover": recover or 0, "--layers": layers or 0, "--shards": shards or 0}
    numbers |= {"--relearning": relearning or 0}
    asked = [option for option, number in numbers.items() if number]
    _check_study(asked, names or [], pools, metrics, models)
    session = open_session(Workspace.find(out), jobs)
    with on_cluster(session, engine, cluster) as there:
        kind = asked[0] if asked else ""
        if kind == "--planted":
            _study_planted(there, models, pools, metrics, as_json)
            return
        chosen = read_scenario(scenario, *models or ())
        if kind == "--relearning":
            _study_relearning(there, chosen, numbers[kind], as_json)
        elif kind in _OF_ENTRIES:
            _study_named(there, chosen, names or [], kind, numbers[kind], as_json)
        else:
            _study_entries(there, chosen, names, kind == "--order", as_json)


def _check_study(
    asked: list[str], names: list[str], pools: int | None, metrics: list[str] | None, models: list[int] | None
) -> None:
    """Raise BadUsage where options of a study contradict each other; `asked`: the studies that were asked for."""
    if len(asked) > 1:
        raise BadUsage(f"{asked[1]} came beside {asked[0]}, expected one study at a time; leave one out")
    kind = asked[0] if asked else ""
    if kind in ("--planted", "--relearning") and names:
        raise BadUsage(f"{names[0]} came beside {kind}, which is about no entry; leave one out")
    if kind == "--relearning" and models:
        raise BadUsage("--models came beside --relearning, which says itself how many models; leave it out")
    if kind != "--planted" and (pools is not None or metrics):
        raise BadUsage("--pools or --metric came without --planted, expected both; add --planted or leave them out")
    if kind in _OF_ENTRIES and not names:
        raise BadUsage(f"no entry came beside {kind}, which is about the entries that are named; name some")
    if kind != "--planted" and models and len(models) > 1:
        raise BadUsage(f"--models came {len(models)} times without --planted, expected one N; give it once")


def _recovery(session: "Session", chosen: "Scenario", names: list[str], runs: int) -> "pd.DataFrame":
    from benchmark.study.recovery import study_recovery

    return study_recovery(session, chosen, names, runs)


def _layers(session: "Session", chosen: "Scenario", names: list[str], runs: int) -> "pd.DataFrame":
    from benchmark.study.layers import study_layers

    return study_layers(session, chosen, names, runs)


def _shards(session: "Session", chosen: "Scenario", names: list[str], models: int) -> "pd.DataFrame":
    from benchmark.study.shards import study_shards

    return study_shards(session, chosen, names, models)


def _differences(session: "Session", chosen: "Scenario", names: list[str], _: int) -> "pd.DataFrame":
    from benchmark.study.differences import study_differences

    return study_differences(session, chosen, names)


class _OfEntries(NamedTuple):
    """A study of the entries that are named."""

    make: "Callable[[Session, Scenario, list[str], int], pd.DataFrame]"
    """The last argument is the number that came with the option."""
    files: str
    shown: int | None = None
    """How many rows of each entry are printed; None: all."""


_OF_ENTRIES = {
    "--differences": _OfEntries(_differences, "differences-{label}.csv", shown=20),
    "--recover": _OfEntries(_recovery, "recovery-{label}.csv"),
    "--layers": _OfEntries(_layers, "layers-{label}.csv, .png"),
    "--shards": _OfEntries(_shards, "shards-{label}.csv, .png"),
}


def _study_named(
    session: "Session", chosen: "Scenario", names: list[str], option: str, number: int, as_json: bool
) -> None:
    """Print a study of named entries: their nets, their layers, their shards, or the examples that they get wrong."""
    kind = _OF_ENTRIES[option]
    with show_progress(session) as shown:
        rows = kind.make(shown, chosen, names, number)
    if as_json:
        print_json(json.loads(rows.to_json(orient="records") or "[]"))
        return
    shorter = rows if kind.shown is None else rows.groupby("submission", sort=False).head(kind.shown)
    _print_rows(shorter, tuple(rows.columns), 4)
    if len(shorter) < len(rows):
        terminal.print(f"the first {kind.shown} of each entry, of {len(rows)} rows in all", style="dim")
    terminal.print(f"{session.workspace.results / 'studies'}: {kind.files.format(label=chosen.label)}", style="dim")


def _study_relearning(session: "Session", chosen: "Scenario", models: int, as_json: bool) -> None:
    """Print how many steps of relearning suit a scenario."""
    from benchmark.study.relearning import LEFT, USEFUL, chosen_steps, study_relearning

    with show_progress(session) as shown:
        rows = study_relearning(shown, chosen, models)
    if as_json:
        print_json({"relearning_steps": chosen_steps(rows), "rows": json.loads(rows.to_json(orient="records") or "[]")})
        return
    _print_rows(rows, tuple(rows.columns), 3)
    terminal.print(f"suits: at least {LEFT:.0%} of the leak is left, and {USEFUL:.0%} of the utility kept", style="dim")
    steps = chosen_steps(rows)
    said = f"relearning_steps = {steps} in [protocol] takes the most of them" if steps else "no number of steps suits"
    terminal.print(said, markup=False, highlight=False)
    terminal.print(f"{session.workspace.results / 'studies'}: relearning-{chosen.label}-{models}.csv", style="dim")


def _study_entries(session: "Session", chosen: "Scenario", names: list[str] | None, order: bool, as_json: bool) -> None:
    """Print a study of a scenario's entries, by default all whose evidence is here."""
    from benchmark.rescoring import entries_with_evidence
    from benchmark.study import study as studied
    from benchmark.study import study_order

    entries = names or entries_with_evidence(session, chosen, of_one_pool=True)
    with show_progress(session) as shown:
        rows = (study_order if order else studied)(shown, chosen, entries)
    if as_json:
        print_json(json.loads(rows.to_json(orient="records") or "[]"))
        return
    shown_of_variants = ("family", "value", "models", "tau", "tau_low", "tau_high", "trained", "null_F")
    _print_rows(rows, tuple(rows.columns) if order else shown_of_variants, 3)
    files = f"order-{chosen.label}.csv" if order else f"{chosen.label}.csv, .png"
    terminal.print(f"{session.workspace.results / 'studies'}: {files}", style="dim")


def _print_rows(rows: "pd.DataFrame", columns: tuple[str, ...], digits: int) -> None:
    """Print columns of a table, numbers with so many digits behind the point."""
    from benchmark.cli.terminal import table

    records = json.loads(rows.to_json(orient="records", double_precision=digits) or "[]")
    terminal.print(table([["" if row[name] is None else row[name] for name in columns] for row in records], columns))


def _study_planted(
    session: "Session", models: list[int] | None, pools: int | None, metrics: list[str] | None, as_json: bool
) -> None:
    """Print the study of planted leaks, at one N or at several."""
    from benchmark.study.planted import MODELS, POOLS, study_planted

    with show_progress(session) as shown:
        rows = study_planted(shown, models or MODELS, POOLS if pools is None else pools, metrics)
    if as_json:
        print_json(json.loads(rows.to_json(orient="records") or "[]"))
        return
    from benchmark.cli.terminal import table
    from benchmark.study.planted_table import blind, cells, headings, legend

    terminal.print(table(cells(rows), headings()))
    terminal.print("\n".join(legend(rows)), highlight=False)
    terminal.print(f"Metrics that detect none of them: {', '.join(blind(rows)) or 'none'}.", highlight=False)
    terminal.print(f"{session.workspace.results / 'studies'}: planted.csv, planted.png", style="dim")
