"""What a face's picture can tell: how large and sharp it is, and what is worn below it."""

import cv2
import numpy as np

from maskwatch.boxes import short_side, squares
from maskwatch.images import warp_crops
from maskwatch.types import Boxes, Floats, Image

_SMALLEST_PX, _LARGE_PX = 12.0, 48.0
_SHARP = 0.25
_LEAST = 0.1
_SIDE = 32
_SAMPLES = 16


def face_weights(image: Image, boxes_xyxy: Boxes) -> Floats:
    """The weight of each face in a verdict, shape (n,), 0.01 to 1."""
    size = (short_side(boxes_xyxy) - _SMALLEST_PX) / (_LARGE_PX - _SMALLEST_PX)
    sharp = sharpness(image, boxes_xyxy) / _SHARP
    return np.asarray(np.clip(size, _LEAST, 1) * np.clip(sharp, _LEAST, 1), np.float32)


def sharpness(image: Image, boxes_xyxy: Boxes) -> Floats:
    """How sharp each face is at 32 pixels, shape (n,): 0 flat or blurred, about 1 crisp.

    The variance of the Laplacian in parts of the picture's own, so that light does not matter.
    """
    if not len(boxes_xyxy):
        return np.zeros(0, np.float32)
    values = []
    for grey in warp_crops(image, squares(boxes_xyxy, 0.0), _SIDE, grey=True):
        values.append(_variance(cv2.Laplacian(grey, cv2.CV_32F)) / (_variance(grey) + 4.0))
    return np.array(values, np.float32)


def _variance(grey: cv2.typing.MatLike) -> float:
    # NumPy's takes ten times as long for so few pixels.
    return float(cv2.meanStdDev(grey)[1][0, 0]) ** 2


def clothes_colours(image: Image, boxes_xyxy: Boxes) -> Floats:
    """The mean colour of what is below each face, shape (n, 3): CIE Lab, 8 bits a channel.

    It helps to tell two people apart from one frame to the next; it is kept no longer than that.
    """
    height, width = image.shape[:2]
    rows = []
    for x1, y1, x2, y2 in boxes_xyxy.tolist():
        tall, beside = y2 - y1, 0.2 * (x2 - x1)
        left, right = _within(x1 - beside, 0, width - 1), _within(x2 + beside, 0, width - 1)
        # Below the picture's edge there is nothing: then its last rows speak for the clothes.
        top = _within(y2 + 0.4 * tall, 0, max(0, height - 2))
        bottom = _within(y2 + 1.4 * tall, top + 1, height)
        # A sample of a large patch says as much as all of it, and takes no time.
        step = max(1, (bottom - top) // _SAMPLES)
        patch = image[top:bottom:step, left : right + 1 : step]
        rows.append(cv2.mean(patch)[:3])
    if not rows:
        return np.zeros((0, 3), np.float32)
    colours = np.clip(np.round(rows), 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)[0], np.float32)


def _within(value: float, least: int, most: int) -> int:
    # NumPy's clip takes ten times as long for one number.
    return int(min(max(value, least), most))
