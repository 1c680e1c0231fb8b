"""Picture files: read upright, measured, written, and what their annotated copies are called."""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as Pillow
from PIL.TiffImagePlugin import TiffImageFile

from maskwatch.errors import MissingExtra, SinkError, SourceError
from maskwatch.images.pixels import Image

PICTURE_SUFFIXES = frozenset(
    [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".avif"]
)
HEIF_SUFFIXES = frozenset({".heic", ".heif"})
MAX_PIXELS = 178_956_970
"""Pillow's own ceiling (2 GiB of 3-byte pixels over 12): larger pictures are refused unread."""
_LYING = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""
_TIFF_SIZE = (256, 257)
"""Tags of the width and height of the pixels as they are stored."""
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
    limit = f"the limit of {max_pixels:,}; raise it with --max-pixels if you trust the file"
    with _told_plainly(path, limit), Pillow.open(io.BytesIO(data)) as picture:
        width, height = picture.size
        if width * height > max_pixels:
            raise SourceError(f"{path} has {width}x{height} pixels, more than {limit}")
        picture.load()
        return as_rgb(picture)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of the upright picture, from the head of its file.

    Raises:
        SourceError: missing, or not a picture.
        MissingExtra: HEIC without the extra that reads it.
    """
    if path.suffix.lower() in HEIF_SUFFIXES:
        _register_heif()
    with _told_plainly(path, f"the limit of {MAX_PIXELS:,}"), Pillow.open(path) as picture:
        # Of a TIFF that lies, some versions of Pillow give the size as it is shown.
        width, height = picture.size
        if isinstance(picture, TiffImageFile):
            width, height = (picture.tag_v2[tag] for tag in _TIFF_SIZE)
        return (height, width) if _lies(picture) else (width, height)


def _lies(picture: Pillow.Image) -> bool:
    """Whether a picture is shown turned by a quarter; damaged EXIF says nothing."""
    try:
        return picture.getexif().get(ExifTags.Base.Orientation, 1) in _LYING
    except Exception:  # noqa: BLE001 - its reader raises whatever it stumbles over.
        return False


@contextmanager
def _told_plainly(path: Path, limit: str) -> Iterator[None]:
    """Whatever a reader stumbles over, as a sentence."""
    try:
        yield
    except (SourceError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise SourceError(f"{path} is not a picture that can be read") from error
    except Pillow.DecompressionBombError as error:
        raise SourceError(f"{path} has more pixels than {limit}") from error
    except Exception as error:  # Pillow's readers raise whatever they stumble over.
        if isinstance(error, OSError) and error.strerror:
            raise SourceError(f"cannot read {path}: {error.strerror}") from error
        raise SourceError(f"{path} is damaged: {error}") from error


def _register_heif() -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise MissingExtra("HEIC pictures need an extra: pip install 'maskwatch[heif]'") from error
    pillow_heif.register_heif_opener()


def as_rgb(picture: Pillow.Image) -> Image:
    """A Pillow picture as upright 8-bit RGB, shape (height, width, 3)."""
    _turn_upright(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        return _from_deep_grey(np.asarray(picture))
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        white = Pillow.new("RGBA", layered.size, "white")
        picture = Pillow.alpha_composite(white, layered)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _turn_upright(picture: Pillow.Image) -> None:
    """As EXIF says; where that is damaged the pixels are sound, and stay as they lie."""
    try:
        ImageOps.exif_transpose(picture, in_place=True)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - its reader raises whatever it stumbles over.
        return


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


def picture_name(name: str) -> str:
    """The file name under which an annotated picture is written: `a.heic` becomes `a.heic.jpg`."""
    return name if Path(name).suffix.lower() in _WRITABLE_SUFFIXES else f"{name}.jpg"


def video_name(name: str) -> str:
    """The file name of an annotated video: `a.avi` becomes `a.avi.mp4`."""
    return name if name.lower().endswith(".mp4") else f"{name}.mp4"


def part_of(path: Path) -> Path:
    """What a file is called while it is written: short, since its own name may be the longest."""
    return path.with_name(f".{blake2b(os.fsencode(path.name), digest_size=8).hexdigest()}.part")


def encode(image_rgb: Image, path: Path, quality: int = 92) -> None:
    """Write a picture in the format of its suffix, whole or not at all; makes its folders.

    Raises:
        SinkError: the disk is full, the folder cannot be written, the suffix is unknown.
    """
    part = part_of(path)
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
