"""maskwatch evaluate: how right a classifier is on a labelled set."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.data.options import Classes, Images, Part, Public, Report, read, with_bar
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.cli.options import with_settings
from maskwatch.errors import UsageError

if TYPE_CHECKING:
    from maskwatch.data.labelled import LabelledSet
    from maskwatch.evaluation.report import Evaluation

_USED = (
    "detector", "detector_weights", "device", "threads", "long_side", "score", "min_face",
    "overwrite",
)  # fmt: skip
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
Beta = Annotated[float, typer.Option(min=0.1, max=10, help="Weight of recall in F-beta.")]


@guarded
@with_settings(*_USED)
def evaluate(
    model: Model = "standard",
    data: Data = None,
    boxes: Boxes = None,
    images: Images = None,
    report: Report = None,
    part: Part = None,
    trained_on: Trained = None,
    classes: Classes = None,
    beta: Beta = 2.0,
    public: Public = False,
    *,
    settings: Settings,
) -> None:
    r"""Measure a classifier on a labelled set: every figure with its interval, as one report.

    \b
    Examples:
      maskwatch evaluate standard --data split/test --report report/
      maskwatch evaluate runs/a --data split/ --part test --trained-on split/train
      maskwatch evaluate --boxes annotations.json --images photos/ --report report/
    """
    set_up_log()
    from maskwatch.data.labelled import only_part
    from maskwatch.data.outputs import check_folder

    if (data is None) == (boxes is None):
        raise UsageError("name --data, to judge labelled faces, or --boxes, to find them, too")
    if boxes is not None and trained_on is not None:
        raise UsageError("--trained-on is for --data: end to end there is nothing to tell of it")
    if report is not None:
        reads = [data, boxes, images, trained_on]
        check_folder(report, "evaluate", reads, overwrite=settings.overwrite, inside=True)
    if boxes is not None:
        chosen = only_part(read(boxes, classes, images), part)
        errors = _end_to_end(chosen, settings.but(classifier=model), report, public=public)
    else:
        chosen = only_part(read(data or Path(), classes), part)
        errors = _judge(
            model, chosen, settings, report, trained_on=trained_on, beta=beta, public=public
        )
    if report is not None:
        say(f"the report is {report / 'index.html'}")
    for error in errors:
        say(f"error: {error}")
    if errors:
        raise typer.Exit(FAILED)


def _judge(
    model: str,
    labelled: "LabelledSet",
    settings: Settings,
    report: Path | None,
    *,
    trained_on: Path | None,
    beta: float,
    public: bool,
) -> Sequence[str]:
    """Measure the classifier alone; the sentences about pictures that could not be read."""
    from maskwatch.data.outputs import start_folder
    from maskwatch.evaluation.report import write_report
    from maskwatch.evaluation.run import evaluate_all, leaks_between

    (done,) = evaluate_all([model], labelled, settings, beta=beta, bar=_bar(labelled))
    if trained_on is not None:
        done.summary["leaks"] = leaks_between(trained_on, labelled)
    _print(done)
    if report is not None:
        start_folder(report, "evaluate")
        write_report(done, report, public=public)
    return done.faces.errors


def _end_to_end(
    labelled: "LabelledSet", settings: Settings, report: Path | None, *, public: bool
) -> Sequence[str]:
    """Measure detector and classifier together."""
    from maskwatch.data.outputs import start_folder
    from maskwatch.evaluation.end_to_end import in_words, measure, write_end_to_end

    figures = measure(labelled, settings, bar=_bar(labelled))
    print(in_words(figures))
    if report is not None:
        start_folder(report, "evaluate")
        write_end_to_end(figures, report, public=public)
    errors: list[str] = figures["unreadable"]
    return errors


def _bar(labelled: "LabelledSet") -> Any:
    return lambda pictures: with_bar(pictures, len(pictures), f"judging {labelled.root.name}")


def _print(done: "Evaluation") -> None:
    from rich.console import Console
    from rich.table import Table

    from maskwatch.evaluation.html import shown
    from maskwatch.evaluation.summary import in_words

    summary, console = done.summary, Console(markup=False)
    columns = ("precision", "recall", "f1", "f_beta", "support")
    table = Table("", "precision", "recall", "F1", f"F{summary['beta']:g}", "support")
    rows = summary["classes"] | {f"{k} mean": v for k, v in summary["averages"].items()}
    for name, row in rows.items():
        table.add_row(name, *(shown(row[column]) for column in columns))
    console.print(table)
    console.print(in_words(summary), soft_wrap=True)
    if "leaks" in summary:
        leaks = summary["leaks"]
        copies = leaks["exact"] + leaks["near"]
        console.print(f"{copies} of {leaks['pictures']} pictures have a twin in training")
