"""Cut faces, each a picture of its own."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from maskwatch.boxes import pad
from maskwatch.images import cut, encode
from maskwatch.sinks.folder import FolderSink
from maskwatch.types import MaskState, Result

_NAME = re.compile(rf"(?P<source>.+)_\d+_(?:{'|'.join(MaskState)})\.jpg", re.DOTALL)
"""Of a file: a photo's name or a frame's number, the face's number, its state."""


class CropSink(FolderSink):
    """Writes every face as a picture of its own.

    Args:
        folder: where to.
        margin: how far to reach beyond the box, in parts of its sides.
    """

    def __init__(self, folder: Path, margin: float = 0.0) -> None:
        super().__init__(folder)
        self._margin = margin

    def write(self, result: Result) -> None:
        """Write the faces of one result: `a.jpg_0_mask.jpg`, `street.mp4/000012_0_mask.jpg`."""
        if result.image is None:
            return
        name = result.source.name
        source = name if result.source.still else name / f"{result.frame:06d}"
        boxes = pad(result.faces.boxes, self._margin)
        for number, (face, box) in enumerate(zip(result.faces, boxes, strict=True)):
            target = self.folder / source.with_name(f"{source.name}_{number}_{face.state}.jpg")
            encode(cut(result.image, box), target, quality=95)


def crops_of(
    folder: Path, photos: Iterable[PurePath], videos: Iterable[PurePath]
) -> Iterator[Path]:
    """The faces that earlier runs cut out of some photos and videos.

    Args:
        folder: the sink's.
        photos: their relative names.
        videos: likewise.
    """
    names_in: dict[PurePath, set[str]] = defaultdict(set)
    for photo in photos:
        names_in[photo.parent].add(photo.name)
    for place, names in names_in.items():
        yield from (file for file, source in _crops_in(folder / place) if source in names)
    for video in videos:
        yield from (file for file, source in _crops_in(folder / video) if source.isdecimal())


def _crops_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """The cut faces in a folder, and what each was cut from."""
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        if match := _NAME.fullmatch(file.name):
            yield file, match["source"]
