"""Fitting the second stage: one function, read from top to bottom."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss

from maskwatch.models.detectors.second_stage import moves_to
from maskwatch.training.backbone import build, normalised
from maskwatch.training.detector.looks import spoilt, tinted
from maskwatch.training.progress import Progress
from maskwatch.training.second_stage.places import STORED_MARGIN, STORED_SIDE, Places
from maskwatch.types import Floats, Image


class Batch(NamedTuple):
    """Pictures (n, side, side, 3) of uint8, how much of a face each holds (n,), and the moves to
    that face's box (n, 4), NaN where there is none."""

    pictures: NDArray[np.uint8]
    targets: Floats
    moves: Floats


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides, with the places and the code, what a training gives; it is in the checkpoint.

    `box_share` is the weight of the box's loss beside that of the face's.

    `faces` and `found` are shares: of a batch those that are faces, and of the others those that
    the first stage took for one. `scenes` is that of places in pictures of scenes, not portraits.
    """

    backbone: str = "mobilenetv2_100"
    blocks: int = 14
    side: int = 64
    margin: float = 0.35
    steps: int = 1600
    batch: int = 96
    learning_rate: float = 6e-4
    weight_decay: float = 0.02
    warmup_steps: int = 100
    average_decay: float = 0.997
    box_share: float = 0.2
    faces: float = 0.5
    found: float = 0.7
    scenes: float = 0.75
    shift: float = 0.02
    zoom: float = 0.07
    rotation_deg: float = 8.0
    mirrored: float = 0.5
    tinted: float = 0.6
    spoilt: float = 0.35
    seed: int = 42


def fit(
    places: Places,
    recipe: Recipe,
    folder: Path,
    *,
    weights: Path | None,
    checkpoint_every: int = 100,
) -> nn.Module:
    """Train on the places that are not held out and return the averaged network: a logit and the
    box's moves, shape (n, 5).

    Goes on from `folder/checkpoint.pt` where there is one; batches depend on seed and step alone.

    Args:
        places: to learn from; held-out ones among them are not used.
        recipe: how.
        folder: where the checkpoint lives.
        weights: a file of backbone weights, or None.
        checkpoint_every: steps between checkpoints.

    Raises:
        UsageError: the folder holds a training of another recipe.
    """
    torch.manual_seed(recipe.seed)
    progress = Progress(
        build(recipe.backbone, weights, classes=5, blocks=recipe.blocks),
        asdict(recipe) | {"places": _digest(places)},
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        average_decay=recipe.average_decay,
        steps=recipe.steps,
        warmup_steps=recipe.warmup_steps,
    )
    rows = np.flatnonzero(~places.held_out)
    chances = sampling_chances(places[rows], recipe)

    def batch_at(step: int) -> Batch:
        rng = np.random.default_rng((recipe.seed, step))
        chosen = rows[rng.choice(len(rows), recipe.batch, p=chances)]
        return views(places, chosen, recipe, rng)

    def learn(step: int, batch: Batch) -> dict[str, float]:
        # Of dropout: a resumed run needs it.
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        pictures, *wanted = (torch.from_numpy(part).to(progress.device) for part in batch)
        face, box = losses(progress.network(normalised(pictures)), *wanted)
        progress.descend(face + recipe.box_share * box)
        return {"face": float(face.detach()), "box": float(box.detach())}

    return progress.run(
        folder / "checkpoint.pt", batch_at, learn, checkpoint_every=checkpoint_every
    )


def _digest(places: Places) -> str:
    """Short, and another for other places."""
    told = hashlib.sha256()
    for part in (places.targets, places.faces, places.scores):
        told.update(part.tobytes())
    return told.hexdigest()[:12]


def losses(answers: Tensor, targets: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Of the faces and of their boxes.

    Args:
        answers: of the network, shape (n, 5).
        targets: how much of a face each place holds, shape (n,).
        moves: to its box, shape (n, 4); NaN where there is none.
    """
    face = binary_cross_entropy_with_logits(answers[:, 0], targets)
    held = moves.isfinite().all(dim=1)
    box = smooth_l1_loss(answers[held, 1:], moves[held], reduction="sum", beta=0.5)
    return face, box / max(1, 4 * int(held.sum()))


def sampling_chances(places: Places, recipe: Recipe) -> NDArray[np.float64]:
    """The chance of each place to be drawn, by the recipe's shares."""
    face, found = places.targets > 0.5, places.scores > 0
    chances = np.zeros(len(places))
    for kind, share in (
        (face, recipe.faces),
        (~face & found, (1 - recipe.faces) * recipe.found),
        (~face & ~found, (1 - recipe.faces) * (1 - recipe.found)),
    ):
        for scene, part in ((places.scene, recipe.scenes), (~places.scene, 1 - recipe.scenes)):
            rows = kind & scene
            if rows.any():
                chances[rows] = share * part / rows.sum()
    return np.asarray(chances / chances.sum())


def views(
    places: Places, rows: NDArray[np.intp], recipe: Recipe, rng: np.random.Generator
) -> Batch:
    """The places of these rows as training sees them."""
    pictures, boxes = [], []
    for row in rows:
        image, box = _moved(places.images[row], places.faces[row], recipe, rng)
        if rng.random() < recipe.tinted:
            image = tinted(image, rng)
        if rng.random() < recipe.spoilt:
            image = spoilt(image, rng)
        pictures.append(image)
        boxes.append(box)
    whole = np.tile(np.array([0, 0, recipe.side, recipe.side], np.float32), (len(rows), 1))
    moves = moves_to(np.array(boxes, np.float32).reshape(-1, 4), whole, recipe.margin)
    return Batch(np.stack(pictures), places.targets[rows], moves)


def _moved(
    image: Image, box: Floats, recipe: Recipe, rng: np.random.Generator
) -> tuple[Image, Floats]:
    """A little shifted, scaled and turned, half of them mirrored, cut to what the network sees; and
    where its face then lies."""
    zoom = (1 + 2 * STORED_MARGIN) / (1 + 2 * recipe.margin) * recipe.side / STORED_SIDE
    scale = zoom * float(np.exp(rng.normal(0, recipe.zoom)))
    middle = STORED_SIDE / 2 - 0.5
    angle = float(rng.normal(0, recipe.rotation_deg))
    turned = cv2.getRotationMatrix2D((middle, middle), angle, scale)
    matrix = np.asarray(turned, np.float64)
    matrix[:, 2] += (
        recipe.side / 2 - 0.5 - middle + rng.normal(0, 1, 2) * recipe.shift * recipe.side
    )
    if rng.random() < recipe.mirrored:
        matrix[0] *= -1
        matrix[0, 2] += recipe.side - 1
    side = (recipe.side, recipe.side)
    out = cv2.warpAffine(image, matrix, side, borderMode=cv2.BORDER_REPLICATE)
    # Pixel centres lie at 0 for OpenCV and at 0.5 for boxes. A face that is turned a little keeps
    # its size.
    centre = matrix[:, :2] @ ((box[:2] + box[2:]) / 2 - 0.5) + matrix[:, 2] + 0.5
    half = (box[2:] - box[:2]) / 2 * scale
    return np.asarray(out, np.uint8), np.concatenate([centre - half, centre + half])
