"""The masks that people wear in some photos, cut out."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from maskwatch.app.detector import MaskDetector
from maskwatch.app.settings import Settings
from maskwatch.app.stream import stream
from maskwatch.data.drawing import LEAST_MASKED_SIDE_PX, MaskCutout, cut_mask
from maskwatch.errors import UsageError
from maskwatch.sources.inputs import Inputs, spell_out
from maskwatch.types import Face, Floats, MaskState, Result

_MOST = 1000


@dataclass(frozen=True, slots=True)
class RealMasks:
    """What photos gave: at most a thousand masks, and those that could not be read."""

    cutouts: tuple[MaskCutout, ...] = ()
    unread: tuple[Result, ...] = ()


def masks_in(inputs: Sequence[str], detector: MaskDetector, settings: Settings) -> RealMasks:
    """The masks of faces that wear one well, where their edges are found.

    Args:
        inputs: files, folders, globs.
        detector: finds and judges the faces, with their landmarks.
        settings: how the inputs are read.

    Raises:
        UsageError: none was found, the detector gives no landmarks, or an input never ends.
    """
    found = spell_out(inputs)
    check_ends(found, settings)
    cutouts: list[MaskCutout] = []
    unread: list[Result] = []
    with closing(stream(detector.analyse, found, settings)) as results:
        for result in results:
            if result.error is not None:
                unread.append(result)
            cutouts += _cut_out(result)
            if len(cutouts) >= _MOST:
                break
    if not cutouts:
        reasons = [result.error for result in unread if result.error is not None]
        nothing = f"no face of {LEAST_MASKED_SIDE_PX} pixels or more whose mask is worn well"
        raise UsageError(
            f"--masks-from {' '.join(inputs)}: {'; '.join(reasons[:3]) or nothing}; "
            "name other photos, or leave it out and masks are drawn"
        )
    return RealMasks(tuple(cutouts[:_MOST]), tuple(unread))


def faces_with_landmarks(result: Result, state: MaskState) -> Iterator[tuple[int, Face, Floats]]:
    """The faces of a picture that are in a state: number, face, landmarks (5, 2) in pixels.

    Raises:
        UsageError: the detector gives no landmarks.
    """
    points = result.faces.landmarks
    if len(result.faces) and points is None:
        raise UsageError(
            "drawing needs landmarks: choose --detector maskwatch, yunet, retinaface or mtcnn"
        )
    for number, face in enumerate(result.faces):
        if face.state is state and points is not None:
            yield number, face, points[number]


def check_ends(found: Inputs, settings: Settings) -> None:
    """Refuse cameras, unless the time is limited.

    Raises:
        UsageError: an input never ends.
    """
    if settings.max_seconds is None and any(item.is_live for item in found.items):
        raise UsageError("a camera never ends: name --max-seconds")


def _cut_out(result: Result) -> Iterator[MaskCutout]:
    if result.image is None:
        return
    for _, face, points in faces_with_landmarks(result, MaskState.MASK):
        x1, y1, x2, y2 = face.box
        if min(x2 - x1, y2 - y1) < LEAST_MASKED_SIDE_PX:
            continue
        if (cutout := cut_mask(result.image, points)) is not None:
            yield cutout
