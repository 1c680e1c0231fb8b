"""COCO: one JSON file of pictures, categories and boxes x, y, width, height."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from maskwatch.data.formats.files import boxes_of, lay, named, write_text
from maskwatch.data.labelled import LabelledPicture, LabelledSet
from maskwatch.data.names import Classes, classes_of
from maskwatch.errors import SourceError, UsageError
from maskwatch.images import size_of
from maskwatch.types import CLASSES, MaskState

_NAMES = ("annotations.json", "_annotations.coco.json")
_FILE = "annotations.json"


def coco_file(folder: Path) -> Path | None:
    """The COCO file in a folder: annotations.json, or annotations/instances_*.json."""
    found = [folder / name for name in _NAMES if (folder / name).is_file()]
    found += sorted(folder.glob("annotations/instances*.json"))
    return found[0] if found else None


def read_coco(
    path: Path, classes: Classes | None = None, images: Path | None = None
) -> LabelledSet:
    """The pictures and boxes of a COCO file, or of the one in a folder.

    Args:
        path: the file or the folder.
        classes: what category names mean, where their spelling does not say.
        images: the folder of the pictures; None looks in `images` beside the file, then beside it.

    Raises:
        SourceError: no such file, or not of that form.
        UsageError: a category that is not understood.
    """
    file = (coco_file(path) or path / _FILE) if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        used = {annotation["category_id"] for annotation in content["annotations"]}
        names = {c["id"]: str(c["name"]) for c in content["categories"]}
        meanings = classes_of([name for i, name in names.items() if i in used], classes)
        faces: dict[Any, list[tuple[list[float], MaskState]]] = {
            image["id"]: [] for image in content["images"]
        }
        for annotation in content["annotations"]:
            x, y, width, height = annotation["bbox"]
            state = meanings[names[annotation["category_id"]]]
            if state is not None and not annotation.get("iscrowd"):
                box = [x, y, x + width, y + height]
                faces[annotation["image_id"]].append((box, state))
        listed = [(str(image["file_name"]), faces[image["id"]]) for image in content["images"]]
    except UsageError:
        raise
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise SourceError(f"{file} is not a COCO file of mask states: {error!r}") from error
    pictures = [
        LabelledPicture(
            _picture(file.parent, name, images),
            np.array([box for box, _ in known], np.float32).reshape(-1, 4),
            tuple(state for _, state in known),
        )
        for name, known in listed
    ]
    return LabelledSet(file.parent, "coco", tuple(pictures), meanings)


def _picture(folder: Path, name: str, images: Path | None) -> Path:
    if images is not None:
        return images / name
    inner = folder / "images"
    return (
        inner / name if (inner / name).exists() or not (folder / name).exists() else folder / name
    )


def write_coco(labelled: LabelledSet, out: Path) -> None:
    """Write `annotations.json` and `images/` into `out`, or into `out/SPLIT` for each part.

    Raises:
        UsageError: the set has no boxes.
        SourceError: a picture's size cannot be read.
        SinkError: a file cannot be written.
    """
    for split in labelled.splits:
        part = [p for p in labelled.pictures if p.split == split]
        folder = out / (split or "")
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (name, picture) in enumerate(named(part), 1):
            boxes = boxes_of(labelled, picture)
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
            lay(picture.path, folder / "images" / name)
        content = {
            "images": images,
            "categories": [{"id": i, "name": state.value} for i, state in enumerate(CLASSES, 1)],
            "annotations": annotations,
        }
        write_text(json.dumps(content, indent=1), folder / _FILE)
