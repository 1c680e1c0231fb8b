"""What can be told of picture files before anything is learnt from them."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from maskwatch.errors import MaskwatchError, MissingExtra
from maskwatch.images import Image, decode, fit

_HASH_FROM = 256
_AHEAD = 64


@dataclass(frozen=True, slots=True)
class Facts:
    """One picture file: sha256 of its bytes, size, perceptual hashes of it and its mirror image.

    Where it cannot be read, `error` says why, and the rest is empty.
    """

    path: Path
    sha256: str = ""
    width: int = 0
    height: int = 0
    looks: int = 0
    mirrored_looks: int = 0
    error: str | None = None


def facts_of(paths: Iterable[Path], *, threads: int = 2) -> Iterator[Facts]:
    """The facts of each file, in order; pictures are decoded a few at a time.

    Raises:
        MissingExtra: imagehash is not installed.
    """
    perceptual_hash = Hasher()
    left = iter(paths)
    with ThreadPoolExecutor(threads) as pool:
        while block := list(islice(left, _AHEAD)):
            yield from pool.map(lambda path: _facts(path, perceptual_hash), block)


def _facts(path: Path, perceptual_hash: "Hasher") -> Facts:
    try:
        image = decode(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (MaskwatchError, OSError, MemoryError) as error:
        return Facts(path, error=str(error) or type(error).__name__)
    height, width = image.shape[:2]
    small = fit(image, _HASH_FROM)[0] if max(height, width) > _HASH_FROM else image
    mirror = np.ascontiguousarray(small[:, ::-1])
    return Facts(path, digest, width, height, perceptual_hash(small), perceptual_hash(mirror))


class Hasher:
    """The 64 signs of a picture's lowest frequencies (pHash), as one number.

    Raises:
        MissingExtra: imagehash is not installed.
    """

    def __init__(self) -> None:
        try:
            import imagehash
        except ImportError as error:
            raise MissingExtra(
                "looking for near duplicates needs an extra: pip install 'maskwatch[data]'"
            ) from error
        self._phash = imagehash.phash

    def __call__(self, image: Image) -> int:
        """The hash of an RGB picture."""
        bits: NDArray[np.bool_] = self._phash(Pillow.fromarray(image)).hash
        return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big")
