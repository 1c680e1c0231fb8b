"""From a trained network to a bundle: exported, its temperature fitted, described."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from maskwatch import __version__
from maskwatch.evaluation.metrics import accuracy_of
from maskwatch.evaluation.training import kept_row
from maskwatch.images import planes
from maskwatch.models.bundle import Bundle, InputSpec, UnknownRule
from maskwatch.models.classifier import softmax
from maskwatch.models.runtime import Network
from maskwatch.training.export import (
    NETWORK,
    export_onnx,
    fit_temperature,
    fit_threshold,
)
from maskwatch.training.workshop.choices import Keep, Resize
from maskwatch.training.workshop.networks import Classifier
from maskwatch.training.workshop.parts import Parts
from maskwatch.training.workshop.samples import Samples, batches, in_parts
from maskwatch.training.workshop.settings import TrainSettings
from maskwatch.types import CLASSES, Floats

_MOST_WRONG = 0.015
_FEWEST = 20
"""Faces to watch on, below which a fitted temperature says nothing."""


def input_of(network: Classifier, side: int) -> InputSpec:
    """How a face that is found becomes the input of a network of the workshop.

    It is scaled smoothly however training read its pictures: so did the published systems, and
    small faces made large by the nearest pixel look like nothing that was trained on.
    """
    pixels = network.pixels
    return InputSpec(
        side, side, mean=pixels.mean, std=pixels.std, colour=pixels.colour, crop="box", margin=0.0,
    )  # fmt: skip


def bundle_of(
    network: Classifier,
    parts: Parts,
    settings: TrainSettings,
    folder: Path,
    *,
    name: str,
    data: dict[str, str | None],
    history: list[dict[str, float]],
    seconds: float,
) -> Bundle:
    """Export a trained network into its run folder and describe it.

    Temperature and the threshold for unknown are fitted on the faces that the training was watched
    on; where they are very few, they are left as they are.
    """
    model = folder / "model.onnx"
    export_onnx(network, model, settings.input_size, keep=folder / NETWORK)
    spec = input_of(network, settings.input_size)
    logits, labels = logits_of(Network(model, device="cpu"), parts.val, settings, spec)
    temperature, threshold = 1.0, 0.0
    if len(labels) >= _FEWEST:
        temperature = fit_temperature(logits, labels)
        sure = softmax(np.asarray(logits / temperature, np.float32))
        threshold = fit_threshold(sure, labels, _MOST_WRONG)
    states = tuple(state.value for state in CLASSES[: parts.classes])
    watched = accuracy_of(labels, logits.argmax(axis=1))
    kept = kept_row(history, best=settings.keep is Keep.BEST) if history else {}
    return Bundle(
        folder=folder,
        name=name,
        version=__version__,
        kind="classifier",
        input=spec,
        labels=states,
        sha256={},
        temperature=temperature,
        unknown=UnknownRule(0.0, threshold),
        data={
            **data,
            "faces": dict(zip(states, parts.train.counts(parts.classes), strict=True)),
            "watched": dict(zip(states, parts.val.counts(parts.classes), strict=True)),
            "twins of training among the watched": parts.leaks,
            "unreadable": len(parts.unreadable),
            "settings": settings.plain(),
        },
        figures={
            "validation": {
                "accuracy": watched.accuracy,
                "f1": list(watched.f1),
                **_as_training_scales(kept, settings, spec),
            },
            "epochs": len(history),
            "kept_epoch": int(kept["epoch"]) + 1 if kept else None,
            "train_accuracy": kept.get("train_accuracy"),
            "seconds": round(seconds, 1),
            "parameters": parameters_of(network),
        },
    )


def _as_training_scales(
    kept: dict[str, float], settings: TrainSettings, spec: InputSpec
) -> dict[str, Any]:
    """What the kept epoch logged, where training scales pictures otherwise than the bundle: a few
    pictures in a hundred are told otherwise for that alone."""
    if settings.resize.value == spec.resize or "val_accuracy" not in kept:
        return {}
    told = {"resize": settings.resize.value, "accuracy": kept["val_accuracy"]}
    return {"as_training_scales": told}


def parameters_of(network: nn.Module) -> int:
    """How many numbers a network has learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


def logits_of(
    network: Network, samples: Samples, settings: TrainSettings, spec: InputSpec
) -> tuple[Floats, Any]:
    """What an exported network says of samples as a bundle shows them to it, shape (n, classes),
    and their labels (n,)."""
    size = spec.width, spec.height
    settings = settings.but(resize=Resize(spec.resize))
    found = [
        (
            network(planes(b.pictures, size, colour=spec.colour, mean=spec.mean, std=spec.std)),
            samples.labels[b.rows],
        )
        for b in batches(samples, in_parts(np.arange(len(samples)), settings.batch), settings)
    ]
    logits = np.concatenate([answer["logits"] for answer, _ in found])
    return logits, np.concatenate([labels for _, labels in found])
