"""maskwatch compare: classifiers side by side on one set."""

from pathlib import Path
from typing import Annotated, Any

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.data.options import Classes, Part, Public, Report, read, with_bar
from maskwatch.cli.guard import FAIL_ON_MET, FAILED, guarded, say, set_up_log
from maskwatch.cli.options import with_settings
from maskwatch.errors import UsageError

_USED = (
    "detector", "detector_weights", "device", "threads", "long_side", "score", "min_face",
    "overwrite",
)  # fmt: skip
Models = Annotated[
    list[str], typer.Argument(help="Two or more: shipped classifiers, bundle or run folders.")
]
Data = Annotated[Path, typer.Option(help="The labelled set to measure on.")]
Gate = Annotated[
    bool,
    typer.Option("--gate", help="Exit with 3 if any other is worse than the first beyond chance."),
]


@guarded
@with_settings(*_USED)
def compare(
    models: Models,
    data: Data,
    report: Report = None,
    part: Part = None,
    classes: Classes = None,
    gate: Gate = False,
    public: Public = False,
    *,
    settings: Settings,
) -> None:
    r"""Measure classifiers on the same faces: a table, a test of the best two, a verdict.

    With --gate, worse means that the 95% interval of the paired difference to the first lies
    below zero, in accuracy or in the F1 of any labelled state.

    \b
    Examples:
      maskwatch compare standard small --data split/ --part test --report comparison/
      maskwatch compare runs/a runs/b --data split/test --gate
    """
    set_up_log()
    from maskwatch.data.labelled import only_part
    from maskwatch.data.outputs import check_folder, start_folder
    from maskwatch.evaluation.compare import gaps, latencies, table_of, verdict
    from maskwatch.evaluation.comparison import write_comparison
    from maskwatch.evaluation.run import evaluate_all
    from maskwatch.models.classifier import open_classifier

    if len(models) < 2:
        raise UsageError("name two classifiers or more to compare")
    if report is not None:
        check_folder(report, "compare", [data], overwrite=settings.overwrite, inside=True)
    labelled = only_part(read(data, classes), part)
    done = evaluate_all(
        models, labelled, settings, bar=lambda p: with_bar(p, len(p), f"judging {data.name}")
    )
    opened = [
        open_classifier(name, device=settings.device, threads=settings.threads) for name in models
    ]
    rows = table_of(done, latencies(opened))
    against = {name: gaps(done[0], one) for name, one in zip(models[1:], done[1:], strict=True)}
    words = verdict(done)
    _print(rows, words)
    if report is not None:
        start_folder(report, "compare")
        write_comparison(done, rows, against, words, report, public=public)
        say(f"the report is {report / 'index.html'}")
    worse = [f"{n} in {g.figure}" for n, found in against.items() for g in found if g.is_worse]
    for error in done[0].faces.errors:
        say(f"error: {error}")
    if worse and gate:
        say(f"worse than {models[0]} beyond chance: {', '.join(worse)}")
    if done[0].faces.errors:
        raise typer.Exit(FAILED)
    if worse and gate:
        raise typer.Exit(FAIL_ON_MET)


def _print(rows: list[dict[str, Any]], words: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from maskwatch.evaluation.html import shown

    console = Console(markup=False)
    table = Table("", *(str(row["classifier"]) for row in rows))
    for figure in list(rows[0])[1:]:
        table.add_row(figure, *(shown(row[figure]) for row in rows))
    console.print(table)
    console.print(words, soft_wrap=True)
