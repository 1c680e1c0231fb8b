"""Labelled pictures: COCO files of boxes with states, and folders named by their state."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskwatch.errors import SourceError
from maskwatch.types import Boxes, MaskState


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPicture:
    """A picture with its labelled faces: `boxes` (n, 4) in pixels and their `states`.

    `boxes` is None where only the picture as a whole is labelled, with the one state given.
    """

    path: Path
    boxes: Boxes | None
    states: tuple[MaskState, ...]


def read_coco(folder: Path) -> list[LabelledPicture]:
    """The pictures of `folder/images` with the boxes of `folder/annotations.json`.

    Raises:
        SourceError: no such file, or a category that is not a state.
    """
    file = folder / "annotations.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        states = {c["id"]: MaskState(c["name"]) for c in content["categories"]}
        faces: dict[int, list[tuple[list[float], MaskState]]] = {
            i["id"]: [] for i in content["images"]
        }
        for annotation in content["annotations"]:
            x, y, width, height = annotation["bbox"]
            box = [x, y, x + width, y + height]
            faces[annotation["image_id"]].append((box, states[annotation["category_id"]]))
    except (OSError, KeyError, ValueError) as error:
        raise SourceError(f"{file} is not a COCO file of mask states: {error}") from error
    return [
        LabelledPicture(
            folder / "images" / image["file_name"],
            np.array([box for box, _ in faces[image["id"]]], np.float32).reshape(-1, 4),
            tuple(state for _, state in faces[image["id"]]),
        )
        for image in content["images"]
    ]


def read_folders(folder: Path, names: Sequence[tuple[str, MaskState]]) -> list[LabelledPicture]:
    """The pictures of folders that are named by the state of the one face in each."""
    return [
        LabelledPicture(path, None, (state,))
        for name, state in names
        for path in sorted((folder / name).iterdir())
    ]


def without(
    pictures: Sequence[LabelledPicture], root: Path, listing: Path
) -> Iterator[LabelledPicture]:
    """The pictures that a file does not list: a path relative to `root` a line, `#` comments."""
    lines = (line.split("#")[0].strip() for line in listing.read_text("utf-8").splitlines())
    banned = {root / line for line in lines if line}
    return (picture for picture in pictures if picture.path not in banned)
