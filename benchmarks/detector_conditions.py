"""Where detectors fail: turned, dark, grey and huge pictures, profiles, beards, scarves, skin.

Recall of labelled faces at IoU 0.5, each detector at its own score and a long side of 640 pixels.
Groups of ilc2021-val come from the committed list of what was seen in each face; masked and bare
faces from kaggle853-dev. The wall is a picture of 3834x2160 of 45 pictures of that set, side by
side; `tiles` are those of `maskwatch detect --tiles`.

    scripts/bench detector_conditions
"""

import csv
from collections.abc import Callable
from typing import Annotated

import cv2
import numpy as np
import typer
from kit.breakdown import ATTRIBUTES, turns_of
from kit.detection import Labelled, found_in, labelled, matches
from kit.report import Row, save, show
from numpy.typing import NDArray

from maskwatch.evaluation.detections import Matches, match, recall
from maskwatch.images import decode
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.models.detectors.search import search
from maskwatch.types import CLASSES, FaceDetector, Faces, Image, MaskState

DETECTORS = ("maskwatch", "yunet", "retinaface")
_COLUMNS, _ROWS, _CELL_WH = 9, 5, (426, 432)
_TILES = (1, 3, 5)
_BARE = CLASSES.index(MaskState.NO_MASK)
_FEWEST = 20


def main(
    only: Annotated[str | None, typer.Option(help="One detector by name or run.")] = None,
) -> None:
    """Measure, show, keep."""
    table: dict[tuple[str, str], Row] = {}
    for name in [only] if only else DETECTORS:
        detector = open_detector(name, DetectorOptions())
        for condition, faces, value in _conditions(detector):
            row = table.setdefault(condition, {"group": condition[0], "value": condition[1]})
            row |= {"faces": faces, name: value}
    rows = list(table.values())
    show("recall", rows)
    if only is None:
        save("detector_conditions", rows)


def _conditions(detector: FaceDetector) -> list[tuple[tuple[str, str], int, float]]:
    out = []
    changes: dict[str, tuple[Callable[[Image], Image], int]] = {
        "as it is": (lambda image: image, 0),
        "grey": (_grey, 0),
        "very dark": (lambda image: (image * 0.12).astype(np.uint8), 0),
        "a quarter turn left": (lambda image: np.ascontiguousarray(np.rot90(image)), 1),
        "upside down": (lambda image: np.ascontiguousarray(np.rot90(image, 2)), 2),
        "cut to one face": (lambda image: image, 0),
    }
    pictures = labelled("kaggle853-dev")
    for name, (change, quarters) in changes.items():
        if name == "cut to one face":
            parts = _cut_to_faces(detector, pictures)
        else:
            found = [
                _turned_back(faces, decode(one.path).shape, quarters)
                for one, faces in zip(pictures, found_in(detector, pictures, change), strict=True)
            ]
            parts = matches(pictures, found)
            if name == "as it is":
                out += _by_state(pictures, parts)
        out.append((("picture", name), sum(p.faces for p in parts), recall(parts)))
    out += _attributes(detector)
    for tiles in _TILES:
        parts = [_wall(detector, pictures, tiles)]
        out.append((("wall of 3834x2160", f"tiles {tiles}"), parts[0].faces, recall(parts)))
    return out


def _grey(image: Image) -> Image:
    return np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def _turned_back(faces: Faces, shape: tuple[int, ...], quarters: int) -> Faces:
    """Boxes found in a picture that was turned left, in the picture as it was."""
    height, width = shape[:2]
    x1, y1, x2, y2 = faces.boxes.T
    if quarters == 1:
        boxes = np.stack([width - y2, x1, width - y1, x2], axis=1)
    elif quarters == 2:
        boxes = np.stack([width - x2, height - y2, width - x1, height - y1], axis=1)
    else:
        return faces
    return Faces.found(boxes, faces.scores)


def _by_state(
    pictures: tuple[Labelled, ...], parts: list[Matches]
) -> list[tuple[tuple[str, str], int, float]]:
    found = np.concatenate([one.found for one in parts])
    labels = np.concatenate([one.labels for one in pictures])
    counts = np.isfinite(found)
    groups = {"bare": labels == _BARE, "masked, well or wrong": labels != _BARE}
    return [
        (("face", name), int((rows & counts).sum()), float((found[rows & counts] > 0).mean()))
        for name, rows in groups.items()
    ]


def _cut_to_faces(detector: FaceDetector, pictures: tuple[Labelled, ...]) -> list[Matches]:
    """Each face of 48 pixels and more fills its picture."""
    parts = []
    for one in pictures:
        image = decode(one.path)
        for box in one.boxes.round().astype(int):
            x1, y1, x2, y2 = np.maximum(box, 0).tolist()
            if min(x2 - x1, y2 - y1) < 48:
                continue
            cut = np.ascontiguousarray(image[y1:y2, x1:x2])
            faces = search(detector, [cut], tight=True)[0]
            whole = np.array([[0, 0, cut.shape[1], cut.shape[0]]], np.float32)
            parts.append(match(faces.boxes, faces.scores, whole, np.zeros(1, bool)))
    return parts


def _attributes(detector: FaceDetector) -> list[tuple[tuple[str, str], int, float]]:
    """By what was seen in each face of ilc2021-val of 12 pixels and more."""
    pictures = labelled("ilc2021-val")
    parts = matches(pictures, found_in(detector, pictures))
    found = np.concatenate([one.found for one in parts])
    found = found[np.isfinite(found)] > 0
    with ATTRIBUTES.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    names = [one.path.name for one in pictures for small in one.small if not small]
    if [row["image"] for row in rows] != names:
        raise SystemExit(f"{ATTRIBUTES} does not list the faces of this set in their order")
    groups: dict[str, NDArray[np.str_]] = {
        key: np.array([row[key] for row in rows]) for key in ("kind", "skin", "light", "front")
    }
    groups["turn"] = turns_of("ilc2021-val")
    return [
        ((group, value), int((values == value).sum()), float(found[values == value].mean()))
        for group, values in groups.items()
        for value in sorted(set(values.tolist()))
        if (values == value).sum() >= _FEWEST
    ]


def _wall(detector: FaceDetector, pictures: tuple[Labelled, ...], tiles: int) -> Matches:
    wall = np.zeros((_ROWS * _CELL_WH[1], _COLUMNS * _CELL_WH[0], 3), np.uint8)
    boxes, small = [], []
    fitting = (p for p in pictures if max(decode(p.path).shape[:2]) <= min(_CELL_WH))
    for place, one in zip(range(_ROWS * _COLUMNS), fitting, strict=False):
        image = decode(one.path)
        row, column = divmod(place, _COLUMNS)
        x, y = column * _CELL_WH[0], row * _CELL_WH[1]
        wall[y : y + image.shape[0], x : x + image.shape[1]] = image
        boxes.append(one.boxes + np.array([x, y, x, y], np.float32))
        small.append(one.small)
    faces = search(detector, [wall], tiles=tiles)[0]
    return match(faces.boxes, faces.scores, np.concatenate(boxes), np.concatenate(small))


if __name__ == "__main__":
    typer.run(main)
