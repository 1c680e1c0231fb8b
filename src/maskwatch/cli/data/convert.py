"""maskwatch data convert: one form of labels into another."""

from pathlib import Path
from typing import Annotated

import typer

from maskwatch.cli.data.options import Classes, Dataset, Images, Overwrite, read
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.data.choices import Form
from maskwatch.errors import SourceError

To = Annotated[Form, typer.Option("--to", help="The form to write.")]
Out = Annotated[Path, typer.Option(help="Folder for the set.")]


@guarded
def convert(
    dataset: Dataset,
    to: To,
    out: Out,
    images: Images = None,
    classes: Classes = None,
    overwrite: Overwrite = False,
) -> None:
    r"""Write a set as COCO, Pascal VOC, YOLO or class folders.

    Pictures are not copied where the disk lets a file have two names; those that are no
    pictures are named and left out.

    \b
    Examples:
      maskwatch data convert annotations.json --to yolo --out yolo/
      maskwatch data convert voc/ --to coco --out coco/ --classes helmet=skip
    """
    set_up_log()
    from maskwatch.data.formats import WRITERS, check_form
    from maskwatch.data.formats.files import readable
    from maskwatch.data.outputs import check_folder, start_folder, write_note

    check_folder(out, "data convert", [dataset, images], overwrite=overwrite)
    labelled, errors = readable(read(dataset, classes, images))
    for error in errors:
        say(f"error: {error}")
    if not labelled.pictures:
        raise SourceError(f"no picture of {dataset} can be read; --images says where they lie")
    check_form(labelled, to)
    start_folder(out, "data convert")
    WRITERS[to](labelled, out)
    count = len(labelled.pictures)
    write_note(out, {"command": "data convert", "set": str(dataset), "pictures": count})
    say(f"{count} pictures are in {out}")
    if errors:
        raise typer.Exit(FAILED)
