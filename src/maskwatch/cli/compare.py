"""maskwatch compare: classifiers side by side on one set."""

from pathlib import Path
from typing import Annotated

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.data.options import Classes, Images, Part, read
from maskwatch.cli.guard import FAIL_ON_MET, guarded, say, set_up_log
from maskwatch.cli.measuring import (
    MEASURING,
    Faces,
    NoFace,
    Public,
    Report,
    bar_of,
    end,
    print_comparison,
)
from maskwatch.cli.options import with_settings
from maskwatch.data.choices import Judged, Missed
from maskwatch.errors import UsageError

Models = Annotated[
    list[str], typer.Argument(help="Two or more: shipped classifiers, bundle or run folders.")
]
Data = Annotated[Path, typer.Option(help="The labelled set to measure on.")]
Gate = Annotated[
    bool,
    typer.Option("--gate", help="Exit with 3 if any other is worse than the first beyond chance."),
]


@guarded
@with_settings(*MEASURING)
def compare(
    models: Models,
    data: Data,
    images: Images = None,
    report: Report = None,
    part: Part = None,
    faces: Faces = Judged.LARGEST,
    without_face: NoFace = Missed.WHOLE,
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
    from maskwatch.evaluation.compare import gaps, verdict
    from maskwatch.evaluation.comparison import write_comparison
    from maskwatch.evaluation.run import Asking, compare_all

    if len(models) < 2:
        raise UsageError("name two classifiers or more to compare")
    if report is not None:
        reads = [data, images]
        check_folder(report, "compare", reads, overwrite=settings.overwrite, inside=True)
    labelled = only_part(read(data, classes, images), part)
    how = Asking(which=faces, missed=without_face)
    done, rows = compare_all(models, labelled, settings, how, bar=bar_of(labelled))
    against = {name: gaps(done[0], one) for name, one in zip(models[1:], done[1:], strict=True)}
    words = verdict(done)
    print_comparison(rows, words)
    if report is not None:
        start_folder(report, "compare")
        write_comparison(done, rows, against, words, report, public=public)
    worse = [f"{n} in {g.figure}" for n, found in against.items() for g in found if g.is_worse]
    if worse and gate:
        say(f"worse than {models[0]} beyond chance: {', '.join(worse)}")
    end(report, done[0].faces.errors)
    if worse and gate:
        raise typer.Exit(FAIL_ON_MET)
