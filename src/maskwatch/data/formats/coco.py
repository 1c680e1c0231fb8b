"""COCO: one JSON file of pictures, categories and boxes x, y, width, height."""

import json
from pathlib import Path
from typing import Any

from maskwatch.data.formats.files import as_boxes, boxes_of, lay, named_parts, read_text, write_text
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import Classes, classes_of, split_of
from maskwatch.errors import SourceError, UsageError
from maskwatch.images import size_of
from maskwatch.types import CLASSES, MaskState

_NAMES = ("annotations.json", "_annotations.coco.json")
_FILE = "annotations.json"
_INSTANCES = "instances_"


def coco_files(folder: Path) -> list[Path]:
    """The COCO files of a folder: annotations.json, or annotations/instances_*.json."""
    found = [folder / name for name in _NAMES if (folder / name).is_file()]
    return found[:1] or sorted(folder.glob(f"annotations/{_INSTANCES}*.json"))


def read_coco(
    path: Path, classes: Classes | None = None, images: Path | None = None
) -> LabelledSet:
    """The pictures and boxes of a COCO file, or of those in a folder.

    Of several files (`instances_train2017.json`, `instances_val2017.json`), each is a part.

    Args:
        path: the file or the folder.
        classes: what category names mean, where their spelling does not say.
        images: the folder of the pictures; None looks in `images` beside the file, beside it, and
            in folders named as the file.

    Raises:
        SourceError: no such file, or not of that form.
        UsageError: a category that is not understood.
    """
    files = (coco_files(path) or [path / _FILE]) if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    pictures: list[LabelledPicture] = []
    meanings: dict[str, MaskState | None] = {}
    problems: list[str] = []
    for file in files:
        found, read, wrong = _read_file(file, classes, images)
        pictures += found
        meanings |= read
        problems += wrong
    return LabelledSet(root, "coco", tuple(pictures), meanings, tuple(problems))


def _read_file(
    file: Path, classes: Classes | None, images: Path | None
) -> tuple[list[LabelledPicture], dict[str, MaskState | None], list[str]]:
    try:
        content = json.loads(read_text(file))
        used = {annotation.get("category_id") for annotation in content["annotations"]}
        names = {c["id"]: str(c["name"]) for c in content["categories"]}
        meanings = classes_of([name for i, name in names.items() if i in used], classes)
        faces: dict[Any, list[tuple[list[float], MaskState | None]]] = {
            image["id"]: [] for image in content["images"]
        }
        problems = []
        for number, annotation in enumerate(content["annotations"]):
            try:
                x, y, width, height = map(float, annotation["bbox"])
                state = meanings[names[annotation["category_id"]]]
                box = [x, y, x + width, y + height]
                kept = None if annotation.get("iscrowd") else state
                faces[annotation["image_id"]].append((box, kept))
            except (KeyError, TypeError, ValueError) as error:
                where = f"{file}: annotation {annotation.get('id', number)}"
                problems.append(f"{where} is left out, its {_why(error)}")
        listed = [(str(image["file_name"]), faces[image["id"]]) for image in content["images"]]
    except (UsageError, SourceError):
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SourceError(
            f"{file} is not a COCO file of mask states: it lacks or misshapes {error}"
        ) from error
    part = file.stem.removeprefix(_INSTANCES) if file.stem.startswith(_INSTANCES) else ""
    places = [images] if images is not None else _places(file, part)
    split = split_of(part.rstrip("0123456789"))
    pictures = [
        LabelledPicture(
            next((p / name for p in places if (p / name).exists()), places[0] / name),
            as_boxes([box for box, state in known if state is not None]),
            tuple(state for _, state in known if state is not None),
            split,
            as_boxes([box for box, state in known if state is None]),
        )
        for name, known in listed
    ]
    return pictures, meanings, problems


def _why(error: Exception) -> str:
    known = "picture, category or box is not there"
    return f"{known}: {error}" if isinstance(error, KeyError) else f"box is none: {error}"


def _places(file: Path, part: str) -> list[Path]:
    """Where the pictures of a COCO file may lie."""
    root = file.parent.parent if part else file.parent
    inner = [root / "images", root]
    return [folder / part for folder in inner] + inner if part else inner


def write_coco(labelled: LabelledSet, out: Path) -> list[Path]:
    """Write `annotations.json` and `images/` into `out`, or into `out/SPLIT` for each part.

    Returns the pictures' new files, in their order.

    Raises:
        SourceError: a picture's size cannot be read.
        SinkError: a file cannot be written.
    """
    written: dict[int, Path] = {}
    for split, part in named_parts(labelled):
        folder = out / (split or "")
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (name, picture) in enumerate(part, 1):
            boxes = boxes_of(picture)
            width, height = size_of(picture.path)
            images.append({"id": number, "file_name": name, "width": width, "height": height})
            for (x1, y1, x2, y2), state in zip(boxes.tolist(), picture.states, strict=True):
                wide, high = round(x2 - x1, 2), round(y2 - y1, 2)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": CLASSES.index(state) + 1,
                        "bbox": [round(x1, 2), round(y1, 2), wide, high],
                        "area": round(wide * high, 2),
                        "iscrowd": 0,
                    }
                )
            written[id(picture)] = folder / "images" / name
            lay(picture.path, written[id(picture)])
        content = {
            "images": images,
            "categories": [{"id": i, "name": state.value} for i, state in enumerate(CLASSES, 1)],
            "annotations": annotations,
        }
        write_text(json.dumps(content, indent=1), folder / _FILE)
    return [written[id(picture)] for picture in labelled.pictures]
