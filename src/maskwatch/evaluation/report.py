"""A classifier's report: index.html, metrics.json and PNGs in a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwatch import __version__
from maskwatch.data.choices import Judged, Missed
from maskwatch.evaluation import html, training
from maskwatch.evaluation.charts import draw_all
from maskwatch.evaluation.faces import LabelledFaces
from maskwatch.evaluation.folder import write_pages
from maskwatch.evaluation.gallery import wrong_faces
from maskwatch.evaluation.summary import in_words, lowered
from maskwatch.images import encode
from maskwatch.types import Floats

_WRONG = "wrong.png"


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a report is about: who was judged, on what, the answers and their figures.

    `folder` is the bundle's, `training` what it says of its training (empty where it does not).
    """

    model: dict[str, Any]
    folder: Path
    training: dict[str, Any]
    data: str
    faces: LabelledFaces
    probabilities: Floats
    summary: dict[str, Any]


def write_report(done: Evaluation, folder: Path, *, public: bool = False) -> None:
    """Write the report into an empty folder; a public one has no photographs and no file names.

    Raises:
        MissingExtra: matplotlib or scikit-learn is not installed.
        SinkError: a file cannot be written.
    """
    charts = draw_all(done.faces, done.probabilities, done.summary, folder)
    gallery = None if public else wrong_faces(done.faces, done.probabilities)
    if gallery is not None:
        encode(gallery, folder / _WRONG)
    data = Path(done.data).name if public else done.data
    summary = dict(done.summary)
    if public:
        summary["unreadable"] = len(summary["unreadable"])
    values = {"schema": 1, "maskwatch": __version__, "model": done.model, "data": data}
    title = f"{done.model['name']} on {data}"
    parts = _parts(done, charts, folder, has_gallery=gallery is not None, public=public)
    note = {"command": "evaluate", "model": done.model, "data": data}
    write_pages(folder, title, parts, values | summary, note)


def _parts(
    done: Evaluation, charts: dict[str, str], folder: Path, *, has_gallery: bool, public: bool
) -> Iterator[str]:
    summary = done.summary
    yield html.paragraph(in_words(summary), "verdict")
    if "leaks" in summary:
        yield _leaks(summary["leaks"])
    if summary["unreadable"]:
        count = len(summary["unreadable"])
        yield html.paragraph(f"{count} pictures could not be read and are left out.", "warning")
    yield html.heading("Figures")
    beta = f"{summary['beta']:g}"
    columns = ("precision", "recall", "f1", "f_beta", "roc_auc", "average_precision", "support")
    head = ("", "precision", "recall", "F1", f"F{beta}", "ROC area", "AP", "support")
    rows = {**summary["classes"], **{f"{k} mean": v for k, v in summary["averages"].items()}}
    yield html.table(head, [(n, *(row.get(c) for c in columns)) for n, row in rows.items()])
    if (why := lowered(summary)) is not None:
        yield html.paragraph(why)
    main: list[tuple[str, Any]] = [
        (n, summary[n]) for n in ("accuracy", "balanced_compliance") if n in summary
    ]
    main += [
        (f"F1 {n}", {"value": row["f1"], "low": row["f1_low"], "high": row["f1_high"]})
        for n, row in summary["classes"].items()
    ]
    yield html.table(
        ("figure", "value", "95% from", "to"),
        [(n.replace("_", " "), row["value"], row["low"], row["high"]) for n, row in main],
    )
    error = summary["calibration_error"]
    yield html.paragraph(f"Expected calibration error (15 bins of equal mass): {error:.3f}.")
    for file, words in charts.items():
        yield html.picture(folder / file, words)
    if has_gallery:
        yield html.heading("Told wrong, the surest first")
        yield html.picture(folder / _WRONG, "What each was told, and below it its label")
    yield from training.section(done.folder, done.training, public=public)
    yield html.heading("How it was measured")
    yield html.paragraph(
        f"{summary['faces']:,} labelled faces of {summary['pictures']:,} pictures; "
        f"{_found(summary)}the likeliest state counts as the answer. Intervals: 95%, 1,000 "
        f"bootstrap draws over pictures. maskwatch {__version__}."
    )


def _found(summary: dict[str, Any]) -> str:
    """How the faces of pictures without boxes were found, as part of a sentence."""
    if "found_by" not in summary:
        return ""
    found = summary["found_by"]
    if found["faces"] == Judged.PICTURE:
        return "pictures without boxes as they are; "
    which = "the largest face" if found["faces"] == Judged.LARGEST else "every face"
    otherwise = (
        "a picture without a face counts as wrong"
        if found["without_face"] == Missed.WRONG
        else "or else the whole picture"
    )
    return f"in pictures without boxes, {which} that {found['detector']} finds, {otherwise}; "


def _leaks(leaks: dict[str, int]) -> str:
    copies = leaks["exact"] + leaks["near"]
    share = copies / max(1, leaks["pictures"])
    words = (
        f"{copies} of {leaks['pictures']} pictures ({share:.1%}) have a twin among those that it "
        f"was trained on: {leaks['exact']} equal, {leaks['near']} nearly."
    )
    if copies:
        words += " The figures below are too good by what it remembers of them."
    return html.paragraph(words, "warning" if copies else "")
