"""Pictures and videos made by code: scenes with the astronaut's face at random places."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from skimage import data

Image = NDArray[np.uint8]
_FACE = (slice(0, 250), slice(110, 340))


def astronaut() -> Image:
    """scikit-image's astronaut, 512x512 RGB."""
    return np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]


def scene(width: int, height: int, rng: np.random.Generator, faces: int = 3) -> Image:
    """Soft colours with grain, neither flat nor noise, and some faces of 80 to 300 pixels."""
    coarse = rng.integers(0, 256, (9, 12, 3), np.uint8)
    smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = rng.integers(-6, 7, smooth.shape, np.int16)
    picture = np.asarray(np.clip(smooth + grain, 0, 255), np.uint8)
    for _ in range(faces):
        side = int(rng.integers(80, 301))
        face = cv2.resize(astronaut()[_FACE], (side, side), interpolation=cv2.INTER_AREA)
        x, y = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        picture[y : y + side, x : x + side] = face
    return picture


def photos(folder: Path, count: int, size_wh: tuple[int, int], distinct: int = 50) -> None:
    """Write a folder of `count` JPEG photos, of which `distinct` differ; the rest are links."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(count):
        file = folder / f"{number:06d}.jpg"
        if number < distinct:
            Pillow.fromarray(scene(*size_wh, rng)).save(file, quality=90)
        else:
            file.hardlink_to(folder / f"{number % distinct:06d}.jpg")


def video(file: Path, seconds: float, size_wh: tuple[int, int], rate: int = 25) -> None:
    """Write an H.264 video that pans over a scene with faces."""
    width, height = size_wh
    wide = scene(width * 2, height, np.random.default_rng(1), faces=8)
    with av.open(str(file), "w") as out:
        stream = out.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "23"}
        stream.time_base = Fraction(1, rate)
        for index in range(round(seconds * rate)):
            left = abs((index * 4) % (2 * width) - width)  # There and back again.
            view = np.ascontiguousarray(wide[:, left : left + width])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(view, format="rgb24")))
        out.mux(stream.encode(None))
