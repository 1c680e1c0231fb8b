"""What the commands that measure share: options, the bar, tables on stdout, the end."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskwatch.cli.data.options import with_bar
from maskwatch.cli.guard import FAILED, say
from maskwatch.data.choices import Judged, Missed

if TYPE_CHECKING:
    from maskwatch.data.labelled import LabelledPicture, LabelledSet
    from maskwatch.evaluation.report import Evaluation

MEASURING = (
    "detector", "detector_weights", "device", "threads", "long_side", "score", "nms", "tiles",
    "min_face", "overwrite",
)  # fmt: skip
Faces = Annotated[
    Judged,
    typer.Option(
        "--faces",
        help="What is judged in a picture without labelled boxes: the largest face that is found, "
        "all, or the picture as it is (a face that was cut out, as training sees it).",
    ),
]
NoFace = Annotated[
    Missed,
    typer.Option(
        "--without-face",
        help="Judge such a picture as a whole where no face is found (for faces that were cut "
        "out), or count it as wrong (for photos).",
    ),
]
Report = Annotated[Path | None, typer.Option(help="Folder for index.html, metrics.json, PNGs.")]
Public = Annotated[bool, typer.Option("--public", help="No photographs, no file names.")]


def bar_of(
    labelled: "LabelledSet",
) -> "Callable[[Sequence[LabelledPicture]], Iterator[LabelledPicture]]":
    """What wraps the pictures of a set in a bar on stderr."""
    return lambda pictures: with_bar(pictures, len(pictures), f"judging {labelled.root.name}")


def end(report: Path | None, errors: Sequence[str]) -> None:
    """Say where the report is and which pictures failed; exit with 1 if any did."""
    if report is not None:
        say(f"the report is {report / 'index.html'}")
    for error in errors:
        say(f"error: {error}")
    if errors:
        raise typer.Exit(FAILED)


def print_figures(done: "Evaluation") -> None:
    """The figures of one classifier, on stdout."""
    from maskwatch.evaluation.summary import in_words, lowered

    summary = done.summary
    columns = ("precision", "recall", "f1", "f_beta", "support")
    head = ("", "precision", "recall", "F1", f"F{summary['beta']:g}", "support")
    rows = summary["classes"] | {f"{k} mean": v for k, v in summary["averages"].items()}
    _print(head, [(name, *(row[column] for column in columns)) for name, row in rows.items()])
    sentences = [lowered(summary), in_words(summary)]
    if "leaks" in summary:
        leaks = summary["leaks"]
        copies = leaks["exact"] + leaks["near"]
        sentences.append(f"{copies} of {leaks['pictures']} pictures have a twin in training")
    print("\n".join(filter(None, sentences)))


def print_comparison(rows: Sequence[dict[str, Any]], words: str) -> None:
    """A column for each classifier, and the verdict, on stdout."""
    head = ("", *(str(row["classifier"]) for row in rows))
    _print(head, [(name, *(row[name] for row in rows)) for name in list(rows[0])[1:]])
    print(words)


def _print(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from maskwatch.evaluation.html import shown

    table = Table(*head)
    for name, *cells in rows:
        table.add_row(name, *map(shown, cells))
    Console(markup=False).print(table)
