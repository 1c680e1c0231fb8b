"""maskwatch export: a trained run in other forms."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.cli.data.options import Classes, Overwrite, read
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.cli.starting import check_training
from maskwatch.errors import UsageError
from maskwatch.training.workshop.choices import ExportForm

if TYPE_CHECKING:
    from maskwatch.models.bundle import Bundle
    from maskwatch.training.workshop.parity import Faces, Parity

Run = Annotated[str, typer.Argument(help="A run folder, an imported bundle, or standard, small.")]
Forms = Annotated[str, typer.Option("--format", help=f"With commas: {', '.join(ExportForm)}.")]
Out = Annotated[Path, typer.Option(help="Folder that gets a folder for each format.")]
Data = Annotated[
    Path | None, typer.Option(help="The set to compare and calibrate on; else the run's own.")
]
Litert = Annotated[
    Path | None, typer.Option(help="LiteRT's environment; else MASKWATCH_LITERT names it.")
]
Most = Annotated[int, typer.Option(min=10, help="Faces to compare on, at most.")]


@guarded
def export(
    run: Run,
    out: Out,
    forms: Forms = "onnx",
    data: Data = None,
    litert: Litert = None,
    faces: Most = 300,
    classes: Classes = None,
    overwrite: Overwrite = False,
) -> None:
    r"""Write a classifier as ONNX or LiteRT, in floats or 8-bit integers, compared with PyTorch.

    A form that answers otherwise than PyTorch does, beyond its tolerance, is not kept.

    \b
    Examples:
      maskwatch export runs/a --format onnx,onnx-int8 --out export/
      maskwatch export runs/a --format litert,litert-int8 --litert ~/litert --out export/
      maskwatch export standard --format litert-int8 --data photos/ --litert ~/litert --out export/
    """
    set_up_log()
    try:
        wanted = [ExportForm(word.strip()) for word in forms.split(",")]
    except ValueError as error:
        raise UsageError(f"--format: {error}; choose from {', '.join(ExportForm)}") from error
    check_training()
    from maskwatch.data.outputs import check_folder, start_folder, write_note
    from maskwatch.models.classifier import open_classifier
    from maskwatch.training.workshop.exporting import check_export, export_all
    from maskwatch.training.workshop.parity import write_parity

    bundle = open_classifier(run).bundle
    check_folder(out, "export", [bundle.folder, data], overwrite=overwrite, inside=True)
    check_export(bundle, wanted, litert)
    faces_ = _faces(bundle, data, classes, faces)
    start_folder(out, "export")
    rows = list(export_all(bundle, wanted, out, faces_, litert))
    write_parity(rows, out / "parity.csv")
    write_note(out, {"command": "export", "run": run, "formats": [form.value for form in wanted]})
    _print(rows)
    refused = [row for row in rows if row.refused]
    for row in refused:
        say(f"error: {row.form} is not kept: {row.refused}")
    if refused:
        raise typer.Exit(FAILED)


def _faces(bundle: "Bundle", data: Path | None, classes: str | None, most: int) -> "Faces":
    """Faces of the named set, or of the one that the run learnt from."""
    from maskwatch.training.workshop.parity import faces_of
    from maskwatch.training.workshop.samples import samples_of

    known = bundle.data.get("set")
    root = data or (Path(known) if known else None)
    if root is None or not root.exists():
        raise UsageError("name a labelled set to compare on, with --data")
    labelled = read(root, classes or bundle.data.get("class names"))
    trained = [p for p in labelled.pictures if p.split in (None, "train")]
    checked = [p for p in labelled.pictures if p.split not in (None, "train")] or trained
    count = len(bundle.labels)
    return faces_of(bundle, samples_of(checked, count), samples_of(trained or checked, count), most)


def _print(rows: "list[Parity]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "largest difference", "equal labels", "accuracy", "MB", "ms one face", "")
    for row in rows:
        table.add_row(
            row.form, f"{row.difference:.4f}", f"{row.equal:.1%}", f"{row.accuracy:.1%}",
            f"{row.megabytes:.2f}", f"{row.one_ms:.1f}" if row.one_ms else "-",
            "not kept" if row.refused else "",
        )  # fmt: skip
    Console(markup=False).print(table)
