"""A picture of drawn cases that the shipped classifier gets wrong, for its card.

Masks and things are drawn onto scikit-image's astronaut, plain, darkened and small, over and over;
of those that are told wrong, the surest of each kind are shown with what is true and what was told.

    scripts/bench failures
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from kit.faces import write_sheet
from kit.judges import NoDetector
from kit.report import ROOT
from skimage import data as pictures

from maskwatch import MaskDetector
from maskwatch.data.drawing import Placement, Thing, draw_random_mask, draw_thing
from maskwatch.images import resize
from maskwatch.types import CLASSES, Image, MaskState

_LANDMARKS = np.array([[201, 105], [245, 105], [221, 127], [204, 145], [242, 145]], np.float32)
_BOX = np.array([[178, 63, 270, 175]], np.float32)
_VIEW = (slice(20, 220), slice(124, 324))
_LOOKS = ("", ", dark", ", small")
_TURNS = 12
_TILE = 300


def main(
    classifier: Annotated[str, typer.Option(help="Shipped name or folder.")] = "standard",
    out: Annotated[Path, typer.Option(help="The picture.")] = ROOT
    / "docs"
    / "models"
    / "failures.jpg",
) -> None:
    """Write the picture."""
    detector = MaskDetector(classifier=classifier, detector=NoDetector(), unknown=0)
    worst: dict[str, tuple[float, str, Image]] = {}
    tried = wrong = 0
    for name, truth, image in _cases():
        table = detector.classify(image, _BOX).probabilities[0]
        told, tried = CLASSES[int(table.argmax())], tried + 1
        if told is not truth:
            wrong += 1
            sure = float(table.max())
            if sure > worst.get(name, (0.0, "", image))[0]:
                worst[name] = (sure, f"{name}: {told} {sure:.2f}", image)
    shown = sorted(worst.values(), key=lambda case: -case[0])[:12]
    print(f"{wrong} of {tried} drawn cases are told wrong, of {len(worst)} kinds")
    if shown:
        tiles = [resize(image[_VIEW], _TILE, _TILE) for *_, image in shown]
        write_sheet(tiles, [text for _, text, _ in shown], 4, out)


def _cases() -> Iterator[tuple[str, MaskState, Image]]:
    portrait = np.asarray(pictures.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    for turn in range(_TURNS):
        rng = np.random.default_rng(turn)
        for look in _LOOKS:
            for placement in Placement:
                drawn = draw_random_mask(portrait, _LANDMARKS, placement, rng)
                yield f"{placement}{look}", placement.state, _seen(drawn, look)
            for thing in Thing:
                drawn = draw_thing(portrait, _LANDMARKS, thing, rng)
                yield f"{thing}{look}", MaskState.NO_MASK, _seen(drawn, look)


def _seen(image: Image, look: str) -> Image:
    if look == ", dark":
        return np.asarray(image * 0.18, np.uint8)
    if look == ", small":
        side = image.shape[0]
        tiny = cv2.resize(image, None, fx=0.16, fy=0.16, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(tiny, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    return image


if __name__ == "__main__":
    typer.run(main)
