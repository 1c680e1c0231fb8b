"""Annotated pictures and cut faces."""

from pathlib import Path
from types import TracebackType
from typing import Self

from maskwatch.boxes import pad
from maskwatch.draw import annotate
from maskwatch.images import cut, encode, output_name
from maskwatch.types import Result


class _Folder:
    """A sink without anything to finish."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


class PictureSink(_Folder):
    """Writes each photo with its faces marked, under its relative path."""

    def write(self, result: Result) -> None:
        """Write one annotated photo; frames of videos are not its business."""
        if result.source.still and result.image is not None:
            target = self.folder / output_name(str(result.source.name))
            encode(annotate(result.image, result.faces), target)


class CropSink(_Folder):
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
        stem = (
            name.with_name(f"{name.name}_")
            if result.source.still
            else name / f"{result.frame:06d}_"
        )
        boxes = pad(result.faces.boxes, self._margin)
        for number, (face, box) in enumerate(zip(result.faces, boxes, strict=True)):
            target = self.folder / stem.with_name(f"{stem.name}{number}_{face.state}.jpg")
            encode(cut(result.image, box), target, quality=95)
