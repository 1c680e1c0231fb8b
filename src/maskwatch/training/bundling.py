"""From trained networks to a bundle: exported, in 8 bits, calibrated, described."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from torch import nn

from maskwatch import __version__
from maskwatch.data.crops import FaceCrops
from maskwatch.evaluation.metrics import accuracy_of
from maskwatch.images import planes
from maskwatch.models.bundle import Bundle, InputSpec, UnknownRule
from maskwatch.models.classifier import softmax
from maskwatch.models.runtime import Network
from maskwatch.training.augment import PLAIN, FaceAugmentation, training_batch
from maskwatch.training.backbone import IMAGENET_MEAN, IMAGENET_STD
from maskwatch.training.export import NETWORK, export_onnx, fit_temperature, fit_threshold, quantise
from maskwatch.training.fit import Recipe
from maskwatch.training.plans import Plan
from maskwatch.training.sets import SOURCES
from maskwatch.types import CLASSES, Floats

_SMALLEST_FACE = 12.0
_CALIBRATION_FACES = 400
_LOOKS = 6
_MOST_WRONG = 0.015


def bundle_of(network: nn.Module, plan: Plan, crops: FaceCrops, folder: Path, name: str) -> Bundle:
    """Export a trained network into `folder` and describe it.

    Args:
        network: in evaluation mode.
        plan: how it was trained.
        crops: all faces; temperature and threshold are fitted on the held-out ones, each looked at
            several times as training looks at faces: photos from elsewhere are harder than
            held-out ones, and what is fitted on these as they are is too sure of itself.
        folder: gets `model.onnx`.
        name: of the bundle.
    """
    recipe, model = plan.first, folder / "model.onnx"
    export_onnx(network, model, recipe.side, keep=folder / NETWORK)
    held_out = crops[np.flatnonzero(crops.held_out)]
    if plan.quantised:
        quantise(model, calibration(crops[np.flatnonzero(~crops.held_out)], recipe))
    how = _without_drawings(recipe)
    harder = np.concatenate([logits_of(model, held_out, recipe, how, i) for i in range(_LOOKS)])
    labels = np.tile(held_out.labels, _LOOKS)
    temperature = fit_temperature(harder, labels)
    sure = softmax(np.asarray(harder / temperature, np.float32))
    threshold = fit_threshold(sure, labels, _MOST_WRONG)
    told = logits_of(model, held_out, recipe).argmax(axis=1)
    return Bundle(
        folder=folder,
        name=name,
        version=__version__,
        kind="classifier",
        input=InputSpec(
            recipe.side,
            recipe.side,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            margin=recipe.margin,
        ),
        labels=tuple(state.value for state in CLASSES),
        sha256={},
        temperature=temperature,
        unknown=UnknownRule(_SMALLEST_FACE, threshold),
        data={
            "faces mask, no_mask, incorrect": _counts(crops),
            "labels": "corrected" if plan.corrected else "as published",
            "recipes": [asdict(recipe) for recipe in plan.recipes],
        },
        figures={"held_out": asdict(accuracy_of(held_out.labels, told))},
    )


def logits_of(
    model: Path, crops: FaceCrops, recipe: Recipe, how: FaceAugmentation = PLAIN, seed: int = 0
) -> Floats:
    """What an exported network says of the labelled boxes, shape (n, 3)."""
    network, rng = Network(model, device="cpu"), np.random.default_rng(seed)
    parts = [
        network(_inputs(crops, some.tolist(), recipe, how, rng))["logits"]
        for some in np.array_split(np.arange(len(crops)), max(1, len(crops) // 32))
    ]
    return np.concatenate(parts)


def _counts(crops: FaceCrops) -> dict[str, list[int]]:
    return {
        source: np.bincount(crops.labels[crops.sources == i], minlength=len(CLASSES)).tolist()
        for i, source in enumerate(SOURCES)
    }


def _without_drawings(recipe: Recipe) -> FaceAugmentation:
    return replace(recipe.augmentation, drawn_mask=0, drawn_thing=0, erase=0)


def calibration(crops: FaceCrops, recipe: Recipe) -> Iterator[Floats]:
    """Some hundred faces as training sees them, without what is drawn onto them.

    Args:
        crops: faces to choose from.
        recipe: how they are looked at.

    Returns:
        Batches (n, 3, side, side), as the network wants them.
    """
    rng = np.random.default_rng(0)
    rows = rng.choice(len(crops), min(_CALIBRATION_FACES, len(crops)), replace=False)
    how = _without_drawings(recipe)
    for some in np.array_split(rows, max(1, len(rows) // 20)):
        yield _inputs(crops, some.tolist(), recipe, how, rng)


def _inputs(
    crops: FaceCrops,
    rows: list[int],
    recipe: Recipe,
    how: FaceAugmentation,
    rng: np.random.Generator,
) -> Floats:
    batch = training_batch(crops, rows, side=recipe.side, margin=recipe.margin, how=how, rng=rng)
    return planes(batch.pictures, (recipe.side, recipe.side), mean=IMAGENET_MEAN, std=IMAGENET_STD)
