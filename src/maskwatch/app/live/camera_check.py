"""Is a camera fit for the work: are faces large, lit, sharp and frontal, and what to move."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from maskwatch.boxes import short_side
from maskwatch.pipeline.quality import sharpness
from maskwatch.types import Faces, Floats, Image, MaskState, Result

LEAST_PX, GOOD_PX = 24.0, 48.0
_DARK, _BRIGHT = 60.0, 215.0
_FLAT, _BACKLIT = 12.0, 60.0
_BLURRED = 0.06
_TURNED = 0.45
_OFTEN = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceLooks:
    """How one face looks to the camera.

    `side_px` its short side; `brightness` and `surround` mean grey levels (0 to 255) of the face
    and of the picture; `contrast` their spread within the face; `turn` 0 frontal to 1 profile,
    None without landmarks.
    """

    side_px: float
    brightness: float
    contrast: float
    surround: float
    sharpness: float
    turn: float | None
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: whether it is good enough, what was seen, what to do."""

    name: str
    good: bool
    text: str
    advice: str | None = None


def looks_of(result: Result) -> Iterator[FaceLooks]:
    """The faces of one frame as the camera shows them."""
    image, faces = result.image, result.faces
    if image is None or not len(faces):
        return
    surround = float(cv2.cvtColor(image[::4, ::4], cv2.COLOR_RGB2GRAY).mean())
    sharp, sides = sharpness(image, faces.boxes), short_side(faces.boxes)
    turns = _turns(faces)
    for row, box in enumerate(faces.boxes):
        grey = _grey_of(image, box)
        if grey.size:
            yield FaceLooks(
                side_px=float(sides[row]),
                brightness=float(grey.mean()),
                contrast=float(grey.std()),
                surround=surround,
                sharpness=float(sharp[row]),
                turn=None if turns is None else float(turns[row]),
                known=str(faces.states[row]) != MaskState.UNKNOWN.value,
            )


def _grey_of(image: Image, box: Floats) -> Image:
    x1, y1, x2, y2 = np.clip(box, 0, None).astype(int)
    part = image[y1:y2, x1:x2]
    if not part.size:
        return np.zeros((0, 0), np.uint8)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY), np.uint8)


def _turns(faces: Faces) -> Floats | None:
    """How far each head is turned: where the nose is between the eyes, 0 in the middle."""
    if faces.landmarks is None:
        return None
    right, left, nose = (faces.landmarks[:, i, 0] for i in range(3))
    middle, half = (right + left) / 2, np.abs(left - right) / 2
    return np.asarray(np.clip(np.abs(nose - middle) / np.maximum(half, 1.0), 0, 1), np.float32)


def findings(looks: Iterable[FaceLooks], *, frames: int, seconds: float) -> list[Finding]:
    """What was seen in some frames over some seconds, and what to do about it."""
    faces = list(looks)
    rate = frames / seconds if seconds > 0 else 0.0
    found = [
        Finding(
            name="frames",
            good=rate >= 2,
            text=f"{frames} looked at, {rate:.1f} a second",
            advice=None if rate >= 2 else "verdicts need 2 frames a second: see the network or CPU",
        )
    ]
    if not faces:
        advice = "walk before the camera while it is checked; aim it at where people come in"
        return [*found, Finding(name="faces", good=False, text="none seen", advice=advice)]
    found.append(Finding(name="faces", good=True, text=f"{len(faces)} seen"))
    return [*found, _size(faces), *_light(faces), _sharp(faces), *_turn(faces), _known(faces)]


def _size(faces: list[FaceLooks]) -> Finding:
    median = float(np.median([face.side_px for face in faces]))
    small = np.mean([face.side_px < LEAST_PX for face in faces])
    text = f"half of them are at least {median:.0f} px wide, {small:.0%} under {LEAST_PX:.0f} px"
    advice = None
    if median < GOOD_PX:
        advice = (
            f"{GOOD_PX:.0f} px are wanted: zoom in {GOOD_PX / median:.1f} times, come nearer, "
            "or take a stream of higher resolution"
        )
    return Finding(name="size", good=advice is None, text=text, advice=advice)


def _light(faces: list[FaceLooks]) -> Iterator[Finding]:
    brightness = float(np.median([face.brightness for face in faces]))
    dark = np.mean([face.brightness < _DARK for face in faces])
    bright = np.mean([face.brightness > _BRIGHT for face in faces])
    backlit = np.mean([face.surround - face.brightness > _BACKLIT for face in faces])
    flat = np.mean([face.contrast < _FLAT for face in faces])
    text = f"faces have a grey level of {brightness:.0f} of 255"
    advice = None
    if backlit > _OFTEN:
        advice = "light comes from behind them: turn the camera away from the window or door"
    elif dark > _OFTEN:
        advice = "they are dark: add light from the camera's side, or lengthen the exposure"
    elif bright > _OFTEN or flat > _OFTEN:
        advice = "they are washed out: shorten the exposure, or clean the lens"
    yield Finding(name="light", good=advice is None, text=text, advice=advice)


def _sharp(faces: list[FaceLooks]) -> Finding:
    blurred = float(np.mean([face.sharpness < _BLURRED for face in faces]))
    advice = "focus the camera, or shorten the exposure" if blurred > _OFTEN else None
    text = f"{blurred:.0%} of the faces are blurred"
    return Finding(name="focus", good=advice is None, text=text, advice=advice)


def _turn(faces: list[FaceLooks]) -> Iterator[Finding]:
    turns = [face.turn for face in faces if face.turn is not None]
    if turns:
        turned = float(np.mean([turn > _TURNED for turn in turns]))
        advice = None
        if turned > 2 * _OFTEN:
            advice = "most are seen from the side: place the camera where people walk towards it"
        text = f"{turned:.0%} are turned away"
        yield Finding(name="angle", good=advice is None, text=text, advice=advice)


def _known(faces: list[FaceLooks]) -> Finding:
    known = float(np.mean([face.known for face in faces]))
    advice = None if known >= 0.8 else "see the other lines: each makes states uncertain"
    text = f"a state can be told for {known:.0%} of the faces"
    return Finding(name="states", good=advice is None, text=text, advice=advice)
