"""From trained networks to a bundle: exported, in 8 bits, calibrated, described."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maskwatch import __version__
from maskwatch.data.crops import FaceCrops
from maskwatch.evaluation.metrics import accuracy_of
from maskwatch.images import planes
from maskwatch.models.bundle import Bundle, InputSpec, UnknownRule
from maskwatch.models.classifier import softmax
from maskwatch.models.runtime import Network
from maskwatch.training.augment import PLAIN, Batch, FaceAugmentation, training_batch
from maskwatch.training.backbone import IMAGENET_MEAN, IMAGENET_STD
from maskwatch.training.export import NETWORK, export_onnx, fit_temperature, fit_threshold, quantise
from maskwatch.training.fit import Recipe
from maskwatch.training.plans import Plan
from maskwatch.training.sets import SOURCES
from maskwatch.types import CLASSES, Floats

_SMALLEST_FACE = 12.0
_CALIBRATION_FACES = 400
_LOOKS = 6
_MOST_WRONG, _HIGHEST_THRESHOLD = 0.005, 0.98
"""Of answers on held-out faces: on photos from elsewhere it is about three times as many."""


def bundle_of(network: nn.Module, plan: Plan, crops: FaceCrops, folder: Path, name: str) -> Bundle:
    """Export a trained network into `folder` and describe it.

    Args:
        network: in evaluation mode.
        plan: how it was trained.
        crops: all faces; temperature and threshold are fitted on the held-out ones, each looked at
            several times as training looks at faces: photos from elsewhere are harder than
            held-out ones, and what is fitted on these as they are is too sure of itself. The
            temperature is fitted with drawings before the faces, which are as often told wrong as
            photos from elsewhere; the threshold without, to promise nothing of drawings.
        folder: gets `model.onnx`.
        name: of the bundle.
    """
    recipe, model = plan.first, folder / "model.onnx"
    export_onnx(network, model, recipe.side, keep=folder / NETWORK)
    held_out = crops[np.flatnonzero(crops.held_out)]
    if plan.quantised:
        quantise(model, calibration(crops[np.flatnonzero(~crops.held_out)], recipe))
    temperature = fit_temperature(*_looked_at(model, held_out, recipe, recipe.augmentation))
    logits, labels = _looked_at(model, held_out, recipe, _without_drawings(recipe))
    sure = softmax(np.asarray(logits / temperature, np.float32))
    threshold = fit_threshold(sure, labels, _MOST_WRONG, _HIGHEST_THRESHOLD)
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


def logits_of(model: Path, crops: FaceCrops, recipe: Recipe) -> Floats:
    """What an exported network says of the labelled boxes as they are, shape (n, 3)."""
    logits, _ = _looked_at(model, crops, recipe, PLAIN, looks=1)
    return logits


def _looked_at(
    model: Path, crops: FaceCrops, recipe: Recipe, how: FaceAugmentation, looks: int = _LOOKS
) -> tuple[Floats, NDArray[np.int64]]:
    """What a network says of faces, each seen several times, and what is then true of them."""
    network = Network(model, device="cpu")
    logits, labels = [], []
    for look in range(looks):
        rng = np.random.default_rng(look)
        for some in np.array_split(np.arange(len(crops)), max(1, len(crops) // 32)):
            batch = _batch(crops, some.tolist(), recipe, how, rng)
            logits.append(network(_inputs(batch, recipe))["logits"])
            labels.append(batch.labels)
    return np.concatenate(logits), np.concatenate(labels)


def _counts(crops: FaceCrops) -> dict[str, list[int]]:
    return {
        source: np.bincount(crops.labels[crops.sources == i], minlength=len(CLASSES)).tolist()
        for i, source in enumerate(SOURCES)
    }


def _without_drawings(recipe: Recipe) -> FaceAugmentation:
    return replace(recipe.augmentation, drawn_mask=0, drawn_thing=0, erase=0, other_person=0)


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
        yield _inputs(_batch(crops, some.tolist(), recipe, how, rng), recipe)


def _batch(
    crops: FaceCrops,
    rows: list[int],
    recipe: Recipe,
    how: FaceAugmentation,
    rng: np.random.Generator,
) -> Batch:
    return training_batch(crops, rows, side=recipe.side, margin=recipe.margin, how=how, rng=rng)


def _inputs(batch: Batch, recipe: Recipe) -> Floats:
    side = (recipe.side, recipe.side)
    return planes(batch.pictures, side, mean=IMAGENET_MEAN, std=IMAGENET_STD)
