"""The masks that people wear in some photos, cut out."""

from collections.abc import Sequence
from contextlib import closing

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.app.stream import stream
from maskwatch.data.drawing import MaskCutout, cut_mask
from maskwatch.errors import UsageError
from maskwatch.sources.inputs import spell_out
from maskwatch.types import MaskState

_LEAST_SIDE_PX = 48
"""Of a face: smaller masks have no folds to see."""
_MOST = 1000


def masks_in(inputs: Sequence[str], detector: MaskDetector, settings: Settings) -> list[MaskCutout]:
    """The masks of faces that wear one well, where their edges are found; at most a thousand.

    Args:
        inputs: files, folders, globs.
        detector: finds and judges the faces, with their landmarks.
        settings: how the inputs are read.

    Raises:
        UsageError: none was found.
    """
    cutouts: list[MaskCutout] = []
    with closing(stream(detector.analyse, spell_out(inputs), settings)) as results:
        for result in results:
            for number, face in enumerate(result.faces):
                points, (x1, y1, x2, y2) = result.faces.landmarks, face.box
                if face.state is not MaskState.MASK or result.image is None or points is None:
                    continue
                if min(x2 - x1, y2 - y1) < _LEAST_SIDE_PX:
                    continue
                if (cutout := cut_mask(result.image, points[number])) is not None:
                    cutouts.append(cutout)
            if len(cutouts) >= _MOST:
                break
    if not cutouts:
        raise UsageError(
            f"{', '.join(inputs)}: no mask that is worn well was found on a face of "
            f"{_LEAST_SIDE_PX} pixels or more; name other photos, or leave --masks-from out"
        )
    return cutouts
