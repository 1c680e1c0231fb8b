"""From a trained second stage to a bundle: exported, in 8 bits, joined with the first stage."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from maskwatch.errors import UsageError
from maskwatch.images import planes
from maskwatch.models import bundle as bundles
from maskwatch.models.bundle import Bundle, InputSpec, SecondStage
from maskwatch.models.detectors.onepass import OnePass
from maskwatch.models.detectors.second_stage import first_logits
from maskwatch.models.runtime import Network
from maskwatch.training.backbone import IMAGENET_MEAN, IMAGENET_STD
from maskwatch.training.detector.bundling import best_score, found_held_out
from maskwatch.training.detector.labels import SceneLabels
from maskwatch.training.export import export_onnx, quantise
from maskwatch.training.second_stage.fit import Recipe, views
from maskwatch.training.second_stage.places import SCENE_SIDES, Places
from maskwatch.types import Floats

FILE = "second-stage.onnx"
FROM_SCORE = 0.3
"""On held-out scenes 0.2 finds no further face and gives the second stage 1.4 times as much to do;
0.02 finds two more of 216, for thirteen times as much."""
_CALIBRATION_PLACES, _AT_ONCE = 640, 32


def with_second_stage(
    network: nn.Module,
    recipe: Recipe,
    places: Places,
    first: Bundle,
    data: Path,
    labels: Sequence[SceneLabels],
    folder: Path,
) -> Bundle:
    """Write a bundle of both stages into `folder`.

    Args:
        network: in evaluation mode.
        recipe: of its training.
        places: the held-out ones decide how the stages' answers are weighed.
        first: the first stage's bundle, whose files are copied.
        data: folder to which the labels' paths are relative.
        labels: of all pictures; held-out scenes choose the score.
        folder: gets all files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = {n: s for n, s in first.sha256.items() if n != _second_file(first)}
    for name in own:
        if (first.folder / name).resolve() != (folder / name).resolve():
            shutil.copyfile(first.folder / name, folder / name)
    export_onnx(network, folder / FILE, recipe.side, output="answers")
    quantise(folder / FILE, _calibration(places, recipe))
    spec = InputSpec(
        recipe.side, recipe.side, mean=IMAGENET_MEAN, std=IMAGENET_STD, margin=recipe.margin
    )
    judged = places[_weighing(places)]
    weights = fit_weights(judged.scores, _logits(folder / FILE, judged, recipe), judged.targets)
    second = SecondStage(FILE, spec, weights, FROM_SCORE, 0.0)
    both = replace(
        first,
        folder=folder,
        second_stage=second,
        sha256=own | {FILE: ""},
        data=first.data | {"second_stage": {"places": len(places), "recipe": asdict(recipe)}},
    )
    held_out = [one for one in labels if one.held_out and one.every_face]
    detector = OnePass(both, score=FROM_SCORE, device="cpu")
    found, _, _ = found_held_out(detector, data, held_out)
    score, figures = best_score(found)
    both = replace(
        both,
        second_stage=replace(second, least_score=score),
        figures=first.figures | {"held_out_second_stage": figures},
    )
    bundles.write(both)
    return both


def _second_file(bundle: Bundle) -> str | None:
    return None if bundle.second_stage is None else bundle.second_stage.model


def check_held_out(places: Places) -> None:
    """Whether the held-out places can weigh the stages.

    Raises:
        UsageError: of faces and of what is none, one is not among them.
    """
    for word, there in (("faces", places.targets >= 1), ("mistakes", places.targets <= 0)):
        if not (there & _weighing(places)).any():
            raise UsageError(f"no held-out picture shows {word}: the stages cannot be weighed")


def _weighing(places: Places) -> NDArray[np.bool_]:
    return np.asarray(places.held_out & places.scene & (places.looked_at == SCENE_SIDES[0]))


def fit_weights(scores: Floats, logits: Floats, targets: Floats) -> tuple[float, float, float]:
    """By logistic regression: the weights of both stages' logits, and the constant.

    Args:
        scores: the first stage's, shape (n,).
        logits: the second's, shape (n,).
        targets: how much of a face each place holds; those in between are left out.
    """
    clear = (targets <= 0) | (targets >= 1)
    both = np.stack([first_logits(scores), logits], axis=1)[clear]
    fitted = LogisticRegression(C=10.0).fit(both, targets[clear] >= 1)
    (first, second), (constant,) = fitted.coef_[0], fitted.intercept_
    return round(float(first), 4), round(float(second), 4), round(float(constant), 4)


def _logits(model: Path, places: Places, recipe: Recipe) -> Floats:
    """What the exported network says of places as they are, shape (n,)."""
    network = Network(model, device="cpu")
    parts = [network(batch)["answers"][:, 0] for batch in _batches(places, recipe)]
    return np.concatenate(parts)


def _calibration(places: Places, recipe: Recipe) -> Iterator[Floats]:
    rows = np.flatnonzero(~places.held_out)
    rng = np.random.default_rng(0)
    # Batches of one size: percentiles are taken over all of them as one array.
    count = min(_CALIBRATION_PLACES, len(rows) // _AT_ONCE * _AT_ONCE) or len(rows)
    yield from _batches(places[rng.choice(rows, count, replace=False)], recipe)


def _batches(places: Places, recipe: Recipe) -> Iterator[Floats]:
    still = replace(recipe, shift=0.0, zoom=0.0, rotation_deg=0.0, mirrored=0.0)
    plain, rng = replace(still, tinted=0.0, spoilt=0.0), np.random.default_rng(0)
    for start in range(0, len(places), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(places)))
        pictures = views(places, rows, plain, rng).pictures
        yield planes(pictures, (recipe.side, recipe.side), mean=IMAGENET_MEAN, std=IMAGENET_STD)
