"""Train the shipped classifier: python -m maskwatch.training --data FOLDER --out RUN."""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from maskwatch import __version__
from maskwatch.data.crops import FaceCrops, cut_faces
from maskwatch.data.labelled import read_coco, read_folders, without
from maskwatch.evaluation.metrics import accuracy_of
from maskwatch.images import planes
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle, InputSpec, UnknownRule
from maskwatch.models.classifier import softmax
from maskwatch.models.detectors import DetectorOptions, open_detector
from maskwatch.models.runtime import Network
from maskwatch.training.augment import PLAIN, Augmentation, training_batch
from maskwatch.training.backbone import IMAGENET_MEAN, IMAGENET_STD
from maskwatch.training.export import export_onnx, fit_temperature, fit_threshold, quantise
from maskwatch.training.fit import Recipe, averaged, fit
from maskwatch.types import CLASSES, Floats, MaskState

_logger = logging.getLogger(__name__)

SOURCES = ("ilc2021-train", "macwinwin-498", "balajisrinivas-3833")
RECIPES = (
    Recipe(),
    Recipe(seed=7, steps=900, learning_rate=3e-4, source_weights=(1.0, 0.8, 0.2)),
)
"""Two trainings whose weights are averaged: surer on held-out faces than either."""
_SMALLEST_FACE = 12.0
_CALIBRATION_FACES = 400
_MOST_WRONG = 0.015


def main() -> None:
    """Read the arguments, train, write the bundle."""
    parser = argparse.ArgumentParser(prog="python -m maskwatch.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled sets")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run, a bundle in the end"
    )
    parser.add_argument(
        "--weights", type=Path, help="safetensors of the backbone's ImageNet weights"
    )
    parser.add_argument("--name", default="standard")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("maskwatch").setLevel(logging.INFO)
    crops = _crops(arguments.data, arguments.out / "faces.npz")
    recipes = RECIPES
    network = averaged(
        [
            fit(crops, recipe, arguments.out / f"training-{i}", weights=arguments.weights)
            for i, recipe in enumerate(recipes)
        ]
    )
    export_onnx(network, arguments.out / "model.onnx", recipes[0].side)
    held_out = crops[np.flatnonzero(crops.held_out)]
    fitted = crops[np.flatnonzero(~crops.held_out)]
    quantise(arguments.out / "model.onnx", _calibration(fitted, recipes[0]))
    logits = _logits(arguments.out / "model.onnx", held_out, recipes[0])
    bundle = _bundle(arguments.out, arguments.name, recipes, crops, logits, held_out.labels)
    bundles.write(bundle)
    _logger.info("%s: held-out faces %s", arguments.out, bundle.figures["held_out"])


def _crops(data: Path, cache: Path) -> FaceCrops:
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        folders = [("with_mask", MaskState.MASK), ("without_mask", MaskState.NO_MASK)]
        listed = read_folders(data / SOURCES[2], folders)
        sets = [
            read_coco(data / SOURCES[0]),
            read_coco(data / SOURCES[1]),
            without(listed, data, data / "not-for-shipped-models.txt"),
        ]
        cut_faces(sets, open_detector("yunet", DetectorOptions(threads=1))).save(cache)
    return FaceCrops.load(cache)


def _calibration(crops: FaceCrops, recipe: Recipe) -> Iterator[Floats]:
    """Some hundred faces as training sees them, without what is drawn onto them."""
    rng = np.random.default_rng(0)
    rows = rng.choice(len(crops), min(_CALIBRATION_FACES, len(crops)), replace=False)
    how = replace(recipe.augmentation, drawn_mask=0, erase=0)
    for some in np.array_split(rows, max(1, len(rows) // 20)):
        yield _inputs(crops, some.tolist(), recipe, how, rng)


def _logits(model: Path, crops: FaceCrops, recipe: Recipe) -> Floats:
    """What the exported network says of the labelled boxes, shape (n, 3)."""
    network, rng = Network(model, device="cpu"), np.random.default_rng(0)
    parts = [
        network(_inputs(crops, some.tolist(), recipe, PLAIN, rng))["logits"]
        for some in np.array_split(np.arange(len(crops)), max(1, len(crops) // 32))
    ]
    return np.concatenate(parts)


def _inputs(
    crops: FaceCrops, rows: list[int], recipe: Recipe, how: Augmentation, rng: np.random.Generator
) -> Floats:
    pictures, _ = training_batch(
        crops, rows, side=recipe.side, margin=recipe.margin, how=how, rng=rng
    )
    return planes(pictures, (recipe.side, recipe.side), mean=IMAGENET_MEAN, std=IMAGENET_STD)


def _bundle(
    folder: Path,
    name: str,
    recipes: Sequence[Recipe],
    crops: FaceCrops,
    logits: np.ndarray[tuple[int, int], np.dtype[np.float32]],
    labels: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> Bundle:
    temperature = fit_temperature(logits, labels)
    probabilities = softmax(logits / temperature)
    got = accuracy_of(labels, probabilities.argmax(axis=1))
    counts = {
        source: np.bincount(crops.labels[crops.sources == i], minlength=3).tolist()
        for i, source in enumerate(SOURCES)
    }
    return Bundle(
        folder=folder,
        name=name,
        version=__version__,
        kind="classifier",
        input=InputSpec(
            recipes[0].side,
            recipes[0].side,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            margin=recipes[0].margin,
        ),
        labels=tuple(state.value for state in CLASSES),
        sha256={},
        temperature=temperature,
        unknown=UnknownRule(_SMALLEST_FACE, fit_threshold(probabilities, labels, _MOST_WRONG)),
        data={
            "faces mask, no_mask, incorrect": counts,
            "recipes": [asdict(recipe) for recipe in recipes],
        },
        figures={"held_out": asdict(got)},
    )


if __name__ == "__main__":
    main()
