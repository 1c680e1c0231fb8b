"""From a cut face to what training sees: moved, turned, tinted, blurred, worn wrong."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwatch.boxes import squares
from maskwatch.data.crops import FaceCrops
from maskwatch.data.drawing import (
    LEAST_MASKED_SIDE_PX,
    MaskCutout,
    Placement,
    Thing,
    cut_mask,
    cutout_like,
    draw_random_mask,
    draw_thing,
    lay_mask,
    mirrored,
    shows,
    stand_before,
)
from maskwatch.types import CLASSES, Floats, Image, MaskState


@dataclass(frozen=True, slots=True)
class FaceAugmentation:
    """How far training pictures stray from the cut ones; all 0 leaves them as they are.

    `shift` (in parts of the square that is cut), `zoom` (of its logarithm) and `rotation_deg` are
    standard deviations, the others the probability that the change is made; `real_mask` that a
    mask which goes onto a bare face is one cut out of another picture, and not drawn;
    `other_person` that somebody's hair or clothes are before the lower part of a face.
    """

    shift: float = 0.06
    zoom: float = 0.13
    rotation_deg: float = 9.0
    lying: float = 0.06
    colour: float = 0.6
    degrade: float = 0.35
    drawn_mask: float = 0.18
    drawn_thing: float = 0.12
    erase: float = 0.05
    real_mask: float = 0.0
    other_person: float = 0.0


class Batch(NamedTuple):
    """Pictures (n, side, side, 3) of uint8, labels (n,), and on which something was drawn (n,)."""

    pictures: NDArray[np.uint8]
    labels: NDArray[np.int64]
    drawn: NDArray[np.bool_]


PLAIN = FaceAugmentation(0, 0, 0, 0, 0, 0, 0, 0, 0)
_PLACEMENTS = (
    (Placement.WORN, 0.4),
    (Placement.NOSE_OUT, 0.3),
    (Placement.CHIN, 0.2),
    (Placement.HANGING, 0.06),
    (Placement.EYES, 0.04),
)
_OFTENER = (Thing.HAND, Thing.SCARF, Thing.CARNIVAL)
"""Drawn twice as often as the others: what is taken for masks most."""
_HIGHEST_COVER = {CLASSES.index(MaskState.NO_MASK): 0.45, CLASSES.index(MaskState.MASK): 1.15}
"""How far up others may stand before a face, in face coordinates."""


def training_batch(
    crops: FaceCrops,
    rows: Sequence[int],
    *,
    side: int,
    margin: float,
    how: FaceAugmentation,
    rng: np.random.Generator,
    cutouts: Sequence[MaskCutout] = (),
) -> Batch:
    """The faces of these rows as training sees them; `cutouts` are what `real_mask` takes from."""
    pictures, labels, drawn = [], [], []
    for row in rows:
        image, landmarks = _moved(crops, row, side, margin, how, rng)
        face, label = _drawn_on(image, landmarks, int(crops.labels[row]), how, rng, cutouts)
        if how.other_person:
            face = _behind_another(face, landmarks, label, crops, how, rng)
        pictures.append(_look(face, how, rng))
        labels.append(label)
        drawn.append(face is not image)
    return Batch(np.stack(pictures), np.array(labels, np.int64), np.array(drawn))


def real_masks(crops: FaceCrops, least_side_px: float = LEAST_MASKED_SIDE_PX) -> list[MaskCutout]:
    """The masks of the faces that wear one well or leave their nose out, where edges are found.

    Args:
        crops: faces of any state; those that are held out are left alone.
        least_side_px: of a face's short side in its picture.
    """
    sides = np.minimum(*(crops.places[:, 2:] - crops.places[:, :2]).T)
    known = np.isfinite(crops.landmarks).all(axis=(1, 2)) & ~crops.held_out
    found: list[MaskCutout | None] = []
    with ThreadPoolExecutor() as pool:
        for placement in (Placement.WORN, Placement.NOSE_OUT):
            so = (crops.labels == CLASSES.index(placement.state)) & known & (sides >= least_side_px)
            cut = partial(cut_mask, placement=placement)
            found += pool.map(cut, crops.images[so], crops.landmarks[so])
    return [cutout for cutout in found if cutout is not None]


def _moved(
    crops: FaceCrops,
    row: int,
    side: int,
    margin: float,
    how: FaceAugmentation,
    rng: np.random.Generator,
) -> tuple[Image, Floats]:
    """The face as some detector might have cut it: one of its boxes, shifted, scaled, turned."""
    chosen = crops.boxes[row][int(rng.integers(2)) if how.shift else 0]
    square = squares(chosen[None], margin)[0]
    length = float(square[2] - square[0])
    centre = (square[:2] + square[2:]) / 2 + rng.normal(0, 1, 2) * how.shift * length
    scale = side / length * float(np.exp(rng.normal(0, 1) * how.zoom))
    angle = float(rng.normal(0, 1) * how.rotation_deg)
    if rng.random() < how.lying:
        angle = float(rng.uniform(-100, 100))
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, scale)
    matrix[:, 2] += side / 2 - centre
    mirror = bool(how.shift) and rng.random() < 0.5
    if mirror:
        matrix[0] *= -1
        matrix[0, 2] += side - 1
    out = cv2.warpAffine(
        crops.images[row],
        matrix,
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    landmarks = crops.landmarks[row] @ matrix[:, :2].T + matrix[:, 2]
    landmarks = np.asarray(mirrored(landmarks) if mirror else landmarks, np.float32)
    return np.asarray(out, np.uint8), landmarks


def _drawn_on(
    image: Image,
    landmarks: Floats,
    label: int,
    how: FaceAugmentation,
    rng: np.random.Generator,
    cutouts: Sequence[MaskCutout],
) -> tuple[Image, int]:
    """The face with a mask or a thing drawn onto it, and what is then true of it."""
    if not np.isfinite(landmarks).all():
        return image, label
    state = CLASSES[label]
    if state is MaskState.NO_MASK and rng.random() < how.drawn_mask:
        chances = [chance for _, chance in _PLACEMENTS]
        placement = _PLACEMENTS[int(rng.choice(len(_PLACEMENTS), p=chances))][0]
        if cutouts and rng.random() < how.real_mask:
            mask = cutout_like(cutouts, landmarks, rng, placement)
            masked = lay_mask(image, landmarks, mask, placement, rng)
        else:
            masked = draw_random_mask(image, landmarks, placement, rng)
        if shows(masked, image):
            image, state = masked, placement.state
    if rng.random() < how.drawn_thing * (1 if state is MaskState.NO_MASK else 0.4):
        things = [thing for thing in (*Thing, *_OFTENER) if thing.fits(state)]
        image = draw_thing(image, landmarks, things[int(rng.integers(len(things)))], rng)
    return image, CLASSES.index(state)


def _behind_another(
    face: Image,
    landmarks: Floats,
    label: int,
    crops: FaceCrops,
    how: FaceAugmentation,
    rng: np.random.Generator,
) -> Image:
    """The face, perhaps with somebody before it, as far as its state can still be seen."""
    if label not in _HIGHEST_COVER or not np.isfinite(landmarks).all():
        return face
    if rng.random() >= how.other_person:
        return face
    other = crops.images[int(rng.integers(len(crops)))]
    return stand_before(face, landmarks, other, rng, _HIGHEST_COVER[label])


def _look(image: Image, how: FaceAugmentation, rng: np.random.Generator) -> Image:
    """Other light, other colours, a worse camera, something in front."""
    if rng.random() < how.colour:
        image = _relit(image, rng)
    if rng.random() < how.degrade:
        image = _degraded(image, rng)
    if rng.random() < how.erase:
        image = _erased(image, rng)
    return image


def _relit(image: Image, rng: np.random.Generator) -> Image:
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    gamma = np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.12:  # Against the light.
        gamma *= rng.uniform(1.5, 2.5)
    cast = 1 + rng.normal(0, 0.06, 3)
    contrast, lift = 1 + rng.normal(0, 0.15), rng.normal(0, 0.06)
    table = ((levels**gamma - 0.5) * contrast + 0.5 + lift) * cast
    table8 = np.clip(table * 255, 0, 255).astype(np.uint8)
    out = np.stack([table8[:, c][image[..., c]] for c in range(3)], axis=2)
    if rng.random() < 0.1:
        out = np.repeat(cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    if rng.random() < 0.15:  # Light from one side.
        ramp = np.linspace(1 - rng.uniform(0, 0.6), 1, image.shape[1], dtype=np.float32)
        out = (out * (ramp if rng.random() < 0.5 else ramp[::-1])[None, :, None]).astype(np.uint8)
    return np.asarray(out, np.uint8)


def _degraded(picture: Image, rng: np.random.Generator) -> Image:
    image: NDArray[Any] = picture
    side = image.shape[0]
    kind = rng.random()
    if kind < 0.5:  # A small face, enlarged.
        small = int(np.exp(rng.uniform(np.log(14), np.log(side * 0.8))))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)
    elif kind < 0.7:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 2.5)))
    elif kind < 0.85:
        length = int(rng.integers(3, 12))
        kernel: NDArray[np.float32] = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), rng.uniform(0, 180), 1)
        kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
        image = cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-3))
    if rng.random() < 0.4:
        noise = rng.normal(0, rng.uniform(2, 12), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.integers(15, 80))
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return np.asarray(image, np.uint8)


def _erased(image: Image, rng: np.random.Generator) -> Image:
    """A flat patch over a part of the picture's rim, as hair, hats and neighbours cover faces."""
    side = image.shape[0]
    depth, start = int(rng.integers(side // 16, side // 5)), int(rng.integers(0, side // 2))
    out = image.copy()
    colour = rng.integers(0, 256, 3)
    turned = np.rot90(out, int(rng.integers(0, 4)))
    turned[:depth, start : start + side // 2] = colour
    return np.ascontiguousarray(out)
