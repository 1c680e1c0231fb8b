"""Places in pictures to learn from: faces, what a detector takes for faces, and anything else."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import clip, iou, short_side, squares
from maskwatch.images import decode, warp_crops
from maskwatch.models.bundle import Bundle
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.training.detector.labels import SceneLabels
from maskwatch.types import Boxes, Floats, Image

_logger = logging.getLogger(__name__)

STORED_SIDE, STORED_MARGIN = 84, 0.6
SCENE_SIDES, PORTRAIT_SIDES = (640, 320, 1120), (320,)
_LOWEST_SCORE = 0.1
_NO_FACE_IOU, _FACE_IOU = 0.2, 0.45
_DOUBTFUL_IOU = 0.05
_JITTERS = (0.05, 0.15)
_ANYWHERE, _LEAST_SIDE = 5, 4
_SMALLEST, _SMALLEST_SHARE, _LARGEST_SHARE = 8.0, 0.02, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Cut places: `images` (n, 84, 84, 3) show 2.2 times the box; `targets` (n,) how much of a face
    it holds, 0..1; `faces` (n, 4) the box of that face in pixels of the image, NaN where there is
    none; `scores` (n,) the first stage's, 0 where it did not find the place; `looked_at` (n,) the
    longer side at which it did; `scene` (n,) whether all faces of its picture are known; `held_out`
    (n,)."""

    images: NDArray[np.uint8]
    targets: Floats
    faces: Boxes
    scores: Floats
    looked_at: NDArray[np.int64]
    scene: NDArray[np.bool_]
    held_out: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, rows: NDArray[np.generic]) -> "Places":
        return Places(*(getattr(self, field.name)[rows] for field in fields(self)))


def gather(bundle: Bundle, data: Path, labels: Sequence[SceneLabels], *, threads: int) -> Places:
    """The places of all pictures, in their order.

    Args:
        bundle: of a one-pass detector: what it takes for faces is learnt from.
        data: folder to which the labels' paths are relative.
        labels: of the pictures. What is doubtful there is left out.
        threads: pictures worked on at once.
    """
    detectors = {
        side: OnePass(
            bundle, long_side=side, score=_LOWEST_SCORE, second_stage=False, device="cpu", threads=1
        )
        for side in sorted({*SCENE_SIDES, *PORTRAIT_SIDES})
    }
    parts: list[Places] = []
    with ThreadPoolExecutor(threads) as pool:
        work = partial(_of_picture, data=data, detectors=detectors)
        for number, some in enumerate(pool.map(work, labels)):
            parts.append(some)
            if number % 500 == 0:
                _logger.info("places of %d of %d pictures", number, len(labels))
    columns = (
        np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Places)
    )
    return Places(*columns)


def _of_picture(one: SceneLabels, data: Path, detectors: dict[int, OnePass]) -> Places:
    image = decode(data / one.path)
    rng = np.random.default_rng(list(one.path.encode()))
    known = np.array(one.boxes, np.float32).reshape(-1, 4)
    boxes, scores, looked_at = [], [], []
    for some, found, side in _boxes_of(image, one, detectors, rng):
        boxes.append(some)
        scores.append(found)
        looked_at.append(np.full(len(some), side))
    places = np.concatenate(boxes)
    targets, faces = targets_of(places, known, one.faces())
    kept = np.isfinite(targets)
    cuts = squares(places[kept], STORED_MARGIN)
    zooms = STORED_SIDE / (cuts[:, 2:] - cuts[:, :2])
    count = int(kept.sum())
    return Places(
        warp_crops(image, cuts, STORED_SIDE),
        targets[kept],
        np.asarray((faces[kept] - np.tile(cuts[:, :2], 2)) * np.tile(zooms, 2), np.float32),
        np.concatenate(scores)[kept].astype(np.float32),
        np.concatenate(looked_at)[kept],
        np.full(count, one.every_face),
        np.full(count, one.held_out),
    )


def _boxes_of(
    image: Image, one: SceneLabels, detectors: dict[int, OnePass], rng: np.random.Generator
) -> Iterator[tuple[Boxes, Floats, int]]:
    """Boxes (n, 4), their scores (n,), and at which size they were found, 0 for none."""
    for side in SCENE_SIDES if one.every_face else PORTRAIT_SIDES:
        found = detectors[side].detect([image])[0]
        found = found[short_side(found.boxes) >= _LEAST_SIDE]
        yield found.boxes, found.scores, side
    faces = np.array(one.boxes, np.float32).reshape(-1, 4)[one.faces()]
    others = [jittered(faces, share, rng) for share in _JITTERS]
    if one.every_face:
        others += [_anywhere(image, rng), _beside(faces, rng)]
    height, width = image.shape[:2]
    boxes = clip(np.concatenate(others), width, height)
    boxes = boxes[short_side(boxes) >= _LEAST_SIDE]
    yield boxes, np.zeros(len(boxes), np.float32), 0


def targets_of(boxes: Boxes, known: Boxes, faces: Sequence[int]) -> tuple[Floats, Boxes]:
    """How much of a face each box (n, 4) holds, 0..1, shape (n,), NaN where nobody can say; and the
    box of that face, shape (n, 4), NaN where it holds none.

    Args:
        boxes: to judge.
        known: all that labels or teachers have, shape (m, 4).
        faces: the rows of it that are sure.
    """
    sure, doubtful = known[list(faces)], np.delete(known, list(faces), axis=0)
    overlaps = iou(boxes, sure)
    best = overlaps.max(axis=1, initial=0)
    targets = np.clip((best - _NO_FACE_IOU) / (_FACE_IOU - _NO_FACE_IOU), 0, 1)
    unclear = (iou(boxes, doubtful).max(axis=1, initial=0) > _DOUBTFUL_IOU) & (best < _FACE_IOU)
    held = np.full(boxes.shape, np.nan, np.float32)
    if len(sure):
        held[targets > 0] = sure[overlaps.argmax(axis=1)[targets > 0]]
    return np.where(unclear, np.nan, targets).astype(np.float32), held


def jittered(boxes: Boxes, share: float, rng: np.random.Generator) -> Boxes:
    """The boxes (n, 4) as some detector might draw them: off by about that share of their sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + rng.normal(0, share, sides.shape) * sides
    halves = sides / 2 * np.exp(rng.normal(0, share, sides.shape))
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32)


def _anywhere(image: Image, rng: np.random.Generator) -> Boxes:
    """Boxes as large as faces may be, wherever they come to lie."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    low, high = max(_SMALLEST, _SMALLEST_SHARE * shorter), _LARGEST_SHARE * shorter
    sides = np.exp(rng.uniform(np.log(low), np.log(max(low, high)), _ANYWHERE))
    corners = rng.uniform(0, 1, (_ANYWHERE, 2)) * np.maximum([width, height] - sides[:, None], 1)
    return np.concatenate([corners, corners + sides[:, None]], axis=1).astype(np.float32)


def _beside(faces: Boxes, rng: np.random.Generator) -> Boxes:
    """Boxes as large as the faces (n, 4), next to them: hair, necks, shoulders, hands."""
    sides = faces[:, 2:] - faces[:, :2]
    angles, steps = rng.uniform(0, 2 * np.pi, len(faces)), rng.uniform(0.7, 1.6, len(faces))
    moves = np.stack([np.cos(angles), np.sin(angles)], axis=1) * steps[:, None] * sides
    return np.asarray(faces + np.tile(moves, 2), np.float32)
