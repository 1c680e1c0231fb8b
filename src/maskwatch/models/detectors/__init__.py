"""Face detectors, chosen by name."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from maskwatch.errors import ModelInvalid, UsageError
from maskwatch.models import bundle as bundles
from maskwatch.models import catalogue, files
from maskwatch.models.runtime import Device
from maskwatch.types import FaceDetector

SHIPPED_DETECTOR = "maskwatch"


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """What a detector can be told; None leaves it to the detector.

    Only our own has a `second_stage`.
    """

    weights: Path | None = None
    long_side: int | None = None
    score: float | None = None
    iou: float | None = None
    second_stage: bool = True
    device: Device = "auto"
    threads: int = 0


def open_detector(name: str | None, options: DetectorOptions | None = None) -> FaceDetector:
    """The detector of that name, file or run folder; None: our own.

    Raises:
        UsageError: no such detector, or weights for one that takes none.
        ModelNotFound: its file is nowhere.
        ModelInvalid: its file is damaged.
        MissingExtra: the extra that it needs is not installed.
    """
    options = options or DetectorOptions()
    if name is None:
        name = default_name(options)
    if name not in catalogue.names("detector") and Path(name).exists():
        return _open_path(Path(name), options)
    card = catalogue.card_of(name, "detector")
    if options.weights is not None and not card.files:
        raise _brings_weights(name)
    return _open(card, options, _chosen(options))


def _brings_weights(name: str) -> UsageError:
    return UsageError(f"the detector {name} brings its own weights; leave --detector-weights out")


def _chosen(options: DetectorOptions) -> dict[str, Any]:
    return {
        key: getattr(options, key)
        for key in ("long_side", "score", "iou")
        if getattr(options, key) is not None
    }


def _open_path(path: Path, options: DetectorOptions) -> FaceDetector:
    """A folder is a bundle; of files, Caffe's is ssd, an ONNX file yunet or retinaface."""
    if path.is_dir():
        if options.weights is not None:
            raise _brings_weights(str(path))
        return _open_bundle(path, options)
    named = replace(options, weights=path)
    if path.suffix == ".caffemodel":
        return open_detector("ssd", named)
    try:
        return open_detector("yunet", named)
    except ModelInvalid:
        return open_detector("retinaface", named)


def default_name(options: DetectorOptions) -> str:
    """The detector that takes the place of None: our own; yunet for weights without a name."""
    return SHIPPED_DETECTOR if options.weights is None else "yunet"


def _open_bundle(folder: Path, options: DetectorOptions) -> FaceDetector:
    from maskwatch.models.detectors.onepass import OnePass

    return OnePass(
        bundles.read(folder),
        **_chosen(options),
        second_stage=options.second_stage,
        device=options.device,
        threads=options.threads,
    )


def _open(
    card: catalogue.ModelCard, options: DetectorOptions, chosen: dict[str, Any]
) -> FaceDetector:
    # Imported here: one detector in use must not cost the start-up time of all.
    on_runtime: dict[str, Any] = {"device": options.device, "threads": options.threads}
    match card.name:
        case "maskwatch":
            return _open_bundle(catalogue.SHIPPED / card.name, options)
        case "yunet":
            from maskwatch.models.detectors.yunet import YuNet

            return YuNet(files.find(card, options.weights), **chosen, **on_runtime)
        case "retinaface":
            from maskwatch.models.detectors.retinaface import RetinaFace

            return RetinaFace(files.find(card, options.weights), **chosen, **on_runtime)
        case "ssd":
            from maskwatch.models.detectors.ssd import Res10SSD

            return Res10SSD(files.find(card, options.weights), **chosen)
        case "haar":
            from maskwatch.models.detectors.haar import Haar

            return Haar(**chosen)
        case _:
            from maskwatch.models.detectors.mtcnn import MTCNN

            return MTCNN(**chosen, **on_runtime)
