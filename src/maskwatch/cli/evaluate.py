"""maskwatch evaluate: how right a classifier is on a labelled set."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.data.options import Classes, Images, Part, read
from maskwatch.cli.guard import guarded, set_up_log
from maskwatch.cli.measuring import (
    MEASURING,
    Faces,
    NoFace,
    Public,
    Report,
    bar_of,
    end,
    print_figures,
)
from maskwatch.cli.options import with_settings
from maskwatch.data.choices import Judged, Missed
from maskwatch.errors import UsageError

if TYPE_CHECKING:
    from maskwatch.data.labelled import LabelledSet
    from maskwatch.evaluation.report import Evaluation

Model = Annotated[
    str, typer.Argument(help="A shipped classifier (default: standard), or a bundle or run folder.")
]
Data = Annotated[Path | None, typer.Option(help="The labelled set whose faces are judged.")]
Boxes = Annotated[
    Path | None, typer.Option(help="A set with boxes: detector and classifier, end to end.")
]
Trained = Annotated[
    Path | None, typer.Option(help="What it was trained on: twins among both are counted.")
]
_BETA = 2.0
Beta = Annotated[float, typer.Option(min=0.1, max=10, help="Weight of recall in F-beta.")]


@guarded
@with_settings(*MEASURING)
def evaluate(
    model: Model = "standard",
    data: Data = None,
    boxes: Boxes = None,
    images: Images = None,
    report: Report = None,
    part: Part = None,
    faces: Faces = Judged.LARGEST,
    without_face: NoFace = Missed.WHOLE,
    trained_on: Trained = None,
    classes: Classes = None,
    beta: Beta = _BETA,
    public: Public = False,
    *,
    settings: Settings,
) -> None:
    r"""Measure a classifier on a labelled set: every figure with its interval, as one report.

    \b
    Examples:
      maskwatch evaluate standard --data split/test --report report/
      maskwatch evaluate runs/a --data split/ --part test --trained-on split/train
      maskwatch evaluate --data photos-by-class/ --without-face wrong
      maskwatch evaluate --boxes annotations.json --images photos/ --report report/
    """
    set_up_log()
    from maskwatch.data.labelled import only_part
    from maskwatch.data.outputs import check_folder
    from maskwatch.evaluation.run import Asking, evaluate_all, leaks_between

    source = boxes if data is None else data
    if source is None or (data is not None and boxes is not None):
        raise UsageError("name --data, to judge labelled faces, or --boxes, to find them, too")
    if boxes is not None:
        _refuse(trained_on=trained_on, faces=faces, without_face=without_face, beta=beta)
    if report is not None:
        reads = [source, images, trained_on]
        check_folder(report, "evaluate", reads, overwrite=settings.overwrite, inside=True)
    labelled = only_part(read(source, classes, images), part)
    if boxes is not None:
        errors = _end_to_end(labelled, settings.but(classifier=model), report, public=public)
    else:
        how = Asking(which=faces, missed=without_face, beta=beta)
        (done,) = evaluate_all([model], labelled, settings, how, bar=bar_of(labelled))
        if trained_on is not None:
            done.summary["leaks"] = leaks_between(trained_on, labelled)
        errors = _tell(done, report, public=public)
    end(report, errors)


def _refuse(*, trained_on: Path | None, faces: Judged, without_face: Missed, beta: float) -> None:
    """Make sure that nothing was asked for that an end-to-end measurement does not look at."""
    asked = {
        "--trained-on": trained_on is not None,
        "--faces": faces is not Judged.LARGEST,
        "--without-face": without_face is not Missed.WHOLE,
        "--beta": beta != _BETA,
    }
    if told := [option for option, is_asked in asked.items() if is_asked]:
        raise UsageError(f"{', '.join(told)}: for --data alone, end to end it changes nothing")


def _tell(done: "Evaluation", report: Path | None, *, public: bool) -> Sequence[str]:
    """Print and write the figures of a classifier; the sentences about what could not be read."""
    from maskwatch.data.outputs import start_folder
    from maskwatch.evaluation.report import write_report

    print_figures(done)
    if report is not None:
        start_folder(report, "evaluate")
        write_report(done, report, public=public)
    return done.faces.errors


def _end_to_end(
    labelled: "LabelledSet", settings: Settings, report: Path | None, *, public: bool
) -> Sequence[str]:
    """Measure detector and classifier together; the sentences about what could not be read."""
    from maskwatch.data.outputs import start_folder
    from maskwatch.evaluation.end_to_end import in_words, measure, write_end_to_end

    figures = measure(labelled, settings, bar=bar_of(labelled))
    print(in_words(figures))
    if report is not None:
        start_folder(report, "evaluate")
        write_end_to_end(figures, report, public=public)
    errors: list[str] = figures["unreadable"]
    return errors
