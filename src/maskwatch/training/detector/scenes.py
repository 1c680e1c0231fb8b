"""Scenes to learn from: crops at all scales, mosaics, pasted faces, spoilt light and sharpness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from maskwatch.boxes import area, clip, iou, short_side
from maskwatch.images import cut, decode, resize
from maskwatch.training.detector.additions import cut_out, with_drawn_mask
from maskwatch.training.detector.geometry import (
    at_scale,
    covering,
    moved,
    moved_landmarks,
    pyramid,
    warped,
)
from maskwatch.training.detector.labels import SceneLabels
from maskwatch.training.detector.looks import spoilt, tinted
from maskwatch.types import CLASSES, Boxes, Floats, Image

_SMALLEST, _LARGEST = 8.0, 400.0
_MOST_ENLARGED = 4.0
_LEAST_VISIBLE = 0.55
_SMALLEST_LEARNT = 6.0
_TRIES, _SMALLEST_EMPTY = 6, 48.0
_LAYOUTS = ((1, 0.5), (2, 0.3), (3, 0.12), (4, 0.08))
_STATE_WEIGHTS = np.array([1.0, 2.0, 2.0])
"""How often views aim at a face of each state: there are many more masked ones in scenes."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture and what is in it: `boxes` (n, 4), `states` (n, 3), `landmarks` (n, 5, 2), NaN
    where they are not known, `ignored` (m, 4)."""

    image: Image
    boxes: Boxes
    states: Floats
    landmarks: Floats
    ignored: Boxes


@dataclass(frozen=True, slots=True)
class Mixture:
    """How scenes are made: all are probabilities, but for `source_weights`, one a source.

    `without_aim` is that of views that aim at no face, `empty` that of tiles where nobody is, and
    `mistaken` that of those among them that show what was taken for a face before.
    """

    source_weights: tuple[float, ...] = (0.5, 0.2, 0.3)
    without_aim: float = 0.12
    empty: float = 0.0
    mistaken: float = 0.0
    paste: float = 0.3
    drawn_mask: float = 0.08
    colour: float = 0.7
    degrade: float = 0.3
    turned: float = 0.3


class SceneMaker:
    """Makes scenes of labelled pictures; the pictures stay in memory once they were read.

    Args:
        data: the folder to which the labels' paths are relative.
        labels: of the pictures; portraits in which no face is sure are left out, as they have one.
        mixture: how.
        mistaken: by path, boxes of what is no face and was taken for one.
    """

    def __init__(
        self,
        data: Path,
        labels: Sequence[SceneLabels],
        mixture: Mixture,
        mistaken: Mapping[str, Boxes] | None = None,
    ) -> None:
        self._data, self._how = data, mixture
        self._labels = [one for one in labels if one.every_face or one.faces()]
        self._pictures: dict[int, list[Image]] = {}
        self._mistaken = [
            (number, box)
            for number, one in enumerate(self._labels)
            for box in (mistaken or {}).get(one.path, ())
        ]
        weights = np.array(mixture.source_weights)
        sources = np.array([one.source for one in self._labels])
        chances = weights[sources] / np.bincount(sources, minlength=len(weights))[sources]
        self._chances = chances / chances.sum()

    def scene(self, side: int, rng: np.random.Generator) -> Scene:
        """A square scene of that side in pixels."""
        parts, chances = zip(*_LAYOUTS, strict=True)
        layout = int(rng.choice(parts, p=chances))
        canvas = np.empty((side, side, 3), np.uint8)
        found: list[Scene] = []
        for x1, y1, x2, y2 in _tiles(side, layout, rng):
            part = self._part((x2 - x1, y2 - y1), rng)
            canvas[y1:y2, x1:x2] = part.image
            corner = np.array([x1, y1], np.float32)
            found.append(_shifted(part, corner))
        scene = Scene(
            canvas,
            np.concatenate([part.boxes for part in found]),
            np.concatenate([part.states for part in found]),
            np.concatenate([part.landmarks for part in found]),
            np.concatenate([part.ignored for part in found]),
        )
        if layout <= 2 and rng.random() < self._how.paste:
            scene = self._with_pasted(scene, rng)
        if rng.random() < self._how.degrade:
            scene = replace(scene, image=spoilt(scene.image, rng))
        return scene

    def _picture(self, number: int) -> list[Image]:
        if number not in self._pictures:
            self._pictures[number] = pyramid(decode(self._data / self._labels[number].path))
        return self._pictures[number]

    def _choose(self, rng: np.random.Generator) -> int:
        return int(rng.choice(len(self._labels), p=self._chances))

    def _part(self, size_wh: tuple[int, int], rng: np.random.Generator) -> Scene:
        """One picture, scaled, turned and cut to a tile; or a part of one where nobody is."""
        if self._how.empty and rng.random() < self._how.empty:
            place = self._mistaken_place(rng)
            place = self._empty_place(rng) if place is None else place
            if place is not None:
                return _without_faces(place, size_wh, self._how, rng)
        number = self._choose(rng)
        labels = self._labels[number]
        levels = self._picture(number)
        image = levels[0]
        boxes, states, ignored, points = _arrays(labels, image)
        if rng.random() < self._how.drawn_mask:
            image, states = with_drawn_mask(image, boxes, states, points, rng)
            levels = levels if image is levels[0] else pyramid(image)
        matrix, scale = self._view(image, boxes, states, size_wh, rng)
        out = warped(*at_scale(levels, matrix, scale), size_wh, rng)
        if rng.random() < self._how.colour:
            out = tinted(out, rng)
        boxes, ignored = moved(boxes, matrix), moved(ignored, matrix)
        inside = clip(boxes, *size_wh)
        visible = area(inside) / np.maximum(area(boxes), 1e-6)
        sides = short_side(inside)
        learnt = (visible >= _LEAST_VISIBLE) & (sides >= _SMALLEST_LEARNT)
        doubtful = ~learnt & (visible > 0.05)
        ignored = clip(np.concatenate([ignored, inside[doubtful]]), *size_wh)
        points = moved_landmarks(points, matrix)[learnt]
        ignored = ignored[short_side(ignored) > 0]
        return Scene(out, inside[learnt], states[learnt], points, ignored)

    def _mistaken_place(self, rng: np.random.Generator) -> Image | None:
        """The surroundings of something that was taken for a face, without any face."""
        for _ in range(_TRIES if rng.random() < self._how.mistaken and self._mistaken else 0):
            number, box = self._mistaken[int(rng.integers(len(self._mistaken)))]
            image = self._picture(number)[0]
            sides = box[2:] - box[:2]
            side = float(sides.max()) * rng.uniform(1.2, 4.0)
            corner = box[:2] - rng.uniform(0.1, 0.9, 2) * np.maximum(side - sides, 0)
            place = np.concatenate([corner, corner + side])[None].astype(np.float32)
            if _nobody_in(place, self._labels[number]):
                return cut(image, place[0])
        return None

    def _empty_place(self, rng: np.random.Generator) -> Image | None:
        """A part of a scene in which neither a label nor any teacher sees a face."""
        for _ in range(_TRIES):
            number = self._choose(rng)
            labels = self._labels[number]
            if not labels.every_face:
                continue
            image = self._picture(number)[0]
            height, width = image.shape[:2]
            side = int(_log_uniform(_SMALLEST_EMPTY, 0.7 * min(height, width), rng))
            x, y = int(rng.integers(width - side)), int(rng.integers(height - side))
            place = np.array([[x, y, x + side, y + side]], np.float32)
            if _nobody_in(place, labels):
                return image[y : y + side, x : x + side]
        return None

    def _view(
        self,
        image: Image,
        boxes: Boxes,
        states: Floats,
        size_wh: tuple[int, int],
        rng: np.random.Generator,
    ) -> tuple[Floats, float]:
        """Where the picture comes to lie on the tile, as an affine matrix (2, 3), and its scale."""
        height, width = image.shape[:2]
        tile = min(size_wh)
        aimed = len(boxes) > 0 and rng.random() >= self._how.without_aim
        if aimed:
            box = boxes[_one_of(states, rng)]
            face = float(np.sqrt(area(box[None])[0]))
            goal = _log_uniform(_SMALLEST, min(_LARGEST, 0.9 * tile), rng)
            scale = goal / face
            middle = (box[:2] + box[2:]) / 2
            target = rng.uniform(0.1, 0.9, 2) * size_wh
        else:
            scale = _log_uniform(0.5, 2.0, rng) * tile / max(height, width)
            middle = rng.uniform(0, 1, 2) * (width, height)
            target = np.array(size_wh) / 2
        # A picture much smaller than its tile would leave it empty.
        least = 0.9 * tile / max(height, width)
        scale = float(np.clip(scale, least, max(_MOST_ENLARGED, least)))
        turn = 0.0
        if rng.random() < self._how.turned:
            turn = np.deg2rad(rng.normal(0, 10))
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        stretch = np.exp(rng.normal(0, 0.06))
        cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
        linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([mirror * stretch, 1])
        shift = target - linear @ middle
        if aimed:
            shift = covering(linear, shift, (width, height), size_wh, rng)
        return np.hstack([linear, shift[:, None]]).astype(np.float32), scale

    def _with_pasted(self, scene: Scene, rng: np.random.Generator) -> Scene:
        """Faces of other pictures on free places, cut out as ovals."""
        image = scene.image.copy()
        boxes, states, points = list(scene.boxes), list(scene.states), list(scene.landmarks)
        side = image.shape[0]
        for _ in range(int(rng.integers(1, 7))):
            number = self._choose(rng)
            picture = self._picture(number)[0]
            faces, face_states, _, face_points = _arrays(self._labels[number], picture)
            if not len(faces):
                continue
            row = _one_of(face_states, rng)
            goal = _log_uniform(_SMALLEST, 0.25 * side, rng)
            patch = cut_out(picture, faces[row], face_points[row], goal, rng)
            if patch is None or max(patch.image.shape) >= side:
                continue
            height, width = patch.image.shape[:2]
            x, y = int(rng.integers(side - width)), int(rng.integers(side - height))
            place = np.array([[x, y, x + width, y + height]], np.float32)
            taken = np.concatenate([np.array(boxes).reshape(-1, 4), scene.ignored])
            if len(taken) and iou(place, taken).max() > 0:
                continue
            patch.lay_on(image, x, y)
            boxes.append(patch.box + np.array([x, y, x, y]))
            states.append(face_states[row])
            points.append(patch.landmarks + np.array([x, y]))
        return Scene(
            image,
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(states, np.float32).reshape(-1, len(CLASSES)),
            np.array(points, np.float32).reshape(-1, 5, 2),
            scene.ignored,
        )


def _nobody_in(place: Boxes, labels: SceneLabels) -> bool:
    """Whether neither a label nor any teacher has a face in a place (1, 4)."""
    seen = np.array(labels.boxes, np.float32).reshape(-1, 4)
    return not len(seen) or float(iou(place, seen).max()) == 0


def _without_faces(
    place: Image, size_wh: tuple[int, int], how: Mixture, rng: np.random.Generator
) -> Scene:
    """A tile with a part of a picture, which fills it or lies on a plain colour."""
    width, height = size_wh
    out = np.empty((height, width, 3), np.uint8)
    out[:] = rng.integers(0, 256, 3) if rng.random() < 0.5 else 0
    share = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 1.0)
    side_wh = max(8, round(width * share)), max(8, round(height * share))
    x, y = (int(rng.integers(a - min(a, b) + 1)) for a, b in zip(size_wh, side_wh, strict=True))
    part = resize(place[:, ::-1] if rng.random() < 0.5 else place, *side_wh)
    out[y : y + side_wh[1], x : x + side_wh[0]] = part[: height - y, : width - x]
    if rng.random() < how.colour:
        out = tinted(out, rng)
    none = np.zeros((0, 4), np.float32)
    points = np.zeros((0, 5, 2), np.float32)
    return Scene(out, none, np.zeros((0, len(CLASSES)), np.float32), points, none)


def _one_of(states: Floats, rng: np.random.Generator) -> int:
    """A face's row, chosen by its state (n, 3)."""
    chances = states @ _STATE_WEIGHTS
    return int(rng.choice(len(states), p=chances / chances.sum()))


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(max(low, high)))))


def _tiles(side: int, layout: int, rng: np.random.Generator) -> list[tuple[int, int, int, int]]:
    """The tiles of a mosaic of layout x layout; of two by two, the split lies anywhere near."""
    edges = np.linspace(0, side, layout + 1).round().astype(int)
    columns, rows = edges.copy(), edges.copy()
    if layout == 2:
        columns[1], rows[1] = rng.integers(round(0.3 * side), round(0.7 * side), 2)
    return [
        (int(x1), int(y1), int(x2), int(y2))
        for y1, y2 in pairwise(rows)
        for x1, x2 in pairwise(columns)
    ]


def _arrays(labels: SceneLabels, image: Image) -> tuple[Boxes, Floats, Boxes, Floats]:
    """Boxes and states to learn, boxes to ignore, landmarks (n, 5, 2) of those to learn."""
    boxes = np.array(labels.boxes, np.float32).reshape(-1, 4)
    boxes = clip(boxes, image.shape[1], image.shape[0])
    states = np.array(labels.states, np.float32).reshape(-1, len(CLASSES))
    rows = labels.faces()
    unknown = [[np.nan, np.nan]] * 5
    points = [labels.landmarks[row] or unknown for row in rows]
    landmarks = np.array(points, np.float32).reshape(-1, 5, 2)
    return boxes[rows], states[rows], boxes[labels.ignored()], landmarks


def _shifted(part: Scene, corner: Floats) -> Scene:
    """A scene whose picture lies at that x, y of another."""
    twice = np.tile(corner, 2)
    return replace(
        part,
        boxes=part.boxes + twice,
        landmarks=part.landmarks + corner,
        ignored=part.ignored + twice,
    )
