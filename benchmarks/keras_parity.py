"""Is what was re-expressed what Keras does? Layer by layer, picture by picture, step by step.

Keras runs in the classic environment (benchmarks/setup_classic): three backbones with random
weights, pictures as `load_img` reads and `ImageDataGenerator` changes them, a dense head after
twenty steps of Adam with decay. The same is done here; printed is the largest difference of each.

    benchmarks/setup_classic && scripts/bench keras_parity
"""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import typer
from kit.report import ROOT, Row, save, show
from skimage.data import astronaut

from maskwatch.data.augment import matrix_of, warped
from maskwatch.images import decode, encode, squashed
from maskwatch.training.workshop.choices import Loss, Preprocess
from maskwatch.training.workshop.importing import network_of
from maskwatch.training.workshop.keras import read_keras
from maskwatch.training.workshop.learner import loss_of, optimiser_of
from maskwatch.training.workshop.networks import head_of
from maskwatch.training.workshop.settings import TrainSettings

_SCRIPT = ROOT / "benchmarks" / "classic_keras.py"
_NETWORKS = ("mobilenetv2", "resnet50", "inceptionv3")
_Values = dict[str, np.ndarray[Any, Any]]


def main(
    classic: Annotated[Path, typer.Option(help="Its environment.")] = Path("/tmp/venv-classic"),
) -> None:
    """Run Keras, compare, show, keep."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        encode(np.ascontiguousarray(astronaut()[20:300, 100:340]), folder / "picture.png")
        python = classic / "bin" / "python"
        subprocess.run([python, _SCRIPT, folder], check=True, capture_output=True)
        values = dict(np.load(folder / "keras.npz"))
        rows = [*_networks(folder, values), *_pictures(folder, values), _training(values)]
    show("largest difference to Keras", rows)
    save("keras_parity", rows)


def _row(part: str, ours: Any, theirs: Any, unit: str = "") -> Row:
    gaps = np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
    return {
        "part": part,
        "largest": float(gaps.max()),
        "mean": float(gaps.mean()),
        "largest value": float(np.abs(theirs).max()),
        "unit": unit,
    }


def _networks(folder: Path, values: _Values) -> list[Row]:
    pixels = torch.from_numpy(values["pixels"] / 127.5 - 1).permute(0, 3, 1, 2)
    rows = []
    for name in _NETWORKS:
        network, _ = network_of(read_keras(folder / f"{name}.h5"), Preprocess.TF)
        with torch.inference_mode():
            features = network.base(pixels).permute(0, 2, 3, 1)
            answers = network(pixels).softmax(dim=1)
        rows.append(_row(f"{name}, features", features, values[f"{name}_features"]))
        rows.append(_row(f"{name}, answers", answers, values[f"{name}_answers"], "probability"))
    return rows


def _pictures(folder: Path, values: _Values) -> list[Row]:
    picture = decode(folder / "picture.png")
    rows = []
    for how in ("nearest", "bicubic"):
        ours = squashed(picture, None, values["pixels"].shape[1], how)
        rows.append(_row(f"load_img, {how}", ours, values[f"loaded_{how}"], "of 255"))
    image = values["loaded_nearest"].astype(np.uint8)
    ours = []
    for angle, across, down, shear, zoom_x, zoom_y, flipped in values["changes"]:
        matrix = matrix_of(
            image.shape[0], angle_deg=angle, shift_px=np.array([across, down]), shear_deg=shear,
            zoom=np.array([zoom_x, zoom_y]),
        )  # fmt: skip
        changed = warped(image, matrix)
        ours.append(changed[:, ::-1] if flipped else changed)
    return [*rows, _row("ImageDataGenerator", ours, values["changed"], "of 255")]


def _training(values: _Values) -> Row:
    lr, decay = values["train_lr"]
    head = head_of(64, (16,), 0.0, 2)
    linear = [layer for layer in head if isinstance(layer, torch.nn.Linear)]
    for number, layer in enumerate(linear):
        layer.weight.data = torch.from_numpy(values[f"start_{2 * number}"].T.copy())
        layer.bias.data = torch.from_numpy(values[f"start_{2 * number + 1}"])
    settings = TrainSettings(lr=float(lr), decay=float(decay))
    optimiser = optimiser_of([{"params": list(head.parameters())}], settings)
    falls = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 / (1 + decay * step))
    for features, labels in zip(values["train_features"], values["train_labels"], strict=True):
        optimiser.zero_grad()
        logits, truth = head(torch.from_numpy(features)), torch.from_numpy(labels)
        loss_of(logits, truth, torch.ones(2), Loss.BINARY).backward()
        optimiser.step()
        falls.step()
    ends = [part for layer in linear for part in (layer.weight.detach().T, layer.bias.detach())]
    ours = np.concatenate([np.ravel(part) for part in ends])
    theirs = np.concatenate([np.ravel(values[f"end_{i}"]) for i in range(len(ends))])
    return _row("twenty steps of Adam", ours, theirs, "weight")


if __name__ == "__main__":
    cv2.setNumThreads(1)
    typer.run(main)
