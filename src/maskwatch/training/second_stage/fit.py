"""Fitting the second stage: one function, read from top to bottom."""

from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from maskwatch.training.backbone import build, normalised
from maskwatch.training.detector.looks import spoilt, tinted
from maskwatch.training.progress import Progress
from maskwatch.training.second_stage.places import STORED_MARGIN, STORED_SIDE, Places
from maskwatch.types import Floats, Image

Batch = tuple[NDArray[np.uint8], Floats]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides, with the places and the code, what a training gives; it is in the checkpoint.

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
    faces: float = 0.5
    found: float = 0.7
    scenes: float = 0.75
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
    """Train on the places that are not held out and return the averaged network: one logit each.

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
        build(recipe.backbone, weights, classes=1, blocks=recipe.blocks),
        asdict(recipe) | {"places": len(places)},
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
        return views(places, chosen, recipe, rng), places.targets[chosen]

    def learn(step: int, batch: Batch) -> dict[str, float]:
        # Of dropout: a resumed run needs it.
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        pictures, targets = (torch.from_numpy(part).to(progress.device) for part in batch)
        logits = progress.network(normalised(pictures))[:, 0]
        loss = binary_cross_entropy_with_logits(logits, targets)
        progress.descend(loss)
        return {"loss": float(loss.detach())}

    return progress.run(
        folder / "checkpoint.pt", batch_at, learn, checkpoint_every=checkpoint_every
    )


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
) -> NDArray[np.uint8]:
    """The places of these rows as training sees them, shape (n, side, side, 3)."""
    out = []
    for row in rows:
        image = _moved(places.images[row], recipe, rng)
        if rng.random() < recipe.tinted:
            image = tinted(image, rng)
        if rng.random() < recipe.spoilt:
            image = spoilt(image, rng)
        out.append(image)
    return np.stack(out)


def _moved(image: Image, recipe: Recipe, rng: np.random.Generator) -> Image:
    """A little shifted, scaled and turned, half of them mirrored, cut to what the network sees."""
    zoom = (1 + 2 * STORED_MARGIN) / (1 + 2 * recipe.margin) * recipe.side / STORED_SIDE
    scale = zoom * float(np.exp(rng.normal(0, 0.07)))
    middle = STORED_SIDE / 2 - 0.5
    turned = cv2.getRotationMatrix2D((middle, middle), float(rng.normal(0, 8)), scale)
    matrix = np.asarray(turned, np.float64)
    matrix[:, 2] += recipe.side / 2 - 0.5 - middle + rng.normal(0, 0.02, 2) * recipe.side
    if rng.random() < 0.5:
        matrix[0] *= -1
        matrix[0, 2] += recipe.side - 1
    side = (recipe.side, recipe.side)
    out = cv2.warpAffine(image, matrix, side, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)
