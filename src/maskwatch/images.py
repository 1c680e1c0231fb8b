"""Pixels in, pixels out: decode, encode, resize, crop. The only file that knows BGR from RGB."""

import io
import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as Pillow

from maskwatch.errors import MissingExtra, SinkError, SourceError

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Colour = Literal["rgb", "bgr"]
Resampling = Literal["nearest", "bicubic", "area"]

PICTURE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif"]
)
HEIF_SUFFIXES = frozenset({".heic", ".heif"})
MAX_PIXELS = 178_956_970
"""Pillow's own ceiling (2 GiB of 3-byte pixels over 12): larger pictures are refused unread."""
_LYING = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""
_WRITABLE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"])

# Our own check, made before decoding, replaces Pillow's warning about large pictures.
warnings.filterwarnings("ignore", category=Pillow.DecompressionBombWarning)


def decode(path: Path, max_pixels: int = MAX_PIXELS) -> Image:
    """Read a picture file as upright RGB, shape (height, width, 3).

    EXIF orientation is applied, 16-bit and grey are brought to 8-bit RGB, transparent pixels lie
    on white, of an animation the first picture is taken.

    Raises:
        SourceError: missing, not a picture, damaged, or of more than `max_pixels` pixels.
        MissingExtra: HEIC without the extra that reads it.
    """
    if path.suffix.lower() in HEIF_SUFFIXES:
        _register_heif()
    if Pillow.MAX_IMAGE_PIXELS and max_pixels > 2 * Pillow.MAX_IMAGE_PIXELS:
        Pillow.MAX_IMAGE_PIXELS = max_pixels  # Only ever raised, and only where the user asked.
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
    if not data:
        raise SourceError(f"{path} is empty (0 bytes)")
    try:
        with Pillow.open(io.BytesIO(data)) as picture:
            _refuse_large(path, picture.size, max_pixels)
            picture.load()
            return as_rgb(picture)
    except (SourceError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise SourceError(f"{path} is not a picture that can be read") from error
    except Pillow.DecompressionBombError as error:
        raise SourceError(
            f"{path} has more pixels than the limit of {max_pixels:,}; "
            "raise it with --max-pixels if you trust the file"
        ) from error
    except Exception as error:  # Pillow's readers raise whatever they stumble over.
        raise SourceError(f"{path} is damaged: {error}") from error


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of the upright picture, from the head of its file.

    Raises:
        SourceError: missing, or not a picture.
        MissingExtra: HEIC without the extra that reads it.
    """
    if path.suffix.lower() in HEIF_SUFFIXES:
        _register_heif()
    try:
        with Pillow.open(path) as picture:
            width, height = picture.size
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in _LYING
    except UnidentifiedImageError as error:
        raise SourceError(f"{path} is not a picture that can be read") from error
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}") from error
    return (height, width) if turned else (width, height)


def _refuse_large(path: Path, size_wh: tuple[int, int], max_pixels: int) -> None:
    width, height = size_wh
    if width * height > max_pixels:
        raise SourceError(
            f"{path} has {width}x{height} pixels, more than the limit of {max_pixels:,}; "
            "raise it with --max-pixels if you trust the file"
        )


def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtra("HEIC pictures need an extra: pip install 'maskwatch[heif]'") from error
    pillow_heif.register_heif_opener()


def as_rgb(picture: Pillow.Image) -> Image:
    """A Pillow picture as upright 8-bit RGB, shape (height, width, 3)."""
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I") or picture.mode == "F":
        return _from_deep_grey(np.asarray(picture))
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        white = Pillow.new("RGBA", layered.size, "white")
        picture = Pillow.alpha_composite(white, layered)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _from_deep_grey(grey: NDArray[np.generic]) -> Image:
    """16-bit, 32-bit and float grey as 8-bit RGB, by the range of the type."""
    values = grey.astype(np.float32)
    top = 65535.0 if grey.dtype.kind in "iu" else (1.0 if values.max(initial=0) <= 1 else 255.0)
    eight = np.clip(values * (255 / top) + 0.5, 0, 255).astype(np.uint8)
    return np.repeat(eight[..., None], 3, axis=2)


def as_image(picture: object, max_pixels: int = MAX_PIXELS) -> Image:
    """What a caller may hand in, as RGB of shape (height, width, 3).

    Args:
        picture: a path, a Pillow picture, or an RGB array (h, w, 3) uint8.

    Raises:
        SourceError: a path that cannot be read.
        TypeError: anything else.
    """
    if isinstance(picture, str | os.PathLike):
        return decode(Path(picture), max_pixels)
    if isinstance(picture, Pillow.Image):
        return as_rgb(picture.copy())
    if isinstance(picture, np.ndarray):
        right = picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
        if right and picture.size:
            return picture
        raise TypeError(
            f"expected an RGB array (h, w, 3) of uint8, got {picture.shape} of {picture.dtype}"
        )
    raise TypeError(
        f"expected a path, a Pillow picture or an RGB array, got {type(picture).__name__}"
    )


def output_name(name: str) -> str:
    """The file name under which an annotated picture is written: `a.heic` becomes `a.heic.jpg`."""
    return name if Path(name).suffix.lower() in _WRITABLE_SUFFIXES else f"{name}.jpg"


def video_name(name: str) -> str:
    """The file name of an annotated video: `a.avi` becomes `a.avi.mp4`."""
    return name if name.lower().endswith(".mp4") else f"{name}.mp4"


def encode(image_rgb: Image, path: Path, quality: int = 92) -> None:
    """Write a picture in the format of its suffix, whole or not at all; makes its folders.

    Raises:
        SinkError: the disk is full, the folder cannot be written, the suffix is unknown.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        formats = Pillow.registered_extensions()
        Pillow.fromarray(image_rgb).save(part, formats[path.suffix.lower()], quality=quality)
        part.replace(path)
    except (OSError, ValueError, KeyError) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SinkError(f"cannot write {path}: {reason}") from error


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
