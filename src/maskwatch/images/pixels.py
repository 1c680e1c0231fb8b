"""Pixels in, pixels out: resize, cut, warp. The only file that knows BGR from RGB."""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Colour = Literal["rgb", "bgr"]
Resampling = Literal["nearest", "bicubic", "area"]


def resize(image: Image, width: int, height: int) -> Image:
    """The picture at another size: area-averaged when it shrinks, so that nothing aliases."""
    if (image.shape[1], image.shape[0]) == (width, height):
        return image
    shrinks = width * height < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def fit(image: Image, long_side: int) -> tuple[Image, float]:
    """The picture scaled so that its longer side is `long_side` pixels, and the scale.

    Divide boxes found in it by the scale to have them in the picture that came.
    """
    height, width = image.shape[:2]
    scale = long_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return resize(image, *size), scale


def squashed(image: Image, box_xyxy: Floats | None, side: int, how: Resampling = "area") -> Image:
    """A face as a square picture, its shape given up, as the classic projects cut it.

    Args:
        image: RGB.
        box_xyxy: shape (1, 4) or (4,), in pixels; None takes the whole picture.
        side: of the result, in pixels.
        how: `area` averages where it shrinks; `nearest` and `bicubic` are Pillow's, which Keras's
            `load_img` uses.
    """
    part = image if box_xyxy is None else cut(image, np.ravel(box_xyxy))
    if how == "area":
        return resize(np.ascontiguousarray(part), side, side)
    method = Pillow.Resampling.NEAREST if how == "nearest" else Pillow.Resampling.BICUBIC
    return np.asarray(Pillow.fromarray(part).resize((side, side), method))


def planes(
    images: Sequence[Image] | NDArray[np.uint8],
    size_wh: tuple[int, int],
    *,
    colour: Colour = "rgb",
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
) -> Floats:
    """Pictures as the input of a network, shape (n, 3, height, width): (pixel - mean) / std.

    Each lies in the upper left corner; what is right of it and below it is 0.
    """
    width, height = size_wh
    out = np.zeros((len(images), 3, height, width), np.float32)
    order = (0, 1, 2) if colour == "rgb" else (2, 1, 0)
    plain = not any(mean) and all(value == 1 for value in std)
    for canvas, image in zip(out, images, strict=True):
        h, w = image.shape[:2]
        for plane, channel in enumerate(order):
            target = canvas[plane, :h, :w]
            target[...] = cv2.extractChannel(image, channel)
            if not plain:
                target -= mean[plane]
                target /= std[plane]
    return out


def to_bgr(image_rgb: Image) -> Image:
    """The same pixels in OpenCV's order."""
    return np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR), np.uint8)


def from_bgr(image_bgr: Image) -> Image:
    """OpenCV's pixels in ours."""
    return np.asarray(cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB), np.uint8)


def to_i420(image_rgb: Image) -> Image:
    """BT.601 video planes of a picture with even sides, shape (height * 3 / 2, width)."""
    return np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def to_grey(image_rgb: Image) -> Image:
    """Brightness alone, shape (height, width)."""
    return np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def cut(image: Image, box_xyxy: Floats) -> Image:
    """The part of the picture inside a box, at its own size and at least one pixel."""
    height, width = image.shape[:2]
    x1, y1 = (max(0, int(np.floor(value))) for value in box_xyxy[:2])
    x2, y2 = (int(np.ceil(value)) for value in box_xyxy[2:])
    x1, y1 = min(x1, width - 1), min(y1, height - 1)
    return image[y1 : max(y1 + 1, min(y2, height)), x1 : max(x1 + 1, min(x2, width))]


def warp_crops(
    image: Image, squares_xyxy: Floats, side: int, *, grey: bool = False
) -> NDArray[np.uint8]:
    """Square regions of a picture at one size, shape (n, side, side, 3): one affine warp each.

    Beyond the picture its border pixels repeat. Regions much larger than `side` are averaged
    down by a whole factor first, since a warp alone would alias. With `grey` they are brightness
    alone, shape (n, side, side).
    """
    shape = (len(squares_xyxy), side, side) if grey else (len(squares_xyxy), side, side, 3)
    crops = np.empty(shape, np.uint8)
    for crop, square in zip(crops, squares_xyxy, strict=True):
        region, origin, factor = _region(image, square, side, grey=grey)
        scale = side / max(float(square[2] - square[0]), 1e-3) * factor
        shift = (origin - square[:2]) * (scale / factor)
        # Pixel centres lie at +0.5: keep them there on both sides.
        offset = shift + (scale - 1) / 2
        matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]], np.float64)
        cv2.warpAffine(
            region,
            matrix,
            (side, side),
            dst=crop,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return crops


def _region(image: Image, square: Floats, side: int, *, grey: bool) -> tuple[Image, Floats, float]:
    """The pixels that a square needs, where they start, and by how much they were shrunk."""
    factor = max(1, int((square[2] - square[0]) / side))
    height, width = image.shape[:2]
    x1, y1 = np.clip(np.floor(square[:2]) - factor, 0, [width - 1, height - 1]).astype(int)
    x2, y2 = np.clip(np.ceil(square[2:]) + factor, [x1 + 1, y1 + 1], [width, height]).astype(int)
    origin = np.array([x1, y1], np.float32)
    if factor == 1:
        region = image[y1:y2, x1:x2]
        return to_grey(region) if grey else region, origin, 1.0
    # Whole blocks only; a picture thinner than one block is one block.
    width, height = max(1, (x2 - x1) // factor), max(1, (y2 - y1) // factor)
    region = image[y1 : min(y2, y1 + height * factor), x1 : min(x2, x1 + width * factor)]
    # One channel is averaged three times as fast as three.
    return resize(to_grey(region) if grey else region, width, height), origin, float(factor)
