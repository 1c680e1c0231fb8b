"""maskwatch data crop: faces cut out to learn from."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maskwatch.app.settings import Settings
from maskwatch.cli.data.options import Classes, with_bar
from maskwatch.cli.guard import FAILED, guarded, say, set_up_log
from maskwatch.cli.options import with_settings
from maskwatch.data.choices import Which, Without

if TYPE_CHECKING:
    from maskwatch.data.cutting import Cut

_USED = (
    "detector", "detector_weights", "device", "threads", "long_side", "score", "nms", "tiles",
    "min_face", "overwrite",
)  # fmt: skip
Photos = Annotated[Path, typer.Argument(help="A labelled set, or a folder of photos.")]
Out = Annotated[Path, typer.Option(help="Folder for the faces, with the set's parts and classes.")]
Margin = Annotated[
    str,
    typer.Option(help="How far crops reach beyond the box, in parts of its sides; or left, top, "
                      "right, bottom with commas."),
]  # fmt: skip
Faces = Annotated[Which, typer.Option(help="Which of the faces that are found.")]
NoFace = Annotated[Without, typer.Option(help="What becomes of a picture without a face.")]


@guarded
@with_settings(*_USED)
def crop(
    photos: Photos,
    out: Out,
    crop_margin: Margin = "0",
    faces: Faces = Which.LARGEST,
    without_face: NoFace = Without.SKIP,
    classes: Classes = None,
    *,
    settings: Settings,
) -> None:
    r"""Cut faces out of a set's pictures, or of any photos.

    Labelled boxes are cut as they are; in other pictures the detector looks for faces.

    \b
    Examples:
      maskwatch data crop photos/ --detector retinaface --crop-margin 0.2 --out faces/
      maskwatch data crop annotations.json --out faces/
    """
    set_up_log()
    from maskwatch.app.detector import detector_options
    from maskwatch.data.cutting import Cutting, cut_out_faces, parse_offsets
    from maskwatch.data.finding import Finding
    from maskwatch.data.formats import read_photos_or_set
    from maskwatch.data.names import parse_classes
    from maskwatch.data.outputs import check_folder, start_folder
    from maskwatch.models.detectors import open_detector

    finding = Finding(
        which=faces, without=without_face, min_face=settings.min_face, tiles=settings.tiles
    )
    how = Cutting(finding=finding, offsets=parse_offsets(crop_margin))
    detector = open_detector(settings.detector, detector_options(settings))
    check_folder(out, "data crop", [photos], overwrite=settings.overwrite, inside=True)
    pictures = read_photos_or_set(photos, parse_classes(classes), leave_out=out)
    start_folder(out, "data crop")
    results = cut_out_faces(pictures, detector, how, out)
    _follow(with_bar(results, len(pictures), "cutting"), out)


def _follow(results: "Iterator[Cut]", out: Path) -> None:
    """List the faces as they are written, and say what became of all pictures."""
    from maskwatch.data.cutting import LISTING_FIELDS, listing_row
    from maskwatch.data.groups import CUT_FACES
    from maskwatch.data.outputs import write_note
    from maskwatch.sinks.records import LineFile, csv_line

    faces = without = errors = 0
    with LineFile(out / CUT_FACES) as listing:
        listing.add(csv_line(LISTING_FIELDS))
        for result in results:
            listing.add("".join(csv_line(listing_row(face, out)) for face in result.faces))
            faces += len(result.faces)
            without += not result.faces and result.error is None
            if result.error is not None:
                errors += 1
                say(f"error: {result.error}")
    write_note(out, {"command": "data crop", "faces": faces})
    say(f"{faces} faces are in {out}; {without} pictures had none, {errors} cannot be read")
    if errors:
        raise typer.Exit(FAILED)
