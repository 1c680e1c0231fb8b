"""How fast each part is on this machine."""

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image as Pillow

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.draw import annotate
from maskwatch.images import as_rgb, decode
from maskwatch.models.detectors.search import search
from maskwatch.sinks.video import VideoSink
from maskwatch.sources.inputs import Kind, spell_out
from maskwatch.sources.stride import Stride
from maskwatch.sources.video import video_frames
from maskwatch.types import Faces, Frame, Image, Result

_FACES = 4
_SIZE_WH = (1280, 720)


@dataclass(frozen=True, slots=True)
class Speed:
    """The median time of one part."""

    part: str
    milliseconds: float
    unit: str


def measure(settings: Settings, location: str | None, seconds: float) -> list[Speed]:
    """Time each part alone on one picture, for about `seconds` each.

    Args:
        settings: which models, how many threads.
        location: a picture or video file; a drawn scene of 1280x720 where None.

    Raises:
        SourceError: the file cannot be read.
    """
    image = _scene() if location is None else _first_image(location)
    detector = MaskDetector(settings)
    boxes = _spread_boxes(image)
    faces = detector.classify(image, boxes)
    jpeg = io.BytesIO()
    Pillow.fromarray(image).save(jpeg, "jpeg", quality=90)
    size = f"picture of {image.shape[1]}x{image.shape[0]}"
    many = f"picture, {_FACES} faces"
    finder = detector.face_detector
    parts: list[tuple[str, Callable[[], object], str]] = [
        ("decode JPEG", lambda: as_rgb(Pillow.open(io.BytesIO(jpeg.getvalue()))), size),
        ("find faces", lambda: search(finder, [image]), size),
        ("classify", lambda: detector.classify(image, boxes), many),
        ("classify one", lambda: detector.classify(image, boxes[:1]), "face"),
        ("draw", lambda: annotate(image, faces), many),
    ]
    rows = [Speed(name, _median_ms(step, seconds), unit) for name, step, unit in parts]
    rows.append(Speed("encode H.264", _encode_ms(image, seconds), size))
    whole = [Frame("bench", PurePath("bench"), image=image, still=False)]
    rows.append(
        Speed("find and classify", _median_ms(lambda: detector.analyse(whole), seconds), size)
    )
    return rows


def _median_ms(step: Callable[[], object], seconds: float) -> float:
    step()  # The first run allocates.
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        begun = time.perf_counter()
        step()
        times.append((time.perf_counter() - begun) * 1000)
    return median(times)


def _encode_ms(image: Image, seconds: float) -> float:
    """Milliseconds a frame, with the encoder's delay and the end of the file counted in."""
    with TemporaryDirectory() as folder:
        sink = VideoSink(Path(folder))
        begun, count = time.perf_counter(), 0
        while count < 10 or time.perf_counter() - begun < seconds:
            moved = np.roll(image, 2 * count, axis=1)
            frame = Frame("b.mp4", PurePath("b.mp4"), count, count / 25, moved, still=False)
            sink.write(Result(frame, Faces.empty()))
            count += 1
        sink.__exit__(None, None, None)
        return (time.perf_counter() - begun) * 1000 / count


def _first_image(location: str) -> Image:
    item = spell_out([location]).items[0]
    if item.kind is Kind.PICTURE:
        return decode(Path(item.location))
    frames: Iterator[Frame] = video_frames(item.location, item.name, Stride())
    image = next(frames).image
    if image is None:
        raise ValueError("the first frame of a video always has a picture")
    return image


def _scene() -> Image:
    """Soft shapes and some grain: neither flat nor noise, so that codecs work as on photos."""
    rng = np.random.default_rng(0)
    coarse = Pillow.fromarray(rng.integers(0, 256, (18, 32, 3), np.uint8))
    smooth = np.asarray(coarse.resize(_SIZE_WH, Pillow.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-6, 7, smooth.shape, np.int16)
    return np.asarray(np.clip(smooth + grain, 0, 255), np.uint8)


def _spread_boxes(image: Image) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    height, width = image.shape[:2]
    side = min(height, width / _FACES) * 0.6
    lefts = (np.arange(_FACES) + 0.2) * width / _FACES
    top = np.full(_FACES, height * 0.2)
    return np.stack([lefts, top, lefts + side, top + side], axis=1).astype(np.float32)
