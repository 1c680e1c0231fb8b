"""Accuracy by group: size, turn of the head, mask, skin, light, what is before the face."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from kit.faces import LabelledFaces, read_faces
from kit.judges import Judge
from kit.report import ROOT, Row
from maskwatch.boxes import iou, squares
from maskwatch.data.drawing import Thing, draw_thing
from maskwatch.evaluation.intervals import interval
from maskwatch.evaluation.metrics import accuracy
from maskwatch.images import cut, decode, encode, resize
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.types import CLASSES, Floats, Image, MaskState

SIZES_PX = ((12, 16), (16, 24), (24, 48), (48, 96), (96, 10_000))
ATTRIBUTES = ROOT / "benchmarks" / "data" / "attributes-ilc2021-val.csv"
_FEWEST = 20
_SAME_FACE_IOU = 0.4
_ROOM = 0.8
_MASK = CLASSES.index(MaskState.MASK)
_NO_MASK = CLASSES.index(MaskState.NO_MASK)


def by_group(name: str, faces: LabelledFaces, table: Floats, judge: Judge) -> Iterator[Row]:
    """Rows of group, value, faces, accuracy with interval, and how each state fares."""
    for low, high in SIZES_PX:
        rows = (faces.sides >= low) & (faces.sides < high)
        yield from _row("size", _span(low, high), faces, table, rows)
    landmarks = _landmarks(faces)
    turns = _turns(landmarks)
    for turn in ("frontal", "half", "profile", "not found"):
        yield from _row("turn", turn, faces, table, turns == turn)
    if not ATTRIBUTES.name.endswith(f"{name}.csv"):
        return
    for group, values in _attributes(faces).items():
        for value in sorted(set(values.tolist())):
            yield from _row(group, value, faces, table, values == value)
    yield from _shrunk(faces, judge)
    yield from _with_things(faces, landmarks, judge)


def _span(low: int, high: int) -> str:
    return f"{low}-{high} px" if high < 10_000 else f"{low}- px"


def _row(
    group: str, value: str, faces: LabelledFaces, table: Floats, rows: NDArray[np.bool_]
) -> Iterator[Row]:
    if not rows.any():
        return
    labels, told = faces.labels[rows], table[rows].argmax(axis=1)
    low, high = interval(accuracy, labels, table[rows], faces.groups[rows])
    yield {
        "group": group,
        "value": value,
        "faces": int(rows.sum()),
        "few": "few" if rows.sum() < _FEWEST else "",
        "accuracy": float((labels == told).mean()),
        "low": low,
        "high": high,
        "masks told": _share(told == _MASK, labels == _MASK),
        "false masks": _share(told == _MASK, labels != _MASK),
    }


def _share(what: NDArray[np.bool_], of: NDArray[np.bool_]) -> float | str:
    return float(what[of].mean()) if of.any() else ""


def _attributes(faces: LabelledFaces) -> dict[str, NDArray[np.str_]]:
    """What was seen in each face, from the committed list, in the order of the faces."""
    with ATTRIBUTES.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    names = [path.name for path in faces.paths]
    if [row["image"] for row in rows] != names:
        raise SystemExit(f"{ATTRIBUTES} does not list the faces of this set in their order")
    keys = ("kind", "colour", "skin", "light", "front")
    return {key: np.array([row[key] for row in rows]) for key in keys}


def _landmarks(faces: LabelledFaces) -> Floats:
    """YuNet's landmarks of each labelled face, shape (n, 5, 2); NaN where it found none."""
    detector = open_detector("yunet", DetectorOptions(long_side=960, score=0.3, threads=0))
    out = np.full((len(faces), 5, 2), np.nan, np.float32)
    for path, rows in faces.by_picture():
        found = detector.detect([decode(path)])[0]
        if not len(found) or found.landmarks is None:
            continue
        overlaps = iou(faces.boxes[rows], found.boxes)
        good = overlaps.max(axis=1) >= _SAME_FACE_IOU
        out[rows[good]] = found.landmarks[overlaps.argmax(axis=1)[good]]
    return out


def _turns(landmarks: Floats) -> NDArray[np.str_]:
    """How far each head is turned: where the nose lies between the eyes, as they go across."""
    eyes = landmarks[:, 1] - landmarks[:, 0]
    length = np.linalg.norm(eyes, axis=1)
    nose = ((landmarks[:, 2] - landmarks[:, :2].mean(axis=1)) * eyes).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.abs(nose / length**2)
    turns = np.where(off < 0.2, "frontal", np.where(off < 0.5, "half", "profile"))
    return np.where(np.isfinite(off), turns, "not found")


def _shrunk(faces: LabelledFaces, judge: Judge) -> Iterator[Row]:
    """Large faces in pictures made smaller, so that their short side falls in each range."""
    large = faces[faces.sides >= 96]
    for low, high in SIZES_PX[:-1]:
        goal = float(np.sqrt(low * high))
        with TemporaryDirectory() as temporary:
            small = _smaller(large, goal, Path(temporary))
            table = judge(small)
        everyone = np.ones(len(large), bool)
        yield from _row("shrunk to", _span(low, high), large, table, everyone)


def _smaller(faces: LabelledFaces, side_px: float, folder: Path) -> LabelledFaces:
    """Each face in a picture of its own."""
    paths, boxes = [], faces.boxes.copy()
    for i in range(len(faces)):
        image, corner = _around(faces, i)
        scale = side_px / float(faces.sides[i])
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        paths.append(folder / f"{i}.png")
        encode(resize(image, width, height), paths[-1])
        zoom = np.tile([width / image.shape[1], height / image.shape[0]], 2)
        boxes[i] = (boxes[i] - np.tile(corner, 2)) * zoom
    return replace(faces, paths=tuple(paths), boxes=boxes, groups=np.arange(len(faces)))


def _around(faces: LabelledFaces, row: int) -> tuple[Image, Floats]:
    """A face with more around it than any classifier sees, and where that part begins."""
    square = squares(faces.boxes[row][None], _ROOM)[0]
    return cut(decode(faces.paths[row]), square), np.maximum(np.floor(square[:2]), 0)


def _with_things(faces: LabelledFaces, landmarks: Floats, judge: Judge) -> Iterator[Row]:
    """Things drawn before faces of 48 pixels and more: bare ones stay bare, masked ones masked.

    Training draws with the same code: these rows say what was learnt, not how real things fare.
    """
    known = np.isfinite(landmarks).all(axis=(1, 2)) & (faces.sides >= 48)
    for label, word in ((_NO_MASK, "bare"), (_MASK, "masked")):
        rows = np.flatnonzero(known & (faces.labels == label))
        chosen, everyone = faces[rows], np.ones(len(rows), bool)
        for thing in (None, *(thing for thing in Thing if thing.fits(CLASSES[label]))):
            with TemporaryDirectory() as temporary:
                table = judge(_drawn(chosen, landmarks[rows], thing, Path(temporary)))
            value = "nothing" if thing is None else thing.value
            yield from _row(f"drawn before {word}", value, chosen, table, everyone)


def _drawn(
    faces: LabelledFaces, landmarks: Floats, thing: Thing | None, folder: Path
) -> LabelledFaces:
    """Each face in a picture of its own."""
    paths, boxes = [], faces.boxes.copy()
    for i, points in enumerate(landmarks):
        image, corner = _around(faces, i)
        boxes[i] -= np.tile(corner, 2)
        if thing is not None:
            image = draw_thing(image, points - corner, thing, np.random.default_rng((7, i)))
        paths.append(folder / f"{i}.jpg")
        encode(image, paths[-1], quality=95)
    return replace(faces, paths=tuple(paths), boxes=boxes, groups=np.arange(len(faces)))


def turns_of(name: str) -> NDArray[np.str_]:
    """How far the head of each face of a set is turned, in the order of `read_faces`."""
    return _turns(_landmarks(read_faces(ROOT.parent / "shared" / "data" / name)))
