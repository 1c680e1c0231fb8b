"""Annotated pictures."""

from maskwatch.draw import annotate
from maskwatch.images import encode, picture_name
from maskwatch.sinks.folder import FolderSink
from maskwatch.types import Result


class PictureSink(FolderSink):
    """Writes each photo with its faces marked, under its relative path."""

    def write(self, result: Result) -> None:
        """Write one annotated photo; frames of videos are not its business."""
        if result.source.still and result.image is not None:
            target = self.folder / picture_name(str(result.source.name))
            encode(annotate(result.image, result.faces), target)
