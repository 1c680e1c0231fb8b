"""Labelled sets in and out: class folders, COCO, Pascal VOC, YOLO."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from maskwatch.data.formats.coco import coco_files, read_coco, write_coco
from maskwatch.data.formats.files import folders_in, is_picture, pictures_below, why_closed
from maskwatch.data.formats.folders import class_folders, read_folders, write_folders
from maskwatch.data.formats.voc import has_voc, read_voc, write_voc
from maskwatch.data.formats.yolo import has_yolo, read_yolo, write_yolo
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import Classes, split_of, state_of
from maskwatch.errors import SourceError, UsageError

Writer = Callable[[LabelledSet, Path], list[Path]]
WRITERS: dict[str, Writer] = {
    "coco": write_coco,
    "voc": write_voc,
    "yolo": write_yolo,
    "folders": write_folders,
}

__all__ = [
    "WRITERS",
    "check_form",
    "form_of",
    "read_coco",
    "read_folders",
    "read_photos_or_set",
    "read_set",
]


def form_of(path: Path, classes: Classes | None = None) -> str | None:
    """How a set is written: coco, yolo, voc, parts, folders; None where there is no set.

    Args:
        path: a folder, or the file of a COCO or YOLO set.
        classes: what the names of folders mean, where their spelling does not say.

    Raises:
        SourceError: a folder that cannot be read.
    """
    if path.is_file():
        return {".json": "coco", ".yaml": "yolo", ".yml": "yolo"}.get(path.suffix)
    if not path.is_dir():
        return None
    for form, is_there in (("coco", coco_files), ("yolo", has_yolo), ("voc", has_voc)):
        if is_there(path):
            return form
    if any(form_of(part, classes) for part in _parts(path)):
        return "parts"
    names = [folder.name for folder in class_folders(path)]
    known = any(state_of(name) or name in (classes or ()) for name in names)
    return "folders" if known else None


def read_set(path: Path, classes: Classes | None = None, images: Path | None = None) -> LabelledSet:
    """A labelled set, its form told by what lies there.

    Args:
        path: a folder, or the file of a COCO or YOLO set (`annotations.json`, `data.yaml`).
        classes: what class names mean, where their spelling does not say.
        images: folder of the pictures of a COCO set that lie elsewhere.

    Raises:
        SourceError: nothing there, no labels, or none that can be read.
        UsageError: a class name that is not understood.
    """
    found = _read(path, classes, images)
    if not found.pictures:
        why = "".join(f"; {problem}" for problem in found.problems[:3])
        raise SourceError(f"{path} holds no picture with a label{why}")
    unused = tuple(
        f"--classes says what {name!r} means, but nothing in the set is labelled so"
        for name in classes or ()
        if name not in found.classes
    )
    return replace(found, problems=found.problems + unused)


def _read(path: Path, classes: Classes | None, images: Path | None = None) -> LabelledSet:
    match form_of(path, classes):
        case "coco":
            return read_coco(path, classes, images)
        case "yolo":
            return read_yolo(path, classes)
        case "voc":
            return read_voc(path, classes)
        case "parts":
            return _joined(path, classes)
        case "folders":
            return read_folders(path, classes)
        case _:
            raise SourceError(
                f"{path} is not there"
                if not path.exists()
                else f"{path} holds no labels: expected folders named by class (with_mask, "
                "without_mask; others with --classes), annotations.json (COCO), .xml files "
                f"(Pascal VOC) or data.yaml (YOLO){_hint(path, classes)}"
            )


def check_form(labelled: LabelledSet, form: str) -> None:
    """Make sure that a set can be written in that form, before anything is.

    Raises:
        UsageError: boxes are needed and not there, or the other way round.
    """
    if form == "folders" and labelled.has_boxes:
        raise UsageError(
            f"{labelled.root} has boxes: cut its faces out with maskwatch data crop "
            f"{labelled.root} --out FOLDER"
        )
    if form != "folders" and any(picture.boxes is None for picture in labelled.pictures):
        raise UsageError(
            f"{labelled.root} labels pictures as a whole, without boxes: only --to folders can be "
            "written; maskwatch detect --records finds boxes"
        )


def read_photos_or_set(
    path: Path, classes: Classes | None = None, *, leave_out: Path | None = None
) -> list[LabelledPicture]:
    """The pictures of a set, or else all pictures below a folder, without states.

    Args:
        path: the set, a folder of photos, or one photo.
        classes: what class names mean.
        leave_out: a folder in which no photos are looked for.

    Raises:
        SourceError: no picture there.
        UsageError: a class name that is not understood.
    """
    if form_of(path, classes) is not None:
        return list(read_set(path, classes).pictures)
    found = pictures_below(path) if path.is_dir() else iter([path] if is_picture(path) else [])
    photos = [
        LabelledPicture(photo, None, ())
        for photo in found
        if leave_out is None or not photo.is_relative_to(leave_out)
    ]
    if not photos:
        raise SourceError(f"{path} holds no picture")
    return photos


def _hint(path: Path, classes: Classes | None) -> str:
    """Where below a folder there is a set, as the end of a sentence."""
    inner = folders_in(path) if path.is_dir() else []
    found = [str(folder) for folder in inner if not why_closed(folder) and form_of(folder, classes)]
    return f"; there is a set in {', '.join(found[:3])}" if found else ""


def _parts(path: Path) -> list[Path]:
    """Its folders train, val, test, if it has some that hold pictures."""
    return [
        folder
        for folder in folders_in(path)
        if split_of(folder.name) and next(pictures_below(folder), None) is not None
    ]


def _joined(root: Path, given: Classes | None) -> LabelledSet:
    """The parts of a set; each picture's part is the name of its part's folder.

    Raises:
        SourceError: a part without labels.
    """
    parts = _parts(root)
    sets = [_read(part, given) for part in parts]
    beside = [folder for folder in class_folders(root) if folder not in parts]
    pictures = tuple(
        replace(picture, split=split_of(part.root.name))
        for part in sets
        for picture in part.pictures
    )
    classes = {name: state for part in sets for name, state in part.classes.items()}
    problems = tuple(problem for part in sets for problem in part.problems)
    problems += tuple(f"{folder} lies beside the parts and is not read" for folder in beside)
    return LabelledSet(root, sets[0].form, pictures, classes, problems)
