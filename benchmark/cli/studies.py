"""`bench study`: studies of the evaluation itself, and of what entries do beyond their row."""

import json
from typing import TYPE_CHECKING, Annotated

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
    import pandas as pd

    from benchmark.scenario.schema import Scenario
    from benchmark.session import Session

_SHOWN = 20  # rows of a long table

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

    asked = {
        "--planted": planted,
        "--order": order,
        "--differences": differences,
        "--recover": bool(recover),
        "--layers": bool(layers),
        "--shards": bool(shards),
        "--relearning": bool(relearning),
    }
    _check_study([option for option, given in asked.items() if given], names or [], pools, metrics, models)
    session = open_session(Workspace.find(out), jobs)
    with on_cluster(session, engine, cluster) as there:
        if planted:
            _study_planted(there, models, pools, metrics, as_json)
        elif relearning:
            _study_relearning(there, read_scenario(scenario), relearning, as_json)
        elif recover or layers or shards or differences:
            _study_named(there, read_scenario(scenario, *models or ()), names or [], recover, layers, shards, as_json)
        else:
            _study_entries(there, read_scenario(scenario, *models or ()), names, order, as_json)


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
    if kind in ("--differences", "--recover", "--layers", "--shards") and not names:
        raise BadUsage(f"no entry came beside {kind}, which is about the entries that are named; name some")
    if kind != "--planted" and models and len(models) > 1:
        raise BadUsage(f"--models came {len(models)} times without --planted, expected one N; give it once")


def _study_named(
    session: "Session",
    chosen: "Scenario",
    names: list[str],
    recover: int | None,
    layers: int | None,
    shards: int | None,
    as_json: bool,
) -> None:
    """Print a study of named entries: their nets, their layers, their shards, or the examples that they get wrong."""
    with show_progress(session) as shown:
        if recover:
            from benchmark.study.recovery import study_recovery

            rows, files = study_recovery(shown, chosen, names, recover), f"recovery-{chosen.label}.csv"
        elif layers:
            from benchmark.study.layers import study_layers

            rows, files = study_layers(shown, chosen, names, layers), f"layers-{chosen.label}.csv, .png"
        elif shards:
            from benchmark.study.shards import study_shards

            rows, files = study_shards(shown, chosen, names, shards), f"shards-{chosen.label}.csv, .png"
        else:
            from benchmark.study.differences import study_differences

            rows, files = study_differences(shown, chosen, names), f"differences-{chosen.label}.csv"
    if as_json:
        print_json(json.loads(rows.to_json(orient="records") or "[]"))
        return
    most = None if recover or layers or shards else _SHOWN
    shorter = rows if most is None else rows.groupby("submission", sort=False).head(most)
    _print_rows(shorter, tuple(rows.columns), 4)
    if len(shorter) < len(rows):
        terminal.print(f"the first {most} of each entry, of {len(rows)} rows in all", style="dim")
    terminal.print(f"{session.workspace.results / 'studies'}: {files}", style="dim")


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
